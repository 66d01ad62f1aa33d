import Glibc

/// Starts git, without a shell, and reads what it prints.
///
/// Its environment has the search path, the home directory and nothing else, its input is empty, its messages are not
/// kept. It is ended when it takes too long or prints too much. A host that ignores SIGCHLD, or waits for any child,
/// may take its status: then its output alone counts.
enum GitCommand {
  /// Units: nanoseconds.
  static let patience: Int64 = 10_000_000_000
  static let byteLimit = 10 << 20

  /// - Parameters:
  ///   - arguments: behind `git`.
  ///   - program: another one in tests.
  /// - Returns: what it printed; nil if it cannot be started, failed, or was ended.
  /// Blocking: until the program ends, at most `patience`.
  static func output(
    _ arguments: [String], in directory: String, environment: [String: String], program: String = "git",
    patience: Int64 = patience, byteLimit: Int = byteLimit
  ) -> [UInt8]? {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    guard let child = start(program, ["-C", directory] + arguments, environment, output: ends[1]) else {
      close(ends[1])
      return nil
    }
    close(ends[1])
    let bytes = readAll(ends[0], until: Clock.monotonic() &+ patience, limit: byteLimit)
    // It leads a group of its own: helpers that it has started end with it.
    if bytes == nil { kill(-child, SIGKILL) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      if errno == EINTR { continue }
      return bytes
    }
    return status == 0 ? bytes : nil
  }

  private static func start(
    _ program: String, _ arguments: [String], _ environment: [String: String], output: Int32
  ) -> pid_t? {
    var variables = ["LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_PAGER=cat"]
    for name in ["PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "LD_LIBRARY_PATH"] {
      if let value = environment[name] { variables.append(name + "=" + value) }
    }
    let (child, code) = ChildProgram.start(program, arguments, variables: variables) { files in
      posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
      posix_spawn_file_actions_adddup2(&files, output, 1)
      posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0)
    }
    return code == 0 ? child : nil
  }

  /// Nil if the end does not come in time, or too much comes.
  private static func readAll(_ descriptor: Int32, until end: Int64, limit: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let left = end &- Clock.monotonic()
      guard left > 0 else { return nil }
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&wait, 1, Int32(min(left / 1_000_000 &+ 1, 1000)))
      if ready == 0 || (ready < 0 && errno == EINTR) { continue }
      let count = read(descriptor, &room, room.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        return nil
      }
      if bytes.count + count > limit { return nil }
      bytes += room[..<count]
    }
  }
}
