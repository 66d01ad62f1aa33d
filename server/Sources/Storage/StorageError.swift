/// Why the store could not do what was asked.
public enum StorageError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No room on the disk, or the object store's quota is used up. Passing: a client that is told 507 tries again.
  case full(String)
  /// The record changed between reading and writing it; read again and retry.
  case conflict
  /// A record with this name exists.
  case exists
  /// What is stored cannot be read back: a damaged file or database.
  case damaged(String)
  /// Anything else the system said.
  case failed(String)

  public var description: String {
    switch self {
    case .full(let text): "no space left: \(text)"
    case .conflict: "the record was changed by another request"
    case .exists: "a record with this name exists"
    case .damaged(let text): "damaged data: \(text)"
    case .failed(let text): text
    }
  }
}
