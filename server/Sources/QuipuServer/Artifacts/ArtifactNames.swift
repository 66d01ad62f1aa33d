import QuipuBase

/// What the names of artifacts may look like. Source: protocol reference, section 17.
extension Names {
  /// A collection or a type.
  static func checkArtifact(_ name: String, what: String = "artifact name") throws(ServerFault) {
    guard !name.isEmpty, name.count <= 128, name != ".", name != "..", isPlain(name) else {
      throw ServerFault(400, "an \(what) has 1 to 128 characters and none of '/', ':' and control characters")
    }
  }

  static func checkAlias(_ name: String) throws(ServerFault) {
    guard !name.isEmpty, name.count <= 128, isPlain(name) else {
      throw ServerFault(400, "an alias has 1 to 128 characters and none of '/', ':' and control characters")
    }
    guard versionNumber(name) == nil else {
      throw ServerFault(400, "'\(name)' cannot be given as an alias: it is the name of a version")
    }
  }

  /// Words of letters, digits, `-` and `_`, with spaces between them.
  static func checkArtifactTag(_ name: String) throws(ServerFault) {
    let isWord = name.utf8.allSatisfy {
      ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2d || $0 == 0x5f || $0 == 0x20
    }
    guard isWord, name.utf8.count <= 256, name.utf8.first ?? 0x20 != 0x20, name.utf8.last ?? 0x20 != 0x20 else {
      throw ServerFault(400, "'\(name)' is not a tag: words of A-Z a-z 0-9 _ - with spaces between them")
    }
  }

  /// The number of `v12`.
  static func versionNumber(_ text: String) -> Int64? {
    guard text.utf8.first == UInt8(ascii: "v"), text.utf8.count <= 19,
      text.utf8.dropFirst().allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
    else { return nil }
    return Int64(text.dropFirst())
  }

  /// `COLLECTION:ALIAS`; without an alias it is `latest`.
  static func splitArtifact(_ name: String) -> (collection: String, alias: String) {
    guard let colon = name.lastIndex(of: ":") else { return (name, "latest") }
    let alias = String(name[name.index(after: colon)...])
    return (String(name[..<colon]), alias.isEmpty ? "latest" : alias)
  }

  private static func isPlain(_ name: String) -> Bool {
    !name.utf8.contains { $0 < 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") }
  }
}

/// Texts that stand for 16 bytes.
enum ArtifactDigest {
  /// Whether this is standard base64, padded, of 16 bytes: the one spelling that a digest has.
  static func isBase64(_ text: String) -> Bool {
    guard text.utf8.count == 24, let bytes = decodeBase64(text) else { return false }
    return bytes.count == 16 && base64(bytes) == text
  }

  static func isHex(_ text: String) -> Bool {
    text.utf8.count == 32 && text.utf8.allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) }
  }

  /// Base64 of what hexadecimal digits of either case say; quotes around them, as of an ETag, are taken off.
  static func base64(hex text: String) -> String? {
    var digits = Substring(text)
    if digits.utf8.first == UInt8(ascii: "\""), digits.utf8.last == UInt8(ascii: "\""), digits.utf8.count >= 2 {
      digits = digits.dropFirst().dropLast()
    }
    guard digits.utf8.count == 32 else { return nil }
    var bytes: [UInt8] = []
    var high: UInt8?
    for byte in digits.utf8 {
      let value: UInt8
      switch byte {
      case 48...57: value = byte - 48
      case 65...70: value = byte - 55
      case 97...102: value = byte - 87
      default: return nil
      }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return base64(bytes)
  }

  static func hex(base64 text: String) -> String? { decodeBase64(text).map { hexText($0) } }

  private static func base64(_ bytes: [UInt8]) -> String { QuipuBase.base64(bytes) }
}
