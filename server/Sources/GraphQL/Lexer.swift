import QuipuBase

/// Cuts a text into tokens, one at a time.
///
/// Source: GraphQL specification of October 2021, section 2.1. Linear in the number of bytes.
struct Lexer {
  let source: Source
  private var at = 0
  private var tokensLeft: Int
  private let maximumTokens: Int

  init(_ source: Source, maximumTokens: Int) {
    self.source = source
    self.maximumTokens = maximumTokens
    tokensLeft = maximumTokens
  }

  /// The byte at the cursor plus `offset`; 0 behind the end, where a real NUL is as invalid as the end itself.
  @inline(__always)
  private func byte(_ offset: Int = 0) -> UInt8 {
    let index = at &+ offset
    return index < source.bytes.count ? source.bytes[index] : 0
  }

  private func fail(_ message: String, at offset: Int) -> GraphQLError {
    source.error("Syntax error: \(message).", at: offset)
  }

  mutating func next() throws(GraphQLError) -> Token {
    skipIgnored()
    guard at < source.bytes.count else { return Token(kind: .end, range: at..<at) }
    guard tokensLeft > 0 else { throw fail("the text has more than \(maximumTokens) tokens", at: at) }
    tokensLeft -= 1

    let first = byte()
    if Self.isNameStart(first) {
      let start = at
      repeat { at += 1 } while Self.isNameStart(byte()) || Self.isDigit(byte())
      return Token(kind: .name, range: start..<at)
    }
    switch first {
    case UInt8(ascii: "!"): return mark(.bang)
    case UInt8(ascii: "$"): return mark(.dollar)
    case UInt8(ascii: "&"): return mark(.ampersand)
    case UInt8(ascii: "("): return mark(.openParenthesis)
    case UInt8(ascii: ")"): return mark(.closeParenthesis)
    case UInt8(ascii: ":"): return mark(.colon)
    case UInt8(ascii: "="): return mark(.equals)
    case UInt8(ascii: "@"): return mark(.at)
    case UInt8(ascii: "["): return mark(.openBracket)
    case UInt8(ascii: "]"): return mark(.closeBracket)
    case UInt8(ascii: "{"): return mark(.openBrace)
    case UInt8(ascii: "|"): return mark(.pipe)
    case UInt8(ascii: "}"): return mark(.closeBrace)
    case UInt8(ascii: "."):
      guard byte(1) == first && byte(2) == first else { throw fail("expected \"...\"", at: at) }
      return mark(.spread, length: 3)
    case UInt8(ascii: "\""):
      return byte(1) == first && byte(2) == first ? try blockString() : try string()
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw fail("unexpected character \(character(at: at))", at: at)
    }
  }

  private mutating func mark(_ kind: Token.Kind, length: Int = 1) -> Token {
    let start = at
    at += length
    return Token(kind: kind, range: start..<at)
  }

  /// White space, line ends, commas, comments and byte order marks.
  private mutating func skipIgnored() {
    while at < source.bytes.count {
      switch source.bytes[at] {
      case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ","): at += 1
      case UInt8(ascii: "#"):
        while at < source.bytes.count && source.bytes[at] != 0x0a && source.bytes[at] != 0x0d { at += 1 }
      case 0xef where byte(1) == 0xbb && byte(2) == 0xbf: at += 3
      default: return
      }
    }
  }

  static func isNameStart(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  /// The character at an offset, for a message.
  private func character(at offset: Int) -> String {
    let end = min(offset + 4, source.bytes.count)
    guard let scalar = source.text(offset..<end).unicodeScalars.first else { return "" }
    if scalar.value >= 0x20 && scalar.value != 0x7f { return "\"\(scalar)\"" }
    return "U+" + String(scalar.value, radix: 16, uppercase: true)
  }

  // MARK: Numbers

  private mutating func number() throws(GraphQLError) -> Token {
    let start = at
    var kind = Token.Kind.int
    if byte() == UInt8(ascii: "-") { at += 1 }
    if byte() == UInt8(ascii: "0") {
      at += 1
      if Self.isDigit(byte()) { throw fail("a number may not begin with 0", at: start) }
    } else {
      try digits()
    }
    if byte() == UInt8(ascii: ".") {
      kind = .float
      at += 1
      try digits()
    }
    if byte() | 0x20 == UInt8(ascii: "e") {
      kind = .float
      at += 1
      if byte() == UInt8(ascii: "+") || byte() == UInt8(ascii: "-") { at += 1 }
      try digits()
    }
    if Self.isNameStart(byte()) || byte() == UInt8(ascii: ".") {
      throw fail("unexpected character \(character(at: at)) behind a number", at: at)
    }
    return Token(kind: kind, range: start..<at)
  }

  private mutating func digits() throws(GraphQLError) {
    guard Self.isDigit(byte()) else { throw fail("expected a digit", at: at) }
    while Self.isDigit(byte()) { at += 1 }
  }

  // MARK: Strings

  private mutating func string() throws(GraphQLError) -> Token {
    let start = at
    at += 1
    var text: [UInt8] = []
    while true {
      guard at < source.bytes.count else { throw fail("a string has no end", at: start) }
      let next = source.bytes[at]
      switch next {
      case UInt8(ascii: "\""):
        at += 1
        return Token(kind: .string(String(decoding: text, as: UTF8.self)), range: start..<at)
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0x0a, 0x0d: throw fail("a string has no end on its line", at: start)
      case 0..<0x20 where next != 0x09: throw fail("unexpected character \(character(at: at)) in a string", at: at)
      default:
        text.append(next)
        at += 1
      }
    }
  }

  private mutating func escape(into text: inout [UInt8]) throws(GraphQLError) {
    let start = at
    let letter = byte(1)
    at += 2
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      guard let scalar = unicodeEscape() else { throw fail("a \\u escape names no character", at: start) }
      text.append(contentsOf: Array(String(scalar).utf8))
    default: throw fail("unknown escape in a string", at: start)
    }
  }

  /// Four digits, a pair of surrogates, or any number of digits in braces; the cursor is behind the `u`.
  private mutating func unicodeEscape() -> Unicode.Scalar? {
    if byte() == UInt8(ascii: "{") {
      at += 1
      var value: UInt32 = 0
      var count = 0
      while let digit = Self.hexadecimal(byte()) {
        value = value << 4 | digit
        count += 1
        // Leading zeros are allowed, a value beyond Unicode is not.
        guard value <= 0x10ffff else { return nil }
        at += 1
      }
      guard count > 0 && byte() == UInt8(ascii: "}") else { return nil }
      at += 1
      return Unicode.Scalar(value)
    }
    guard let first = unit() else { return nil }
    guard first & 0xfc00 == 0xd800 else { return Unicode.Scalar(first) }
    guard byte() == UInt8(ascii: "\\") && byte(1) == UInt8(ascii: "u") else { return nil }
    at += 2
    guard let second = unit(), second & 0xfc00 == 0xdc00 else { return nil }
    return Unicode.Scalar(0x10000 + (first & 0x3ff) << 10 + (second & 0x3ff))
  }

  private mutating func unit() -> UInt32? {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Self.hexadecimal(byte()) else { return nil }
      value = value << 4 | digit
      at += 1
    }
    return value
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt32? {
    if isDigit(byte) { return UInt32(byte - UInt8(ascii: "0")) }
    let letter = (byte | 0x20) &- UInt8(ascii: "a")
    return letter < 6 ? UInt32(letter) + 10 : nil
  }

  private mutating func blockString() throws(GraphQLError) -> Token {
    let start = at
    at += 3
    var text: [UInt8] = []
    let quote = UInt8(ascii: "\"")
    while true {
      guard at < source.bytes.count else { throw fail("a block string has no end", at: start) }
      let next = source.bytes[at]
      if next == quote && byte(1) == quote && byte(2) == quote {
        at += 3
        return Token(kind: .string(Self.withoutIndentation(text)), range: start..<at)
      }
      if next == UInt8(ascii: "\\") && byte(1) == quote && byte(2) == quote && byte(3) == quote {
        text.append(contentsOf: [quote, quote, quote])
        at += 4
        continue
      }
      if next < 0x20 && next != 0x09 && next != 0x0a && next != 0x0d {
        throw fail("unexpected character \(character(at: at)) in a string", at: at)
      }
      text.append(next)
      at += 1
    }
  }

  /// The value of a block string: without the indentation that all lines but the first share, and without blank lines
  /// at both ends.
  /// Source: GraphQL specification of October 2021, BlockStringValue in section 2.9.4.
  static func withoutIndentation(_ raw: [UInt8]) -> String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    var lines: [ArraySlice<UInt8>] = []
    var lineStart = 0
    var index = 0
    while index < raw.count {
      if raw[index] == 0x0a || raw[index] == 0x0d {
        lines.append(raw[lineStart..<index])
        if raw[index] == 0x0d && index + 1 < raw.count && raw[index + 1] == 0x0a { index += 1 }
        lineStart = index + 1
      }
      index += 1
    }
    lines.append(raw[lineStart..<raw.count])

    let indentation = lines.dropFirst().compactMap { line in
      line.firstIndex { !isSpace($0) }.map { $0 - line.startIndex }
    }.min()
    if let indentation {
      for at in lines.indices.dropFirst() { lines[at] = lines[at].dropFirst(indentation) }
    }
    let isBlank = { (line: ArraySlice<UInt8>) in line.allSatisfy(isSpace) }
    guard let first = lines.firstIndex(where: { !isBlank($0) }), let last = lines.lastIndex(where: { !isBlank($0) })
    else { return "" }
    return String(decoding: Array(lines[first...last].joined(separator: [0x0a])), as: UTF8.self)
  }
}
