import Glibc

/// Small private files: read at once, replaced at once.
enum SmallFile {
  struct Problem: Error {
    var number: Int32
    var message: String
  }

  private static func problem(_ doing: String, _ path: String, _ number: Int32) -> Problem {
    Problem(number: number, message: "cannot \(doing) \(path): " + (strerror(number).map { String(cString: $0) } ?? ""))
  }

  static func read(_ path: String, limit: Int) -> Result<[UInt8], Problem> {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return .failure(problem("read", path, errno)) }
    defer { close(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = block.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        return .failure(problem("read", path, errno))
      }
      if count == 0 { return .success(bytes) }
      bytes.append(contentsOf: block.prefix(count))
      if bytes.count > limit { return .failure(problem("read", path, EFBIG)) }
    }
  }

  /// Writes a new file with mode 0600 and puts it in the place of `path`; a symbolic link stays one.
  ///
  /// - Parameter makesDirectory: makes the directory, mode 0700, and those above it.
  /// - Returns: nil if that worked.
  static func replace(_ path: String, _ bytes: [UInt8], makesDirectory: Bool = false) -> Problem? {
    var path = path
    if let real = realpath(path, nil) {
      path = String(cString: real)
      free(real)
    } else if let target = danglingTarget(path) {
      path = target
    }
    if makesDirectory { makeParents(path) }
    // In the same directory, so that the exchange is one step.
    let fresh = "\(path).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).tmp"
    let file = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { return problem("write", path, errno) }
    var number: Int32 = fchmod(file, 0o600) == 0 ? 0 : errno
    var done = 0
    while number == 0 && done < bytes.count {
      let count = bytes.withUnsafeBytes { raw in raw.baseAddress.map { write(file, $0 + done, raw.count - done) } ?? -1 }
      if count > 0 { done += count } else if errno != EINTR { number = errno }
    }
    if number == 0 && fsync(file) != 0 { number = errno }
    if close(file) != 0 && number == 0 { number = errno }
    if number == 0 && rename(fresh, path) != 0 { number = errno }
    guard number != 0 else { return nil }
    unlink(fresh)
    return problem("write", path, number)
  }

  /// Where a link points that has nothing at its end yet.
  private static func danglingTarget(_ path: String) -> String? {
    var room = [UInt8](repeating: 0, count: 4096)
    let count = room.withUnsafeMutableBytes { room in
      room.baseAddress.map { readlink(path, $0.assumingMemoryBound(to: CChar.self), room.count) } ?? -1
    }
    guard count > 0 else { return nil }
    let target = String(decoding: room.prefix(count), as: UTF8.self)
    if target.utf8.first == UInt8(ascii: "/") { return target }
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return target }
    return String(decoding: path.utf8[...slash], as: UTF8.self) + target
  }

  private static func makeParents(_ path: String) {
    var at = path.utf8.startIndex
    while let slash = path.utf8[at...].dropFirst().firstIndex(of: UInt8(ascii: "/")) {
      mkdir(String(decoding: path.utf8[..<slash], as: UTF8.self), 0o700)
      at = slash
    }
  }
}
