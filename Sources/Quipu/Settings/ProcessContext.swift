import Glibc

/// What the settings take from the process around them. A value, so that tests can make one up.
struct ProcessContext: Sendable {
  var environment: [String: String] = [:]
  /// Absolute.
  var currentDirectory = "/"
  /// Absolute.
  var homeDirectory = "/"
  /// Absolute path of the executable, empty if unknown.
  var programPath = ""
  /// Arguments without the program itself.
  var arguments: [String] = []
  var hostName = ""
  /// Units: nanoseconds since 1970, UTC.
  var now: Int64 = 0
  var files = FileAccess.none

  /// The present process.
  static func current() -> ProcessContext {
    var context = ProcessContext()
    context.environment = readEnvironment()
    context.currentDirectory = readCurrentDirectory()
    context.homeDirectory = context.environment["HOME"] ?? readHomeDirectory() ?? "/"
    context.programPath = FileAccess.linkTarget("/proc/self/exe") ?? ""
    context.arguments = readArguments()
    context.hostName = readHostName()
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    context.now = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    context.files = .system
    return context
  }

  /// `path` made absolute: `~` is the home directory, other relative paths start at the working directory.
  func absolutePath(_ path: String) -> String {
    PathTools.normalise(PathTools.join(currentDirectory, PathTools.expandHome(path, home: homeDirectory)))
  }

  /// The names of `WANDB_*` and `QUIPU_*` variables that differ between the two environments, sorted.
  func changedVariables(since earlier: ProcessContext) -> [String] {
    var names: [String] = []
    for (name, value) in environment where Self.isOurs(name) {
      if let old = earlier.environment[name], old.utf8.elementsEqual(value.utf8) { continue }
      names.append(name)
    }
    for name in earlier.environment.keys where Self.isOurs(name) && environment[name] == nil { names.append(name) }
    return names.sorted()
  }

  private static func isOurs(_ name: String) -> Bool { name.hasPrefix("WANDB_") || name.hasPrefix("QUIPU_") }

  private static func readEnvironment() -> [String: String] {
    var result: [String: String] = [:]
    // NULL after clearenv(), which its imported type does not say.
    guard UInt(bitPattern: environ) != 0 else { return result }
    var entry = environ
    while let text = entry.pointee {
      // The first of two equal names is the one that getenv finds.
      if let split = strchr(text, 0x3D) {
        let name = String(
          decoding: UnsafeRawBufferPointer(start: text, count: UnsafePointer(split) - UnsafePointer(text)),
          as: UTF8.self)
        if result[name] == nil { result[name] = String(cString: split + 1) }
      }
      entry += 1
    }
    return result
  }

  private static func readCurrentDirectory() -> String {
    guard let text = getcwd(nil, 0) else { return "/" }
    defer { free(text) }
    return String(cString: text)
  }

  private static func readHomeDirectory() -> String? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var room = [CChar](repeating: 0, count: 16_384)
    guard getpwuid_r(getuid(), &entry, &room, room.count, &found) == 0, found != nil, let home = entry.pw_dir
    else { return nil }
    return String(cString: home)
  }

  private static func readHostName() -> String {
    var room = [UInt8](repeating: 0, count: 256)
    let status = room.withUnsafeMutableBytes { room in
      room.baseAddress.map { gethostname($0.assumingMemoryBound(to: CChar.self), room.count - 1) } ?? -1
    }
    guard status == 0 else { return "" }
    return String(decoding: room.prefix { $0 != 0 }, as: UTF8.self)
  }

  // Not CommandLine.arguments: it is empty in a program whose main is not Swift's.
  private static func readArguments() -> [String] {
    guard let bytes = FileAccess.readAll("/proc/self/cmdline", limit: 4 << 20) else { return [] }
    var parts = bytes.split(separator: 0, omittingEmptySubsequences: false)
    if parts.last?.isEmpty == true { parts.removeLast() }
    return parts.dropFirst().map { String(decoding: $0, as: UTF8.self) }
  }
}
