import Glibc

/// The few file operations that settings and config need, as closures so that tests can supply files of their own.
struct FileAccess: Sendable {
  enum Kind: Sendable { case file, directory }

  /// What is at an absolute path; nil: nothing, or not reachable.
  var kind: @Sendable (String) -> Kind?
  /// All bytes of a file; nil if it cannot be read.
  var read: @Sendable (String) -> [UInt8]?

  /// A file system without files.
  static let none = FileAccess(kind: { _ in nil }, read: { _ in nil })

  static let system = FileAccess(
    kind: { path in
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      return status.st_mode & S_IFMT == S_IFDIR ? .directory : .file
    },
    read: { readAll($0, limit: 64 << 20) })

  /// A file system in memory: absolute path to text. Directories exist where a file lies below them.
  static func memory(_ files: [String: String], directories: [String] = []) -> FileAccess {
    FileAccess(
      kind: { path in
        if files[path] != nil { return .file }
        let prefix = path.hasSuffix("/") ? path : path + "/"
        return directories.contains(path) || files.keys.contains { $0.hasPrefix(prefix) } ? .directory : nil
      },
      read: { path in files[path].map { Array($0.utf8) } })
  }

  /// - Returns: the file's bytes; nil if it cannot be read or is longer than `limit` bytes.
  static func readAll(_ path: String, limit: Int) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = block.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        return nil
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: block.prefix(count))
      if bytes.count > limit { return nil }
    }
  }

  static func linkTarget(_ path: String) -> String? {
    var room = [UInt8](repeating: 0, count: 4096)
    let count = room.withUnsafeMutableBytes { room in
      room.baseAddress.map { readlink(path, $0.assumingMemoryBound(to: CChar.self), room.count) } ?? -1
    }
    guard count > 0 else { return nil }
    return String(decoding: room.prefix(count), as: UTF8.self)
  }
}
