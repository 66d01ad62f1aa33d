import QuipuBase

/// The entropy-coded part of a JPEG file: Huffman codes, bits from the highest down, a zero behind every 0xFF.
struct JPEGBits: ~Copyable {
  private var out: ByteBuffer
  private var buffer: UInt64 = 0
  private var used: UInt64 = 0

  init(appendingTo out: consuming ByteBuffer) { self.out = out }

  /// Writes one block.
  /// - Parameters:
  ///   - last: the first coefficient of the component's block before; becomes that of this one.
  ///   - dc, ac: codes by symbol.
  mutating func write(
    _ blocks: borrowing JPEGTransform, set: Int = 0, lane: Int, _ last: inout Int32, _ dc: [UInt32], _ ac: [UInt32]
  ) {
    let first = blocks.coefficient(0, set: set, lane: lane)
    put(first &- last, run: 0, dc)
    last = first
    var zeros = 0
    for at in 1..<64 {
      let value = blocks.coefficient(at, set: set, lane: lane)
      if value == 0 {
        zeros &+= 1
        continue
      }
      while zeros > 15 {
        put(ac[0xF0])
        zeros &-= 16
      }
      put(value, run: zeros, ac)
      zeros = 0
    }
    if zeros > 0 { put(ac[0]) }
    flush(whole: 48)
  }

  /// Writes a block that is the average of the one before.
  mutating func writeSame(_ dc: [UInt32], _ ac: [UInt32]) {
    put(dc[0])
    put(ac[0])
    flush(whole: 48)
  }

  mutating func finish() -> ByteBuffer {
    // The last byte is filled with ones.
    while used & 7 != 0 { put(1 << 16 | 1) }
    flush(whole: 8)
    var result = ByteBuffer()
    swap(&result, &out)
    return result
  }

  /// A symbol of run and size, and the value's low bits; negative values are one less.
  @inline(__always) private mutating func put(_ value: Int32, run: Int, _ code: [UInt32]) {
    let size = UInt32(32 &- value.magnitude.leadingZeroBitCount)
    put(code[(run &<< 4 | Int(size)) & 255])
    let bits = UInt32(bitPattern: value < 0 ? value &- 1 : value) & (1 &<< size &- 1)
    put(size &<< 16 | bits)
  }

  /// Up to 16 bits: their number in the upper half.
  @inline(__always) private mutating func put(_ code: UInt32) {
    let width = UInt64(code &>> 16)
    if used &+ width > 64 { flush(whole: 8) }
    used &+= width
    buffer |= UInt64(code & 0xFFFF) &<< (64 &- used)
  }

  /// Writes whole bytes if at least `whole` bits wait.
  @inline(__always) private mutating func flush(whole: UInt64) {
    guard used >= whole else { return }
    var (bits, left) = (buffer, used)
    out.appendUnchecked(capacity: 16) { target in
      var at = 0
      while left >= 8 {
        let byte = UInt8(truncatingIfNeeded: bits &>> 56)
        target.storeBytes(of: byte, toByteOffset: at, as: UInt8.self)
        at &+= 1
        if byte == 0xFF {
          target.storeBytes(of: 0, toByteOffset: at, as: UInt8.self)
          at &+= 1
        }
        bits &<<= 8
        left &-= 8
      }
      return at
    }
    (buffer, used) = (bits, left)
  }
}
