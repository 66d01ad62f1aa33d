extension ByteBuffer {
  /// Appends the decimal digits of `value`.
  public mutating func appendDecimal(_ value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    appendDecimal(value.magnitude)
  }

  /// Appends the decimal digits of `value`.
  public mutating func appendDecimal(_ value: UInt64) {
    appendUnchecked(capacity: 32) { DecimalDigits.write(value, to: $0) }
  }
}

/// Conversion of integers to decimal digits, eight at a time.
enum DecimalDigits {
  /// Eight times the ASCII digit 0.
  static let zeros: UInt64 = 0x3030_3030_3030_3030

  /// The eight decimal digits of `value` < 10^8 as bytes 0...9, most significant digit in the lowest byte.
  ///
  /// Splits in three rounds inside one word: 4+4 digits, then 2+2, then 1+1, each quotient through a multiplication.
  @inline(__always)
  static func eight(_ value: UInt64) -> UInt64 {
    // Divisions are products with the reciprocal by hand: where code is made small the compiler would divide.
    let quad = (value &* 109_951_163) &>> 40
    let quads = quad | (value &- quad &* 10_000) &<< 32
    let pair = ((quads &* 10_486) &>> 20) & 0x0000_007f_0000_007f
    let pairs = pair | (quads &- pair &* 100) &<< 16
    let tens = ((pairs &* 103) &>> 10) & 0x000f_000f_000f_000f
    return tens | (pairs &- tens &* 10) &<< 8
  }

  /// Everything above the last eight digits, and these.
  @inline(__always)
  static func split(_ value: UInt64) -> (UInt64, UInt64) {
    let high = value.multipliedFullWidth(by: 0xabcc_7711_8461_cefd).high &>> 26
    return (high, value &- high &* 100_000_000)
  }

  /// Writes the digits without leading zeros; up to 24 bytes at `out` may be touched.
  /// - Returns: the number of digits.
  static func write(_ value: UInt64, to out: UnsafeMutableRawPointer) -> Int {
    if value < 100_000_000 { return writeFirst(value, to: out) }
    let (high, low) = split(value)
    let count = write(high, to: out)
    store(eight(low) | zeros, to: out + count)
    return count &+ 8
  }

  /// - Parameter value: below 10^8.
  @inline(__always)
  private static func writeFirst(_ value: UInt64, to out: UnsafeMutableRawPointer) -> Int {
    let digits = eight(value)
    let leading = min(7, digits.trailingZeroBitCount &>> 3)
    store((digits | zeros) &>> UInt64(truncatingIfNeeded: leading &* 8), to: out)
    return 8 &- leading
  }

  /// Stores eight bytes, the lowest first.
  @inline(__always)
  static func store(_ bytes: UInt64, to out: UnsafeMutableRawPointer) {
    out.storeBytes(of: bytes.littleEndian, as: UInt64.self)
  }
}
