import Glibc
import QuipuBase

/// Size and time of change of a file: what tells whether it is still the one that was read.
struct FileFacts: Equatable {
  /// Units: bytes.
  var size: Int64
  /// Units: nanoseconds since 1970.
  var modified: Int64

  init(_ info: stat) {
    size = Int64(info.st_size)
    let (seconds, overflow) = Int64(info.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
    modified = overflow ? 0 : seconds &+ Int64(info.st_mtim.tv_nsec)
  }
}

/// Why a file cannot be sent.
enum FileProblem: Error, Equatable {
  /// The name leaves the run's directory.
  case name
  case missing
  case notAFile
  /// Its directory is a link to somewhere else.
  case outside
  /// A link that somebody else made, to a file that is not theirs.
  case foreignLink
  case unreadable(Int32)
  /// It has become shorter while it was read.
  case shrunk

  /// Whether another look may help.
  var isPassing: Bool { self == .missing || self == .shrunk || self == .unreadable(ESTALE) }

  /// Follows the path in a sentence.
  var text: String {
    switch self {
    case .name: "is not a path below the run's files"
    case .missing: "does not exist"
    case .notAFile: "is not a regular file"
    case .outside: "lies in a directory that is a link out of the run's files"
    case .foreignLink: "is a link of another user to a file that is not theirs"
    case .unreadable(let number): "cannot be read: \(strerror(number).map { String(cString: $0) } ?? "error \(number)")"
    case .shrunk: "keeps changing while it is read"
    }
  }
}

/// A file of a run on this machine.
struct LocalFile {
  /// Where the bytes are: absolute if the directory was.
  var path: String
  var facts: FileFacts

  /// Whether a path from a log may be used at all: relative, no `..`, `.` or empty part, no NUL.
  static func isSafe(_ path: String) -> Bool {
    guard !path.isEmpty, path.utf8.count < 4096, !path.utf8.contains(0) else { return false }
    return path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
    }
  }

  /// Finds a file that a log names.
  ///
  /// A log may come from anybody, and must not be able to publish the files of whoever uploads it. So the name must
  /// be a plain path below `directory`, and the directories on its way must really lie there. The file itself may be a
  /// link to any place, because that is what `save` makes; but only a link of the user who uploads, or one to a file of
  /// the link's own owner: nobody can plant a link to what only the uploader may read.
  static func find(_ path: String, in directory: String) -> Result<LocalFile, FileProblem> {
    guard isSafe(path) else { return .failure(.name) }
    let whole = directory + "/" + path
    if let cut = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
      guard let parent = real(directory + "/" + String(path[..<cut])), let root = real(directory) else {
        return .failure(errno == EACCES ? .unreadable(EACCES) : .missing)
      }
      let prefix = root.utf8.last == UInt8(ascii: "/") ? root : root + "/"
      guard (parent + "/").utf8.starts(with: prefix.utf8) else { return .failure(.outside) }
    }
    var link = stat()
    guard lstat(whole, &link) == 0 else { return .failure(problem(errno)) }
    var info = link
    if link.st_mode & S_IFMT == S_IFLNK {
      guard stat(whole, &info) == 0 else { return .failure(problem(errno)) }
      guard link.st_uid == geteuid() || link.st_uid == info.st_uid else { return .failure(.foreignLink) }
    }
    guard info.st_mode & S_IFMT == S_IFREG else { return .failure(.notAFile) }
    return .success(LocalFile(path: whole, facts: FileFacts(info)))
  }

  /// What is at an absolute path now; nil unless it is a regular file.
  static func facts(_ path: String) -> FileFacts? {
    var info = stat()
    guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
    return FileFacts(info)
  }

  private static func problem(_ number: Int32) -> FileProblem {
    number == ENOENT || number == ENOTDIR ? .missing : number == ELOOP ? .notAFile : .unreadable(number)
  }

  private static func real(_ path: String) -> String? {
    guard let text = realpath(path, nil) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }
}
