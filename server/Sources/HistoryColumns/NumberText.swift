import QuipuBase

/// Numbers in JSON text: the standard's, and the bare words `NaN`, `Infinity`, `-Infinity`.
enum NumberText {
  enum Outcome {
    case number(Number)
    /// An integer outside Int64: its text is its value.
    case bigInteger
    case malformed
  }

  /// Reads a number. `at` is left behind it, or where it went wrong.
  @inline(__always)
  static func read(_ base: UnsafeRawPointer, _ at: inout Int, _ end: Int) -> Outcome {
    let start = at
    @inline(__always)
    func byte(_ place: Int) -> UInt8 { place < end ? base.load(fromByteOffset: place, as: UInt8.self) : 0 }
    let negative = byte(at) == UInt8(ascii: "-")
    if negative { at &+= 1 }
    var digit = byte(at) &- 48
    guard digit < 10 else { return word(base, &at, end, negative) }
    var digits: UInt64 = 0
    // Significant digits beyond 19 do not fit; those numbers go the slow way.
    let firstDigit = at
    if digit == 0 {
      at &+= 1
      digit = byte(at) &- 48
      if digit < 10 { return .malformed }
    } else {
      repeat {
        digits = digits &* 10 &+ UInt64(digit)
        at &+= 1
        digit = byte(at) &- 48
      } while digit < 10
    }
    let wholeDigits = at &- firstDigit
    let next = byte(at)
    if next != UInt8(ascii: ".") && next | 0x20 != UInt8(ascii: "e") {
      if wholeDigits <= 18 {
        if negative && digits == 0 { return .number(Number(-0.0)) }
        let value = Int64(truncatingIfNeeded: digits)
        return .number(Number(negative ? 0 &- value : value))
      }
      return slowInteger(UnsafeRawBufferPointer(start: base + start, count: at &- start))
    }
    var exponent = 0
    var count = digits == 0 ? 0 : wholeDigits
    if next == UInt8(ascii: ".") {
      at &+= 1
      let firstFraction = at
      while end &- at >= 8 {
        let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        guard isEightDigits(word) else { break }
        digits = digits &* 100_000_000 &+ eightDigits(word)
        at &+= 8
      }
      digit = byte(at) &- 48
      while digit < 10 {
        digits = digits &* 10 &+ UInt64(digit)
        at &+= 1
        digit = byte(at) &- 48
      }
      guard at > firstFraction else { return .malformed }
      exponent = firstFraction &- at
      if count == 0 {
        // Leading zeros of the fraction are not significant.
        var zero = firstFraction
        while zero < at && byte(zero) == UInt8(ascii: "0") { zero &+= 1 }
        count = at &- zero
      } else {
        count &-= exponent
      }
    }
    if byte(at) | 0x20 == UInt8(ascii: "e") {
      at &+= 1
      let sign = byte(at)
      if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { at &+= 1 }
      digit = byte(at) &- 48
      guard digit < 10 else { return .malformed }
      var power = 0
      repeat {
        if power < 1 << 40 { power = power &* 10 &+ Int(digit) }
        at &+= 1
        digit = byte(at) &- 48
      } while digit < 10
      exponent &+= sign == UInt8(ascii: "-") ? 0 &- power : power
    }
    if count <= 19, let value = DecimalConversion.double(digits, exponent) {
      return .number(Number(negative ? -value : value))
    }
    return slowDouble(UnsafeRawBufferPointer(start: base + start, count: at &- start))
  }

  /// The number that `text` is; NaN if it is none.
  static func double(_ text: UnsafeRawBufferPointer) -> Double {
    guard let base = text.baseAddress, let first = text.first,
      first &- 48 < 10 || first == UInt8(ascii: "-") || first == UInt8(ascii: "I")
    else { return .nan }
    var at = 0
    switch read(base, &at, text.count) {
    case .number(let number): return number.double
    case .bigInteger: return (try? JSON(parsing: text))?.doubleValue ?? .nan
    case .malformed: return .nan
    }
  }

  @inline(never)
  private static func word(
    _ base: UnsafeRawPointer, _ at: inout Int, _ end: Int, _ negative: Bool
  ) -> Outcome {
    func skip(_ text: StaticString) -> Bool {
      let count = text.utf8CodeUnitCount
      guard end &- at >= count else { return false }
      for offset in 0..<count {
        guard base.load(fromByteOffset: at &+ offset, as: UInt8.self) == text.utf8Start[offset] else { return false }
      }
      at &+= count
      return true
    }
    if skip("Infinity") { return .number(Number(negative ? -.infinity : .infinity)) }
    if !negative && skip("NaN") { return .number(Number(Double.nan)) }
    return .malformed
  }

  @inline(never)
  private static func slowInteger(_ text: UnsafeRawBufferPointer) -> Outcome {
    switch try? JSON(parsing: text) {
    case .int(let value)?: .number(Number(value))
    case .bigInteger?: .bigInteger
    default: .malformed
    }
  }

  @inline(never)
  private static func slowDouble(_ text: UnsafeRawBufferPointer) -> Outcome {
    guard let value = (try? JSON(parsing: text))?.doubleValue else { return .malformed }
    return .number(Number(value))
  }

  @inline(__always)
  private static func isEightDigits(_ word: UInt64) -> Bool {
    // Bytes 0x30 ... 0x39: the high nibble is 3, and stays 3 when 6 is added.
    let high: UInt64 = 0xf0f0_f0f0_f0f0_f0f0
    let threes: UInt64 = 0x3030_3030_3030_3030
    return word & high == threes && (word &+ 0x0606_0606_0606_0606) & high == threes
  }

  /// The number that eight ASCII digits stand for, the first in the lowest byte: pairs, then fours, then all.
  @inline(__always)
  private static func eightDigits(_ word: UInt64) -> UInt64 {
    let digits = word &- 0x3030_3030_3030_3030
    let pairs = (digits &* 10 &+ digits &>> 8) & 0x00ff_00ff_00ff_00ff
    let fours = (pairs &* 100 &+ pairs &>> 16) & 0x0000_ffff_0000_ffff
    return (fours &* 10_000 &+ fours &>> 32) & 0xffff_ffff
  }
}
