import GRDB
import GRDBSQLite
import Storage

#if canImport(Glibc)
  import Glibc
#endif

extension StorageError {
  /// What the system's error number says about a path.
  init(errno code: Int32, path: String) {
    let text = "\(path): \(Self.message(code))"
    self = Self.isFull(code) ? .full(text) : .failed(text)
  }

  private static func message(_ code: Int32) -> String {
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
  }

  /// The last system error.
  static func system(_ path: String) -> StorageError { StorageError(errno: errno, path: path) }

  /// EFBIG: a limit on the size of a file, from the file system or `ulimit -f`, is met in the same way.
  private static func isFull(_ code: Int32) -> Bool { code == ENOSPC || code == EDQUOT || code == EFBIG }

  /// - Parameter systemError: what the system told SQLite, if it is known.
  init(_ error: DatabaseError, path: String, systemError: Int32 = 0) {
    let system = systemError == 0 ? "" : " (\(Self.message(systemError)))"
    let text = "\(path): \(error.message ?? "error \(error.extendedResultCode.rawValue)")"
    switch error.resultCode {
    case .SQLITE_FULL: self = .full(text)
    // SQLite knows ENOSPC only.
    case .SQLITE_IOERR where Self.isFull(systemError): self = .full(text + system)
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged(text)
    case .SQLITE_CONSTRAINT where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE: self = .exists
    case .SQLITE_IOERR, .SQLITE_CANTOPEN: self = .failed(text + system)
    default: self = .failed(text)
    }
  }
}
