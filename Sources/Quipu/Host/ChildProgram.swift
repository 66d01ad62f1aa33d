import Glibc

/// Starts programs without a shell, with signals as a new program expects them, in a process group of their own.
enum ChildProgram {
  /// - Parameters:
  ///   - program: a path, or a name on the search path.
  ///   - variables: its whole environment, `NAME=value` each.
  ///   - files: what it gets as its descriptors.
  /// - Returns: its number, or -1 and the `errno` value.
  static func start(
    _ program: String, _ arguments: [String], variables: [String],
    files: (inout posix_spawn_file_actions_t) -> Void
  ) -> (child: pid_t, code: Int32) {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    guard posix_spawn_file_actions_init(&actions) == 0 else { return (-1, ENOMEM) }
    defer { posix_spawn_file_actions_destroy(&actions) }
    guard posix_spawnattr_init(&attributes) == 0 else { return (-1, ENOMEM) }
    defer { posix_spawnattr_destroy(&attributes) }
    files(&actions)
    // This thread blocks all signals and the host may ignore some: the program is to have neither.
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    var argumentTexts: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { (text: String) in strdup(text) }
    var variableTexts: [UnsafeMutablePointer<CChar>?] = variables.map { (text: String) in strdup(text) }
    defer { for text in argumentTexts + variableTexts { free(text) } }
    argumentTexts.append(nil)
    variableTexts.append(nil)
    var child: pid_t = 0
    let code = posix_spawnp(&child, program, &actions, &attributes, argumentTexts, variableTexts)
    return code == 0 ? (child, 0) : (-1, code)
  }
}
