/// The shortest decimal number that rounds to a given double, nearest to it among those.
///
/// Method: Raffaello Giulietti, "The Schubfach way to render doubles" (2020). A double's rounding interval is wider
/// than one unit of 10^k and, but for one case, narrower than ten for a suitable k, so that at most four candidates
/// decide. Their scaled positions come from one 64 × 128 bit product each, "rounded to odd" so that comparisons stay
/// exact.
struct ShortestDecimal {
  /// 17 digits, first digit not zero, padded with zeros on the right.
  var digits: UInt64
  /// Decimal exponent of the first digit: the value is d.ddd · 10^exponent.
  var exponent: Int

  /// - Parameter magnitude: bits of a finite double above zero.
  @inline(__always)
  init(magnitude: UInt64) {
    let fraction = magnitude & 0x000f_ffff_ffff_ffff
    let biased = Int(truncatingIfNeeded: magnitude >> 52)
    let c: UInt64
    let q: Int
    if biased == 0 {
      c = fraction
      q = -1074
    } else {
      c = fraction | 0x0010_0000_0000_0000
      q = biased &- 1075
      // A whole number below 2^53 is its own shortest form: neighbours are at most one apart.
      if q <= 0 && q >= -52 && c.trailingZeroBitCount >= -q {
        self.init(decimal: c >> UInt64(truncatingIfNeeded: -q), scale: 0)
        return
      }
    }
    if biased != 0 && fraction != 0 {
      let (decimal, scale) = Self.nearly(c: c, q: q)
      if decimal != 0 {
        // 16 or 17 digits, as c is at least 2^52.
        let isShort = decimal < 10_000_000_000_000_000
        self.init(digits: isShort ? decimal &* 10 : decimal, exponent: scale &+ (isShort ? 15 : 16))
        return
      }
    }
    self.init(slowly: c, q: q, halved: fraction == 0 && biased > 1)
  }

  @inline(__always)
  private init(digits: UInt64, exponent: Int) {
    self.digits = digits
    self.exponent = exponent
  }

  @inline(never)
  init(slowly c: UInt64, q: Int, halved: Bool) {
    let (decimal, scale) = Self.schubfach(c: c, q: q, halved: halved)
    self.init(decimal: decimal, scale: scale)
  }

  /// The same with one product in place of three: the ends of the interval are measured as distances from the value, in
  /// units of 2^-60. Exact unless one of the decisions is closer than the error of that, a few units: then 0.
  ///
  /// - Parameter c: at least 2^52, and not the lowest of its binade.
  @inline(__always)
  private static func nearly(c: UInt64, q: Int) -> (UInt64, Int) {
    let k = (q &* 1_262_611) >> 22
    let log2 = (-k &* 1_741_647) >> 19
    let shift = UInt64(truncatingIfNeeded: q &+ log2 &+ 1)
    let at = (-k &- PowersOfTen.lowest) &* 2
    let high = PowersOfTen.words[at], low = PowersOfTen.words[at &+ 1]
    let factor = c &<< (shift &+ 2)
    let y = UInt128(high) &* UInt128(factor) &+ UInt128(low.multipliedFullWidth(by: factor).high)
    let quarters = UInt64(truncatingIfNeeded: y &>> 64)
    let whole = quarters >> 2
    let fraction = quarters << 62 | UInt64(truncatingIfNeeded: y) >> 2

    let digit = whole &- (whole.multipliedFullWidth(by: 0xcccc_cccc_cccc_cccd).high &>> 3) &* 10
    let aboveTen = digit << 60 | fraction >> 4
    let half = high &>> (5 &- shift)
    let ten: UInt64 = 10 << 60
    let doubtful =
      aboveTen &- half &+ 4 <= 8 || ten &- aboveTen &- half &+ 4 <= 8 || fraction &- 1 << 63 &+ 64 <= 128
    if doubtful { return (0, k) }
    let shorter = whole &- digit &+ (aboveTen < half ? 0 : 10)
    let isShorter = aboveTen < half || aboveTen &+ half > ten
    return (isShorter ? shorter : whole &+ fraction >> 63, k)
  }

  /// `decimal · 10^scale`, decimal in 1 ..< 10^17.
  @inline(__always)
  private init(decimal: UInt64, scale: Int) {
    // Number of digits: 1233 / 4096 is log10(2) closely enough for 64 bits; the table corrects by one.
    let bits = 64 &- decimal.leadingZeroBitCount
    var count = (bits &* 1233) >> 12
    count = count &+ (decimal >= Self.power(count) ? 1 : 0)
    digits = decimal &* Self.power(17 &- count)
    exponent = scale &+ count &- 1
  }

  private static let powers: InlineArray<18, UInt64> = [
    1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
    100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000,
    10_000_000_000_000_000, 100_000_000_000_000_000,
  ]

  @inline(__always)
  private static func power(_ exponent: Int) -> UInt64 { powers[exponent] }

  /// - Parameter halved: the double is a power of two, its lower neighbour is at half the distance of the upper.
  @inline(__always)
  private static func schubfach(c: UInt64, q: Int, halved: Bool) -> (UInt64, Int) {
    let odd = c & 1
    // k = floor(log10(2^q)), or floor(log10(3/4 · 2^q)) for a halved interval; exact for all q of a double.
    let k = (q &* 1_262_611 &- (halved ? 524_031 : 0)) >> 22
    // floor(log2(10^-k)), exact in the range.
    let log2 = (-k &* 1_741_647) >> 19
    let shift = UInt64(truncatingIfNeeded: q &+ log2 &+ 1)
    let at = (-k &- PowersOfTen.lowest) &* 2
    let high = PowersOfTen.words[at], low = PowersOfTen.words[at &+ 1]

    // Quarter units: the value, and the ends of its rounding interval. An odd significand excludes the ends.
    let middle = c << 2
    let value = roundedToOdd(high, low, middle &<< shift)
    let lower = roundedToOdd(high, low, (middle &- (halved ? 1 : 2)) &<< shift) &+ odd
    let upper = roundedToOdd(high, low, (middle &+ 2) &<< shift) &- odd

    // All choices are computed and then selected: with arbitrary digits, branches would be mispredicted half the time.
    let s = value >> 2
    let below = lower <= s &* 4
    let above = s &* 4 &+ 4 <= upper
    // Both inside: the nearer, the even one of two equally near.
    let centre = s &* 4 &+ 2
    let nearer = value &+ (s & 1) > centre
    let up = below != above ? above : nearer
    // One digit less: at most one of the two multiples of ten around the value is inside.
    let tens = s / 10
    let tenBelow = lower <= 40 &* tens
    let tenAbove = 40 &* tens &+ 40 <= upper
    let shorter = (tens &+ (tenAbove ? 1 : 0)) &* 10
    return (s >= 10 && tenBelow != tenAbove ? shorter : s &+ (up ? 1 : 0), k)
  }

  /// The upper 64 bits of the 192-bit product, with the last bit set if anything but rounding noise was cut off.
  @inline(__always)
  private static func roundedToOdd(_ high: UInt64, _ low: UInt64, _ factor: UInt64) -> UInt64 {
    let x = low.multipliedFullWidth(by: factor).high
    let y = UInt128(high) &* UInt128(factor) &+ UInt128(x)
    let top = UInt64(truncatingIfNeeded: y &>> 64)
    let sum = UInt64(truncatingIfNeeded: y)
    return top | (sum > 1 ? 1 : 0)
  }
}
