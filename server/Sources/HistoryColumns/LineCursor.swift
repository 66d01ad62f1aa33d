import QuipuBase

/// A place in a line of JSON.
struct LineCursor {
  let base: UnsafeRawPointer
  let end: Int
  var at = 0

  init(_ line: UnsafeRawBufferPointer) {
    base = line.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
    end = line.count
  }

  /// The byte at the cursor; 0 at the end, which is not valid anywhere outside strings.
  @inline(__always)
  var current: UInt8 { at < end ? base.load(fromByteOffset: at, as: UInt8.self) : 0 }

  func fail(_ reason: String) -> HistoryLineError {
    HistoryLineError(offset: at, reason: at >= end ? "unexpected end of line" : reason)
  }

  func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
  }

  @inline(__always)
  mutating func skipSpace() {
    while at < end {
      let byte = base.load(fromByteOffset: at, as: UInt8.self)
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
      at &+= 1
    }
  }

  /// - Throws: if the line is not UTF-8.
  func checkEncoding() throws(HistoryLineError) {
    var place = 0
    var union: UInt64 = 0
    while end &- place >= 8 {
      union |= base.loadUnaligned(fromByteOffset: place, as: UInt64.self)
      place &+= 8
    }
    while place < end {
      union |= UInt64(base.load(fromByteOffset: place, as: UInt8.self))
      place &+= 1
    }
    if union & 0x8080_8080_8080_8080 == 0 { return }
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: RawSpan(_unsafeStart: base, byteCount: end)._unsafeView(as: UInt8.self))
    } catch {
      throw HistoryLineError(offset: error.byteOffsets.lowerBound, reason: "not UTF-8")
    }
  }

  // MARK: Strings

  /// Moves from the opening quote behind the closing one.
  /// - Returns: whether there are escapes.
  @inline(__always)
  mutating func skipString() throws(HistoryLineError) -> Bool {
    at &+= 1
    skipPlain()
    if current == UInt8(ascii: "\"") {
      at &+= 1
      return false
    }
    try skipEscapes()
    return true
  }

  @inline(never)
  private mutating func skipEscapes() throws(HistoryLineError) {
    while true {
      guard at < end else { throw fail("") }
      switch current {
      case UInt8(ascii: "\""):
        at &+= 1
        return
      case UInt8(ascii: "\\"):
        at &+= 1
        switch current {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
          UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
          at &+= 1
        case UInt8(ascii: "u"):
          at &+= 1
          for _ in 0..<4 {
            guard Self.hexValue(current) < 16 else { throw fail("expected four hexadecimal digits") }
            at &+= 1
          }
        default: throw fail("unknown escape")
        }
      default: throw fail("raw control character in a string")
      }
      skipPlain()
    }
  }

  /// Moves to the next quote, backslash, control character or the end.
  @inline(__always)
  private mutating func skipPlain() {
    while end &- at >= 8 {
      let hits = Self.special(UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
      if hits != 0 {
        at &+= hits.trailingZeroBitCount &>> 3
        return
      }
      at &+= 8
    }
    while at < end {
      let byte = base.load(fromByteOffset: at, as: UInt8.self)
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
      at &+= 1
    }
  }

  /// The lowest bit set is the top bit of the first byte that is below 0x20, a quote or a backslash; 0: there is none.
  @inline(__always)
  static func special(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* 0x22), backslash = word ^ (ones &* 0x5c)
    // A borrow can only mark bytes above a true hit.
    let hits =
      ((word &- ones &* 0x20) & ~word) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
    return hits & 0x8080_8080_8080_8080
  }

  static func hexValue(_ byte: UInt8) -> UInt32 {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte &- 48)
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte &- 87)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte &- 55)
    default: 16
    }
  }

  /// Appends the characters that a string's body, already skipped, stands for; a lone surrogate is U+FFFD.
  static func unescape(_ body: UnsafeRawBufferPointer, to out: inout [UInt8]) {
    var at = 0
    func unit(_ start: Int) -> UInt32? {
      guard body.count &- start >= 4 else { return nil }
      var value: UInt32 = 0
      for offset in 0..<4 { value = value &<< 4 | (hexValue(body[start &+ offset]) & 15) }
      return value
    }
    while at < body.count {
      let byte = body[at]
      at &+= 1
      guard byte == UInt8(ascii: "\\"), at < body.count else {
        out.append(byte)
        continue
      }
      let letter = body[at]
      at &+= 1
      switch letter {
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0c)
      case UInt8(ascii: "n"): out.append(0x0a)
      case UInt8(ascii: "r"): out.append(0x0d)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "u"):
        guard var code = unit(at) else { return }
        at &+= 4
        if code & 0xfc00 == 0xd800, body.count &- at >= 6, body[at] == UInt8(ascii: "\\"),
          body[at &+ 1] == UInt8(ascii: "u"), let low = unit(at &+ 2), low & 0xfc00 == 0xdc00
        {
          code = 0x10000 &+ (code & 0x3ff) &<< 10 &+ (low & 0x3ff)
          at &+= 6
        }
        let scalar = Unicode.Scalar(code) ?? Unicode.Scalar(0xfffd as UInt16) ?? " "
        for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { out.append(unit) }
      default: out.append(letter)
      }
    }
  }

  // MARK: Values

  mutating func skip(_ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard end &- at >= count else { return false }
    for offset in 0..<count {
      guard base.load(fromByteOffset: at &+ offset, as: UInt8.self) == word.utf8Start[offset] else { return false }
    }
    at &+= count
    return true
  }

  /// Moves behind a value of any kind, which is checked.
  /// - Parameter depth: how many containers the value lies in.
  mutating func skipValue(depth: Int) throws(HistoryLineError) {
    // Of each open container whether it is an object.
    var open: [Bool] = []
    while true {
      skipSpace()
      switch current {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        let isObject = current == UInt8(ascii: "{")
        guard depth &+ open.count < JSON.maximumDepth else {
          throw fail("nesting deeper than \(JSON.maximumDepth)")
        }
        at &+= 1
        skipSpace()
        if current == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
          at &+= 1
          break
        }
        open.append(isObject)
        if isObject { try skipName() }
        continue
      case UInt8(ascii: "\""): _ = try skipString()
      case UInt8(ascii: "t"): guard skip("true") else { throw fail("expected a value") }
      case UInt8(ascii: "f"): guard skip("false") else { throw fail("expected a value") }
      case UInt8(ascii: "n"): guard skip("null") else { throw fail("expected a value") }
      default:
        if case .malformed = NumberText.read(base, &at, end) { throw fail("expected a value") }
      }
      closing: while true {
        guard let isObject = open.last else { return }
        skipSpace()
        switch current {
        case UInt8(ascii: ","):
          at &+= 1
          if isObject {
            skipSpace()
            try skipName()
          }
          break closing
        case UInt8(ascii: "}") where isObject, UInt8(ascii: "]") where !isObject:
          at &+= 1
          open.removeLast()
        default: throw fail(isObject ? "expected ',' or '}'" : "expected ',' or ']'")
        }
      }
    }
  }

  private mutating func skipName() throws(HistoryLineError) {
    guard current == UInt8(ascii: "\"") else { throw fail("expected a key") }
    _ = try skipString()
    skipSpace()
    guard current == UInt8(ascii: ":") else { throw fail("expected ':'") }
    at &+= 1
  }
}
