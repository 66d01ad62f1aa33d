/// Replaces what looks like a key, a token or a password inside any text: a patch, a header, a URL.
///
/// Found are the forms that services give their keys, JSON web tokens, passwords in URLs, and values that are given
/// to a secret name (`api_key = "..."`, `Authorization: Bearer ...`, `?token=...`). What has no such form is kept.
package enum SecretText {
  private static let replacement = Array(SecretArguments.replacement.utf8)

  /// How services begin their keys.
  private static let prefixes: [[UInt8]] = [
    "wandb_v1_", "sk-", "sk_live_", "rk_live_", "hf_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
    "glptt-", "gldt-", "xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-", "xapp-", "AKIA", "ASIA", "AIza", "ya29.", "npm_",
    "pypi-", "dop_v1_", "SG.", "nvapi-", "gsk_", "r8_", "dapi",
  ].map { Array($0.utf8) }

  /// A key in one of the known forms.
  ///
  /// - Parameter isCode: the word stands in source text, where names like `sk-some-long-name` are no keys: there must
  ///   be a digit, or much of it.
  package static func isKey(_ text: some BidirectionalCollection<UInt8>, isCode: Bool = false) -> Bool {
    guard text.count >= 20 else { return false }
    if prefixes.contains(where: { text.starts(with: $0) }) {
      return !isCode || text.count >= 40 || text.contains { 0x30...0x39 ~= $0 }
    }
    // header.payload.signature, the first two being JSON in base64
    guard text.starts(with: "eyJ".utf8) else { return false }
    let parts = text.split(separator: UInt8(ascii: "."))
    return parts.count >= 2 && parts[1].starts(with: "eyJ".utf8)
  }

  package static func redacted(_ text: String) -> String {
    String(decoding: redacted(Array(text.utf8)), as: UTF8.self)
  }

  /// - Complexity: linear.
  package static func redacted(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    var at = 0
    /// The word before, if only separators have followed.
    var name: Range<Int>?
    var assigns = false
    while at < bytes.count {
      guard isWord(bytes[at]) else {
        let byte = bytes[at]
        if byte == UInt8(ascii: "=") || byte == UInt8(ascii: ":") {
          assigns = name != nil
        } else if byte != UInt8(ascii: " "), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "'"), byte != 0x09 {
          name = nil
          assigns = false
        }
        out.append(byte)
        at += 1
        continue
      }
      let start = at
      while at < bytes.count, isWord(bytes[at]) { at += 1 }
      let word = bytes[start..<at]
      if let end = passwordEnd(bytes, start, at) {
        // scheme://user:password@host
        out += word
        out += "://".utf8
        out += hiddenUser(bytes[(at + 3)..<end])
        at = end
        name = nil
        assigns = false
      } else if isKey(word, isCode: true) {
        out += replacement
        name = nil
        assigns = false
      } else if assigns, let before = name, isSecretValue(word, bytes, before, start) {
        if isScheme(word) {
          out += word
        } else {
          out += replacement
          name = nil
          assigns = false
        }
      } else {
        out += word
        name = start..<at
        assigns = false
      }
    }
    return out
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "~"), 0x80...0xFF: true
    default: false
    }
  }

  /// Where the user's part of a URL whose scheme ends at `at` ends (at the `@`); nil if this is none.
  private static func passwordEnd(_ bytes: [UInt8], _ start: Int, _ at: Int) -> Int? {
    guard at + 3 < bytes.count, bytes[at] == UInt8(ascii: ":"), bytes[at + 1] == UInt8(ascii: "/"),
      bytes[at + 2] == UInt8(ascii: "/")
    else { return nil }
    var end = at + 3
    while end < bytes.count, end - at < 1024 {
      switch bytes[end] {
      case UInt8(ascii: "@"): return end
      case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "'"), 0...0x20:
        return nil
      default: end += 1
      }
    }
    return nil
  }

  private static func hiddenUser(_ user: ArraySlice<UInt8>) -> [UInt8] {
    if let colon = user.firstIndex(of: UInt8(ascii: ":")) {
      let name = user[..<colon]
      let shown = isKey(name) ? replacement : Array(name)
      return shown + [UInt8(ascii: ":")] + (colon + 1 < user.endIndex ? replacement : [])
    }
    return isKey(user) || user.count >= 32 ? replacement : Array(user)
  }

  /// A literal that is given to a secret name. `password = get_password()` and `token: str` are code, not secrets:
  /// without quotes a value must look random.
  private static func isSecretValue(
    _ word: ArraySlice<UInt8>, _ bytes: [UInt8], _ name: Range<Int>, _ start: Int
  ) -> Bool {
    guard SecretArguments.isSecretName(String(decoding: bytes[name], as: UTF8.self)) else { return false }
    let isQuoted = start > 0 && (bytes[start - 1] == UInt8(ascii: "\"") || bytes[start - 1] == UInt8(ascii: "'"))
    if isQuoted { return word.count >= 4 }
    let hasDigit = word.contains { 0x30...0x39 ~= $0 }
    let hasLetter = word.contains { 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 }
    return isScheme(word) || (word.count >= 8 && hasDigit && hasLetter)
  }

  /// `Authorization: Bearer KEY`: the key is the word after this one.
  private static func isScheme(_ word: ArraySlice<UInt8>) -> Bool {
    word.elementsEqual("Bearer".utf8) || word.elementsEqual("Basic".utf8)
  }
}
