extension JSON {
  /// Appends the value's text.
  ///
  /// Recursive: the value must not be nested deeper than the caller's stack allows; parsed values never are.
  /// NaN and infinities are written as the bare words, which standard JSON does not know.
  public func write(to out: inout ByteBuffer, style: JSONStyle) {
    switch self {
    case .null: out.append("null")
    case .bool(true): out.append("true")
    case .bool(false): out.append("false")
    case .int(let value): out.appendDecimal(value)
    case .bigInteger(let digits):
      if style == .core {
        out.appendDouble(Double(bigIntegerDigits: digits), style: style)
      } else {
        out.append(digits)
      }
    case .double(let value): out.appendDouble(value, style: style)
    case .string(let text): Self.writeString(text, to: &out, style: style)
    case .array(let elements):
      out.append(UInt8(ascii: "["))
      var isFirst = true
      for element in elements {
        if !isFirst { Self.writeComma(to: &out, style: style) }
        isFirst = false
        element.write(to: &out, style: style)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let object): object.write(to: &out, style: style)
    }
  }

  /// The value as text.
  public func text(style: JSONStyle) -> String {
    var out = ByteBuffer()
    write(to: &out, style: style)
    return out.string()
  }

  /// Appends `text` in quotes.
  public static func writeString(_ text: String, to out: inout ByteBuffer, style: JSONStyle) {
    var text = text
    text.withUTF8 { writeString(UnsafeRawBufferPointer($0), to: &out, style: style) }
  }

  /// Appends UTF-8 bytes as a quoted string.
  ///
  /// Escaped are `"`, `\` and control characters; in the artifact style also DEL and all beyond ASCII. Bytes that are
  /// not UTF-8 stay as they are in the client and core styles and become `\ufffd` in the artifact style.
  public static func writeString(_ bytes: UnsafeRawBufferPointer, to out: inout ByteBuffer, style: JSONStyle) {
    out.append(UInt8(ascii: "\""))
    if style == .artifact {
      writeASCII(bytes, to: &out)
    } else {
      writeRaw(bytes, to: &out)
    }
    out.append(UInt8(ascii: "\""))
  }

  @inline(__always)
  static func writeComma(to out: inout ByteBuffer, style: JSONStyle) {
    out.append(UInt8(ascii: ","))
    if style == .artifact { out.append(UInt8(ascii: " ")) }
  }

  private static func writeRaw(_ bytes: UnsafeRawBufferPointer, to out: inout ByteBuffer) {
    var at = 0
    var run = 0
    while at < bytes.count {
      if bytes.count &- at >= 8 && !JSONText.hasSpecial(bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) {
        at &+= 8
        continue
      }
      let byte = bytes[at]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        out.append(UnsafeRawBufferPointer(rebasing: bytes[run..<at]))
        JSONText.appendEscape(byte, to: &out)
        run = at &+ 1
      }
      at &+= 1
    }
    out.append(UnsafeRawBufferPointer(rebasing: bytes[run..<at]))
  }

  private static func writeASCII(_ bytes: UnsafeRawBufferPointer, to out: inout ByteBuffer) {
    var at = 0
    while at < bytes.count {
      let run = at
      while at < bytes.count {
        let byte = bytes[at]
        if byte < 0x20 || byte > 0x7e || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
        at &+= 1
      }
      out.append(UnsafeRawBufferPointer(rebasing: bytes[run..<at]))
      guard at < bytes.count else { return }
      if bytes[at] < 0x80 {
        JSONText.appendEscape(bytes[at], to: &out)
        at &+= 1
        continue
      }
      // A stretch beyond ASCII: the standard decoder repairs what is malformed.
      let start = at
      while at < bytes.count && bytes[at] >= 0x80 { at &+= 1 }
      for unit in String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<at]), as: UTF8.self).utf16 {
        JSONText.appendUnicodeEscape(unit, to: &out)
      }
    }
  }
}

extension JSONObject {
  /// Appends the object's text: members in order, in the artifact style sorted by code point.
  public func write(to out: inout ByteBuffer, style: JSONStyle) {
    out.append(UInt8(ascii: "{"))
    var isFirst = true
    let ordered = style == .artifact ? members.sorted { $0.key < $1.key } : members
    for (key, value) in ordered {
      if !isFirst { JSON.writeComma(to: &out, style: style) }
      isFirst = false
      JSON.writeString(key.string, to: &out, style: style)
      out.append(UInt8(ascii: ":"))
      if style == .artifact { out.append(UInt8(ascii: " ")) }
      value.write(to: &out, style: style)
    }
    out.append(UInt8(ascii: "}"))
  }
}

/// Byte-level rules shared by the parser and the writer.
enum JSONText {
  /// Whether one of the eight bytes is below 0x20, a quote or a backslash.
  @inline(__always)
  static func hasSpecial(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    // (x - n) has its top bit set for bytes below n; bytes above 0x7f are taken out with ~word.
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5c)
    let low = (word &- ones &* 0x20) & ~word
    let hits = low | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
    return hits & tops != 0
  }

  /// - Parameter byte: an ASCII character that may not stand for itself.
  static func appendEscape(_ byte: UInt8, to out: inout ByteBuffer) {
    switch byte {
    case UInt8(ascii: "\""): out.append("\\\"")
    case UInt8(ascii: "\\"): out.append("\\\\")
    case 0x08: out.append("\\b")
    case 0x09: out.append("\\t")
    case 0x0a: out.append("\\n")
    case 0x0c: out.append("\\f")
    case 0x0d: out.append("\\r")
    default: appendUnicodeEscape(UInt16(byte), to: &out)
    }
  }

  static func appendUnicodeEscape(_ unit: UInt16, to out: inout ByteBuffer) {
    out.append("\\u")
    out.append(hexDigit(UInt8(truncatingIfNeeded: unit >> 12)))
    out.append(hexDigit(UInt8(truncatingIfNeeded: unit >> 8) & 15))
    out.append(hexDigit(UInt8(truncatingIfNeeded: unit >> 4) & 15))
    out.append(hexDigit(UInt8(truncatingIfNeeded: unit) & 15))
  }

  /// - Parameter value: 0...15.
  @inline(__always)
  static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? value &+ 48 : value &+ 87 }
}
