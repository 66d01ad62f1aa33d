/// Seconds since 1970 of an ISO 8601 text, or nil if it is none.
///
/// A date of year, month or day, then optionally `T` or a space and a time of hours and minutes, seconds and a fraction
/// if wanted, then optionally a zone; without one it is UTC. Resolution: microseconds, further digits are dropped.
func instant(_ text: String) -> Double? {
  var reader = InstantReader(text: Array(text.utf8.prefix(64)))
  return reader.read()
}

private struct InstantReader {
  let text: [UInt8]
  var at = 0

  var current: UInt8 { at < text.count ? text[at] : 0 }

  mutating func skip(_ byte: Character) -> Bool {
    guard current == byte.asciiValue else { return false }
    at += 1
    return true
  }

  mutating func number(digits: Int, _ range: ClosedRange<Int>) -> Int? {
    var value = 0
    for _ in 0..<digits {
      guard current &- 48 < 10 else { return nil }
      value = value * 10 + Int(current - 48)
      at += 1
    }
    return range.contains(value) ? value : nil
  }

  mutating func read() -> Double? {
    guard let year = number(digits: 4, 0...9999) else { return nil }
    var month = 1
    var day = 1
    var seconds = 0
    var micros = 0
    var zone = 0
    if skip("-") {
      guard let value = number(digits: 2, 1...12) else { return nil }
      month = value
      if skip("-") {
        guard let value = number(digits: 2, 1...Self.days(in: month, of: year)) else { return nil }
        day = value
        if skip("T") || skip("t") || skip(" ") {
          guard let hours = number(digits: 2, 0...24), skip(":"), let minutes = number(digits: 2, 0...59) else {
            return nil
          }
          seconds = hours * 3600 + minutes * 60
          if skip(":") {
            guard let value = number(digits: 2, 0...60) else { return nil }
            seconds += value
            if skip(".") || skip(",") {
              guard let value = fraction() else { return nil }
              micros = value
            }
          }
          guard let value = offset() else { return nil }
          zone = value
        }
      }
    }
    guard at == text.count else { return nil }
    let whole = Self.daysSince1970(year, month, day) * 86400 + seconds - zone
    return Double(whole * 1_000_000 + micros) / 1e6
  }

  mutating func fraction() -> Int? {
    let start = at
    var micros = 0
    while current &- 48 < 10 {
      if at - start < 6 { micros = micros * 10 + Int(current - 48) }
      at += 1
    }
    for _ in min(at - start, 6)..<6 { micros *= 10 }
    return at > start ? micros : nil
  }

  /// Seconds east of Greenwich.
  mutating func offset() -> Int? {
    if at == text.count || skip("Z") || skip("z") { return 0 }
    let isWest = current == UInt8(ascii: "-")
    guard skip("+") || skip("-"), let hours = number(digits: 2, 0...23) else { return nil }
    var seconds = hours * 3600
    if skip(":") || at < text.count {
      guard let minutes = number(digits: 2, 0...59) else { return nil }
      seconds += minutes * 60
    }
    return isWest ? -seconds : seconds
  }

  static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// In the Gregorian calendar, counted in years that begin with March so that the leap day comes last.
  static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shifted = month > 2 ? year : year - 1
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
