/// A failed call on a log file.
public struct LogFileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was being done.
  public enum Operation: String, Sendable {
    case create, open, read, write, truncate, size, sync, lock
  }

  public var operation: Operation
  /// `errno` of the call, read right after it.
  public var code: Int32

  public init(_ operation: Operation, code: Int32) {
    self.operation = operation
    self.code = code
  }

  /// One line without the path, for example `write: error 28`.
  public var description: String { "\(operation.rawValue): error \(code)" }
}
