/// The few things that settings need to know of a URL.
enum URLText {
  /// Scheme and host in lower case, the host without user and port; nil: not a URL.
  static func parts(_ url: String) -> (scheme: String, host: String)? {
    guard let (scheme, authority) = split(url) else { return nil }
    var host = authority
    if let at = host.lastIndex(of: UInt8(ascii: "@")) { host = host[host.index(after: at)...] }
    if host.first == UInt8(ascii: "["), let close = host.firstIndex(of: UInt8(ascii: "]")) {
      host = host[...close]
    } else if let colon = host.firstIndex(of: UInt8(ascii: ":")) {
      host = host[..<colon]
    }
    guard host.allSatisfy({ $0 > 0x20 }) else { return nil }
    return (String(Substring(scheme)).lowercased(), String(Substring(host)).lowercased())
  }

  /// The URL with an empty password in place of the one it holds.
  static func withoutPassword(_ url: String) -> String {
    guard let (_, authority) = split(url), let at = authority.lastIndex(of: UInt8(ascii: "@")),
      let colon = authority[..<at].firstIndex(of: UInt8(ascii: ":"))
    else { return url }
    return String(decoding: url.utf8[...colon], as: UTF8.self) + String(decoding: url.utf8[at...], as: UTF8.self)
  }

  private static func split(_ url: String) -> (scheme: Substring.UTF8View, authority: Substring.UTF8View)? {
    let bytes = url.utf8
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon != bytes.startIndex,
      bytes[colon...].starts(with: "://".utf8)
    else { return nil }
    let rest = bytes[bytes.index(colon, offsetBy: 3)...]
    let end = rest.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
    return (bytes[..<colon], rest[..<end])
  }
}
