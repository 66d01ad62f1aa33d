/// Decimal digits to the nearest double, exactly, by integer arithmetic.
///
/// The powers of five up to 5^27 fit in 64 bits. A product with one of them is exact in 128 bits; a quotient of 63 bits
/// or more with its remainder decides every rounding to 53.
enum DecimalConversion {
  static let maximumExponent = 27

  /// 5^0 ... 5^27.
  private static let fives: InlineArray<28, UInt64> = [
    1, 5, 25, 125, 625, 3_125, 15_625, 78_125, 390_625, 1_953_125, 9_765_625, 48_828_125, 244_140_625, 1_220_703_125,
    6_103_515_625, 30_517_578_125, 152_587_890_625, 762_939_453_125, 3_814_697_265_625, 19_073_486_328_125,
    95_367_431_640_625, 476_837_158_203_125, 2_384_185_791_015_625, 11_920_928_955_078_125, 59_604_644_775_390_625,
    298_023_223_876_953_125, 1_490_116_119_384_765_625, 7_450_580_596_923_828_125,
  ]

  /// 10^0 ... 10^22, the powers of ten that are doubles.
  private static let tens: InlineArray<23, Double> = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]

  /// The double nearest to `digits · 10^exponent`; nil if the exponent is out of range.
  @inline(__always)
  static func double(_ digits: UInt64, _ exponent: Int) -> Double? {
    if digits == 0 { return 0 }
    guard exponent.magnitude <= UInt(maximumExponent) else { return nil }
    if digits <= 1 << 53 && exponent.magnitude <= 22 {
      // Both factors exact: one operation, rounded once.
      return exponent < 0 ? Double(digits) / tens[0 &- exponent] : Double(digits) * tens[exponent]
    }
    return exponent < 0 ? quotient(digits, 0 &- exponent) : product(digits, exponent)
  }

  private static func quotient(_ digits: UInt64, _ exponent: Int) -> Double {
    let five = fives[exponent]
    let shift = digits.leadingZeroBitCount, fiveShift = five.leadingZeroBitCount
    let numerator = digits &<< UInt64(truncatingIfNeeded: shift)
    let divisor = five &<< UInt64(truncatingIfNeeded: fiveShift)
    // The high half, below 2^63, is below the divisor.
    let (quotient, remainder) = divisor.dividingFullWidth((numerator &>> 1, numerator &<< 63))
    let normal = quotient.leadingZeroBitCount
    return rounded(
      quotient &<< UInt64(truncatingIfNeeded: normal), sticky: remainder != 0,
      power: fiveShift &- shift &- exponent &- normal &- 63)
  }

  private static func product(_ digits: UInt64, _ exponent: Int) -> Double {
    let (high, low) = digits.multipliedFullWidth(by: fives[exponent])
    if high == 0 { return Double(low) * scale(exponent) }
    let shift = UInt64(truncatingIfNeeded: high.leadingZeroBitCount)
    let top = shift == 0 ? high : high &<< shift | low &>> (64 &- shift)
    return rounded(top, sticky: low &<< shift != 0, power: exponent &+ 64 &- Int(shift))
  }

  /// `top · 2^power`, top bit set; `sticky` says that a little more is meant.
  @inline(__always)
  private static func rounded(_ top: UInt64, sticky: Bool, power: Int) -> Double {
    let mantissa = top &>> 11
    let rest = (top & 0x7ff) &<< 1 | (sticky ? 1 : 0)
    let up = rest > 0x800 || (rest == 0x800 && mantissa & 1 == 1)
    return Double(mantissa &+ (up ? 1 : 0)) * scale(power &+ 11)
  }

  /// 2^power, for powers far from the ends of the range.
  @inline(__always)
  private static func scale(_ power: Int) -> Double {
    Double(bitPattern: UInt64(truncatingIfNeeded: power &+ 1023) &<< 52)
  }
}
