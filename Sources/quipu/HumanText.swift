import Quipu
import QuipuBase

/// Numbers, sizes and times for people.
enum HumanText {
  /// Significant digits, the shortest form of them.
  static func number(_ value: Double, digits: Int = 6) -> String {
    if !value.isFinite { return value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity" }
    if let whole = Int64(exactly: value), value.magnitude < 1e15 { return String(whole) }
    var text = PythonText.float(rounded(value, digits))
    if text.hasSuffix(".0") { text.removeLast(2) }
    return text
  }

  private static func rounded(_ value: Double, _ digits: Int) -> Double {
    var exponent = 0
    var size = value.magnitude
    while size >= 10 && exponent < 400 { size /= 10; exponent += 1 }
    while size < 1 && size > 0 && exponent > -400 { size *= 10; exponent -= 1 }
    let places = digits - 1 - exponent
    // Powers of ten up to 22 are exact, so that one division or product gives the nearest double of the short decimal.
    guard places.magnitude <= 22 else { return value }
    var power = 1.0
    for _ in 0..<places.magnitude { power *= 10 }
    return places >= 0 ? (value * power).rounded() / power : (value / power).rounded() * power
  }

  /// One line for a value of config or summary.
  static func value(_ value: JSON) -> String {
    switch value {
    case .string(let text): return RunBlocks.printable(text)
    case .double(let number): return self.number(number)
    case .null: return "null"
    case .object(let object):
      if let type = object["_type"]?.stringValue { return media(type, object) }
      return RunBlocks.printable(value.text(style: .core))
    default: return RunBlocks.printable(value.text(style: .core))
    }
  }

  private static func media(_ type: String, _ object: JSONObject) -> String {
    var parts = ["<\(RunBlocks.printable(type))"]
    if let path = object["path"]?.stringValue { parts.append(RunBlocks.printable(path)) }
    if let width = object["width"]?.intValue, let height = object["height"]?.intValue {
      parts.append("\(width)x\(height)")
    }
    if let rows = object["nrows"]?.intValue, let columns = object["ncols"]?.intValue {
      parts.append("\(rows) rows x \(columns) columns")
    }
    if let count = object["count"]?.intValue { parts.append("\(count) items") }
    if let bins = object["bins"]?.arrayValue?.count, bins > 0 { parts.append("\(bins - 1) bins") }
    return parts.joined(separator: " ") + ">"
  }

  static func size(_ bytes: Int64) -> String {
    if bytes < 1000 { return "\(bytes) bytes" }
    var value = Double(bytes)
    var unit = 0
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while value >= 999.5 && unit < units.count - 1 { value /= 1000; unit += 1 }
    return value < 99.95 ? "\((value * 10).rounded() / 10) \(units[unit])" : "\(Int(value.rounded())) \(units[unit])"
  }

  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "?" }
    let whole = Int64(seconds)
    if whole < 1 { return "\((seconds * 1000).rounded() / 1000) s" }
    if whole < 60 { return "\((seconds * 10).rounded() / 10) s" }
    let (days, hours, minutes) = (whole / 86400, whole / 3600 % 24, whole / 60 % 60)
    if days > 0 { return "\(days) d \(hours) h" }
    return hours > 0 ? "\(hours) h \(minutes) min" : "\(minutes) min \(whole % 60) s"
  }

  /// 12,345
  static func grouped(_ value: Int64) -> String {
    let digits = Array(String(value.magnitude))
    var out = value < 0 ? "-" : ""
    for (at, digit) in digits.enumerated() {
      if at > 0 && (digits.count - at) % 3 == 0 { out += "," }
      out.append(digit)
    }
    return out
  }

  static func count(_ value: Int, _ one: String, _ many: String? = nil) -> String {
    "\(grouped(Int64(value))) \(value == 1 ? one : many ?? one + "s")"
  }
}
