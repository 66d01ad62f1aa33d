import Glibc

/// The few things that the side files of an upload need from the disk.
enum SideFile {
  /// The whole file; nil if it cannot be read or has more than `limit` bytes.
  static func read(_ path: String, limit: Int = 256 << 20) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size >= 0, status.st_size <= limit else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    let size = bytes.count
    let complete = bytes.withUnsafeMutableBytes { raw -> Bool in
      while done < size, let start = raw.baseAddress {
        let count = Glibc.read(descriptor, start + done, size - done)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return count == 0 }
        done += count
      }
      return true
    }
    guard complete else { return nil }
    if done < size { bytes.removeLast(size - done) }
    return bytes
  }

  /// Puts `bytes` in the place of the file: readers see the old content or the new one, never a part.
  ///
  /// - Returns: 0, or what the system reported; the old content is then still there.
  static func replace(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o666) -> Int32 {
    let temporary = "\(path).\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard descriptor >= 0 else { return errno }
    var code = writeAll(descriptor, bytes)
    if close(descriptor) != 0, code == 0 { code = errno }
    if code == 0, rename(temporary, path) != 0 { code = errno }
    if code != 0 { unlink(temporary) }
    return code
  }

  /// - Returns: 0, or what the system reported; some bytes may have been written.
  static func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Int32 {
    bytes.withUnsafeBytes { raw -> Int32 in
      var done = 0
      while done < raw.count, let start = raw.baseAddress {
        let count = write(descriptor, start + done, raw.count - done)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return count < 0 ? errno : EIO }
        done += count
      }
      return 0
    }
  }

  static func size(_ path: String) -> Int64? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Int64(status.st_size)
  }

  static func errorText(_ code: Int32) -> String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }
}
