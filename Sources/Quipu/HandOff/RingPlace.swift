import Glibc
import Synchronization

/// Where rings live.
///
/// `/dev/shm` outlives the process and never waits for a disk. Where it cannot be had the ring is a file of the run
/// directory: it survives as well, but a disk that is busy writing back its pages can delay a log call.
enum RingPlace {
  /// The shared directory of this user, made if need be; nil if there is none that is safe.
  static func directory(create: Bool = true) -> String? {
    if let given = getenv("QUIPU_RING_DIR"), given.pointee != 0 {
      return PathTools.absolute(String(cString: given), workingDirectory: PathTools.workingDirectory())
    }
    let path = "/dev/shm/quipu-\(getuid())"
    if create { mkdir(path, 0o700) }
    var info = stat()
    // Somebody else's directory, or one that others can write, is no place for data.
    guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR, info.st_uid == getuid(), info.st_mode & 0o022 == 0
    else { return nil }
    return path
  }

  static let suffix = ".ring"

  /// Rings below a directory.
  static func rings(in directory: String) -> [String] {
    (FileTools.list(directory) ?? []).filter { $0.hasSuffix(suffix) }.map { directory + "/" + $0 }
  }

  // Rings of this process, those being made included: a file whose lock is not taken yet must not look abandoned.
  private static let own = Mutex<Set<String>>([])

  /// To be called before the file is made.
  static func claim(_ path: String) { own.withLock { _ = $0.insert(path) } }
  /// To be called after the file is gone.
  static func release(_ path: String) { own.withLock { _ = $0.remove(path) } }
  static func isOwn(_ path: String) -> Bool { own.withLock { $0.contains(path) } }
}
