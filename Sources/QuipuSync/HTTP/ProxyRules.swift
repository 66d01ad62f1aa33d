import Glibc

/// Which proxy a request goes through.
///
/// libcurl could read the environment itself, but on the library's thread, while the host may be changing it.
///
/// Source: http.md, section 4; the rules for `NO_PROXY` are those of the official client's language: `host` means the
/// host and all below it, `.host` only those below it, `host:port`, addresses, networks (`10.0.0.0/8`), `*`.
struct ProxyRules: Sendable, Equatable {
  /// Of the environment.
  private let httpProxy: String?
  private let httpsProxy: String?
  private let noProxy: String?

  init(environment: [String: String]) {
    func value(_ names: String...) -> String? {
      for name in names {
        if let text = environment[name], !text.isEmpty { return text }
      }
      return nil
    }
    // In a CGI program HTTP_PROXY is a header that a stranger sent.
    let isCGI = environment["REQUEST_METHOD"] != nil
    let all = value("ALL_PROXY", "all_proxy")
    httpProxy = (isCGI ? value("http_proxy") : value("HTTP_PROXY", "http_proxy")) ?? all
    httpsProxy = value("HTTPS_PROXY", "https_proxy") ?? all
    noProxy = value("NO_PROXY", "no_proxy")
  }

  /// - Returns: the proxy's URL; nil: none.
  func proxy(for url: HTTPURL, _ options: ConnectionOptions) -> String? {
    let isSecure = url.scheme == "https"
    let explicit = isSecure ? options.httpsProxy : options.httpProxy
    // A local server is reached directly unless a setting says otherwise.
    if explicit == nil && Self.isLoopback(url.host) { return nil }
    guard let proxy = explicit ?? (isSecure ? httpsProxy : httpProxy), !proxy.isEmpty else { return nil }
    return Self.matches(options.noProxy ?? noProxy ?? "", url) ? nil : proxy
  }

  private static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host == "localhost." { return true }
    guard let address = bytes(host) else { return false }
    return address.count == 4 ? address[0] == 127 : address == Array(repeating: 0, count: 15) + [1]
  }

  static func matches(_ list: String, _ url: HTTPURL) -> Bool {
    let address = bytes(url.host)
    for entry in list.utf8.split(whereSeparator: { $0 == UInt8(ascii: ",") || $0 <= 0x20 }) {
      var pattern = Substring(entry).lowercased()
      if pattern == "*" { return true }
      if let slash = pattern.utf8.firstIndex(of: UInt8(ascii: "/")) {
        let bits = Int(pattern.utf8[pattern.utf8.index(after: slash)...].map { String(UnicodeScalar($0)) }.joined())
        if let address, let bits, let network = bytes(String(pattern.utf8[..<slash]) ?? ""),
          isInside(address, network, bits: bits)
        {
          return true
        }
        continue
      }
      if let port = trailingPort(&pattern), port != url.port { continue }
      if let other = bytes(pattern) {
        if other == address { return true }
        continue
      }
      if address != nil { continue }
      if pattern.utf8.starts(with: "*.".utf8) { pattern.removeFirst() }
      if pattern.utf8.first == UInt8(ascii: ".") {
        if hasSuffix(url.host, pattern) { return true }
      } else if url.host.utf8.elementsEqual(pattern.utf8) || hasSuffix(url.host, "." + pattern) {
        return true
      }
    }
    return false
  }

  private static func hasSuffix(_ host: String, _ suffix: String) -> Bool {
    host.utf8.count > suffix.utf8.count && host.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  /// Takes `:port` and brackets off.
  private static func trailingPort(_ pattern: inout String) -> Int? {
    var text = Substring(pattern)
    var port: Int?
    if text.utf8.first == UInt8(ascii: "["), let close = text.utf8.firstIndex(of: UInt8(ascii: "]")) {
      port = Int(text[text.utf8.index(after: close)...].drop { $0 == ":" })
      text = text[text.utf8.index(after: text.startIndex)..<close]
    } else if text.utf8.lazy.filter({ $0 == UInt8(ascii: ":") }).count == 1,
      let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
    {
      port = Int(text[text.utf8.index(after: colon)...])
      text = text[..<colon]
    }
    pattern = String(text)
    return port
  }

  private static func isInside(_ address: [UInt8], _ network: [UInt8], bits: Int) -> Bool {
    guard address.count == network.count, bits >= 0, bits <= address.count * 8 else { return false }
    for (at, pair) in zip(address, network).enumerated() {
      let left = bits - at * 8
      if left <= 0 { break }
      let mask: UInt8 = left >= 8 ? 0xFF : ~(0xFF >> UInt8(left))
      if (pair.0 ^ pair.1) & mask != 0 { return false }
    }
    return true
  }

  /// The 4 or 16 bytes of an address; nil: a name.
  private static func bytes(_ text: String) -> [UInt8]? {
    var room = [UInt8](repeating: 0, count: 16)
    let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
    let count = isIPv6 ? 16 : 4
    let status = room.withUnsafeMutableBytes { inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, $0.baseAddress) }
    return status == 1 ? Array(room.prefix(count)) : nil
  }
}
