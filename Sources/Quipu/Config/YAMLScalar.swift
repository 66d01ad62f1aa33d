import QuipuBase

/// What plain YAML scalars mean.
///
/// Source: YAML 1.1 as PyYAML's safe loader reads it, which the W&B client uses: `yes` is true, `012` is 10, `1e3` is
/// text (a float needs a point, an exponent a sign), dates become their ISO text.
enum YAMLScalar {
  /// Integers with more characters than this are refused: reading them takes quadratic time.
  static let maximumDigits = 4300

  enum Meaning: Equatable {
    case value(JSON)
    /// Looks like a number or a date but is none, e.g. `2024-13-01` or `0x_`.
    case malformed(String)
  }

  static func meaning(of text: String) -> Meaning {
    switch text {
    case "", "~", "null", "Null", "NULL": return .value(.null)
    case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": return .value(true)
    case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": return .value(false)
    default: break
    }
    let bytes = Array(text.utf8)
    guard let first = bytes.first, isDigit(first) || "+-.".utf8.contains(first) else { return .value(.string(text)) }
    return integer(bytes) ?? float(bytes) ?? timestamp(bytes) ?? .value(.string(text))
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  private static let underscore = UInt8(ascii: "_")

  // MARK: Integers

  private static func integer(_ bytes: [UInt8]) -> Meaning? {
    var body = bytes[...]
    var negative = false
    if let sign = body.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      negative = sign == UInt8(ascii: "-")
      body = body.dropFirst()
    }
    guard let first = body.first, isDigit(first) else { return nil }
    if first == 0x30 {
      let rest = body.dropFirst()
      guard let second = rest.first else { return .value(.int(0)) }
      if second == UInt8(ascii: "b") { return digits(rest.dropFirst(), radix: 2, negative) }
      if second == UInt8(ascii: "x") { return digits(rest.dropFirst(), radix: 16, negative) }
      return digits(rest, radix: 8, negative)
    }
    let parts = body.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard let head = parts.first, head.allSatisfy({ isDigit($0) || $0 == underscore }) else { return nil }
    guard parts.count > 1 else { return digits(body, radix: 10, negative) }
    guard parts.dropFirst().allSatisfy({ isSixtieth($0) }) else { return nil }
    guard bytes.count <= maximumDigits else { return .malformed("the number is too long") }
    var total = Decimal(head)
    for part in parts.dropFirst() { total.multiply(by: 60, adding: Decimal(part).small) }
    return .value(total.json(negative: negative))
  }

  private static func isSixtieth(_ part: ArraySlice<UInt8>) -> Bool {
    guard part.allSatisfy(isDigit), let first = part.first else { return false }
    return part.count == 1 || (part.count == 2 && first <= UInt8(ascii: "5"))
  }

  private static func digits(_ body: ArraySlice<UInt8>, radix: UInt32, _ negative: Bool) -> Meaning? {
    guard !body.isEmpty else { return nil }
    var total = Decimal()
    var seen = radix == 8
    for byte in body where byte != underscore {
      guard let digit = hexDigit(byte), digit < radix else { return nil }
      guard body.count <= maximumDigits else { return .malformed("the number is too long") }
      total.multiply(by: radix, adding: digit)
      seen = true
    }
    return seen ? .value(total.json(negative: negative)) : .malformed("the number has no digits")
  }

  static func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x41 + 10)
    case 0x61...0x66: UInt32(byte - 0x61 + 10)
    default: nil
    }
  }

  /// A natural number of any size, in limbs of nine decimal digits, the lowest first.
  private struct Decimal {
    private var limbs: [UInt32] = [0]

    init() {}

    init(_ digits: ArraySlice<UInt8>) {
      for byte in digits where byte != underscore { multiply(by: 10, adding: UInt32(byte &- 0x30)) }
    }

    var small: UInt32 { limbs[0] }

    mutating func multiply(by factor: UInt32, adding addend: UInt32) {
      var carry = UInt64(addend)
      for index in limbs.indices {
        let value = UInt64(limbs[index]) &* UInt64(factor) &+ carry
        limbs[index] = UInt32(truncatingIfNeeded: value % 1_000_000_000)
        carry = value / 1_000_000_000
      }
      if carry > 0 { limbs.append(UInt32(truncatingIfNeeded: carry)) }
    }

    func json(negative: Bool) -> JSON {
      var text = ""
      for limb in limbs.reversed() {
        let part = String(limb)
        text += text.isEmpty ? part : String(repeating: "0", count: 9 - part.utf8.count) + part
      }
      if negative, text != "0" { text = "-" + text }
      return Int64(text).map(JSON.int) ?? .bigInteger(text)
    }
  }

  // MARK: Floats

  private static func float(_ bytes: [UInt8]) -> Meaning? {
    var body = bytes[...]
    var sign = 1.0
    let signed = body.first.map { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") } ?? false
    if signed {
      if body.first == UInt8(ascii: "-") { sign = -1 }
      body = body.dropFirst()
    }
    switch String(decoding: body, as: UTF8.self) {
    case ".inf", ".Inf", ".INF": return .value(.double(sign * .infinity))
    case ".nan", ".NaN", ".NAN": return signed ? nil : .value(.double(.nan))
    default: break
    }
    guard let point = body.firstIndex(of: UInt8(ascii: ".")) else { return nil }
    let whole = body[..<point]
    var fraction = body[point...].dropFirst()
    if whole.contains(UInt8(ascii: ":")) { return sexagesimal(whole, fraction, sign) }
    guard whole.allSatisfy({ isDigit($0) || $0 == underscore }) else { return nil }
    if let first = whole.first {
      guard isDigit(first) else { return nil }
    } else {
      guard !signed, let first = fraction.first, isDigit(first) else { return nil }
    }
    var exponent: ArraySlice<UInt8> = []
    if let mark = fraction.firstIndex(where: { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }) {
      exponent = fraction[mark...]
      fraction = fraction[..<mark]
      let digits = exponent.dropFirst(2)
      guard let sign = exponent.dropFirst().first, "+-".utf8.contains(sign), !digits.isEmpty,
        digits.allSatisfy(isDigit)
      else { return nil }
    }
    guard fraction.allSatisfy({ isDigit($0) || $0 == underscore }) else { return nil }
    var text: [UInt8] = whole.filter { $0 != underscore }
    if text.isEmpty { text.append(0x30) }
    text.append(UInt8(ascii: "."))
    text += fraction.filter { $0 != underscore }
    if text.last == UInt8(ascii: ".") { text.append(0x30) }
    text += exponent
    guard let value = Double(String(decoding: text, as: UTF8.self)) else { return nil }
    return .value(.double(sign * value))
  }

  private static func sexagesimal(
    _ whole: ArraySlice<UInt8>, _ fraction: ArraySlice<UInt8>, _ sign: Double
  ) -> Meaning? {
    let parts = whole.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard let head = parts.first, let first = head.first, isDigit(first),
      head.allSatisfy({ isDigit($0) || $0 == underscore }), parts.dropFirst().allSatisfy({ isSixtieth($0) }),
      fraction.allSatisfy({ isDigit($0) || $0 == underscore })
    else { return nil }
    var value = 0.0
    var place = 1.0
    var last = Array(parts.last ?? [])
    last.append(UInt8(ascii: "."))
    last += fraction
    last.append(0x30)
    var places = Array(parts.dropLast())
    places.append(last[...])
    for part in places.reversed() {
      let text = String(decoding: part.filter { $0 != underscore }, as: UTF8.self)
      value += (Double(text) ?? 0) * place
      place *= 60
    }
    return .value(.double(sign * value))
  }

  // MARK: Timestamps

  private static func timestamp(_ bytes: [UInt8]) -> Meaning? {
    var rest = bytes[...]
    func number(_ range: ClosedRange<Int>) -> (value: Int, width: Int)? {
      let run = rest.prefix(range.upperBound).prefix(while: isDigit)
      guard range.contains(run.count) else { return nil }
      rest = rest.dropFirst(run.count)
      return (run.reduce(0) { $0 &* 10 &+ Int($1 &- 0x30) }, run.count)
    }
    func take(_ character: Character) -> Bool {
      guard let wanted = character.asciiValue, rest.first == wanted else { return false }
      rest = rest.dropFirst()
      return true
    }
    guard let year = number(4...4), take("-"), let month = number(1...2), take("-"), let day = number(1...2) else {
      return nil
    }
    let isDate = rest.isEmpty
    if isDate, month.width != 2 || day.width != 2 { return nil }
    var result = "\(padded(year.value, 4))-\(padded(month.value, 2))-\(padded(day.value, 2))"
    var isValid = (1...9999).contains(year.value) && (1...12).contains(month.value)
      && day.value >= 1 && day.value <= daysIn(month.value, year.value)
    if !isDate {
      if !take("T"), !take("t") {
        let blanks = rest.prefix { $0 == 0x20 || $0 == 0x09 }
        guard !blanks.isEmpty else { return nil }
        rest = rest.dropFirst(blanks.count)
      }
      guard let hour = number(1...2), take(":"), let minute = number(2...2), take(":"), let second = number(2...2)
      else { return nil }
      isValid = isValid && hour.value < 24 && minute.value < 60 && second.value < 60
      result += "T\(padded(hour.value, 2)):\(padded(minute.value, 2)):\(padded(second.value, 2))"
      if take(".") {
        let run = rest.prefix(while: isDigit)
        rest = rest.dropFirst(run.count)
        var micros = run.prefix(6).reduce(0) { $0 &* 10 &+ Int($1 &- 0x30) }
        for _ in run.count..<max(6, run.count) { micros *= 10 }
        if micros != 0 { result += "." + padded(micros, 6) }
      }
      let blanks = rest.prefix { $0 == 0x20 || $0 == 0x09 }
      if !rest.isEmpty {
        rest = rest.dropFirst(blanks.count)
        if take("Z") {
          result += "+00:00"
        } else {
          let sign = rest.first == UInt8(ascii: "-") ? "-" : "+"
          guard take("+") || take("-"), let hours = number(1...2) else { return nil }
          var minutes = 0
          if take(":") {
            guard let value = number(2...2) else { return nil }
            minutes = value.value
          }
          isValid = isValid && hours.value * 60 + minutes < 24 * 60
          let shown = hours.value == 0 && minutes == 0 ? "+" : sign
          result += "\(shown)\(padded(hours.value + minutes / 60, 2)):\(padded(minutes % 60, 2))"
        }
      }
      guard rest.isEmpty else { return nil }
    }
    return isValid ? .value(.string(result)) : .malformed("there is no such date")
  }

  private static func padded(_ value: Int, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
  }

  private static func daysIn(_ month: Int, _ year: Int) -> Int {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}
