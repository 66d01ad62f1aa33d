import QuipuBase

/// The list of an artifact's files, as clients upload it. Source: protocol reference, 12.2.
///
/// A manifest can name a million files, so only one entry at a time is held as a tree; the others are ranges of the
/// bytes.
struct Manifest: Sendable {
  struct Entry: Sendable {
    var path: String
    var digest: String
    var size: Int64
    /// Where the bytes lie, if that is elsewhere and no business of this server.
    var reference: String?
    /// Where the entry's JSON stands.
    var text: Range<Int>
  }

  let bytes: [UInt8]
  private(set) var entries: [Entry] = []
  /// The members beside `contents`, in their order.
  private(set) var header = JSONObject()

  /// - Throws: 400 saying what is wrong.
  init(parsing bytes: [UInt8]) throws(ServerFault) {
    self.bytes = bytes
    var scanner = Scanner(bytes: bytes)
    var hasContents = false
    try scanner.members { key, scanner throws(ServerFault) in
      guard key == "contents" else {
        header[Key(key)] = try Self.json(bytes, try scanner.value())
        return
      }
      guard !hasContents else { throw ServerFault(400, "the manifest has two members 'contents'") }
      hasContents = true
      try scanner.members { path, scanner throws(ServerFault) in
        entries.append(try Self.entry(path, bytes, try scanner.value()))
      }
    }
    try scanner.end()
    guard hasContents else { throw ServerFault(400, "the manifest has no 'contents'") }
    guard header["version"]?.intValue == 1 else { throw ServerFault(400, "the version of the manifest is not 1") }
    entries.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    for (a, b) in zip(entries, entries.dropFirst()) where a.path.utf8.elementsEqual(b.path.utf8) {
      throw ServerFault(400, "the manifest names '\(a.path)' twice")
    }
  }

  private static func entry(
    _ path: String, _ bytes: [UInt8], _ range: Range<Int>
  ) throws(ServerFault) -> Entry {
    try Names.checkFile(path)
    guard let object = try json(bytes, range).objectValue, let digest = object["digest"]?.stringValue, !digest.isEmpty
    else { throw ServerFault(400, "the manifest's entry '\(path)' has no digest") }
    let size = object["size"]?.intValue ?? 0
    guard size >= 0 else { throw ServerFault(400, "the manifest's entry '\(path)' has a negative size") }
    let reference = object["ref"]?.stringValue
    guard reference != nil || ArtifactDigest.isBase64(digest) else {
      throw ServerFault(400, "the digest of '\(path)' in the manifest is not base64 of 16 bytes")
    }
    return Entry(path: path, digest: digest, size: size, reference: reference, text: range)
  }

  private static func json(_ bytes: [UInt8], _ range: Range<Int>) throws(ServerFault) -> JSON {
    let parsed: Result<JSON, JSONError> = bytes[range].withUnsafeBytes { slice in
      do throws(JSONError) {
        return .success(try JSON(parsing: slice))
      } catch {
        return .failure(error)
      }
    }
    switch parsed {
    case .success(let value): return value
    case .failure(let error):
      throw ServerFault(400, "the manifest is not JSON: \(error.reason) at byte \(range.lowerBound + error.offset)")
    }
  }

  // MARK: Digest

  /// What an artifact with these entries, sorted by path, is known by. Source: protocol reference, 12.3.
  static func digest(of entries: some Sequence<Entry>, algorithm: String) -> String {
    var md5 = MD5()
    var xxh128 = XXH128()
    let isXXH128 = algorithm == "MANIFEST_XXH128"
    func add(_ text: String) {
      var text = text
      text.withUTF8 { bytes in
        if isXXH128 {
          xxh128.update(UnsafeRawBufferPointer(bytes))
        } else {
          md5.update(UnsafeRawBufferPointer(bytes))
        }
      }
    }
    add("wandb-artifact-manifest-v1\n")
    for entry in entries { add("\(entry.path):\(entry.digest)\n") }
    return hexText(isXXH128 ? xxh128.finish() : md5.finish())
  }
}

/// Finds its way through JSON without making anything of it.
private struct Scanner {
  let bytes: [UInt8]
  var at = 0

  private var current: UInt8 { at < bytes.count ? bytes[at] : 0 }

  private func fail(_ expected: String) -> ServerFault {
    ServerFault(400, "the manifest is not JSON: expected \(expected) at byte \(at)")
  }

  private mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[at]) { at += 1 }
  }

  private mutating func take(_ byte: UInt8, _ name: String) throws(ServerFault) {
    skipSpace()
    guard current == byte else { throw fail(name) }
    at += 1
  }

  /// Goes over an object; `body` has to move the scanner behind each member's value.
  mutating func members(_ body: (String, inout Scanner) throws(ServerFault) -> Void) throws(ServerFault) {
    try take(UInt8(ascii: "{"), "an object")
    skipSpace()
    if current == UInt8(ascii: "}") {
      at += 1
      return
    }
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw fail("a member name") }
      let range = try value()
      guard let key = try? JSON(parsing: Array(bytes[range])).stringValue else { throw fail("a member name") }
      try take(UInt8(ascii: ":"), "':'")
      try body(key, &self)
      skipSpace()
      if current == UInt8(ascii: "}") {
        at += 1
        return
      }
      try take(UInt8(ascii: ","), "',' or '}'")
    }
  }

  /// Where the next value stands. What is inside of it is for the parser to judge.
  mutating func value() throws(ServerFault) -> Range<Int> {
    skipSpace()
    let start = at
    var depth = 0
    repeat {
      guard at < bytes.count else { throw fail("the rest") }
      switch bytes[at] {
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "\""):
        at += 1
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
          at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard at < bytes.count else { throw fail("the rest") }
      default:
        if depth == 0 {
          while at < bytes.count, ![0x2c, 0x7d, 0x5d, 0x20, 0x0a, 0x0d, 0x09, 0x3a].contains(bytes[at]) { at += 1 }
          guard at > start else { throw fail("a value") }
          return start..<at
        }
      }
      at += 1
    } while depth > 0
    guard depth == 0 else { throw fail("a value") }
    return start..<at
  }

  mutating func end() throws(ServerFault) {
    skipSpace()
    guard at >= bytes.count else { throw fail("the end") }
  }
}
