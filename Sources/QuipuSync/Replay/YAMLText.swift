import QuipuBase

/// Writes `config.yaml`: mappings in order of their keys, four spaces per level.
enum YAMLText {
  static func text(_ object: JSONObject) -> String {
    if object.isEmpty { return "{}\n" }
    var out = ByteBuffer()
    write(object, indent: 0, to: &out)
    return out.string()
  }

  private static func write(_ object: JSONObject, indent: Int, to out: inout ByteBuffer) {
    var isFirst = true
    for (key, value) in object.members.sorted(by: { $0.key < $1.key }) {
      // The first key of a mapping inside a list stands behind the dash.
      if !isFirst || out.bytes.last != 0x20 { out.append(repeating: 0x20, count: indent) }
      isFirst = false
      write(key.string, to: &out)
      out.append(UInt8(ascii: ":"))
      writeValue(value, indent: indent, to: &out)
    }
  }

  /// Writes what stands behind a colon, and the end of the line.
  private static func writeValue(_ value: JSON, indent: Int, to out: inout ByteBuffer) {
    switch value {
    case .object(let object) where !object.isEmpty:
      out.append(0x0A)
      write(object, indent: indent + 4, to: &out)
    case .array(let elements) where !elements.isEmpty:
      out.append(0x0A)
      write(elements, indent: indent + 4, to: &out)
    default:
      out.append(0x20)
      writeScalar(value, to: &out)
      out.append(0x0A)
    }
  }

  private static func write(_ elements: [JSON], indent: Int, to out: inout ByteBuffer) {
    for element in elements {
      out.append(repeating: 0x20, count: indent)
      out.append("-")
      switch element {
      case .object(let object) where !object.isEmpty:
        out.append(0x20)
        write(object, indent: indent + 2, to: &out)
      case .array(let inner) where !inner.isEmpty:
        out.append(0x0A)
        write(inner, indent: indent + 2, to: &out)
      default:
        out.append(0x20)
        writeScalar(element, to: &out)
        out.append(0x0A)
      }
    }
  }

  private static func writeScalar(_ value: JSON, to out: inout ByteBuffer) {
    switch value {
    case .string(let text): write(text, to: &out)
    case .double(let number):
      if number.isNaN {
        out.append(".nan")
      } else if number.isInfinite {
        out.append(number < 0 ? "-.inf" : ".inf")
      } else {
        // Readers of YAML 1.1 take a number with an exponent for a text unless it has a point.
        let text = value.text(style: .core)
        if let at = text.utf8.firstIndex(of: UInt8(ascii: "e")), !text.utf8.contains(UInt8(ascii: ".")) {
          out.append(String(text[..<at]) + ".0" + String(text[at...]))
        } else {
          out.append(text)
        }
      }
    // `[]`, `{}` and the other scalars are the same in both languages.
    default: value.write(to: &out, style: .core)
    }
  }

  /// Plain where it cannot be taken for anything else, else in double quotes, where YAML reads JSON.
  private static func write(_ text: String, to out: inout ByteBuffer) {
    if isPlain(text) {
      out.append(text)
      return
    }
    out.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22, 0x5C:
        out.append(0x5C)
        out.append(UInt8(truncatingIfNeeded: scalar.value))
      case 0x0A: out.append("\\n")
      case 0x09: out.append("\\t")
      case 0x20...0x7E, 0xA0...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF:
        // A mark of byte order and the two line breaks of Unicode are not text to YAML.
        if [0xFEFF, 0x2028, 0x2029].contains(scalar.value) { escape(scalar, to: &out) } else { out.append(String(scalar)) }
      default: escape(scalar, to: &out)
      }
    }
    out.append(UInt8(ascii: "\""))
  }

  private static func escape(_ scalar: Unicode.Scalar, to out: inout ByteBuffer) {
    let digits = String(scalar.value, radix: 16)
    out.append("\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits)
  }

  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "_") || first == UInt8(ascii: "/") else {
      return false
    }
    guard text.utf8.allSatisfy({ isLetter($0) || $0 &- 48 < 10 || "_-./".utf8.contains($0) }) else { return false }
    let word = text.lowercased()
    return !["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"].contains(word)
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 97 < 26 }
}
