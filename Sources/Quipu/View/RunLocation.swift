import Glibc

/// The log a person means by a path, and whether somebody is writing it.
package enum RunLocation {
  /// Finds the log.
  ///
  /// - Parameter argument: a `.wandb` file, a run directory, a `wandb` directory or a directory that holds one (then
  ///   the latest run is meant), or the id of a run below the working directory.
  /// - Throws: code `.notFound`; the message says where was looked.
  package static func find(_ argument: String) throws(QuipuError) -> String {
    let path = PathTools.expandHome(argument.isEmpty ? "." : argument)
    switch FileTools.kind(path) {
    case .file, .other: return path
    case .directory:
      if let log = log(in: path) { return log }
      for wandb in [path, PathTools.join(path, ".wandb"), PathTools.join(path, "wandb")] {
        if let log = latest(in: wandb) { return log }
      }
      throw QuipuError(.notFound, kind: "run_not_found", "no run in \(path)")
    case nil:
      if !argument.utf8.contains(UInt8(ascii: "/")) {
        for wandb in [".", ".wandb", "wandb"] {
          let names = (FileTools.list(wandb) ?? []).filter { $0.hasSuffix("-" + argument) && ($0.hasPrefix("run-") || $0.hasPrefix("offline-run-")) }
          // Names carry the time, so the last one is the newest.
          if let newest = names.sorted().last, let log = log(in: PathTools.join(wandb, newest)) { return log }
        }
        throw QuipuError(.notFound, kind: "run_not_found", "no file, directory or run id \"\(argument)\" here")
      }
      throw QuipuError(.notFound, kind: "run_not_found", "no such file or directory: \(path)")
    }
  }

  /// The log in a run directory; the newest if there are several.
  private static func log(in directory: String) -> String? {
    let names = (FileTools.list(directory) ?? []).filter { $0.hasSuffix(".wandb") && $0 != ".wandb" }
    let paths = names.map { PathTools.join(directory, $0) }.filter { FileTools.kind($0) == .file }
    return paths.max { (modified($0) ?? 0, $0) < (modified($1) ?? 0, $1) }
  }

  private static func latest(in wandb: String) -> String? {
    if let log = log(in: PathTools.join(wandb, "latest-run")) { return log }
    // No link: the newest directory by its name, which carries the time.
    let names = (FileTools.list(wandb) ?? []).filter { $0.hasPrefix("run-") || $0.hasPrefix("offline-run-") }
    func stamp(_ name: String) -> String { String(name.drop { !$0.isNumber }) }
    for name in names.sorted(by: { stamp($0) > stamp($1) }) {
      if let log = log(in: PathTools.join(wandb, name)) { return log }
    }
    return nil
  }

  /// Seconds since 1970 of the last change.
  package static func modified(_ path: String) -> Int64? {
    var info = stat()
    guard path.withCString({ stat($0, &info) }) == 0 else { return nil }
    return Int64(info.st_mtim.tv_sec)
  }

  /// True if another process holds a lock on the log, of either kind (record lock or flock); nil where locks do not
  /// work. Closing the file gives up the record locks of the own process: not for a process that has the run open.
  package static func isLocked(_ path: String) -> Bool? {
    let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    if descriptor < 0 { return nil }
    // Also gives back a lock that was got just to ask.
    defer { _ = close(descriptor) }
    var request = flock()
    request.l_type = Int16(F_RDLCK)
    request.l_whence = Int16(SEEK_SET)
    let isKnown = fcntl(descriptor, F_GETLK, &request) == 0
    if isKnown && request.l_type != Int16(F_UNLCK) { return true }
    while flock(descriptor, LOCK_SH | LOCK_NB) != 0 {
      let number = errno
      if number == EINTR { continue }
      return number == EWOULDBLOCK ? true : isKnown ? false : nil
    }
    return false
  }
}

/// How a run stands.
package enum RunState: Sendable, Equatable {
  case running
  case finished
  /// Ended with this exit code, not 0.
  case failed(Int32)
  /// No end in the log and nobody writes it.
  case crashed

  /// - Parameters:
  ///   - locked: what ``RunLocation/isLocked(_:)`` said.
  ///   - idle: seconds since the last change of the log. A client that takes no lock writes at least every 15 s, so a
  ///     log that changed within the last minute counts as running.
  package init(exit: Int32?, locked: Bool?, idle: Int64?, writerLocks: Bool) {
    if let exit {
      self = exit == 0 ? .finished : .failed(exit)
    } else if locked == true {
      self = .running
    } else if !(writerLocks && locked == false), let idle, idle < 60 {
      self = .running
    } else {
      self = .crashed
    }
  }
}
