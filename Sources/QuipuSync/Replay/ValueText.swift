import QuipuBase

/// What the JSON text of a value is, found as cheaply as can be.
enum ValueText {
  enum Form {
    /// One number, word or string, or an array: goes to the server as it stands.
    case ready
    /// An object, whose members merge into what is there.
    case object
    /// Valid for readers of logs, but to be spelled anew: `Inf`, leading zeros, line breaks between elements.
    case odd
    /// Not JSON: readers drop the item.
    case broken
  }

  /// - Parameter text: UTF-8.
  @inline(__always) static func form(_ text: UnsafeRawBufferPointer) -> Form {
    isNumber(text) ? .ready : otherForm(text)
  }

  /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
  @inline(__always) static func isNumber(_ text: UnsafeRawBufferPointer) -> Bool {
    guard var at = text.baseAddress, text.count > 0 else { return false }
    let end = at + text.count
    if at.load(as: UInt8.self) == UInt8(ascii: "-") { at += 1 }
    let start = at
    digits(&at, end)
    let count = at - start
    if count == 0 || (count > 1 && start.load(as: UInt8.self) == UInt8(ascii: "0")) { return false }
    if at == end { return true }
    if at.load(as: UInt8.self) == UInt8(ascii: ".") {
      at += 1
      let fraction = at
      digits(&at, end)
      if at == fraction { return false }
      if at == end { return true }
    }
    guard at.load(as: UInt8.self) | 0x20 == UInt8(ascii: "e") else { return false }
    at += 1
    if at < end, at.load(as: UInt8.self) == UInt8(ascii: "+") || at.load(as: UInt8.self) == UInt8(ascii: "-") { at += 1 }
    let exponent = at
    digits(&at, end)
    return at == end && at > exponent
  }

  @inline(__always) private static func digits(_ at: inout UnsafeRawPointer, _ end: UnsafeRawPointer) {
    while at < end, at.load(as: UInt8.self) &- 48 < 10 { at += 1 }
  }

  /// The integer that the text is; nil for anything else, also for `5.0`.
  static func integer(_ text: UnsafeRawBufferPointer) -> Int64? {
    var value: Int64 = 0
    var at = 0
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative { at = 1 }
    guard at < text.count else { return nil }
    while at < text.count {
      let digit = text[at] &- 48
      guard digit < 10 else { return nil }
      let (scaled, over) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = isNegative
        ? scaled.subtractingReportingOverflow(Int64(digit)) : scaled.addingReportingOverflow(Int64(digit))
      if over || carry { return nil }
      value = sum
      at &+= 1
    }
    return value
  }

  private static func otherForm(_ text: UnsafeRawBufferPointer) -> Form {
    if isString(text) || isKnownWord(text) { return .ready }
    guard let value = try? JSON(parsing: text) else { return .broken }
    switch value {
    case .object: return .object
    case .null, .bool, .string, .array, .int, .double, .bigInteger: return isOdd(text, value) ? .odd : .ready
    }
  }

  /// A string without escapes for code points.
  private static func isString(_ text: UnsafeRawBufferPointer) -> Bool {
    let quote = UInt8(ascii: "\"")
    guard text.count >= 2, text.first == quote, text[text.count &- 1] == quote else { return false }
    let end = text.count &- 1
    var at = 1
    while at < end {
      if end &- at >= 8 && !LineText.hasSpecial(text.loadUnaligned(fromByteOffset: at, as: UInt64.self)) {
        at &+= 8
        continue
      }
      let byte = text[at]
      if byte < 0x20 || byte == quote { return false }
      if byte == 0x5C {
        at &+= 1
        // A quote that is escaped is not the last one.
        guard at < end else { return false }
        switch text[at] {
        case quote, 0x5C, UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
          UInt8(ascii: "r"), UInt8(ascii: "t"):
          break
        default: return false
        }
      }
      at &+= 1
    }
    return true
  }

  private static func isKnownWord(_ text: UnsafeRawBufferPointer) -> Bool {
    switch text.count {
    case 3: return matches(text, "NaN")
    case 4: return matches(text, "true") || matches(text, "null")
    case 5: return matches(text, "false")
    case 8: return matches(text, "Infinity")
    case 9: return matches(text, "-Infinity")
    default: return false
    }
  }

  private static func matches(_ text: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
    text.elementsEqual(UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
  }

  /// Whether a text that parses has a spelling that other parsers may refuse.
  private static func isOdd(_ text: UnsafeRawBufferPointer, _ value: JSON) -> Bool {
    switch value {
    case .string, .null, .bool: return text.first == 0x20 || text.contains { $0 < 0x20 }
    case .int, .double, .bigInteger: return true
    case .array, .object: break
    }
    var before: UInt8 = 0
    for at in 0..<text.count {
      let byte = text[at]
      if byte < 0x20 { return true }
      let next = at &+ 1 < text.count ? text[at &+ 1] : 0
      // A number with a leading zero. The same digits inside a string cost a new spelling, nothing else.
      if byte == 48, next &- 48 < 10, !(before &- 48 < 10), before != UInt8(ascii: "."), before != UInt8(ascii: "e"),
        before != UInt8(ascii: "E"), before != UInt8(ascii: "+")
      {
        return true
      }
      if byte == UInt8(ascii: "I"), next == UInt8(ascii: "n") {
        let tail = UnsafeRawBufferPointer(rebasing: text[at..<min(at &+ 8, text.count)])
        if !matches(tail, "Infinity") { return true }
      }
      before = byte
    }
    return false
  }
}
