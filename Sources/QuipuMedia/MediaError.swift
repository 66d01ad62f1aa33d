/// Why a media value was refused.
///
/// The category says which family of exception a binding raises (`value` is Python's ValueError and so on); the message
/// is one line that names the argument and the fix.
public struct MediaError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Category: Sendable, Equatable {
    /// An argument of the right kind with an impossible content.
    case value
    /// An argument of the wrong kind.
    case type
    /// A position outside the data.
    case index
    /// A name that does not exist.
    case key
    /// A file could not be read or written.
    case io
    /// A feature this library or the platform does not have; in Python the client's own Error.
    case unsupported
    /// A broken precondition of the call; Python's AssertionError.
    case assertion
  }

  public var category: Category
  public var message: String

  public init(_ category: Category, _ message: String) {
    self.category = category
    self.message = message
  }

  public var description: String { message }
}
