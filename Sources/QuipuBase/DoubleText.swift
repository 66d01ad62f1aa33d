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
    if bits & 0x7ff0_0000_0000_0000 == 0x7ff0_0000_0000_0000 {
      return writeNonFinite(value, to: out)
    }
    // Overwritten if there is no sign.
    put(UInt8(ascii: "-"), out, 0)
    let at = Int(truncatingIfNeeded: bits >> 63)
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
    let (upper, low) = DecimalDigits.split(decimal.digits)
    let (first, high) = DecimalDigits.split(upper)
    let highDigits = DecimalDigits.eight(high), lowDigits = DecimalDigits.eight(low)
    let count: Int
    if low != 0 {
      count = 17 &- lowDigits.leadingZeroBitCount >> 3
    } else if high != 0 {
      count = 9 &- highDigits.leadingZeroBitCount >> 3
    } else {
      count = 1
    }
    let ascii = DecimalDigits.zeros
    let exponent = decimal.exponent

    let positional: Bool
    switch style {
    case .client: positional = exponent >= -5 && exponent <= 15
    case .artifact: positional = exponent >= -4 && exponent <= 15
    case .core: positional = exponent >= -4 && exponent <= 5
    }

    if positional && exponent < 0 {
      // 0.000ddd
      DecimalDigits.store(ascii &- 0x0200, to: out)  // "0.000000"
      let at = 1 &- exponent
      put(UInt8(truncatingIfNeeded: 48 &+ first), out, at)
      DecimalDigits.store(highDigits | ascii, to: out + (at &+ 1))
      DecimalDigits.store(lowDigits | ascii, to: out + (at &+ 9))
      return at &+ count
    }
    if positional {
      put(UInt8(truncatingIfNeeded: 48 &+ first), out, 0)
      DecimalDigits.store(highDigits | ascii, to: out + 1)
      DecimalDigits.store(lowDigits | ascii, to: out + 9)
      let whole = exponent &+ 1
      if count <= whole {
        // The padding of zeros is already there.
        if style == .core { return whole }
        put(UInt8(ascii: "."), out, whole)
        put(UInt8(ascii: "0"), out, whole &+ 1)
        return whole &+ 2
      }
      // The fraction once more, one place to the right; zeros beyond it are not counted.
      let sixteen = UInt128(highDigits | ascii) | UInt128(lowDigits | ascii) << 64
      let fraction = sixteen >> UInt128(truncatingIfNeeded: exponent &* 8)
      put(UInt8(ascii: "."), out, whole)
      out.storeBytes(of: fraction.littleEndian, toByteOffset: whole &+ 1, as: UInt128.self)
      return count &+ 1
    }

    // d.ddde±N
    put(UInt8(truncatingIfNeeded: 48 &+ first), out, 0)
    put(UInt8(ascii: "."), out, 1)
    DecimalDigits.store(highDigits | ascii, to: out + 2)
    DecimalDigits.store(lowDigits | ascii, to: out + 10)
    var at = count == 1 ? 1 : count &+ 1
    put(UInt8(ascii: "e"), out, at)
    // "+" is 43, "-" is 45.
    put(UInt8(truncatingIfNeeded: 43 &- (exponent >> 63) &* 2), out, at &+ 1)
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
}
