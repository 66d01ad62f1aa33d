/// What an API key looks like.
///
/// Source: http.md, section 2.1.
package enum APIKey {
  /// Says what is wrong with a key, without any of it; nil: it may be one.
  package static func problem(_ key: String) -> String? {
    if key.isEmpty { return "the API key is empty" }
    if let first = key.utf8.first, let last = key.utf8.last, first <= 0x20 || last <= 0x20 {
      return "the API key has white space at one end"
    }
    let parts = key.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    if parts.count == 3, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isPlain) }) { return nil }
    var rest = Substring(key).utf8
    // Keys of servers on premises have a prefix: `local-...`.
    if let dash = rest.firstIndex(of: UInt8(ascii: "-")) { rest = rest[rest.index(after: dash)...] }
    guard rest.allSatisfy(isPlain) else { return "the API key holds characters that no key has" }
    guard rest.count >= 40 else { return "the API key is too short: it has \(rest.count) characters, at least 40 are needed" }
    return nil
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }
}
