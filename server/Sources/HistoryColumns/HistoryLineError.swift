/// Why a line of a history or events file is not a row.
public struct HistoryLineError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Byte offset in the line.
  public var offset: Int
  public var reason: String

  public init(offset: Int, reason: String) {
    self.offset = offset
    self.reason = reason
  }

  public var description: String { "\(reason) at byte \(offset)" }
}
