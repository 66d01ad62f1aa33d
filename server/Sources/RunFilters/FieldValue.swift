import QuipuBase

/// A value that a filter or an order looks at.
public enum FieldValue: Sendable {
  /// The run has no such field or key. A filter's `null` matches it.
  case missing
  case null
  case bool(Bool)
  /// Integers too, exact up to 2^53; NaN and infinities are numbers.
  case number(Double)
  case string(String)
  case list([FieldValue])
  case object(JSONObject)

  /// A value as it stands in a document; never `missing`.
  public init(_ json: JSON) {
    switch json {
    case .null: self = .null
    case .bool(let value): self = .bool(value)
    case .int, .bigInteger, .double: self = .number(json.doubleValue ?? .nan)
    case .string(let text): self = .string(text)
    case .array(let elements): self = .list(elements.map { FieldValue($0) })
    case .object(let object): self = .object(object)
    }
  }

  var isMissing: Bool { if case .missing = self { true } else { false } }

  /// Equality within one type: NaN equals nothing, texts are compared byte by byte, objects without regard to order.
  func equals(_ other: FieldValue) -> Bool {
    switch (self, other) {
    case (.null, .null): true
    case let (.bool(a), .bool(b)): a == b
    case let (.number(a), .number(b)): a == b
    case let (.string(a), .string(b)): Key(a) == Key(b)
    case let (.list(a), .list(b)): a.count == b.count && zip(a, b).allSatisfy { $0.equals($1) }
    case let (.object(a), .object(b)):
      a.count == b.count
        && a.members.allSatisfy { member in
          b[member.key].map { FieldValue(member.value).equals(FieldValue($0)) } ?? false
        }
    default: false
    }
  }
}
