import Glibc

/// Paths as text: joining, normalising, relating. Only `/` separates.
package enum PathTools {
  /// `a/b`; an absolute `b` wins, as everywhere on POSIX.
  package static func join(_ a: String, _ b: String) -> String {
    if a.isEmpty || b.utf8.first == slash { return b }
    if b.isEmpty { return a }
    return a.utf8.last == slash ? a + b : a + "/" + b
  }

  package static func isAbsolute(_ path: String) -> Bool { path.utf8.first == slash }

  /// The parts between slashes, without empty ones.
  package static func parts(_ path: String) -> [String] {
    path.utf8.split(separator: slash).map { String(Substring($0)) }
  }

  /// Without `.`, `..` (as text, links are not followed) and repeated slashes.
  package static func normalise(_ path: String) -> String {
    let absolute = isAbsolute(path)
    var kept: [String] = []
    for part in parts(path) where part != "." {
      if part != ".." {
        kept.append(part)
      } else if let last = kept.last, last != ".." {
        kept.removeLast()
      } else if !absolute {
        kept.append(part)
      }
    }
    let joined = kept.joined(separator: "/")
    return absolute ? "/" + joined : joined.isEmpty ? "." : joined
  }

  /// Absolute and normalised.
  package static func absolute(_ path: String, workingDirectory: String) -> String {
    normalise(isAbsolute(path) ? path : join(workingDirectory, path))
  }

  /// What is before the last slash: "/a/b" -> "/a", "/a" -> "/", "a" -> "".
  package static func directory(_ path: String) -> String {
    guard let cut = path.utf8.lastIndex(of: slash) else { return "" }
    return cut == path.utf8.startIndex ? "/" : String(path[..<cut])
  }

  /// What is behind the last slash.
  package static func name(_ path: String) -> String {
    guard let cut = path.utf8.lastIndex(of: slash) else { return path }
    return String(path[path.utf8.index(after: cut)...])
  }

  /// `path` as seen from the directory `base`; both absolute and normalised.
  package static func relative(_ path: String, to base: String) -> String {
    let target = parts(path), from = parts(base)
    var common = 0
    while common < target.count, common < from.count, Array(target[common].utf8) == Array(from[common].utf8) {
      common += 1
    }
    let up = [String](repeating: "..", count: from.count - common)
    let all = up + target[common...]
    return all.isEmpty ? "." : all.joined(separator: "/")
  }

  /// The parts of `path` below `base`; nil if it is not below or at it. Both absolute and normalised.
  package static func below(_ path: String, _ base: String) -> [String]? {
    let target = parts(path), from = parts(base)
    guard target.count >= from.count else { return nil }
    for at in from.indices where Array(target[at].utf8) != Array(from[at].utf8) { return nil }
    return Array(target[from.count...])
  }

  /// The part of `path` below `base`, "." for the base itself; nil if it does not lie below it.
  package static func pathBelow(_ path: String, _ base: String) -> String? {
    guard let parts = below(path, base) else { return nil }
    return parts.isEmpty ? "." : parts.joined(separator: "/")
  }

  /// `~` and `~/x` become paths in the home directory (default: `HOME`). `~name` is left alone: looking up other users
  /// may load modules and ask servers.
  package static func expandHome(_ path: String, home given: String? = nil) -> String {
    guard path.utf8.first == UInt8(ascii: "~") else { return path }
    let rest = path.dropFirst()
    guard rest.isEmpty || rest.utf8.first == slash else { return path }
    guard let base = given ?? getenv("HOME").map({ String(cString: $0) }), !base.isEmpty else { return path }
    return rest.isEmpty ? base : join(base, String(rest.dropFirst()))
  }

  /// The working directory; "/" if it cannot be told.
  package static func workingDirectory() -> String {
    guard let text = getcwd(nil, 0) else { return "/" }
    defer { free(text) }
    return String(cString: text)
  }

  /// Makes a directory and those above it, with mode 0777 less the umask.
  ///
  /// - Throws: code `.directory`, kind `directory_failed`.
  package static func makeDirectories(_ path: String) throws(QuipuError) {
    if path.isEmpty || FileTools.kind(path) == .directory { return }
    if path.utf8.count > 4095 {
      throw FileTools.error(.directory, kind: "directory_failed", doing: "create directory", path, ENAMETOOLONG)
    }
    let parent = directory(path)
    if !parent.isEmpty && parent.utf8.count < path.utf8.count { try makeDirectories(parent) }
    if path.withCString({ mkdir($0, 0o777) }) == 0 { return }
    let number = errno
    // Somebody else may have made it meanwhile.
    if number == EEXIST && FileTools.kind(path) == .directory { return }
    throw FileTools.error(
      .directory, kind: "directory_failed", doing: "create directory", path, number == EEXIST ? ENOTDIR : number)
  }

  private static let slash = UInt8(ascii: "/")
}
