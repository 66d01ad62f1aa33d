/// A cursor over foreign bytes; every read is checked against the end.
struct ByteReader {
  private let base: UnsafeRawPointer
  private(set) var at: Int
  let end: Int

  /// - Parameter range: must lie within `bytes`, else nothing can be read.
  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
    let fits = range.lowerBound >= 0 && range.upperBound <= bytes.count
    at = fits ? range.lowerBound : 0
    end = fits ? range.upperBound : 0
  }

  var remaining: Int { end &- at }

  static var cut: SegmentError { SegmentError("segment ends within a value") }

  @inline(__always)
  mutating func byte() throws(SegmentError) -> UInt8 {
    guard at < end else { throw Self.cut }
    defer { at &+= 1 }
    return base.load(fromByteOffset: at, as: UInt8.self)
  }

  @inline(__always)
  mutating func uint32() throws(SegmentError) -> UInt32 {
    guard remaining >= 4 else { throw Self.cut }
    defer { at &+= 4 }
    return UInt32(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt32.self))
  }

  @inline(__always)
  mutating func uint64() throws(SegmentError) -> UInt64 {
    guard remaining >= 8 else { throw Self.cut }
    defer { at &+= 8 }
    return UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
  }

  @inline(__always)
  mutating func varint() throws(SegmentError) -> UInt64 {
    guard at < end else { throw Self.cut }
    let first = base.load(fromByteOffset: at, as: UInt8.self)
    at &+= 1
    if first < 0x80 { return UInt64(first) }
    return try longVarint(UInt64(first & 0x7f))
  }

  private mutating func longVarint(_ low: UInt64) throws(SegmentError) -> UInt64 {
    var value = low
    var shift: UInt64 = 7
    while true {
      guard at < end else { throw Self.cut }
      let next = base.load(fromByteOffset: at, as: UInt8.self)
      at &+= 1
      value |= UInt64(next & 0x7f) &<< shift
      if next < 0x80 { break }
      shift &+= 7
      guard shift < 64 else { throw SegmentError("integer of more than ten bytes") }
    }
    return value
  }

  @inline(__always)
  mutating func zigzag() throws(SegmentError) -> Int64 {
    let value = try varint()
    return Int64(bitPattern: value &>> 1) ^ (0 &- Int64(bitPattern: value & 1))
  }

  /// A length or count that must not exceed `limit`.
  @inline(__always)
  mutating func count(_ limit: Int) throws(SegmentError) -> Int {
    let value = try varint()
    guard value <= UInt64(limit) else { throw SegmentError("length out of range") }
    return Int(truncatingIfNeeded: value)
  }

  /// The next `count` bytes.
  @inline(__always)
  mutating func bytes(_ count: Int) throws(SegmentError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else { throw Self.cut }
    defer { at &+= count }
    return UnsafeRawBufferPointer(start: base + at, count: count)
  }
}
