import Glibc

/// Small file operations on POSIX calls. None of them traps; failures are `nil`, an `errno` value or a ``QuipuError``.
package enum FileTools {
  /// "cannot <doing> <path>: <reason>".
  @inline(never)
  package static func error(
    _ code: QuipuError.Code, kind: String, doing: String, _ path: String, _ number: Int32
  ) -> QuipuError {
    QuipuError(code, kind: kind, "cannot \(doing) \(path): \(errnoText(number))")
  }

  /// The system's text for an `errno` value.
  package static func errnoText(_ number: Int32) -> String {
    // glibc keeps this text per thread since 2.32; older ones only share the buffer of unknown numbers.
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
  }

  /// Writes all bytes at `offset`; nil when that worked, else the `errno` value. Interrupted calls are repeated.
  package static func writeAll(_ descriptor: Int32, _ bytes: [UInt8], at offset: Int64) -> Int32? {
    bytes.withUnsafeBytes { writeAll(descriptor, $0, at: offset) }
  }

  package static func writeAll(_ descriptor: Int32, _ raw: UnsafeRawBufferPointer, at offset: Int64) -> Int32? {
    var done = 0
    while done < raw.count {
      guard let start = raw.baseAddress else { return nil }
      let n = pwrite(descriptor, start + done, raw.count - done, off_t(offset) + off_t(done))
      if n < 0 {
        let number = errno
        if number == EINTR { continue }
        return number
      }
      if n == 0 { return EIO }
      done += n
    }
    return nil
  }

  /// The first `limit` bytes of a file; nil when it cannot be read. Works for `/proc` and `/sys`, whose sizes read 0.
  package static func read(_ path: String, limit: Int = 1 << 20) -> [UInt8]? {
    let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    if descriptor < 0 { return nil }
    defer { _ = close(descriptor) }
    var out: [UInt8] = []
    var failed = false
    while out.count < limit && !failed {
      let want = min(limit - out.count, max(4096, out.count))
      let before = out.count
      out.append(contentsOf: repeatElement(0, count: want))
      let n = out.withUnsafeMutableBytes { raw -> Int in
        guard let start = raw.baseAddress else { return 0 }
        while true {
          let n = Glibc.read(descriptor, start + before, want)
          if n < 0 && errno == EINTR { continue }
          return n
        }
      }
      out.removeLast(want - max(0, n))
      if n < 0 { failed = true }
      if n == 0 { break }
    }
    return failed ? nil : out
  }

  /// As ``read(_:limit:)``, as text without white space at the ends.
  package static func readLine(_ path: String, limit: Int = 1 << 16) -> String? {
    guard let bytes = read(path, limit: limit) else { return nil }
    return String(decoding: trim(bytes[...]), as: UTF8.self)
  }

  /// Without blanks, tabs and line breaks at both ends.
  package static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var bytes = bytes
    while let byte = bytes.first, byte == 32 || (9...13).contains(byte) { bytes.removeFirst() }
    while let byte = bytes.last, byte == 32 || (9...13).contains(byte) { bytes.removeLast() }
    return bytes
  }

  package enum Kind: Sendable { case file, directory, other }

  /// What is at `path`, following links; nil if nothing is.
  package static func kind(_ path: String) -> Kind? {
    var info = stat()
    guard path.withCString({ stat($0, &info) }) == 0 else { return nil }
    switch info.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .directory
    default: return .other
    }
  }

  /// True if there is an entry of that name, a dangling link included.
  package static func exists(_ path: String) -> Bool {
    var info = stat()
    return path.withCString { lstat($0, &info) } == 0
  }

  /// Size in bytes of the file at `path`.
  package static func size(_ path: String) -> Int64? {
    var info = stat()
    guard path.withCString({ stat($0, &info) }) == 0 else { return nil }
    return Int64(info.st_size)
  }

  /// True if both paths lead to the same file or directory.
  package static func isSame(_ a: String, _ b: String) -> Bool {
    var x = stat(), y = stat()
    guard a.withCString({ stat($0, &x) }) == 0, b.withCString({ stat($0, &y) }) == 0 else { return false }
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino
  }

  /// Names in a directory without `.` and `..`, unsorted; nil if it cannot be read. Names that are not UTF-8 are left
  /// out.
  package static func list(_ path: String) -> [String]? {
    guard let directory = path.withCString({ opendir($0) }) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      if let name, name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Makes a symbolic link at `path`, replacing what is there in one step. Returns nil or the `errno` value.
  package static func replaceLink(_ path: String, target: String) -> Int32? {
    replace(path) { temporary in target.withCString { t in temporary.withCString { symlink(t, $0) } } }
  }

  /// Lets `make` create something under a temporary name beside `path`, then renames it. Nil or the `errno` value.
  package static func replace(_ path: String, _ make: (String) -> Int32) -> Int32? {
    for attempt in 0..<100 {
      let temporary = "\(path).\(getpid())-\(attempt)~"
      if make(temporary) != 0 {
        let number = errno
        if number == EEXIST { continue }
        return number
      }
      if temporary.withCString({ from in path.withCString { rename(from, $0) } }) != 0 {
        let number = errno
        _ = temporary.withCString { unlink($0) }
        return number
      }
      // Two names of one file: rename leaves both.
      _ = temporary.withCString { unlink($0) }
      return nil
    }
    return EEXIST
  }

  /// Copies the content and the permission bits of a regular file. Nil or the `errno` value.
  package static func copy(_ source: String, to path: String) -> Int32? {
    let input = source.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    if input < 0 { return errno }
    defer { _ = close(input) }
    var info = stat()
    if fstat(input, &info) != 0 { return errno }
    if info.st_mode & S_IFMT != S_IFREG { return info.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL }
    var failure: Int32 = 0
    let result = replace(path) { temporary in
      let output = temporary.withCString { open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, info.st_mode & 0o777) }
      if output < 0 { return -1 }
      failure = copyContent(input, output)
      if close(output) != 0 && failure == 0 { failure = errno }
      return 0
    }
    if failure != 0 && result == nil {
      _ = path.withCString { unlink($0) }
      return failure
    }
    return result
  }

  private static func copyContent(_ input: Int32, _ output: Int32) -> Int32 {
    let size = 1 << 17
    let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    defer { block.deallocate() }
    while true {
      let n = Glibc.read(input, block, size)
      if n < 0 {
        if errno == EINTR { continue }
        return errno
      }
      if n == 0 { return 0 }
      var done = 0
      while done < n {
        let w = write(output, block + done, n - done)
        if w < 0 {
          if errno == EINTR { continue }
          return errno
        }
        done += w
      }
    }
  }
}

extension FileTools {
  /// The system's text for an `errno`, with the number.
  static func errorText(_ code: Int32) -> String { errnoText(code) }

  /// The whole content of a file of any size; nil with `errno` set.
  static func readAll(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { return nil }
    guard info.st_mode & S_IFMT == S_IFREG else {
      errno = EISDIR
      return nil
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(clamping: info.st_size))
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        bytes.append(contentsOf: chunk[..<count])
      } else if count == 0 {
        return bytes
      } else if errno != EINTR {
        return nil
      }
    }
  }

  /// False if a file of this size would be beyond the process's limit: writing it would raise a signal that ends the
  /// host, where it happens on a thread of the host.
  static func mayGrow(to bytes: Int) -> Bool {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { return true }
    return limit.rlim_cur >= rlim_t(bytes)
  }

  /// Makes a file that must not exist yet. False if that fails; nothing is left then.
  static func writeNew(_ path: String, _ bytes: [UInt8]) -> Bool {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { return false }
    let failed = writeAll(descriptor, bytes, at: 0)
    close(descriptor)
    if failed != nil { unlink(path) }
    return failed == nil
  }

  /// Writes a file, making the directories it needs; an existing one of the same size is taken to be the same, because
  /// names carry a digest of the content.
  ///
  /// - Returns: 0 or an `errno`.
  static func writeFile(_ path: String, _ bytes: [UInt8]) -> Int32 {
    if let size = size(path), size == Int64(bytes.count) { return 0 }
    let (descriptor, code) = create(path)
    guard descriptor >= 0 else { return code }
    let failed = writeAll(descriptor, bytes, at: 0)
    close(descriptor)
    if let failed {
      unlink(path)
      return failed
    }
    return 0
  }

  /// Opens an empty file for writing, making the directories it needs. The descriptor, or -1 and the `errno` value.
  static func create(_ path: String) -> (descriptor: Int32, code: Int32) {
    var descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    if descriptor < 0, errno == ENOENT {
      makeDirectories(PathTools.directory(path))
      descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    }
    return (descriptor, descriptor < 0 ? errno : 0)
  }

  private static func makeDirectories(_ path: String) {
    if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
    let parent = PathTools.directory(path)
    guard errno == ENOENT, parent != path else { return }
    makeDirectories(parent)
    mkdir(path, 0o777)
  }

  /// Bytes that may still be written to the file system of `path`; no limit if that cannot be found out.
  static func freeBytes(_ path: String) -> UInt64 {
    var info = statvfs()
    guard statvfs(path, &info) == 0 else { return .max }
    let bytes = UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
    return bytes.overflow ? .max : bytes.partialValue
  }
}
