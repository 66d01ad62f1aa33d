/// The content of one field as it lies on the wire.
enum WireValue {
  case varint(UInt64)
  case fixed64(UInt64)
  case bytes(UnsafeRawBufferPointer)
  /// Of a type that no known field has; its content has been skipped.
  case other
}

/// Splits an encoded message into its fields. Never reads outside its bytes.
struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private var at = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next field, nil at the end.
  mutating func next() throws(RecordError) -> (number: UInt32, value: WireValue)? {
    guard at < bytes.count else { return nil }
    let (number, type) = try tag()
    switch type {
    case .varint: return (number, .varint(try varint()))
    case .fixed64: return (number, .fixed64(try fixed64()))
    case .lengthDelimited: return (number, .bytes(try lengthDelimited()))
    case .startGroup: try skipGroup(number)
    case .endGroup: throw .badTag
    case .fixed32: try skip(4)
    }
    return (number, .other)
  }

  private mutating func tag() throws(RecordError) -> (UInt32, WireType) {
    let coded = try varint()
    guard let type = WireType(rawValue: UInt8(truncatingIfNeeded: coded & 7)), coded >> 3 != 0,
      let number = UInt32(exactly: coded >> 3), number < 1 << 29
    else { throw .badTag }
    return (number, type)
  }

  private mutating func varint() throws(RecordError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < bytes.count {
      let byte = bytes[at]
      at &+= 1
      if shift == 63 && byte > 1 { throw .badVarint }
      value |= UInt64(byte & 0x7F) &<< shift
      if byte < 0x80 { return value }
      shift &+= 7
    }
    throw .truncated
  }

  private mutating func fixed64() throws(RecordError) -> UInt64 {
    guard bytes.count &- at >= 8 else { throw .truncated }
    let value = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    at &+= 8
    return value
  }

  private mutating func lengthDelimited() throws(RecordError) -> UnsafeRawBufferPointer {
    let length = try varint()
    guard length <= UInt64(bytes.count &- at) else { throw .truncated }
    let start = at
    at &+= Int(truncatingIfNeeded: length)
    return UnsafeRawBufferPointer(rebasing: bytes[start..<at])
  }

  private mutating func skip(_ count: Int) throws(RecordError) {
    guard bytes.count &- at >= count else { throw .truncated }
    at &+= count
  }

  /// Skips to the end of a group. A loop with its own stack, so that hostile nesting cannot exhaust the thread's.
  private mutating func skipGroup(_ number: UInt32) throws(RecordError) {
    var open = [number]
    while let innermost = open.last {
      let (number, type) = try tag()
      switch type {
      case .varint: _ = try varint()
      case .fixed64: try skip(8)
      case .lengthDelimited: _ = try lengthDelimited()
      case .fixed32: try skip(4)
      case .startGroup:
        guard open.count < 100 else { throw .tooDeep }
        open.append(number)
      case .endGroup:
        guard number == innermost else { throw .badTag }
        open.removeLast()
      }
    }
  }
}
