import QuipuBase

extension ByteBuffer {
  /// Seven bits a byte, lowest first; the top bit says that more follow.
  @inline(__always)
  mutating func appendVarint(_ value: UInt64) {
    if value < 0x80 {
      append(UInt8(truncatingIfNeeded: value))
      return
    }
    appendUnchecked(capacity: 10) { out in
      var rest = value
      var at = 0
      while rest >= 0x80 {
        out.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: at, as: UInt8.self)
        rest &>>= 7
        at &+= 1
      }
      out.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: at, as: UInt8.self)
      return at &+ 1
    }
  }

  @inline(__always)
  mutating func appendVarint(_ value: Int) { appendVarint(UInt64(truncatingIfNeeded: value)) }

  /// Small magnitudes of either sign in few bytes.
  @inline(__always)
  mutating func appendZigzag(_ value: Int64) { appendVarint(Varint.zigzag(value)) }

  @inline(__always)
  mutating func append(littleEndian value: some FixedWidthInteger & BitwiseCopyable) {
    let size = value.bitWidth &>> 3
    appendUnchecked(capacity: size) { out in
      out.storeBytes(of: value.littleEndian, as: type(of: value))
      return size
    }
  }
}

enum Varint {
  @inline(__always)
  static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value &<< 1) ^ (value &>> 63)) }

  /// Bytes that `appendVarint` takes.
  @inline(__always)
  static func size(_ value: UInt64) -> Int { (70 &- (value | 1).leadingZeroBitCount) / 7 }
}
