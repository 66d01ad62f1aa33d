/// What names may look like. Source: protocol reference, section 17.
enum Names {
  static func checkRun(_ name: String) throws(ServerFault) {
    guard !name.isEmpty, name.utf8.count <= 512 else {
      throw ServerFault(400, "a run id has 1 to 512 bytes")
    }
    guard name.first?.isWhitespace == false, name.last?.isWhitespace == false else {
      throw ServerFault(400, "a run id has no white space at its ends")
    }
    try check(name, without: ":;,#?/'", what: "run id")
    guard name != ".", name != ".." else { throw ServerFault(400, "a run id cannot be '\(name)'") }
  }

  static func checkProject(_ name: String) throws(ServerFault) {
    guard !name.isEmpty, name.count <= 128 else {
      throw ServerFault(400, "a project name has 1 to 128 characters")
    }
    try check(name, without: "/\\#?%:", what: "project name")
    guard name != ".", name != ".." else { throw ServerFault(400, "a project cannot be named '\(name)'") }
  }

  static func checkEntity(_ name: String) throws(ServerFault) {
    let allowed = name.utf8.allSatisfy {
      ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2d || $0 == 0x5f || $0 == 0x2e
    }
    guard !name.isEmpty, name.utf8.count <= 128, allowed, name != ".", name != ".." else {
      throw ServerFault(400, "an entity name has 1 to 128 of the characters A-Z a-z 0-9 . _ -")
    }
  }

  /// A path below a run: `/` between parts, none of them empty, `.` or `..`.
  static func checkFile(_ name: String) throws(ServerFault) {
    guard !name.isEmpty, name.utf8.count <= 4096 else {
      throw ServerFault(400, "a file name has 1 to 4096 bytes")
    }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 1024 }) else {
      throw ServerFault(400, "a file name is a relative path without empty, '.' or '..' parts")
    }
    guard !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f || $0 == 0x5c }) else {
      throw ServerFault(400, "a file name has no control characters and no backslash")
    }
  }

  private static func check(_ name: String, without forbidden: String, what: String) throws(ServerFault) {
    if let bad = name.first(where: { forbidden.contains($0) || ($0.asciiValue ?? 0x20) < 0x20 }) {
      let shown = (bad.asciiValue ?? 0x20) < 0x20 ? "control characters" : "'\(bad)'"
      throw ServerFault(400, "a \(what) cannot contain \(shown)")
    }
  }
}

/// Opaque ids of the graph: base64 of `Kind:NUMBER`, as W&B's are.
enum GlobalID {
  static func make(_ kind: String, _ id: Int64) -> String { base64Text("\(kind):\(id)") }

  /// The number, if this is an id of that kind.
  static func parse(_ text: String, kind: String) -> Int64? {
    guard let bytes = decodeBase64(text) else { return nil }
    let parts = String(decoding: bytes, as: UTF8.self).split(separator: ":", maxSplits: 1)
    guard parts.count == 2, parts[0] == kind else { return nil }
    return Int64(parts[1])
  }
}
