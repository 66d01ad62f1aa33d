import QuipuBase

/// Texts on their way into a JSON string literal of a request body.
enum LineText {
  /// Whether one of the eight bytes is below 0x20, a quote or a backslash.
  @inline(__always) static func hasSpecial(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    let low = (word &- ones &* 0x20) & ~word
    return (low | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)) & (ones &* 0x80) != 0
  }

  /// Whether the text can stand in a literal as it is, and is ASCII.
  @inline(__always) static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
    guard var at = text.baseAddress else { return true }
    let end = at + text.count
    while end - at >= 8 {
      let word = at.loadUnaligned(as: UInt64.self)
      if hasSpecial(word) || word & 0x8080_8080_8080_8080 != 0 { return false }
      at += 8
    }
    while at < end {
      let byte = at.load(as: UInt8.self)
      if byte < 0x20 || byte >= 0x80 || byte == 0x22 || byte == 0x5C { return false }
      at += 1
    }
    return true
  }

  /// Appends text with everything escaped that a literal cannot hold.
  static func appendEscaped(_ text: UnsafeRawBufferPointer, to out: inout ByteBuffer) {
    var at = 0
    var run = 0
    while at < text.count {
      if text.count &- at >= 8 && !hasSpecial(text.loadUnaligned(fromByteOffset: at, as: UInt64.self)) {
        at &+= 8
        continue
      }
      let byte = text[at]
      if byte < 0x20 || byte == 0x22 || byte == 0x5C {
        out.append(UnsafeRawBufferPointer(rebasing: text[run..<at]))
        appendEscape(byte, to: &out)
        run = at &+ 1
      }
      at &+= 1
    }
    out.append(UnsafeRawBufferPointer(rebasing: text[run..<at]))
  }

  /// Appends a whole literal, in quotes.
  static func appendLiteral(_ text: UnsafeRawBufferPointer, to out: inout ByteBuffer) {
    out.append(0x22)
    appendEscaped(text, to: &out)
    out.append(0x22)
  }

  private static func appendEscape(_ byte: UInt8, to out: inout ByteBuffer) {
    out.append(0x5C)
    switch byte {
    case 0x22, 0x5C: out.append(byte)
    case 0x08: out.append(UInt8(ascii: "b"))
    case 0x09: out.append(UInt8(ascii: "t"))
    case 0x0A: out.append(UInt8(ascii: "n"))
    case 0x0C: out.append(UInt8(ascii: "f"))
    case 0x0D: out.append(UInt8(ascii: "r"))
    default:
      let digit = byte & 15
      out.append(byte < 0x10 ? "u000" : "u001")
      out.append(digit < 10 ? digit &+ 48 : digit &+ 87)
    }
  }

  /// Bytes of the text that a literal's content stands for.
  static func unescapedCount(_ literal: UnsafeRawBufferPointer) -> Int {
    var count = 0
    var at = 0
    while at < literal.count {
      if literal[at] == 0x5C, at &+ 1 < literal.count { at &+= literal[at &+ 1] == UInt8(ascii: "u") ? 6 : 2 } else { at &+= 1 }
      count &+= 1
    }
    return count
  }

  /// Whether the bytes are UTF-8.
  static func isUTF8(_ text: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    let count = text.count
    while at < count {
      if count &- at >= 8, text.loadUnaligned(fromByteOffset: at, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
        at &+= 8
        continue
      }
      let lead = text[at]
      if lead < 0x80 {
        at &+= 1
        continue
      }
      // Least and largest second byte shut out overlong forms, surrogates and values above U+10FFFF.
      var low: UInt8 = 0x80
      var high: UInt8 = 0xBF
      let length: Int
      switch lead {
      case 0xC2...0xDF: length = 2
      case 0xE0: length = 3; low = 0xA0
      case 0xED: length = 3; high = 0x9F
      case 0xE1...0xEF: length = 3
      case 0xF0: length = 4; low = 0x90
      case 0xF4: length = 4; high = 0x8F
      case 0xF1...0xF3: length = 4
      default: return false
      }
      guard count &- at >= length else { return false }
      for offset in 1..<length {
        let next = text[at &+ offset]
        if next < low || next > high { return false }
        low = 0x80
        high = 0xBF
      }
      at &+= length
    }
    return true
  }
}
