import Storage

#if canImport(Glibc)
  import Glibc
#endif

/// Holds a data directory for one process: two servers in one would each think to know what is in it.
///
/// Freed with this object, and by the system when the process ends in whatever way.
final class DirectoryLock: Sendable {
  private let descriptor: Int32
  private let end: AsyncStream<Never>.Continuation
  /// Ends when the directory is free.
  let ended: Task<Void, Never>

  /// - Throws: `failed` with the process id of the holder if the directory is in use.
  init(directory: String) throws {
    let path = directory + "/lock"
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StorageError.system(path) }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      defer { close(file) }
      guard code == EWOULDBLOCK else { throw StorageError(errno: code, path: path) }
      var text = [UInt8](repeating: 0, count: 20)
      let count = pread(file, &text, text.count, 0)
      let holder = String(decoding: text.prefix(max(0, count)).prefix { (48...57).contains($0) }, as: UTF8.self)
      throw StorageError.failed(
        "\(directory) is in use by \(holder.isEmpty ? "another process" : "process \(holder)")")
    }
    let text = Array("\(getpid())\n".utf8)
    // Only the message above needs it; a full disk is noticed where it matters.
    if ftruncate(file, 0) == 0 { _ = pwrite(file, text, text.count, 0) }
    descriptor = file
    let (stream, end) = AsyncStream.makeStream(of: Never.self)
    self.end = end
    ended = Task { for await _ in stream {} }
  }

  deinit {
    close(descriptor)
    end.finish()
  }
}
