import QuipuBase

/// Reads the JSON text of table rows cell by cell.
///
/// Numbers and plain strings go straight into cells; what has members, elements or escapes is cut out and left to the
/// general parser.
struct TableRowReader {
  private let bytes: UnsafeRawBufferPointer
  private let attachments: TableCell.Attachments
  private var at = 0
  private var isFirstRow = true

  init(_ bytes: UnsafeRawBufferPointer, attachments: TableCell.Attachments) {
    self.bytes = bytes
    self.attachments = attachments
  }

  private func fail(_ reason: String) -> MediaError {
    MediaError(.value, "rows: not a JSON array of rows: \(reason) at byte \(at)")
  }

  @inline(__always)
  private var current: UInt8 { at < bytes.count ? bytes[at] : 0 }

  @inline(__always)
  private mutating func skipSpace() {
    while at < bytes.count {
      let byte = bytes[at]
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
      at &+= 1
    }
  }

  mutating func beginRows() throws(MediaError) {
    skipSpace()
    guard current == UInt8(ascii: "[") else { throw fail("expected '['") }
    at &+= 1
  }

  /// Reads the next of several rows; false at the end of the array.
  mutating func nextRow(into cells: inout [TableCell]) throws(MediaError) -> Bool {
    skipSpace()
    if current == UInt8(ascii: "]") && isFirstRow {
      at &+= 1
      return false
    }
    if !isFirstRow {
      if current == UInt8(ascii: "]") {
        at &+= 1
        return false
      }
      guard current == UInt8(ascii: ",") else { throw fail("expected ',' or ']'") }
      at &+= 1
    }
    isFirstRow = false
    try readRow(into: &cells)
    return true
  }

  mutating func readRow(into cells: inout [TableCell]) throws(MediaError) {
    cells.removeAll(keepingCapacity: true)
    skipSpace()
    guard current == UInt8(ascii: "[") else { throw fail("expected '[' for a row") }
    at &+= 1
    skipSpace()
    if current == UInt8(ascii: "]") {
      at &+= 1
      return
    }
    while true {
      skipSpace()
      cells.append(try cell())
      skipSpace()
      let next = current
      at &+= 1
      if next == UInt8(ascii: "]") { return }
      guard next == UInt8(ascii: ",") else {
        at &-= 1
        throw fail("expected ',' or ']'")
      }
    }
  }

  mutating func expectEnd() throws(MediaError) {
    skipSpace()
    guard at == bytes.count else { throw fail("unexpected text after the rows") }
  }

  private mutating func cell() throws(MediaError) -> TableCell {
    let start = at
    switch current {
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      if let plain = plainNumber() { return plain }
    case UInt8(ascii: "\""):
      if let plain = plainString() { return plain }
    case 0: throw fail("unexpected end")
    default: break
    }
    at = start
    let end = try endOfValue()
    let slice = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: slice)
    } catch {
      at = start &+ error.offset
      throw fail(error.reason)
    }
    at = end
    return try TableCell(taggedJSON: json, attachments: attachments)
  }

  private static let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]

  /// An integer of at most 18 digits, or a fraction whose digits and power of ten are exact doubles, so that one
  /// division rounds correctly. Nil leaves the number to the general parser.
  private mutating func plainNumber() -> TableCell? {
    let isNegative = current == UInt8(ascii: "-")
    if isNegative { at &+= 1 }
    var value: UInt64 = 0
    let first = at
    while at < bytes.count, bytes[at] &- 48 < 10 {
      value = value &* 10 &+ UInt64(bytes[at] &- 48)
      at &+= 1
    }
    var digits = at &- first
    guard digits > 0 && digits <= 18 else { return nil }
    switch current {
    case UInt8(ascii: ","), UInt8(ascii: "]"), 0x20, 0x0a, 0x0d, 0x09:
      let magnitude = Int64(truncatingIfNeeded: value)
      return .int(isNegative ? 0 &- magnitude : magnitude)
    case UInt8(ascii: "."): break
    default: return nil
    }
    at &+= 1
    let fraction = at
    while at < bytes.count, bytes[at] &- 48 < 10 {
      value = value &* 10 &+ UInt64(bytes[at] &- 48)
      at &+= 1
    }
    let decimals = at &- fraction
    digits &+= decimals
    guard decimals > 0, decimals <= 22, digits <= 18, value <= 1 << 53 else { return nil }
    switch current {
    case UInt8(ascii: ","), UInt8(ascii: "]"), 0x20, 0x0a, 0x0d, 0x09:
      let magnitude = Double(value) / Self.powersOfTen[decimals]
      return .double(isNegative ? -magnitude : magnitude)
    default: return nil
    }
  }

  /// A string without escapes.
  private mutating func plainString() -> TableCell? {
    let start = at &+ 1
    var end = start
    while end < bytes.count {
      let byte = bytes[end]
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\") || byte < 0x20 { return nil }
      end &+= 1
    }
    guard end < bytes.count else { return nil }
    let body = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    guard let text = String(validating: body.bindMemory(to: UInt8.self), as: UTF8.self) else { return nil }
    at = end &+ 1
    return .string(text)
  }

  /// Where the value that begins here ends, found by counting brackets outside strings.
  private func endOfValue() throws(MediaError) -> Int {
    var depth = 0
    var here = at
    while here < bytes.count {
      switch bytes[here] {
      case UInt8(ascii: "\""):
        here &+= 1
        while here < bytes.count, bytes[here] != UInt8(ascii: "\"") {
          here &+= bytes[here] == UInt8(ascii: "\\") ? 2 : 1
        }
        if depth == 0 { return min(here &+ 1, bytes.count) }
      case UInt8(ascii: "["), UInt8(ascii: "{"): depth &+= 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        if depth == 0 { return here }
        depth &-= 1
        if depth == 0 { return here &+ 1 }
      case UInt8(ascii: ","): if depth == 0 { return here }
      default: break
      }
      here &+= 1
    }
    throw fail("unexpected end")
  }
}
