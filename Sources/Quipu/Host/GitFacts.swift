import Glibc
import QuipuBase

/// The repository around a directory: its top, the address of a remote, the commit of HEAD. Read from the files of
/// `.git`; git itself is not started.
///
/// Source: what the W&B client 0.31.0 records of a repository.
package struct GitFacts: Sendable, Equatable {
  /// Top directory of the working tree.
  package var top: String
  /// Without a password; nil if there is no such remote.
  package var remote: String?
  /// Full hash of HEAD.
  package var commit: String

  /// The nearest repository at or above `start`; nil if there is none, or if it has no commit yet.
  ///
  /// Understands worktrees and submodules (`.git` is a file), packed references and a detached HEAD. Does not look at
  /// `include` and `insteadOf` in the configuration, nor at references kept in a reftable.
  package static func find(from start: String, remote: String = "origin") -> GitFacts? {
    var directory = PathTools.normalise(start)
    for _ in 0..<256 {
      let dot = PathTools.join(directory, ".git")
      if let git = gitDirectory(dot) {
        // Worktrees share references and configuration with the main repository.
        var common = git
        if let link = FileTools.readLine(PathTools.join(git, "commondir")), !link.isEmpty {
          common = PathTools.absolute(link, workingDirectory: git)
        }
        guard let commit = head(git: git, common: common) else { return nil }
        let url = FileTools.read(PathTools.join(common, "config"), limit: 1 << 18).flatMap { remoteURL($0, remote) }
        return GitFacts(top: directory, remote: url.map(URLText.withoutPassword), commit: commit)
      }
      let parent = PathTools.directory(directory)
      if parent.isEmpty || parent == directory { return nil }
      directory = parent
    }
    return nil
  }

  /// The top directory alone, also without a commit; for the default project name.
  package static func top(from start: String) -> String? {
    var directory = PathTools.normalise(start)
    for _ in 0..<256 {
      if gitDirectory(PathTools.join(directory, ".git")) != nil { return directory }
      let parent = PathTools.directory(directory)
      if parent.isEmpty || parent == directory { return nil }
      directory = parent
    }
    return nil
  }

  private static func gitDirectory(_ dot: String) -> String? {
    switch FileTools.kind(dot) {
    case .directory: return FileTools.exists(PathTools.join(dot, "HEAD")) ? dot : nil
    case .file:
      guard let text = FileTools.readLine(dot), text.utf8.starts(with: "gitdir:".utf8) else { return nil }
      let path = String(decoding: FileTools.trim(Array(text.utf8.dropFirst(7))[...]), as: UTF8.self)
      let target = PathTools.absolute(path, workingDirectory: PathTools.directory(dot))
      return FileTools.kind(target) == .directory ? target : nil
    default: return nil
    }
  }

  private static func head(git: String, common: String) -> String? {
    guard var text = FileTools.readLine(PathTools.join(git, "HEAD")) else { return nil }
    // A symbolic reference may lead to another one.
    for _ in 0..<8 {
      guard text.utf8.starts(with: "ref:".utf8) else { return isHash(text) ? text : nil }
      let name = String(decoding: FileTools.trim(Array(text.utf8.dropFirst(4))[...]), as: UTF8.self)
      // Outside data: a reference must not lead out of the repository.
      if name.isEmpty || name.utf8.first == UInt8(ascii: "/") || PathTools.parts(name).contains("..") { return nil }
      if let loose = FileTools.readLine(PathTools.join(git, name)) ?? FileTools.readLine(PathTools.join(common, name)) {
        text = loose
      } else {
        return packed(PathTools.join(common, "packed-refs"), name)
      }
    }
    return nil
  }

  private static func packed(_ path: String, _ name: String) -> String? {
    guard let bytes = FileTools.read(path, limit: 16 << 20) else { return nil }
    let wanted = Array(name.utf8)
    // Lines are "<hash> <name>"; searching for the name first keeps large files cheap.
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard line.count > wanted.count, line.reversed().starts(with: wanted.reversed()),
        let cut = line.firstIndex(of: UInt8(ascii: " ")), line[(cut + 1)...].elementsEqual(wanted)
      else { continue }
      let hash = String(decoding: line[..<cut], as: UTF8.self)
      return isHash(hash) ? hash : nil
    }
    return nil
  }

  private static func isHash(_ text: String) -> Bool {
    let count = text.utf8.count
    return (count == 40 || count == 64)
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  /// `url` of `[remote "name"]`; the first one counts.
  private static func remoteURL(_ config: [UInt8], _ remote: String) -> String? {
    var inside = false
    let title = "[remote \"\(remote)\"]"
    for raw in config.split(separator: UInt8(ascii: "\n")) {
      let line = FileTools.trim(raw)
      guard let first = line.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { continue }
      if first == UInt8(ascii: "[") {
        inside = line.elementsEqual(title.utf8)
        continue
      }
      guard inside, let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let name = FileTools.trim(line[..<equals])
      guard String(decoding: name, as: UTF8.self).lowercased() == "url" else { continue }
      var value = FileTools.trim(line[(equals + 1)...])
      if value.count >= 2, value.first == UInt8(ascii: "\""), value.last == UInt8(ascii: "\"") {
        value = value.dropFirst().dropLast()
      }
      return value.isEmpty ? nil : String(decoding: value, as: UTF8.self)
    }
    return nil
  }
}
