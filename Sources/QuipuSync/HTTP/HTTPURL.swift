/// The parts of an absolute `http` or `https` URL that requests need.
///
/// Stricter than most parsers on purpose: what two parsers could read in two ways is refused, so that credentials cannot
/// be lured to another host.
package struct HTTPURL: Sendable, Equatable {
  /// `http` or `https`.
  package let scheme: String
  /// Lower case; an IPv6 address without its brackets.
  package let host: String
  /// The scheme's own if the URL names none.
  package let port: Int
  package let namesPort: Bool
  /// From the first slash after the host, without query and fragment; empty if there is none.
  package let path: String
  package let hasUserInfo: Bool
  package let hasQuery: Bool

  /// - Returns: nil if this is no such URL, or holds white space, control characters or a backslash.
  package init?(_ text: String) {
    let bytes = text.utf8
    guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }),
      let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8)
    else { return nil }
    scheme = Substring(bytes[..<colon]).lowercased()
    guard scheme == "http" || scheme == "https" else { return nil }
    let rest = bytes[bytes.index(colon, offsetBy: 3)...]
    let end = rest.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
    var authority = rest[..<end]
    if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
      hasUserInfo = true
      authority = authority[authority.index(after: at)...]
    } else {
      hasUserInfo = false
    }
    var digits: Substring.UTF8View?
    if authority.first == UInt8(ascii: "[") {
      guard let close = authority.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      let after = authority[authority.index(after: close)...]
      guard after.isEmpty || after.first == UInt8(ascii: ":") else { return nil }
      digits = after.isEmpty ? nil : after.dropFirst()
      authority = authority[authority.index(after: authority.startIndex)..<close]
      guard authority.contains(UInt8(ascii: ":")) else { return nil }
    } else if let split = authority.firstIndex(of: UInt8(ascii: ":")) {
      digits = authority[authority.index(after: split)...]
      authority = authority[..<split]
      guard digits?.contains(UInt8(ascii: ":")) != true else { return nil }
    }
    guard !authority.isEmpty, authority.allSatisfy({ !"[]<>\"'`{}|^@,;&=+$!*()".utf8.contains($0) }) else { return nil }
    host = Substring(authority).lowercased()
    if let digits, !digits.isEmpty {
      guard digits.count <= 5, digits.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(Substring(digits)),
        (1...65_535).contains(number)
      else { return nil }
      port = number
      namesPort = true
    } else {
      port = scheme == "https" ? 443 : 80
      namesPort = false
    }
    let tail = rest[end...]
    let pathEnd = tail.firstIndex { "?#".utf8.contains($0) } ?? tail.endIndex
    path = String(Substring(tail[..<pathEnd]))
    hasQuery = tail[pathEnd...].first == UInt8(ascii: "?")
  }

  private var bracketedHost: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host }

  /// `host:port`, for messages.
  package var target: String { "\(bracketedHost):\(port)" }

  /// `host` or `host:port` as the URL has it.
  package var authority: String { namesPort ? target : bracketedHost }

  /// The URL without user, password, query and fragment.
  package var redacted: String { "\(scheme)://\(authority)\(path)" }

  package func hasSameOrigin(as other: HTTPURL) -> Bool {
    scheme == other.scheme && host == other.host && port == other.port
  }

  /// Whether this URL is on the server of `base` and below its path, so that it may get that server's credentials.
  package func isBelow(_ base: HTTPURL) -> Bool {
    guard hasSameOrigin(as: base), !hasUserInfo else { return false }
    var prefix = Substring(base.path)
    while prefix.utf8.last == UInt8(ascii: "/") { prefix = prefix.dropLast() }
    guard path.utf8.starts(with: prefix.utf8) else { return false }
    let next = path.utf8.dropFirst(prefix.utf8.count).first
    guard next == nil || next == UInt8(ascii: "/") else { return false }
    // A path that climbs would leave the prefix again.
    for part in path.utf8.split(separator: UInt8(ascii: "/")) {
      let text = Substring(part).lowercased()
      if text == ".." || text == "." || text.utf8.starts(with: "%2e".utf8) || text == ".%2e" { return false }
    }
    return true
  }

  /// A URL for messages: without user, password, query and fragment; not parsable ones are not shown at all.
  package static func redacted(_ text: String) -> String { HTTPURL(text)?.redacted ?? "(not a URL)" }
}
