/// A text in the query or schema language.
struct Source {
  let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }

  /// - Parameter offset: of a byte; what lies outside the text counts as its end.
  /// - Complexity: linear in the offset, so for errors only.
  func location(of offset: Int) -> GraphQLError.Location {
    var line = 1
    var column = 1
    var at = 0
    while at < offset && at < bytes.count {
      let byte = bytes[at]
      at += 1
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        if byte == UInt8(ascii: "\r") && at < bytes.count && at < offset && bytes[at] == UInt8(ascii: "\n") { at += 1 }
        line += 1
        column = 1
      } else if byte & 0xc0 != 0x80 {
        column += 1
      }
    }
    return GraphQLError.Location(line: line, column: column)
  }

  func error(_ message: String, at offset: Int) -> GraphQLError {
    GraphQLError(message, locations: [location(of: offset)])
  }

  func text(_ range: Range<Int>) -> String {
    guard range.lowerBound >= 0 && range.upperBound <= bytes.count else { return "" }
    return String(decoding: bytes[range], as: UTF8.self)
  }
}
