import Glibc
import QuipuBase
import QuipuMedia

/// The content of a medium's file.
enum FileContent: Sendable {
  case bytes([UInt8])
  /// A large file of the user, kept open: it may be moved or deleted before it is copied.
  case open(OpenedFile)

  var size: Int64 {
    switch self {
    case .bytes(let bytes): Int64(bytes.count)
    case .open(let file): file.size
    }
  }

  /// Bytes of memory it takes.
  var byteCount: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .open: 0
    }
  }

  /// All of it in memory; nil if the file cannot be read any more.
  func read() -> [UInt8]? {
    switch self {
    case .bytes(let bytes): bytes
    case .open(let file): file.read(limit: Int.max)
    }
  }

  /// Writes it to `path`, making directories as needed. Returns 0 or the `errno` value.
  func write(to path: String) -> Int32 {
    switch self {
    case .bytes(let bytes): FileTools.writeFile(path, bytes)
    case .open(let file): file.copy(to: path)
    }
  }
}

/// An open descriptor of a regular file.
final class OpenedFile: Sendable {
  let descriptor: Int32
  let size: Int64

  init(descriptor: Int32, size: Int64) {
    self.descriptor = descriptor
    self.size = size
  }

  deinit { close(descriptor) }

  /// What reading the file gives when it has become shorter or its file system has trouble: never a code that would be
  /// taken for trouble of the disk that is written to.
  static let unreadable = ESTALE

  /// The first `limit` bytes.
  func read(limit: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    let wanted = min(Int64(limit), size)
    bytes.reserveCapacity(Int(clamping: wanted))
    let worked = forEachChunk(limit: wanted) {
      bytes.append(contentsOf: $0)
      return true
    }
    return worked ? bytes : nil
  }

  /// Calls `body` with the content, a piece at a time, until it returns false.
  /// - Returns: false if the file cannot be read or is shorter than it was (`errno` is `unreadable`), or `body` stopped.
  func forEachChunk(limit: Int64 = .max, _ body: (UnsafeRawBufferPointer) -> Bool) -> Bool {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { room.deallocate() }
    var at: Int64 = 0
    let end = min(size, limit)
    while at < end {
      let n = pread(descriptor, room.baseAddress, Int(clamping: min(Int64(room.count), end &- at)), off_t(at))
      if n < 0, errno == EINTR { continue }
      guard n > 0 else {
        errno = Self.unreadable
        return false
      }
      guard body(UnsafeRawBufferPointer(start: room.baseAddress, count: n)) else { return false }
      at &+= Int64(n)
    }
    return true
  }

  func copy(to path: String) -> Int32 {
    if FileTools.size(path) == size { return 0 }
    let (target, code) = FileTools.create(path)
    guard target >= 0 else { return code }
    var at: Int64 = 0
    var failure: Int32 = 0
    let worked = forEachChunk { chunk in
      if let number = FileTools.writeAll(target, Array(chunk), at: at) {
        failure = number
        return false
      }
      at &+= Int64(chunk.count)
      return true
    }
    if !worked, failure == 0 { failure = errno }
    close(target)
    if failure != 0 { unlink(path) }
    return failure
  }
}

/// A file that a caller names as the content of a medium, as it was at the call.
struct UserFile: Sendable {
  var content: FileContent
  var sha256: String
  /// Base name.
  var name: String
  /// From the last dot of the base name, case kept; "" without one.
  var fileExtension: String
  /// The first bytes, for looking at what it is: at most `UserFile.headBytes`.
  var head: [UInt8]

  /// Larger files are not kept in memory.
  static let inMemory: Int64 = 4 << 20
  static let headBytes = 1 << 16
  /// Larger files are refused.
  static let limit: Int64 = 64 << 30

  /// - Parameters:
  ///   - path: a leading `~` means the home directory.
  ///   - argument: what errors call it.
  /// - Throws: `notFound`; `file` (not readable, a directory, a device); `format` (empty); `tooLarge`.
  /// Blocking: reads the file once.
  init(path: String, argument: String = "path") throws(QuipuError) {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw QuipuError(.argument, kind: "path_bad", "\(argument): is empty or holds a NUL")
    }
    // Without waiting for a writer where the name is a pipe's.
    let descriptor = Glibc.open(PathTools.expandHome(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 {
      let number = errno
      let missing = number == ENOENT || number == ENOTDIR
      throw QuipuError(
        missing ? .notFound : .file, kind: missing ? "file_not_found" : "file_unreadable",
        "\(argument): \(path) cannot be read (\(FileTools.errorText(number)))")
    }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      let isDirectory = info.st_mode & S_IFMT == S_IFDIR
      close(descriptor)
      throw QuipuError(
        .file, kind: isDirectory ? "file_is_directory" : "file_not_regular",
        "\(argument): \(path) is \(isDirectory ? "a directory" : "not a regular file"); pass the path of a file")
    }
    let file = OpenedFile(descriptor: descriptor, size: Int64(info.st_size))
    guard file.size > 0 else {
      throw QuipuError(.format, kind: "file_empty", "\(argument): \(path) is empty")
    }
    guard file.size <= Self.limit else {
      throw QuipuError(
        .tooLarge, kind: "file_too_large",
        "\(argument): \(path) has \(file.size) bytes, the limit for a medium is \(Self.limit)")
    }
    func unreadable() -> QuipuError {
      QuipuError(
        .file, kind: "file_unreadable", "\(argument): \(path) cannot be read (\(FileTools.errorText(errno)))")
    }
    name = PathTools.name(path)
    fileExtension = Self.fileExtension(of: path)
    if file.size <= Self.inMemory {
      guard let bytes = file.read(limit: Int.max) else { throw unreadable() }
      content = .bytes(bytes)
      sha256 = hexText(bytes.withUnsafeBytes { SHA256.hash($0) })
      head = Array(bytes.prefix(Self.headBytes))
    } else {
      var hash = SHA256()
      let read = file.forEachChunk {
        hash.update($0)
        return true
      }
      guard read, let start = file.read(limit: Self.headBytes) else { throw unreadable() }
      content = .open(file)
      sha256 = hexText(hash.finish())
      head = start
    }
  }

  /// Content that a caller has in memory, under a name it would have.
  init(bytes: [UInt8], name: String) {
    content = .bytes(bytes)
    sha256 = hexText(bytes.withUnsafeBytes { SHA256.hash($0) })
    self.name = name
    fileExtension = Self.fileExtension(of: name)
    head = Array(bytes.prefix(Self.headBytes))
  }

  /// The text from the last dot of the base name, with the dot; "" without one.
  static func fileExtension(of path: String) -> String {
    let name = PathTools.name(path)
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return "" }
    return String(decoding: name.utf8[dot...], as: UTF8.self)
  }
}
