import Glibc

/// The directory of one run: `<root>/wandb/offline-run-YYYYMMDD_HHMMSS-<id>` and what is in it.
///
/// Source: the directories that the W&B client 0.31.0 makes.
package struct RunDirectory: Sendable, Equatable {
  /// The directory that holds `wandb/`.
  package var root: String
  /// `<root>/wandb` or `<root>/.wandb`.
  package var wandbDirectory: String
  /// The run's own directory, W&B's `sync_dir`.
  package var path: String
  /// Where the log goes; not made here, its writer creates it exclusively.
  package var logPath: String
  /// Everything that is uploaded, W&B's `run.dir`.
  package var filesDirectory: String
  package var logsDirectory: String
  /// What there is to say: kind `directory_temporary` when the root could not be written.
  package var diagnostics: [Diagnostic] = []

  package struct Options: Sendable {
    /// The `dir` argument or WANDB_DIR. Nil or empty: the working directory. `~` is expanded, a missing one is made.
    package var root: String?
    package var id: String
    /// False names the directory `run-...`.
    package var offline = true
    /// Seconds since 1970 of the start; the name carries its local time.
    package var startedAt: Int64
    /// False forces `wandb` even if there is a `.wandb`.
    package var useDotWandb: Bool? = nil
    /// False: no links `latest-run`, `debug.log`, `debug-internal.log`.
    package var symlink = true

    package init(root: String? = nil, id: String, offline: Bool = true, startedAt: Int64) {
      self.root = root
      self.id = id
      self.offline = offline
      self.startedAt = startedAt
    }
  }

  /// Makes the directories and the links.
  ///
  /// - Throws: code `.directory`, kind `directory_failed`, when neither the root nor a temporary directory can be used;
  ///   the message names the path and the system's reason.
  /// Blocking: a dozen file system calls.
  package static func create(_ options: Options) throws(QuipuError) -> RunDirectory {
    if options.id.isEmpty || options.id.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) {
      throw QuipuError(.name, kind: "run_id_bad_char", "a run id must not be empty or hold \"/\" or NUL: \(options.id)")
    }
    let given = options.root.flatMap { $0.isEmpty ? nil : $0 } ?? "."
    let root = PathTools.absolute(PathTools.expandHome(given), workingDirectory: PathTools.workingDirectory())
    do {
      return try create(options, root: root)
    } catch {
      // Not writable, full, a file in the way: a training run should not fail for that.
      guard let other = temporaryRoot(), var made = try? create(options, root: other) else { throw error }
      made.diagnostics.append(
        Diagnostic(
          .warning, kind: "directory_temporary",
          "\(root) cannot be used (\(error.message)); the run is kept in \(made.path)"))
      return made
    }
  }

  private static func create(_ options: Options, root: String) throws(QuipuError) -> RunDirectory {
    var wandb = PathTools.join(root, "wandb")
    if options.useDotWandb != false {
      let dotted = PathTools.join(root, ".wandb")
      if FileTools.kind(dotted) == .directory { wandb = dotted }
    }
    try PathTools.makeDirectories(wandb)

    let stem = (options.offline ? "offline-run-" : "run-") + localStamp(options.startedAt) + "-" + options.id
    var name = stem
    var attempt = 0
    var path = PathTools.join(wandb, name)
    while path.withCString({ mkdir($0, 0o777) }) != 0 {
      let number = errno
      guard number == EEXIST, attempt < 100_000 else {
        throw FileTools.error(.directory, kind: "directory_failed", doing: "create directory", path, number)
      }
      attempt += 1
      name = "\(stem)-\(attempt)"
      path = PathTools.join(wandb, name)
    }
    let files = PathTools.join(path, "files")
    let logs = PathTools.join(path, "logs")
    try PathTools.makeDirectories(files)
    try PathTools.makeDirectories(logs)
    try PathTools.makeDirectories(PathTools.join(path, "tmp/code"))

    let made = RunDirectory(
      root: root, wandbDirectory: wandb, path: path, logPath: PathTools.join(path, "run-\(options.id).wandb"),
      filesDirectory: files, logsDirectory: logs)
    if options.symlink {
      // A convenience: some file systems have no links, and nobody needs a message about that.
      _ = FileTools.replaceLink(PathTools.join(wandb, "latest-run"), target: name)
      _ = FileTools.replaceLink(PathTools.join(wandb, "debug.log"), target: name + "/logs/debug.log")
      _ = FileTools.replaceLink(PathTools.join(wandb, "debug-internal.log"), target: name + "/logs/debug-internal.log")
    }
    return made
  }

  /// YYYYMMDD_HHMMSS in local time.
  package static func localStamp(_ seconds: Int64) -> String {
    var time = time_t(seconds)
    var parts = tm()
    // localtime_r need not read TZ by itself.
    tzset()
    guard localtime_r(&time, &parts) != nil else { return "19700101_000000" }
    let date = digits(Int(parts.tm_year) + 1900, 4) + digits(Int(parts.tm_mon) + 1, 2) + digits(Int(parts.tm_mday), 2)
    return date + "_" + digits(Int(parts.tm_hour), 2) + digits(Int(parts.tm_min), 2) + digits(Int(parts.tm_sec), 2)
  }

  private static func digits(_ value: Int, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
  }

  /// `$TMPDIR/quipu-<uid>`, if it is ours alone, else a fresh directory.
  private static func temporaryRoot() -> String? {
    var base = "/tmp"
    if let given = getenv("TMPDIR"), given[0] != 0 { base = String(cString: given) }
    let own = PathTools.join(base, "quipu-\(getuid())")
    _ = own.withCString { mkdir($0, 0o700) }
    var info = stat()
    if own.withCString({ lstat($0, &info) }) == 0, info.st_mode & S_IFMT == S_IFDIR, info.st_uid == getuid(),
      own.withCString({ access($0, W_OK | X_OK) }) == 0
    {
      return own
    }
    var template = Array(PathTools.join(base, "quipu-XXXXXX").utf8CString)
    return template.withUnsafeMutableBufferPointer { buffer -> String? in
      guard let start = buffer.baseAddress, mkdtemp(start) != nil else { return nil }
      return String(cString: start)
    }
  }
}
