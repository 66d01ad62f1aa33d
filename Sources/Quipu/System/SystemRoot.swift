/// Where the kernel's files are: the root directory, or a made-up tree in tests.
struct SystemRoot: Sendable {
  /// Put before `/proc` and `/sys`; empty on a real machine.
  var prefix = ""

  func callAsFunction(_ path: String) -> String { prefix.isEmpty ? path : prefix + path }
}
