/// Why a sweep configuration is refused, in words for the person who wrote it.
public struct SweepError: Error, Equatable, Sendable, CustomStringConvertible {
  public var message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }
}
