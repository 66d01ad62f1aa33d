import QuipuBase

/// The unit of points in time that are given as integers since 1970 UTC.
public enum TableTimeUnit: Int32, Sendable {
  case nanoseconds = 0
  case microseconds = 1
  case milliseconds = 2
  case seconds = 3
  /// Dates: the run file shows them without a time.
  case days = 4

  /// The two forms of a point in time; the least integer is no time.
  ///
  /// The run file shows nanoseconds as an integer and all other units as ISO text, as NumPy's `datetime64` is shown.
  func timestamp(_ value: Int64, isUTC: Bool = false) -> TableTimestamp {
    if value == .min { return TableTimestamp() }
    let perSecond: Int64
    switch self {
    case .nanoseconds: return TableTimestamp(nanoseconds: value)
    case .microseconds: perSecond = 1_000_000
    case .milliseconds: perSecond = 1000
    case .seconds: perSecond = 1
    case .days:
      let (milliseconds, overflow) = value.multipliedReportingOverflow(by: 86_400_000)
      return overflow ? TableTimestamp() : TableTimestamp(iso: Self.date(days: value), milliseconds: milliseconds)
    }
    var seconds = value / perSecond
    var fraction = value % perSecond
    if fraction < 0 {
      fraction &+= perSecond
      seconds &-= 1
    }
    var days = seconds / 86_400
    var time = seconds % 86_400
    if time < 0 {
      time &+= 86_400
      days &-= 1
    }
    var text = Self.date(days: days) + "T"
    text += Self.padded(time / 3600, 2) + ":" + Self.padded(time / 60 % 60, 2) + ":" + Self.padded(time % 60, 2)
    if fraction > 0 { text += "." + Self.padded(fraction * (1_000_000 / perSecond), 6) }
    if isUTC { text += "Z" }
    let milliseconds: Int64
    switch self {
    case .microseconds: milliseconds = value / 1000
    case .milliseconds: milliseconds = value
    default:
      let (product, overflow) = value.multipliedReportingOverflow(by: 1000)
      if overflow { return TableTimestamp() }
      milliseconds = product
    }
    return TableTimestamp(iso: text, milliseconds: milliseconds)
  }

  /// `YYYY-MM-DD` of the proleptic Gregorian calendar.
  private static func date(days: Int64) -> String {
    // Years begin in March here, so that leap days come last; an era has 400 of them.
    let shifted = days &+ 719_468
    let era = (shifted >= 0 ? shifted : shifted &- 146_096) / 146_097
    let dayOfEra = shifted &- era &* 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    let year = yearOfEra &+ era &* 400 &+ (month >= 10 ? 1 : 0)
    return padded(year, 4) + "-" + padded(month < 10 ? month + 3 : month - 9, 2) + "-" + padded(day, 2)
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number.magnitude)
    let text = String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    return number < 0 ? "-" + text : text
  }
}
