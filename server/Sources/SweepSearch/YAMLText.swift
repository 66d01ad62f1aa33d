import QuipuBase
import Yams

/// Reads YAML as the JSON value that it stands for.
///
/// Plain scalars are resolved as the official client's YAML library does it, which writes these texts (YAML 1.1: `yes`
/// is true), except that `1e-3` is a number, as YAML 1.2 has it. Dates stay texts.
enum YAMLText {
  static let maximumBytes = 1 << 20
  private static let maximumNodes = 100_000
  private static let maximumDepth = 64
  private static let maximumAliases = 20

  /// - Throws: for what is no YAML or no JSON value, and for more than 1 MiB, 64 levels, 100 000 values or 20 aliases.
  static func json(_ text: String) throws(SweepError) -> JSON {
    guard text.utf8.count <= maximumBytes else { throw SweepError("the configuration is longer than 1 MiB") }
    // The parser hashes keys with all that their aliases stand for, and those can stand for each other.
    guard aliases(in: text) <= maximumAliases else { throw SweepError("the configuration has too many aliases") }
    let root: Node?
    do {
      // libyaml gives up at 1000 levels by itself.
      root = try Parser(yaml: text, resolver: .basic).singleRoot()
    } catch {
      throw SweepError("the configuration is not YAML: \(error)")
    }
    guard let root else { return .null }
    var left = maximumNodes
    return try convert(root, depth: 0, left: &left)
  }

  /// How many places look like an alias; a text in quotes can look so too.
  private static func aliases(in text: String) -> Int {
    var count = 0
    var last: UInt8 = 0x20
    for byte in text.utf8 {
      if last == UInt8(ascii: "*"), byte > 0x20, byte != UInt8(ascii: "*") { count += 1 }
      last = byte
    }
    return count
  }

  private static func convert(_ node: Node, depth: Int, left: inout Int) throws(SweepError) -> JSON {
    left -= 1
    guard left >= 0 else { throw SweepError("the configuration has more than \(maximumNodes) values") }
    guard depth < maximumDepth else { throw SweepError("the configuration has more than \(maximumDepth) levels") }
    switch node {
    case .scalar(let scalar): return value(scalar)
    case .sequence(let nodes):
      var values: [JSON] = []
      for node in nodes { values.append(try convert(node, depth: depth + 1, left: &left)) }
      return .array(values)
    case .mapping(let pairs):
      var object = JSONObject()
      for (key, value) in pairs {
        guard let name = key.scalar?.string else { throw SweepError("a key of the configuration is not a text") }
        object[Key(name)] = try convert(value, depth: depth + 1, left: &left)
      }
      return .object(object)
    case .alias: throw SweepError("the configuration has an alias that leads nowhere")
    }
  }

  private static func value(_ scalar: Node.Scalar) -> JSON {
    let text = scalar.string
    guard scalar.style == .plain || scalar.style == .any else { return .string(text) }
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return .bool(true)
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return .bool(false)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .double(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .double(-.infinity)
    case ".nan", ".NaN", ".NAN": return .double(.nan)
    default: return number(text) ?? .string(text)
    }
  }

  private static func number(_ text: String) -> JSON? {
    guard let first = text.utf8.first(where: { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") }),
      (0x30...0x39).contains(first) || first == UInt8(ascii: "."),
      text.utf8.dropFirst().allSatisfy({ "0123456789.eE+-_xabcdefABCDEF".utf8.contains($0) })
    else { return nil }
    let digits = text.filter { $0 != "_" }
    if digits.hasPrefix("0x") { return Int64(digits.dropFirst(2), radix: 16).map { .int($0) } }
    if digits.utf8.contains(where: { $0 == 0x2e || $0 | 0x20 == 0x65 }) {
      // Swift's `Double` takes no point without digits.
      return Double(digits.hasSuffix(".") ? digits + "0" : digits).map { .double($0) }
    }
    if let value = Int64(digits) { return .int(value) }
    return Double(digits).map { .double($0) }
  }
}
