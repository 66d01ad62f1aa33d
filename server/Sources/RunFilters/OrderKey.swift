import QuipuBase

/// The value by which one run stands in a listing, small enough to travel in a cursor.
public enum OrderKey: Sendable, Equatable {
  case bool(Bool)
  case number(Double)
  /// The first 64 scalars; runs that differ only behind them are ties.
  case string(String)
  /// Nothing to order by: missing, null, NaN, a list or an object.
  case none

  static let maximumScalars = 64

  init(_ value: FieldValue) {
    switch value {
    case .bool(let value): self = .bool(value)
    case .number(let value): self = value.isNaN ? .none : .number(value)
    case .string(let text):
      var head = String.UnicodeScalarView()
      head.append(contentsOf: text.unicodeScalars.prefix(Self.maximumScalars))
      self = .string(String(head))
    case .missing, .null, .list, .object: self = .none
    }
  }

  /// The key as JSON text (`Infinity` bare), from which `init(text:)` makes the same key.
  public var text: String {
    let json: JSON =
      switch self {
      case .bool(let value): .bool(value)
      case .number(let value): .double(value)
      case .string(let text): .string(text)
      case .none: .null
      }
    return json.text(style: .core)
  }

  /// - Returns: nil for a text that is not the text of a key.
  public init?(text: String) {
    guard let json = try? JSON(parsing: text) else { return nil }
    switch json {
    case .array, .object: return nil
    default: self.init(FieldValue(json))
    }
  }

  public static func == (a: OrderKey, b: OrderKey) -> Bool { a.rank == b.rank && a.isTied(with: b) }

  /// Between types: numbers, texts, booleans (MongoDB's order).
  var rank: Int {
    switch self {
    case .number: 0
    case .string: 1
    case .bool: 2
    case .none: 3
    }
  }

  private func isTied(with other: OrderKey) -> Bool { !precedes(other) && !other.precedes(self) }

  /// Within one rank.
  func precedes(_ other: OrderKey) -> Bool {
    switch (self, other) {
    case let (.bool(a), .bool(b)): !a && b
    case let (.number(a), .number(b)): a < b
    case let (.string(a), .string(b)): Key(a) < Key(b)
    default: false
    }
  }
}
