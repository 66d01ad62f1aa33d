import Storage

#if canImport(Glibc)
  import Glibc
#endif

/// The few calls on files that the store needs, with errors that name the path.
enum FileSystem {
  /// Makes a directory and what is missing above it, readable by this user only.
  /// - Returns: the directories that were made, outermost first.
  @discardableResult
  static func makeDirectories(_ path: String) throws -> [String] {
    if mkdir(path, 0o700) == 0 { return [path] }
    switch errno {
    case EEXIST:
      guard status(path).map({ $0.st_mode & S_IFMT == S_IFDIR }) == true else {
        throw StorageError.failed("\(path) is not a directory")
      }
      return []
    case ENOENT where !parent(of: path).isEmpty:
      let made = try makeDirectories(parent(of: path))
      // Another call may have made it meanwhile.
      guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw StorageError.system(path) }
      return made + [path]
    default: throw StorageError.system(path)
    }
  }

  /// What stands before the last slash.
  static func parent(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return String(path[..<slash])
  }

  /// - Returns: nil if there is nothing at the path (or nothing that can be looked at).
  static func status(_ path: String) -> stat? {
    var result = stat()
    return stat(path, &result) == 0 ? result : nil
  }

  /// Makes an empty file, readable by this user only, unless there is one already.
  static func makeFile(_ path: String) throws -> stat {
    let file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StorageError.system(path) }
    defer { close(file) }
    var result = stat()
    guard fstat(file, &result) == 0 else { throw StorageError.system(path) }
    return result
  }

  /// Writes a new file; on failure none is left.
  static func write(_ bytes: [UInt8], to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StorageError.system(path) }
    defer { close(file) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress.map { $0 + written }, $0.count - written) }
      if count > 0 {
        written += count
      } else if errno != EINTR {
        let error = StorageError.system(path)
        unlink(path)
        throw error
      }
    }
  }

  /// Forces a file or a directory to the disk.
  static func synchronize(_ path: String) throws {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw StorageError.system(path) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw StorageError.system(path) }
  }

  /// Names in a directory without `.` and `..`; none if that is not a directory.
  static func names(in path: String) throws -> [String] {
    guard let directory = opendir(path) else {
      if errno == ENOENT || errno == ENOTDIR { return [] }
      throw StorageError.system(path)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}
