/// Paths as texts; nothing here touches the file system.
enum PathText {
  /// `path` itself if it is absolute, else `path` below `directory`.
  static func join(_ directory: String, _ path: String) -> String {
    if path.utf8.first == UInt8(ascii: "/") || directory.isEmpty { return path }
    if path.isEmpty { return directory }
    return directory.utf8.last == UInt8(ascii: "/") ? directory + path : directory + "/" + path
  }

  /// Replaces a leading `~` or `~/`; the home directories of other users are not looked up.
  static func expandingHome(_ path: String, home: String) -> String {
    if path.utf8.elementsEqual("~".utf8) { return home }
    guard path.utf8.starts(with: "~/".utf8) else { return path }
    return join(home, String(path.dropFirst(2)))
  }

  /// Without `.`, `..` and doubled slashes. Symbolic links are not followed.
  static func normalised(_ path: String) -> String {
    let absolute = path.utf8.first == UInt8(ascii: "/")
    var parts: [Substring.UTF8View] = []
    for part in path.utf8.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
      if part.elementsEqual("..".utf8) {
        if let last = parts.last, !last.elementsEqual("..".utf8) {
          parts.removeLast()
        } else if !absolute {
          parts.append(part)
        }
      } else {
        parts.append(part)
      }
    }
    let text = parts.map { String(Substring($0)) }.joined(separator: "/")
    return absolute ? "/" + text : text.isEmpty ? "." : text
  }

  /// The part of `path` below `directory`; nil if it does not lie below it. Both absolute and normalised.
  static func relative(_ path: String, to directory: String) -> String? {
    if path.utf8.elementsEqual(directory.utf8) { return "." }
    let prefix = directory.utf8.last == UInt8(ascii: "/") ? directory : directory + "/"
    guard path.utf8.starts(with: prefix.utf8) else { return nil }
    return String(decoding: path.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
  }

  static func lastComponent(_ path: String) -> String {
    path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? ""
  }

  static func parent(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.utf8.startIndex ? "/" : String(decoding: path.utf8[..<slash], as: UTF8.self)
  }
}
