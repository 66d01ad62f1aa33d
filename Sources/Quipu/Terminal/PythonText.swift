/// Numbers as Python prints them, for blocks that must look the same whichever client wrote them.
package enum PythonText {
  /// `repr(float)`: shortest digits, exponents below 1e-4 and from 1e16 on.
  package static func float(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    let (digits, exponent) = shortest(value)
    let sign = value.sign == .minus ? "-" : ""
    let count = digits.utf8.count
    if exponent < -4 || exponent >= 16 {
      let head = String(digits.prefix(1))
      let tail = digits.dropFirst()
      let size = exponent < 0 ? -exponent : exponent
      let mantissa = tail.isEmpty ? head : "\(head).\(tail)"
      return "\(sign)\(mantissa)e\(exponent < 0 ? "-" : "+")\(size < 10 ? "0" : "")\(size)"
    }
    if exponent < 0 { return "\(sign)0.\(zeros(-exponent - 1))\(digits)" }
    if count <= exponent + 1 { return "\(sign)\(digits)\(zeros(exponent + 1 - count)).0" }
    return "\(sign)\(digits.prefix(exponent + 1)).\(digits.dropFirst(exponent + 1))"
  }

  /// `round(value, 5)`: the exact decimal value rounded half to even, then the nearest double.
  package static func rounded5(_ value: Double) -> Double {
    // Without a fraction, or not finite: nothing to round.
    guard value.isFinite, value.magnitude < 0x1p52 else { return value }
    let exponent = Int(value.exponentBitPattern)
    let mantissa = UInt128(value.significandBitPattern | (exponent == 0 ? 0 : 1 << 52))
    // value = mantissa · 2^-shift with shift from 1 to 1074.
    let shift = 1075 - max(exponent, 1)
    let scaled = mantissa * 100_000
    var quotient: UInt128 = 0
    if shift < 128 {
      quotient = scaled >> UInt128(shift)
      let rest = scaled & ((1 << UInt128(shift)) - 1)
      let half: UInt128 = 1 << UInt128(shift - 1)
      if rest > half || (rest == half && quotient & 1 == 1) { quotient += 1 }
    }
    let fraction = String(quotient % 100_000)
    let text = "\(quotient / 100_000).\(zeros(5 - fraction.utf8.count))\(fraction)"
    let magnitude = Double(text) ?? value.magnitude
    return value.sign == .minus ? -magnitude : magnitude
  }

  /// Shortest digits without zeros at the end, and the decimal exponent of the first one.
  private static func shortest(_ value: Double) -> (String, Int) {
    var digits: [UInt8] = []
    var point = 0
    var seenPoint = false
    var exponent = 0
    var rest = value.magnitude.description.utf8[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "."): seenPoint = true
      case UInt8(ascii: "e"): exponent = Int(String(Substring(rest))) ?? 0; rest = rest.suffix(0)
      default:
        digits.append(byte)
        if !seenPoint { point += 1 }
      }
    }
    var leading = 0
    while leading < digits.count - 1 && digits[leading] == UInt8(ascii: "0") { leading += 1 }
    digits.removeFirst(leading)
    while digits.count > 1 && digits.last == UInt8(ascii: "0") { digits.removeLast() }
    if digits == [UInt8(ascii: "0")] { return ("0", 0) }
    return (String(decoding: digits, as: UTF8.self), point - leading - 1 + exponent)
  }

  private static func zeros(_ count: Int) -> String { String(repeating: "0", count: max(0, count)) }
}
