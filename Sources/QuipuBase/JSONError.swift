/// Why a text is not JSON.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Byte offset of the first byte that could not be used; for a string that is not UTF-8, of its opening quote.
  public var offset: Int
  /// One line, lower case, without a full stop.
  public var reason: String

  public init(offset: Int, reason: String) {
    self.offset = offset
    self.reason = reason
  }

  public var description: String { "\(reason) at byte \(offset)" }
}
