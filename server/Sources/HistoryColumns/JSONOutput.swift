import QuipuBase

/// How a row's text is written.
enum RowForm {
  /// By itself: NaN and the infinities are bare words.
  case text
  /// Inside a JSON string.
  case string
  /// As an object of standard JSON: NaN and the infinities are strings.
  case object

  init(_ form: HistoryForm) {
    switch form {
    case .strings: self = .string
    case .objects: self = .object
    }
  }
}

extension ByteBuffer {
  /// Appends `"key":` with a comma in front.
  mutating func appendName(_ key: UnsafeRawBufferPointer, _ form: RowForm) {
    append(UInt8(ascii: ","))
    guard form == .string else {
      append(UInt8(ascii: "\""))
      appendEscaped(key)
      append("\":")
      return
    }
    var name = ByteBuffer(capacity: key.count + 16)
    name.appendEscaped(key)
    append("\\\"")
    appendEscaped(name.bytes)
    append("\\\":")
  }

  /// Appends `text` as the inside of a JSON string.
  mutating func appendEscaped(_ text: UnsafeRawBufferPointer) {
    var run = 0
    var at = 0
    while at < text.count {
      if text.count &- at >= 8 {
        let hits = LineCursor.special(UInt64(littleEndian: text.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
        if hits == 0 {
          at &+= 8
          continue
        }
        at &+= hits.trailingZeroBitCount &>> 3
      }
      let byte = text[at]
      guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
        at &+= 1
        continue
      }
      append(UnsafeRawBufferPointer(rebasing: text[run..<at]))
      append(UInt8(ascii: "\\"))
      switch byte {
      case UInt8(ascii: "\n"): append(UInt8(ascii: "n"))
      case UInt8(ascii: "\t"): append(UInt8(ascii: "t"))
      case UInt8(ascii: "\r"): append(UInt8(ascii: "r"))
      case 0..<0x20:
        append("u00")
        append(48 &+ byte &>> 4)
        append(byte & 15 < 10 ? 48 &+ byte & 15 : 87 &+ byte & 15)
      default: append(byte)
      }
      at &+= 1
      run = at
    }
    append(UnsafeRawBufferPointer(rebasing: text[run...]))
  }

  /// Appends a JSON text that may hold the bare words `NaN`, `Infinity` and `-Infinity`, with these as strings.
  mutating func appendStandard(_ text: UnsafeRawBufferPointer) {
    if text.first == UInt8(ascii: "\"") {
      append(text)
      return
    }
    var run = 0
    var at = 0
    while at < text.count {
      switch text[at] {
      case UInt8(ascii: "\""):
        at &+= 1
        while at < text.count && text[at] != UInt8(ascii: "\"") {
          at &+= text[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        at &+= 1
      case UInt8(ascii: "N"), UInt8(ascii: "I"):
        let length = text[at] == UInt8(ascii: "N") ? 3 : 8
        let start = at > run && text[at &- 1] == UInt8(ascii: "-") ? at &- 1 : at
        let end = min(text.count, at &+ length)
        append(UnsafeRawBufferPointer(rebasing: text[run..<start]))
        append(UInt8(ascii: "\""))
        append(UnsafeRawBufferPointer(rebasing: text[start..<end]))
        append(UInt8(ascii: "\""))
        at = end
        run = end
      default: at &+= 1
      }
    }
    if run < text.count { append(UnsafeRawBufferPointer(rebasing: text[run...])) }
  }

  /// Appends the value of a row, which must have one.
  @inline(__always)
  mutating func appendValue(_ values: PageValues, _ row: Int, _ form: RowForm) {
    switch values.form {
    case .doubles: appendNumber(values.double(row), form)
    case .integers: appendDecimal(values.integer(row))
    case .texts: appendText(values.text(row), form)
    case .absent: break
    }
  }

  @inline(__always)
  mutating func appendNumber(_ value: Double, _ form: RowForm) {
    if form == .object && !value.isFinite {
      append(UInt8(ascii: "\""))
      appendDouble(value, style: .core)
      append(UInt8(ascii: "\""))
    } else {
      appendDouble(value, style: .core)
    }
  }

  mutating func appendText(_ text: UnsafeRawBufferPointer, _ form: RowForm) {
    switch form {
    case .text: append(text)
    case .string: appendEscaped(text)
    case .object: appendStandard(text)
    }
  }
}
