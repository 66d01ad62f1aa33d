import QuipuBase

/// A settings file: INI text, of which the section `[default]` counts.
///
/// The rules are those of Python's `configparser`, which W&B's client reads these files with: `key = value` or
/// `key: value`, keys in any case, `#` and `;` start a comment line, deeper indented lines continue a value, `%%` is a
/// percent sign and `%(key)s` another value of the section.
struct SettingsFile {
  /// Keys in lower case, in the order of the file; values as written, percent signs not yet resolved.
  private(set) var entries: [(key: String, value: String)] = []

  /// Why a text cannot be read. `line` counts from 1.
  struct Unreadable: Error, Equatable {
    var line: Int
    var reason: String
  }

  init(parsing bytes: [UInt8]) throws(Unreadable) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Unreadable(line: 1, reason: "the file is not UTF-8")
    }
    var section: String?
    var sections: Set<String> = []
    // Of the section's defaults, which configparser takes from a section of this very name.
    var common: [(key: String, value: String)] = []
    var names: Set<String> = []
    var current: (key: String, lines: [String], indent: Int)?

    func close() {
      guard var (key, lines, _) = current else { return }
      current = nil
      while lines.last?.isEmpty == true { lines.removeLast() }
      let value = lines.joined(separator: "\n")
      if section == "default" { entries.append((key, value)) }
      if section == "DEFAULT" { common.append((key, value)) }
    }

    var text8 = Substring(text).utf8
    if text8.starts(with: [0xEF, 0xBB, 0xBF]) { text8 = text8.dropFirst(3) }
    let rows = text8.split(omittingEmptySubsequences: false) { $0 == UInt8(ascii: "\n") }
    for (index, raw) in rows.enumerated() {
      let line = Substring(raw)
      let content = Setting.trimmed(String(line))
      let indent = raw.prefix { $0 == 0x20 || $0 == 0x09 }.count
      if content.isEmpty {
        current?.lines.append("")
        continue
      }
      let first = content.utf8.first
      if first == UInt8(ascii: "#") || first == UInt8(ascii: ";") { continue }
      if let open = current, indent > open.indent {
        current?.lines.append(content)
        continue
      }
      close()
      if first == UInt8(ascii: "["), let end = content.utf8.lastIndex(of: UInt8(ascii: "]")) {
        let name = String(decoding: content.utf8[..<end].dropFirst(), as: UTF8.self)
        guard sections.insert(name).inserted || name == "DEFAULT" else {
          throw Unreadable(line: index + 1, reason: "the section appears twice")
        }
        section = name
        names = []
        continue
      }
      guard section != nil else { throw Unreadable(line: index + 1, reason: "there is no [default] above this line") }
      guard let split = content.utf8.firstIndex(where: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }),
        split != content.utf8.startIndex
      else { throw Unreadable(line: index + 1, reason: "this is not of the form key = value") }
      let key = Setting.trimmed(String(decoding: content.utf8[..<split], as: UTF8.self)).lowercased()
      let value = Setting.trimmed(String(decoding: content.utf8[split...].dropFirst(), as: UTF8.self))
      guard names.insert(key).inserted else { throw Unreadable(line: index + 1, reason: "the key appears twice") }
      current = (key, [value], indent)
    }
    close()
    if sections.contains("default") {
      entries += common.filter { pair in !entries.contains { $0.key == pair.key } }
    } else {
      entries = []
    }
  }

  /// A value with its percent signs resolved; nil: one of them stands alone or names no other value.
  func resolved(_ value: String, depth: Int = 0) -> String? {
    guard depth < 10 else { return nil }
    guard value.utf8.contains(UInt8(ascii: "%")) else { return value }
    var result: [UInt8] = []
    var rest = value.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        result.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "%"): result.append(UInt8(ascii: "%"))
      case UInt8(ascii: "("):
        guard let close = rest.firstIndex(of: UInt8(ascii: ")")) else { return nil }
        let name = String(decoding: rest[..<close], as: UTF8.self).lowercased()
        rest = rest[close...].dropFirst()
        guard rest.popFirst() == UInt8(ascii: "s"), let other = entries.first(where: { $0.key == name }),
          let text = resolved(other.value, depth: depth + 1)
        else { return nil }
        result += Array(text.utf8)
      default: return nil
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
