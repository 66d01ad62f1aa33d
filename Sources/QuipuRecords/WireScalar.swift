import QuipuBase

/// A type of single values: how it is coded and what it looks like in protobuf JSON.
protocol WireScalar: Sendable {
  static var wireType: WireType { get }
  /// Whether a field without presence is left out.
  var isDefault: Bool { get }
  /// Appends the value without its tag.
  func append(to out: inout ByteBuffer)
  /// Nil if the wire type is another one: then the field counts as unknown.
  static func decode(_ value: WireValue) throws(RecordError) -> Self?
  var protoJSON: JSON { get }
}

/// A scalar that is coded as a varint.
protocol VarintScalar: WireScalar {
  init(varint: UInt64)
  var varint: UInt64 { get }
}

extension VarintScalar {
  static var wireType: WireType { .varint }
  var isDefault: Bool { varint == 0 }
  func append(to out: inout ByteBuffer) { out.appendVarint(varint) }
  static func decode(_ value: WireValue) -> Self? {
    if case .varint(let coded) = value { Self(varint: coded) } else { nil }
  }
}

extension Bool: VarintScalar {
  init(varint: UInt64) { self = varint != 0 }
  var varint: UInt64 { self ? 1 : 0 }
  var protoJSON: JSON { .bool(self) }
}

extension Int64: VarintScalar {
  init(varint: UInt64) { self.init(bitPattern: varint) }
  var varint: UInt64 { UInt64(bitPattern: self) }
  var protoJSON: JSON { .string(String(self)) }
}

extension UInt64: VarintScalar {
  init(varint: UInt64) { self = varint }
  var varint: UInt64 { self }
  var protoJSON: JSON { .string(String(self)) }
}

extension Int32: VarintScalar {
  // Longer varints lose their high bits, and negative numbers have ten bytes: both as protobuf defines it.
  init(varint: UInt64) { self.init(truncatingIfNeeded: varint) }
  var varint: UInt64 { UInt64(bitPattern: Int64(self)) }
  var protoJSON: JSON { .int(Int64(self)) }
}

extension UInt32: VarintScalar {
  init(varint: UInt64) { self.init(truncatingIfNeeded: varint) }
  var varint: UInt64 { UInt64(self) }
  var protoJSON: JSON { .int(Int64(self)) }
}

/// A `sint64`: zig-zag coded.
struct SignedVarint: VarintScalar {
  var value: Int64
  init(_ value: Int64) { self.value = value }
  init(varint: UInt64) { value = Wire.zigZagDecoded(varint) }
  var varint: UInt64 { Wire.zigZag(value) }
  var protoJSON: JSON { .string(String(value)) }
}

/// The enum with the single value null.
struct NullValue: VarintScalar {
  init() {}
  init(varint: UInt64) {}
  var varint: UInt64 { 0 }
  var protoJSON: JSON { .null }
}

extension Double: WireScalar {
  static var wireType: WireType { .fixed64 }
  // Minus zero is not the default.
  var isDefault: Bool { bitPattern == 0 }
  func append(to out: inout ByteBuffer) { out.appendFixed64(bitPattern) }
  static func decode(_ value: WireValue) -> Double? {
    if case .fixed64(let bits) = value { Double(bitPattern: bits) } else { nil }
  }
  var protoJSON: JSON {
    if isNaN { return .string("NaN") }
    if isInfinite { return .string(self < 0 ? "-Infinity" : "Infinity") }
    return .double(self)
  }
}

extension String: WireScalar {
  static var wireType: WireType { .lengthDelimited }
  var isDefault: Bool { isEmpty }
  func append(to out: inout ByteBuffer) {
    out.appendVarint(UInt64(utf8.count))
    out.append(self)
  }
  static func decode(_ value: WireValue) throws(RecordError) -> String? {
    guard case .bytes(let bytes) = value else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .badText }
    return text
  }
  var protoJSON: JSON { .string(self) }
}

/// An enum that keeps numbers it has no name for.
public protocol OpenEnum: RawRepresentable, Hashable, Sendable where RawValue == Int32 {
  init(rawValue: Int32)
  /// Names of the values 0, 1, 2, … in the protocol file.
  static var protoNames: [StaticString] { get }
}

extension OpenEnum {
  /// The name in the protocol file; nil for a number without one.
  public var protoName: String? {
    let at = Int(rawValue)
    return Self.protoNames.indices.contains(at) ? Self.protoNames[at].description : nil
  }
}

/// Codes an `OpenEnum`.
struct EnumScalar<Value: OpenEnum>: VarintScalar {
  var value: Value
  init(_ value: Value) { self.value = value }
  init(varint: UInt64) { value = Value(rawValue: Int32(varint: varint)) }
  var varint: UInt64 { value.rawValue.varint }
  var protoJSON: JSON { value.protoName.map { .string($0) } ?? .int(Int64(value.rawValue)) }
}
