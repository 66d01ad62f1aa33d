import Glibc

/// `quipu serve`: becomes `quipu-server`, the self-hosted server, which is a program of its own.
enum ServeCommand {
  /// - Returns: only if the server could not be started.
  static func run(_ arguments: [String]) -> Int32 {
    let name = "quipu-server"
    var candidates: [String] = []
    var path = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &path, path.count - 1)
    if length > 0 {
      let own = String(decoding: path.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if let slash = own.lastIndex(of: "/") { candidates.append(own[...slash] + name) }
    }
    // Without a slash the search path decides.
    candidates.append(name)
    var argv: [UnsafeMutablePointer<CChar>?] = ([name] + arguments).map { strdup($0) }
    argv.append(nil)
    defer { for argument in argv { free(argument) } }
    for candidate in candidates { execvp(candidate, &argv) }
    complain("quipu serve: \(name) is not installed beside quipu nor in PATH; `make server` builds it")
    return 1
  }
}
