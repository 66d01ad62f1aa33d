/// Why a filter, an order or a pattern cannot be used. The text is meant for the user who wrote it.
public struct FilterError: Error, Equatable, Sendable, CustomStringConvertible {
  /// One line without a full stop. Texts of the user are quoted in it, shortened.
  public var message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }

  /// `text` in quotes, cut to a length that an error can carry, without line breaks.
  static func quote(_ text: String) -> String {
    let head = text.unicodeScalars.prefix(80)
    var quoted = "\""
    quoted.unicodeScalars.append(contentsOf: head.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 })
    if head.endIndex != text.unicodeScalars.endIndex { quoted += "…" }
    return quoted + "\""
  }
}
