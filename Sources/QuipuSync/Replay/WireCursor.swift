/// Walks the fields of an encoded message without copying any. Never reads outside its bytes.
///
/// For the records that come by the million; every other one is decoded into its struct.
struct WireCursor {
  private(set) var at: UnsafeRawPointer
  let end: UnsafeRawPointer

  /// Where a message without bytes begins and ends; never read.
  nonisolated(unsafe) private static let nothing = UnsafeRawPointer(
    UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))

  @inline(__always) init(_ bytes: UnsafeRawBufferPointer) {
    if let base = bytes.baseAddress {
      at = base
      end = base + bytes.count
    } else {
      at = Self.nothing
      end = Self.nothing
    }
  }

  @inline(__always) var isAtEnd: Bool { at >= end }

  /// Nil at the end and for a varint that is none.
  @inline(__always) mutating func varint() -> UInt64? {
    guard at < end else { return nil }
    let first = at.load(as: UInt8.self)
    if first < 0x80 {
      at += 1
      return UInt64(first)
    }
    return longVarint()
  }

  private mutating func longVarint() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < end {
      let byte = at.load(as: UInt8.self)
      at += 1
      if shift == 63 && byte > 1 { return nil }
      value |= UInt64(byte & 0x7F) &<< shift
      if byte < 0x80 { return value }
      shift &+= 7
    }
    return nil
  }

  /// The content of a length-delimited field whose tag has been read; nil if it is cut.
  @inline(__always) mutating func bytes() -> UnsafeRawBufferPointer? {
    guard let length = varint(), length <= UInt64(end - at) else { return nil }
    let start = at
    at += Int(truncatingIfNeeded: length)
    return UnsafeRawBufferPointer(start: start, count: Int(truncatingIfNeeded: length))
  }

  /// Passes over a field. False for a cut one, a bad tag and a group: the caller then takes the slow way, which knows.
  mutating func skip(_ tag: UInt64) -> Bool {
    guard tag >> 3 != 0, tag >> 3 < 1 << 29 else { return false }
    switch tag & 7 {
    case 0: return varint() != nil
    case 1:
      guard end - at >= 8 else { return false }
      at += 8
      return true
    case 2: return bytes() != nil
    case 5:
      guard end - at >= 4 else { return false }
      at += 4
      return true
    default: return false
    }
  }
}
