extension ByteBuffer {
  /// Appends the shortest decimal text that reads back as `value`; of several, the one nearest to `value`.
  ///
  /// NaN and the infinities are the bare words `NaN`, `Infinity`, `-Infinity` in every style. Does not allocate once
  /// 64 bytes of capacity are left.
  public mutating func appendDouble(_ value: Double, style: JSONStyle) {
    appendUnchecked(capacity: DoubleText.capacity) { DoubleText.write(value, style: style, to: $0) }
  }
}

/// Spelling of doubles.
enum DoubleText {
  /// Bytes that `write` may touch: the longest text has 25 bytes, and whole words are stored beyond its end.
  static let capacity = 64

  @inline(__always)
  private static func put(_ byte: UInt8, _ out: UnsafeMutableRawPointer, _ at: Int) {
    out.storeBytes(of: byte, toByteOffset: at, as: UInt8.self)
  }

  /// Writes `value` at `out` and returns the number of bytes that belong to the text.
  static func write(_ value: Double, style: JSONStyle, to out: UnsafeMutableRawPointer) -> Int {
    let bits = value.bitPattern
    var at = 0
    if bits & 0x7ff0_0000_0000_0000 == 0x7ff0_0000_0000_0000 {
      return writeNonFinite(value, to: out)
    }
    if value.sign == .minus {
      put(UInt8(ascii: "-"), out, 0)
      at = 1
    }
    let magnitude = bits & 0x7fff_ffff_ffff_ffff
    if magnitude == 0 {
      put(UInt8(ascii: "0"), out, at)
      if style == .core { return at &+ 1 }
      put(UInt8(ascii: "."), out, at &+ 1)
      put(UInt8(ascii: "0"), out, at &+ 2)
      return at &+ 3
    }
    let decimal = ShortestDecimal(magnitude: magnitude)
    return at &+ spell(decimal, style: style, to: out + at)
  }

  @inline(never)
  private static func writeNonFinite(_ value: Double, to out: UnsafeMutableRawPointer) -> Int {
    let word: StaticString = value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
    out.copyMemory(from: word.utf8Start, byteCount: word.utf8CodeUnitCount)
    return word.utf8CodeUnitCount
  }

  /// Spells `0.d₁d₂…d₁₇ · 10^(exponent + 1)`.
  @inline(__always)
  private static func spell(_ decimal: ShortestDecimal, style: JSONStyle, to out: UnsafeMutableRawPointer) -> Int {
    // 17 digits, padded with zeros on the right: one and two groups of eight.
    let (first, rest) = decimal.digits.quotientAndRemainder(dividingBy: 10_000_000_000_000_000)
    let (high, low) = rest.quotientAndRemainder(dividingBy: 100_000_000)
    let highDigits = eightDigits(high), lowDigits = eightDigits(low)
    let count: Int
    if low != 0 {
      count = 17 &- lowDigits.leadingZeroBitCount >> 3
    } else if high != 0 {
      count = 9 &- highDigits.leadingZeroBitCount >> 3
    } else {
      count = 1
    }
    let ascii: UInt64 = 0x3030_3030_3030_3030
    let exponent = decimal.exponent

    let positional: Bool
    switch style {
    case .client: positional = exponent >= -5 && exponent <= 15
    case .artifact: positional = exponent >= -4 && exponent <= 15
    case .core: positional = exponent >= -4 && exponent <= 5
    }

    if positional && exponent < 0 {
      // 0.000ddd
      out.storeBytes(of: (ascii &- 0x0200) | 0, as: UInt64.self)  // "0.000000"
      let at = 1 &- exponent
      put(UInt8(truncatingIfNeeded: 48 &+ first), out, at)
      out.storeBytes(of: highDigits | ascii, toByteOffset: at &+ 1, as: UInt64.self)
      out.storeBytes(of: lowDigits | ascii, toByteOffset: at &+ 9, as: UInt64.self)
      return at &+ count
    }
    if positional {
      put(UInt8(truncatingIfNeeded: 48 &+ first), out, 0)
      out.storeBytes(of: highDigits | ascii, toByteOffset: 1, as: UInt64.self)
      out.storeBytes(of: lowDigits | ascii, toByteOffset: 9, as: UInt64.self)
      let whole = exponent &+ 1
      if count <= whole {
        // The padding of zeros is already there.
        if style == .core { return whole }
        put(UInt8(ascii: "."), out, whole)
        put(UInt8(ascii: "0"), out, whole &+ 1)
        return whole &+ 2
      }
      // Move the fraction one to the right. Digits beyond the fraction may be moved too; they are not counted.
      let a = out.loadUnaligned(fromByteOffset: whole, as: UInt64.self)
      let b = out.loadUnaligned(fromByteOffset: whole &+ 8, as: UInt64.self)
      put(UInt8(ascii: "."), out, whole)
      out.storeBytes(of: a, toByteOffset: whole &+ 1, as: UInt64.self)
      out.storeBytes(of: b, toByteOffset: whole &+ 9, as: UInt64.self)
      return count &+ 1
    }

    // d.ddde±N
    put(UInt8(truncatingIfNeeded: 48 &+ first), out, 0)
    put(UInt8(ascii: "."), out, 1)
    out.storeBytes(of: highDigits | ascii, toByteOffset: 2, as: UInt64.self)
    out.storeBytes(of: lowDigits | ascii, toByteOffset: 10, as: UInt64.self)
    var at = count == 1 ? 1 : count &+ 1
    put(UInt8(ascii: "e"), out, at)
    put(exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"), out, at &+ 1)
    at &+= 2
    var size = UInt32(truncatingIfNeeded: exponent.magnitude)
    if size >= 100 {
      put(UInt8(truncatingIfNeeded: 48 &+ size / 100), out, at)
      size %= 100
      at &+= 1
      put(UInt8(truncatingIfNeeded: 48 &+ size / 10), out, at)
      at &+= 1
    } else if size >= 10 || style != .client {
      put(UInt8(truncatingIfNeeded: 48 &+ size / 10), out, at)
      at &+= 1
    }
    put(UInt8(truncatingIfNeeded: 48 &+ size % 10), out, at)
    return at &+ 1
  }

  /// The eight decimal digits of `value` < 10^8 as bytes 0...9, most significant digit in the lowest byte.
  ///
  /// Splits in three rounds inside one word: 4+4 digits, then 2+2, then 1+1, each quotient through a multiplication.
  @inline(__always)
  static func eightDigits(_ value: UInt64) -> UInt64 {
    let quad = value / 10_000
    let quads = quad | (value &- quad &* 10_000) << 32
    let pair = ((quads &* 10_486) >> 20) & 0x0000_007f_0000_007f
    let pairs = pair | (quads &- pair &* 100) << 16
    let tens = ((pairs &* 103) >> 10) & 0x000f_000f_000f_000f
    return tens | (pairs &- tens &* 10) << 8
  }
}
