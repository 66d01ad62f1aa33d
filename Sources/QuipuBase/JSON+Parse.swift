extension JSON {
  /// Deepest nesting of arrays and objects that the parser accepts.
  public static let maximumDepth = 500

  /// Parses one JSON text.
  ///
  /// Beyond the standard: `NaN`, `Infinity`, `-Infinity`, `Inf`, `-Inf` and leading zeros are accepted. A number with
  /// `.`, `e` or `E` is a double (overflow gives an infinity), any other an integer of any size. An unpaired surrogate
  /// escape becomes U+FFFD. Of members with equal keys the last wins, at the place of the first.
  /// - Complexity: linear in the number of bytes.
  /// - Throws: `JSONError` if the bytes are anything but one value with white space around it, if a string is not
  ///   UTF-8 or holds a raw control character, or if nesting exceeds `maximumDepth`.
  public init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
    try self.init(parsing: bytes, maximumDepth: Self.maximumDepth)
  }

  /// As `init(parsing:)`, with a limit of nesting of one's own.
  package init(parsing bytes: UnsafeRawBufferPointer, maximumDepth: Int) throws(JSONError) {
    var parser = JSONParser(bytes, maximumDepth: maximumDepth)
    self = try parser.parse()
  }

  public init(parsing text: String) throws(JSONError) {
    var text = text
    let result: Result<JSON, JSONError> = text.withUTF8 { bytes in
      do throws(JSONError) {
        return .success(try JSON(parsing: UnsafeRawBufferPointer(bytes)))
      } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }

  public init(parsing bytes: [UInt8]) throws(JSONError) {
    let result: Result<JSON, JSONError> = bytes.withUnsafeBytes { bytes in
      do throws(JSONError) {
        return .success(try JSON(parsing: bytes))
      } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }
}

/// Iterative, so that nesting costs heap and not the stack of a host's thread.
private struct JSONParser {
  /// An array or object whose end has not been seen.
  struct Open {
    var isObject: Bool
    var elements: [JSON] = []
    var object = JSONObject()
    var key = Key("")
  }

  let bytes: UnsafeRawBufferPointer
  var at = 0
  var scratch: [UInt8] = []

  let maximumDepth: Int

  init(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int) {
    self.bytes = bytes
    self.maximumDepth = maximumDepth
  }

  /// The byte at the cursor; 0 at the end. A real NUL is not valid at any place where this is used.
  @inline(__always)
  var current: UInt8 { at < bytes.count ? bytes[at] : 0 }

  @inline(__always)
  func byte(_ offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }

  func fail(_ reason: String) -> JSONError {
    JSONError(offset: at, reason: at >= bytes.count ? "unexpected end of text" : reason)
  }

  @inline(__always)
  mutating func skipSpace() {
    while at < bytes.count {
      let byte = bytes[at]
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
      at &+= 1
    }
  }

  mutating func parse() throws(JSONError) -> JSON {
    var parents: [Open] = []
    var open: Open? = nil

    // Each turn reads one value; containers that are complete with it are closed and handed up.
    while true {
      skipSpace()
      var value: JSON
      switch current {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        let isObject = current == UInt8(ascii: "{")
        let depth = open == nil ? 1 : parents.count + 2
        guard depth <= maximumDepth else { throw fail("nesting deeper than \(maximumDepth)") }
        at &+= 1
        skipSpace()
        if isObject && current == UInt8(ascii: "}") {
          at &+= 1
          value = .object(JSONObject())
        } else if !isObject && current == UInt8(ascii: "]") {
          at &+= 1
          value = .array([])
        } else {
          var fresh = Open(isObject: isObject)
          if isObject { fresh.key = try memberKey() }
          if let outer = open { parents.append(outer) }
          open = fresh
          continue
        }
      default:
        value = try scalar()
      }

      closing: while true {
        guard open != nil else {
          skipSpace()
          guard at == bytes.count else { throw fail("unexpected byte after the value") }
          return value
        }
        skipSpace()
        let next = current
        if open?.isObject == true {
          if let key = open?.key { open?.object[key] = value }
          if next == UInt8(ascii: ",") {
            at &+= 1
            skipSpace()
            open?.key = try memberKey()
            break closing
          }
          guard next == UInt8(ascii: "}") else { throw fail("expected ',' or '}'") }
          value = .object(open?.object ?? JSONObject())
        } else {
          open?.elements.append(value)
          if next == UInt8(ascii: ",") {
            at &+= 1
            break closing
          }
          guard next == UInt8(ascii: "]") else { throw fail("expected ',' or ']'") }
          value = .array(open?.elements ?? [])
        }
        at &+= 1
        open = parents.popLast()
      }
    }
  }

  mutating func memberKey() throws(JSONError) -> Key {
    guard current == UInt8(ascii: "\"") else { throw fail("expected a member name") }
    let key = Key(try string())
    skipSpace()
    guard current == UInt8(ascii: ":") else { throw fail("expected ':'") }
    at &+= 1
    return key
  }

  mutating func scalar() throws(JSONError) -> JSON {
    switch current {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N"): return try word("NaN", .double(.nan))
    case UInt8(ascii: "I"): return try infinity(.infinity)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw fail("expected a value")
    }
  }

  mutating func word(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    guard skip(text) else { throw fail("expected a value") }
    return value
  }

  /// `Infinity` or `Inf`; the sign has been read.
  mutating func infinity(_ value: Double) throws(JSONError) -> JSON {
    guard skip("Infinity") || skip("Inf") else { throw fail("expected a value") }
    return .double(value)
  }

  mutating func skip(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard bytes.count &- at >= count else { return false }
    for offset in 0..<count where bytes[at &+ offset] != text.utf8Start[offset] { return false }
    at &+= count
    return true
  }

  // MARK: Numbers

  mutating func number() throws(JSONError) -> JSON {
    var decimal = DecimalText()
    let start = at
    if current == UInt8(ascii: "-") {
      decimal.isNegative = true
      at &+= 1
      if current == UInt8(ascii: "I") { return try infinity(-.infinity) }
    }
    guard isDigit(current) else { throw fail("expected a digit") }
    while current == UInt8(ascii: "0") { at &+= 1 }
    let firstDigit = at
    while isDigit(current) {
      decimal.append(current)
      at &+= 1
    }
    let isInteger = current != UInt8(ascii: ".") && current | 0x20 != UInt8(ascii: "e")
    if isInteger {
      if let exact = decimal.int64 { return .int(exact) }
      let digits = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[firstDigit..<at]), as: UTF8.self)
      return .bigInteger(bytes[start] == UInt8(ascii: "-") ? "-" + digits : digits)
    }
    if current == UInt8(ascii: ".") {
      at &+= 1
      guard isDigit(current) else { throw fail("expected a digit") }
      while isDigit(current) {
        decimal.append(current)
        decimal.exponent &-= 1
        at &+= 1
      }
    }
    if current | 0x20 == UInt8(ascii: "e") {
      at &+= 1
      let negative = current == UInt8(ascii: "-")
      if negative || current == UInt8(ascii: "+") { at &+= 1 }
      guard isDigit(current) else { throw fail("expected a digit") }
      var exponent = 0
      while isDigit(current) {
        // Far beyond any text that fits in memory, far below overflow.
        if exponent < 1 << 52 { exponent = exponent &* 10 &+ Int(current &- 48) }
        at &+= 1
      }
      decimal.exponent &+= negative ? -exponent : exponent
    }
    return .double(decimal.double(digitsOf: bytes, from: firstDigit))
  }

  @inline(__always)
  func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

  // MARK: Strings

  mutating func string() throws(JSONError) -> String {
    let quote = at
    at &+= 1
    let start = at
    skipPlain()
    if current == UInt8(ascii: "\"") {
      let body = UnsafeRawBufferPointer(rebasing: bytes[start..<at])
      at &+= 1
      return try text(body, quote)
    }
    scratch.removeAll(keepingCapacity: true)
    var run = start
    while true {
      scratch.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[run..<at]))
      guard at < bytes.count else { throw JSONError(offset: at, reason: "unexpected end of text") }
      switch bytes[at] {
      case UInt8(ascii: "\""):
        at &+= 1
        return try text(scratch, quote)
      case UInt8(ascii: "\\"):
        at &+= 1
        try escape()
      default:
        throw fail("raw control character in a string")
      }
      run = at
      skipPlain()
    }
  }

  @inline(__always)
  func text(_ body: some Sequence<UInt8>, _ quote: Int) throws(JSONError) -> String {
    guard let text = String(validating: body, as: UTF8.self) else {
      throw JSONError(offset: quote, reason: "string is not UTF-8")
    }
    return text
  }

  /// Moves to the next quote, backslash, control character or the end.
  @inline(__always)
  mutating func skipPlain() {
    while bytes.count &- at >= 8 {
      let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      if JSONText.hasSpecial(word) { break }
      at &+= 8
    }
    while at < bytes.count {
      let byte = bytes[at]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
      at &+= 1
    }
  }

  /// The cursor is behind the backslash.
  mutating func escape() throws(JSONError) {
    let letter = current
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scratch.append(letter)
    case UInt8(ascii: "b"): scratch.append(0x08)
    case UInt8(ascii: "f"): scratch.append(0x0c)
    case UInt8(ascii: "n"): scratch.append(0x0a)
    case UInt8(ascii: "r"): scratch.append(0x0d)
    case UInt8(ascii: "t"): scratch.append(0x09)
    case UInt8(ascii: "u"):
      at &+= 1
      let unit = try hexUnit()
      var scalar = unit
      if unit & 0xfc00 == 0xd800 && current == UInt8(ascii: "\\") && byte(at &+ 1) == UInt8(ascii: "u") {
        let mark = at
        at &+= 2
        let second = try hexUnit()
        if second & 0xfc00 == 0xdc00 {
          scalar = 0x10000 &+ (unit & 0x3ff) << 10 &+ (second & 0x3ff)
        } else {
          // Not the other half: it stands for itself.
          at = mark
        }
      }
      appendScalar(scalar)
      return
    default: throw fail("unknown escape")
    }
    at &+= 1
  }

  mutating func hexUnit() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    var read = 0
    while read < 4 {
      let digit = Self.hexValue(current)
      if digit > 15 { break }
      value = value << 4 | digit
      at &+= 1
      read &+= 1
    }
    guard read == 4 else { throw fail("expected four hexadecimal digits") }
    return value
  }

  /// The value of a hexadecimal digit; 16 for any other byte.
  static func hexValue(_ byte: UInt8) -> UInt32 {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte &- 48)
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte &- 87)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte &- 55)
    default: 16
    }
  }

  mutating func appendScalar(_ code: UInt32) {
    let scalar = Unicode.Scalar(code) ?? Unicode.Scalar(0xfffd as UInt16) ?? " "
    for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { scratch.append(unit) }
  }
}
