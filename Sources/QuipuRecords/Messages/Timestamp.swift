import QuipuBase

/// A point in time: seconds and nanoseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: RecordMessage, Equatable {
  public var seconds: Int64 = 0
  /// 0...999999999, added to the seconds also before 1970.
  public var nanos: Int32 = 0

  public init() {}

  public init(seconds: Int64, nanos: Int32) {
    self.seconds = seconds
    self.nanos = nanos
  }

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "seconds", &seconds)
    visitor.scalar(2, "nanos", &nanos)
  }

  /// RFC 3339 in UTC with 0, 3, 6 or 9 digits after the second, for example `2026-11-21T20:27:06.950284Z`.
  /// Nil outside the years 1...9999 and for nanoseconds out of range.
  public var text: String? {
    guard (-62_135_596_800...253_402_300_799).contains(seconds), (0...999_999_999).contains(nanos) else { return nil }
    let time = (seconds % 86400 + 86400) % 86400
    // Days since 0000-03-01: with March first, the leap day ends a year and months follow one formula.
    let days = (seconds - time) / 86400 + 719_468
    let era = (days >= 0 ? days : days - 146_096) / 146_097
    let dayOfEra = days - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let march = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * march + 2) / 5 + 1
    let month = march < 10 ? march + 3 : march - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func padded(_ value: Int64, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    var text = padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2)
    text += "T" + padded(time / 3600, 2) + ":" + padded(time / 60 % 60, 2) + ":" + padded(time % 60, 2)
    let fraction = Int64(nanos)
    if fraction % 1000 != 0 {
      text += "." + padded(fraction, 9)
    } else if fraction % 1_000_000 != 0 {
      text += "." + padded(fraction / 1000, 6)
    } else if fraction != 0 {
      text += "." + padded(fraction / 1_000_000, 3)
    }
    return text + "Z"
  }

  /// The text form; as an object of its fields where there is no text form.
  public var protoJSON: JSON {
    if let text { return .string(text) }
    return ["seconds": seconds.protoJSON, "nanos": nanos.protoJSON]
  }
}
