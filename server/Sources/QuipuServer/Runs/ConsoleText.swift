import QuipuBase

/// A console line taken apart. Source: protocol reference, 10.4.
struct ConsoleText: Equatable {
  /// `YYYY-MM-DDTHH:MM:SS.ffffff`, UTC.
  var timestamp: String?
  /// "error" for stderr, else empty.
  var level = ""
  var label = ""
  var text: String

  /// Reads both forms, `[ERROR ]TIMESTAMP [LABEL ]text` and a JSON object; anything else is text.
  init(_ content: String) {
    text = content
    if content.utf8.first == UInt8(ascii: "{"), let line = (try? JSON(parsing: content))?.objectValue,
      let inner = line["content"]?.stringValue
    {
      text = inner
      timestamp = line["ts"]?.stringValue
      level = line["level"]?.stringValue ?? ""
      label = line["label"]?.stringValue ?? ""
      return
    }
    var rest = Substring(content)
    let isError = rest.hasPrefix("ERROR ")
    if isError { rest = rest.dropFirst(6) }
    let end = rest.firstIndex(of: " ") ?? rest.endIndex
    guard Self.isTimestamp(rest[..<end]) else { return }
    timestamp = String(rest[..<end])
    level = isError ? "error" : ""
    rest = end == rest.endIndex ? rest[end...] : rest[rest.index(after: end)...]
    if rest.first == "[", let close = rest.firstIndex(of: "]"),
      rest.index(after: close) == rest.endIndex || rest[rest.index(after: close)] == " "
    {
      label = String(rest[rest.index(after: rest.startIndex)..<close])
      rest = rest[rest.index(after: close)...].dropFirst()
    }
    text = String(rest)
  }

  private static func isTimestamp(_ text: Substring) -> Bool {
    let shape = Array("dddd-dd-ddTdd:dd:dd".utf8)
    let bytes = Array(text.utf8)
    guard bytes.count >= shape.count, bytes.count <= 32 else { return false }
    return zip(shape, bytes).allSatisfy { $0 == UInt8(ascii: "d") ? (48...57).contains($1) : $0 == $1 }
  }
}

/// Where a page of console lines ended: a line number, and the writer's id in shared mode.
struct ConsoleCursor {
  var writer: String
  var number: Int64

  init(writer: String, number: Int64) {
    self.writer = writer
    self.number = number
  }

  init?(text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let number = Int64(first) else { return nil }
    self.number = number
    writer = parts.count > 1 ? String(parts[1]) : ""
  }

  var text: String { writer.isEmpty ? "\(number)" : "\(number):\(writer)" }
}
