/// A JSON value with the number model of the `.wandb` log: 64-bit integers, doubles (NaN and infinities included) and
/// integers beyond 64 bits as their digits. Objects keep the order of their members.
///
/// Equality compares representation: `.int(1) != .double(1)`, strings byte by byte, NaN equals NaN.
public enum JSON: Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  /// An integer outside Int64: optional minus sign and decimal digits, without leading zeros.
  case bigInteger(String)
  case double(Double)
  case string(String)
  case array([JSON])
  case object(JSONObject)
}

/// An ordered JSON object. Keys are unique; setting an existing key replaces its value in place.
public struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
  public private(set) var members: [(key: Key, value: JSON)] = []
  // Built only for larger objects: a linear search is faster below.
  private var index: [Key: Int] = [:]
  private static let indexThreshold = 12

  public init() {}

  public init(dictionaryLiteral elements: (Key, JSON)...) {
    for (key, value) in elements { self[key] = value }
  }

  public var count: Int { members.count }
  public var isEmpty: Bool { members.isEmpty }
  public var keys: [Key] { members.map(\.key) }

  /// - Complexity: O(1) for objects of more than 12 members, else a short linear search.
  private func position(of key: Key) -> Int? {
    members.count > Self.indexThreshold ? index[key] : members.firstIndex { $0.key == key }
  }

  public subscript(key: Key) -> JSON? {
    get { position(of: key).map { members[$0].value } }
    set {
      if let at = position(of: key) {
        if let newValue {
          members[at].value = newValue
        } else {
          members.remove(at: at)
          rebuildIndex()
        }
      } else if let newValue {
        members.append((key, newValue))
        if members.count > Self.indexThreshold + 1 {
          index[key] = members.count - 1
        } else if members.count == Self.indexThreshold + 1 {
          rebuildIndex()
        }
      }
    }
  }

  private mutating func rebuildIndex() {
    index.removeAll(keepingCapacity: true)
    guard members.count > Self.indexThreshold else { return }
    for (at, member) in members.enumerated() { index[member.key] = at }
  }
}

extension JSONObject: Equatable {
  /// Member order does not matter.
  public static func == (a: JSONObject, b: JSONObject) -> Bool {
    guard a.count == b.count else { return false }
    for (key, value) in a.members {
      guard let other = b[key], other == value else { return false }
    }
    return true
  }
}

extension JSON: Equatable {
  public static func == (a: JSON, b: JSON) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case let (.bool(x), .bool(y)): x == y
    case let (.int(x), .int(y)): x == y
    case let (.bigInteger(x), .bigInteger(y)): Key(x) == Key(y)
    case let (.double(x), .double(y)): x == y || (x.isNaN && y.isNaN)
    case let (.string(x), .string(y)): Key(x) == Key(y)
    case let (.array(x), .array(y)): x == y
    case let (.object(x), .object(y)): x == y
    default: false
    }
  }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(nilLiteral: ()) { self = .null }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int64) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(stringLiteral value: String) { self = .string(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (Key, JSON)...) {
    var object = JSONObject()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }
}

extension JSON {
  public var stringValue: String? { if case .string(let text) = self { text } else { nil } }
  public var objectValue: JSONObject? { if case .object(let object) = self { object } else { nil } }
  public var arrayValue: [JSON]? { if case .array(let array) = self { array } else { nil } }
  public var intValue: Int64? { if case .int(let value) = self { value } else { nil } }
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// Any of the three number forms as a double.
  public var doubleValue: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    case .bigInteger(let digits): Double(bigIntegerDigits: digits)
    default: nil
    }
  }
}
