/// Seconds since 1970 and calendar dates, in UTC.
enum CivilTime {
  /// - Returns: seconds since 1970; nil if there is no such date.
  static func seconds(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) -> Int64? {
    guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
      (0...59).contains(minute), (0...60).contains(second)
    else { return nil }
    // Days since the 1st of March of year 0: leap days come last in such a year.
    let shifted = month <= 2 ? year - 1 : year
    let monthFromMarch = (month + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    return Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
  }

  /// `YYYY-MM-DD HH:MM:SS`.
  static func text(_ seconds: Int64) -> String {
    let clamped = min(max(seconds, 0), 253_402_300_799)
    let time = Int(clamped % 86_400)
    let days = Int(clamped / 86_400) + 719_468
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func pad(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2)) "
      + "\(pad(time / 3600, 2)):\(pad(time / 60 % 60, 2)):\(pad(time % 60, 2))"
  }

  /// Reads `YYYY-MM-DD HH:MM:SS`, with a space or a T.
  static func seconds(_ text: String) -> Int64? {
    let numbers = text.utf8.split { !(0x30...0x39).contains($0) }.compactMap { Int(Substring($0)) }
    guard numbers.count >= 6 else { return nil }
    return seconds(
      year: numbers[0], month: numbers[1], day: numbers[2], hour: numbers[3], minute: numbers[4], second: numbers[5])
  }

  /// Reads a date of HTTP in its three spellings: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`,
  /// `Sun Nov  6 08:49:37 1994`.
  ///
  /// Source: RFC 9110, section 5.6.7.
  static func httpDate(_ text: String) -> Int64? {
    let words = text.utf8.split { " ,-:".utf8.contains($0) }.map { String(Substring($0)).lowercased() }
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    guard words.count >= 7 else { return nil }
    if let month = months.firstIndex(of: words[1]) {
      guard let day = Int(words[2]), let hour = Int(words[3]), let minute = Int(words[4]), let second = Int(words[5]),
        let year = Int(words[6])
      else { return nil }
      return seconds(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second)
    }
    guard let month = months.firstIndex(of: words[2]), let day = Int(words[1]), var year = Int(words[3]),
      let hour = Int(words[4]), let minute = Int(words[5]), let second = Int(words[6])
    else { return nil }
    if words[3].utf8.count == 2 { year += year < 70 ? 2000 : 1900 }
    return seconds(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second)
  }
}
