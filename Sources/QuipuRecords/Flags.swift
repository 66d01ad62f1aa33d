/// The fields of a message that has only bool fields.
public protocol FlagKind: Sendable {
  /// Number (below 128) and name in the protocol file of each field.
  static var fields: [(number: UInt8, name: StaticString)] { get }
}

/// The set fields of such a message, by number.
///
///     var feature: Flags<TelemetryFeature> = [TelemetryFeature.offline, TelemetryFeature.setInitID]
///     feature.insert(TelemetryFeature.finish)
public struct Flags<Kind: FlagKind>: Sendable, Equatable, ExpressibleByArrayLiteral {
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  public init() {}

  public init(arrayLiteral numbers: UInt8...) {
    for number in numbers { insert(number) }
  }

  /// Whether a field is set. Numbers of 128 and above are never set.
  public subscript(number: UInt8) -> Bool {
    get {
      let word = number < 64 ? low : number < 128 ? high : 0
      return word &>> UInt64(number & 63) & 1 == 1
    }
    set {
      let bit: UInt64 = 1 &<< UInt64(number & 63)
      if number < 64 {
        low = newValue ? low | bit : low & ~bit
      } else if number < 128 {
        high = newValue ? high | bit : high & ~bit
      }
    }
  }

  public func contains(_ number: UInt8) -> Bool { self[number] }
  public mutating func insert(_ number: UInt8) { self[number] = true }

  /// Sets the field with a name of the protocol file; a name that is not there changes nothing.
  ///
  /// - Returns: whether there is such a field.
  @discardableResult public mutating func insert(named name: String) -> Bool {
    guard let field = Kind.fields.first(where: { $0.name.description == name }) else { return false }
    insert(field.number)
    return true
  }

  public var isEmpty: Bool { low == 0 && high == 0 }
}

extension Flags: RecordMessage {
  mutating func visitFields(_ visitor: inout some FieldVisitor) { visitor.flags(&self) }
}
