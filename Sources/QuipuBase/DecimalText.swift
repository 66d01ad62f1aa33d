import Glibc

/// The digits of a decimal number as they are read, turned into the nearest double at the end.
struct DecimalText {
  var isNegative = false
  /// Power of ten that the digits, read as one integer, are multiplied by.
  var exponent = 0
  /// The first 19 significant digits.
  private(set) var leading: UInt64 = 0
  /// All digits from the first that is not zero.
  private(set) var count = 0

  /// - Parameter digit: an ASCII digit.
  @inline(__always)
  mutating func append(_ digit: UInt8) {
    if count < 19 {
      leading = leading &* 10 &+ UInt64(digit &- 48)
      if leading != 0 { count &+= 1 }
    } else {
      count &+= 1
    }
  }

  /// The digits as an integer, if it fits.
  var int64: Int64? {
    guard count <= 19 else { return nil }
    if !isNegative { return Int64(exactly: leading) }
    if leading == 1 << 63 { return .min }
    return Int64(exactly: leading).map { 0 &- $0 }
  }

  /// 10^0 ... 10^22: the powers of ten that are doubles.
  private static let exactPowers: InlineArray<23, Double> = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]

  /// The nearest double; beyond the range an infinity or zero.
  /// - Parameters:
  ///   - bytes: the text that the digits were read from.
  ///   - start: offset of the first digit; a decimal point may be among the digits.
  func double(digitsOf bytes: UnsafeRawBufferPointer, from start: Int) -> Double {
    if count == 0 { return isNegative ? -0.0 : 0.0 }
    // Both factors exact, so that one correctly rounded operation gives the nearest double.
    if count <= 19 && leading <= 1 << 53 && exponent >= -22 && exponent <= 22 {
      var value = Double(leading)
      if exponent < 0 { value /= Self.exactPowers[-exponent] } else { value *= Self.exactPowers[exponent] }
      return isNegative ? -value : value
    }
    return slowDouble(digitsOf: bytes, from: start)
  }

  /// Through `strtod`. The text is spelled anew without a decimal point (`123e-2`), so that the locale of the host
  /// has no influence.
  @inline(never)
  private func slowDouble(digitsOf bytes: UnsafeRawBufferPointer, from start: Int) -> Double {
    // The midpoint between two doubles has at most 768 digits: further ones matter only by not being zero.
    let longest = 780
    var text = ByteBuffer(capacity: 64)
    if isNegative { text.append(UInt8(ascii: "-")) }
    var at = start
    var taken = 0
    var dropped = 0
    var sticky = false
    while at < bytes.count {
      let byte = bytes[at]
      at &+= 1
      if byte == UInt8(ascii: ".") { continue }
      guard byte &- 48 < 10 else { break }
      if taken == 0 && byte == UInt8(ascii: "0") { continue }
      if taken < longest {
        text.append(byte)
        taken &+= 1
      } else {
        dropped &+= 1
        if byte != UInt8(ascii: "0") { sticky = true }
      }
    }
    var scale = exponent &+ dropped
    if sticky {
      text.append(UInt8(ascii: "1"))
      scale &-= 1
    }
    text.append(UInt8(ascii: "e"))
    // Beyond these the result is an infinity or zero whatever the digits are.
    text.appendDecimal(Int64(max(-5_000, min(5_000, scale))))
    text.append(0)
    return text.withCString { strtod($0, nil) }
  }
}

extension ByteBuffer {
  /// The bytes as a C string. The buffer must end with a NUL.
  fileprivate func withCString<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
    body(UnsafePointer(storage.assumingMemoryBound(to: CChar.self)))
  }
}

extension Double {
  /// The nearest double to an optional minus sign and decimal digits.
  init(bigIntegerDigits text: String) {
    var text = text
    self = text.withUTF8 { utf8 in
      let bytes = UnsafeRawBufferPointer(utf8)
      var decimal = DecimalText()
      decimal.isNegative = bytes.first == UInt8(ascii: "-")
      let start = decimal.isNegative ? 1 : 0
      for byte in bytes.dropFirst(start) {
        guard byte &- 48 < 10 else { break }
        decimal.append(byte)
      }
      return decimal.double(digitsOf: bytes, from: start)
    }
  }
}
