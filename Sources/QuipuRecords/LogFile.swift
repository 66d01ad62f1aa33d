import Glibc
import QuipuBase

/// An open `.wandb` file. The only part of this module that touches the disk.
///
/// Writing goes on at `position`, which counts the bytes that are known to be in the file. Bytes given to `append`
/// reach the kernel before it returns: they survive the death of the process. They survive the death of the machine
/// after `sync`. The descriptor is closed on exec and at the end of the value's life. Not thread-safe.
public struct LogFile: ~Copyable, LogSource {
  /// File position of the next byte to be written.
  public private(set) var position: UInt64
  /// For locks that the run takes beyond `lockIfFree`; do not close.
  public let descriptor: Int32

  private init(descriptor: Int32, position: UInt64) {
    self.descriptor = descriptor
    self.position = position
  }

  deinit { _ = Glibc.close(descriptor) }

  // MARK: Opening

  /// Creates a file that must not exist yet, with mode 0666 less the umask. Nothing is written.
  ///
  /// - Parameter path: file path without NUL characters.
  /// - Throws: `EEXIST` if there is such a file, or what open(2) reports.
  public static func create(path: String) throws(LogFileError) -> LogFile {
    let descriptor = try open(path, O_RDWR | O_CREAT | O_EXCL, .create)
    return LogFile(descriptor: descriptor, position: 0)
  }

  /// Opens an existing file to append to it. The position is the end of the file.
  ///
  /// Before writing, find the recoverable end with `LogScan` and truncate to it.
  public static func openForAppending(path: String) throws(LogFileError) -> LogFile {
    var file = LogFile(descriptor: try open(path, O_RDWR, .open), position: 0)
    file.position = try file.size()
    return file
  }

  /// Opens an existing file for reading only.
  public static func openForReading(path: String) throws(LogFileError) -> LogFile {
    LogFile(descriptor: try open(path, O_RDONLY, .open), position: 0)
  }

  private static func open(
    _ path: String, _ flags: Int32, _ operation: LogFileError.Operation
  ) throws(LogFileError) -> Int32 {
    // A NUL would silently cut the path short.
    guard !path.utf8.contains(0) else { throw LogFileError(operation, code: EINVAL) }
    while true {
      let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return descriptor }
      let code = lastError()
      if code != EINTR { throw LogFileError(operation, code: code) }
    }
  }

  // MARK: Writing

  /// Writes all bytes at `position` and moves it behind them.
  ///
  /// Blocking: until the kernel has taken the bytes.
  /// - Throws: what pwrite(2) reports, `ENOSPC` for example. `position` is then behind the last byte that was written,
  ///   which may be inside a record: truncate back to the end of the last whole record.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(LogFileError) {
    var rest = bytes
    while let base = rest.baseAddress, rest.count > 0 {
      let written = pwrite(descriptor, base, rest.count, off_t(truncatingIfNeeded: position))
      if written > 0 {
        position &+= UInt64(written)
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      } else {
        // Zero written bytes set no errno and would repeat for ever.
        let code = written < 0 ? Self.lastError() : EIO
        if code != EINTR { throw LogFileError(.write, code: code) }
      }
    }
  }

  /// Cuts the file to `size` bytes and goes on writing there.
  public mutating func truncate(to size: UInt64) throws(LogFileError) {
    guard let length = off_t(exactly: size) else { throw LogFileError(.truncate, code: EFBIG) }
    while ftruncate(descriptor, length) != 0 {
      let code = Self.lastError()
      if code != EINTR { throw LogFileError(.truncate, code: code) }
    }
    position = size
  }

  /// Waits until the file's bytes are on the device.
  ///
  /// Blocking: milliseconds to seconds.
  public func sync() throws(LogFileError) {
    while fdatasync(descriptor) != 0 {
      let code = Self.lastError()
      if code != EINTR { throw LogFileError(.sync, code: code) }
    }
  }

  // MARK: Reading

  /// The present size of the file in bytes.
  public func size() throws(LogFileError) -> UInt64 {
    var status = stat()
    while fstat(descriptor, &status) != 0 {
      let code = Self.lastError()
      if code != EINTR { throw LogFileError(.size, code: code) }
    }
    return UInt64(clamping: status.st_size)
  }

  public func read(at offset: UInt64, into: UnsafeMutableRawBufferPointer) throws(LogFileError) -> Int {
    guard let base = into.baseAddress else { return 0 }
    var done = 0
    while done < into.count {
      guard let at = off_t(exactly: offset &+ UInt64(done)) else { return done }
      let count = pread(descriptor, base + done, into.count - done, at)
      if count == 0 { break }
      if count > 0 {
        done += count
      } else {
        let code = Self.lastError()
        if code != EINTR { throw LogFileError(.read, code: code) }
      }
    }
    return done
  }

  // MARK: Locking

  /// Tries to become the only holder of the file's lock (flock). It is given back with the value, or by the kernel when
  /// the process dies, so a free lock on an unfinished log tells that its writer is gone.
  ///
  /// A child made by fork shares the lock until it execs or exits.
  ///
  /// - Returns: false if another open file holds the lock.
  /// - Throws: what flock(2) reports, `ENOLCK` for example on file systems without locks.
  public func lockIfFree() throws(LogFileError) -> Bool {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let code = Self.lastError()
      if code == EWOULDBLOCK { return false }
      if code != EINTR { throw LogFileError(.lock, code: code) }
    }
    return true
  }

  /// Reads `errno` before anything else can change it.
  @inline(never) private static func lastError() -> Int32 { errno }
}
