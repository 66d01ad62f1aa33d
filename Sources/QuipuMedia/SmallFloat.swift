/// Exact conversions for the 16-bit floats, on their bits. Written out because `Float16` does not exist on every
/// platform Swift runs on, and because the library should not depend on the compiler's half-precision helpers.
enum SmallFloat {
  /// IEEE 754 binary16 to single precision. Every half is exact in single precision.
  @inline(__always) static func half(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7FFF)
    if magnitude >= 0x7C00 {  // infinity and NaN, payload kept
      return Float(bitPattern: sign | 0x7F80_0000 | (magnitude & 0x03FF) << 13)
    }
    // Moving exponent and fraction into place leaves the exponent too small by 112; the product repairs it and
    // normalises subnormals on the way.
    let scaled = Float(bitPattern: magnitude << 13) * Float(bitPattern: 0x7780_0000)
    return Float(bitPattern: scaled.bitPattern | sign)
  }

  /// The upper 16 bits of a single-precision value.
  @inline(__always) static func brain(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  /// Rounds to the nearest half, ties to even, directly from double precision (no second rounding).
  static func halfBits(_ value: Double) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 48) & 0x8000
    let magnitude = bits & 0x7FFF_FFFF_FFFF_FFFF
    if magnitude > 0x7FF0_0000_0000_0000 { return sign | 0x7E00 }
    if magnitude >= 0x40EF_FE00_0000_0000 { return sign | 0x7C00 }  // 65520 and up
    let exponent = Int(magnitude >> 52) &- 1023
    if exponent < -25 { return sign }
    let fraction = (magnitude & 0xF_FFFF_FFFF_FFFF) | 0x10_0000_0000_0000
    // Normal halves keep 10 fraction bits; below 2^-14 the unit stays 2^-24.
    let shift = UInt64(exponent >= -14 ? 42 : 42 &+ (-14 &- exponent))
    let kept = fraction >> shift
    let rest = fraction & ((1 << shift) &- 1)
    let middle = UInt64(1) << (shift &- 1)
    let rounded = kept &+ ((rest > middle || (rest == middle && kept & 1 == 1)) ? 1 : 0)
    if exponent < -14 { return sign | UInt16(truncatingIfNeeded: rounded) }
    // The hidden bit of `rounded` adds one to the exponent field, and so does a carry out of the fraction.
    return sign | UInt16(truncatingIfNeeded: UInt64(exponent &+ 14) << 10 &+ rounded)
  }

  /// `value` rounded to half precision, as a double.
  static func roundToHalf(_ value: Double) -> Double { Double(half(halfBits(value))) }
}
