import CCurl
import Glibc

/// What libcurl's results mean to a person.
extension SyncLoop {
  func failure(_ transfer: Transfer, _ code: CURLcode) -> HTTPFailure {
    guard let curl else { return Self.cancelled }
    var text = String(cString: transfer.errorText)
    if text.isEmpty, let general = quipu_curl_error_text(curl.functions, code) { text = String(cString: general) }
    if let easy = transfer.easy {
      var number = 0
      if quipu_curl_get_long(curl.functions, easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK, number > 0,
        let reason = strerror(Int32(clamping: number)).map({ String(cString: $0) }),
        !text.utf8.elementsEqual(reason.utf8), !contains(text, reason)
      {
        text += " (\(reason))"
      }
    }
    let place = transfer.place
    let isProxied = transfer.proxyText != nil
    switch code {
    case CURLE_URL_MALFORMAT: return HTTPFailure(.badURL, "\(place): the URL cannot be used")
    case CURLE_COULDNT_RESOLVE_HOST: return HTTPFailure(.nameNotFound, "\(place): \(text)")
    case CURLE_COULDNT_RESOLVE_PROXY: return HTTPFailure(.proxy, "\(place): \(text)")
    case CURLE_COULDNT_CONNECT:
      return HTTPFailure(isProxied ? .proxy : .connect, "cannot connect to \(place): \(text)")
    case CURLE_OPERATION_TIMEDOUT: return HTTPFailure(.timeout, "\(place): \(text)")
    case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_PARTIAL_FILE, CURLE_SEND_FAIL_REWIND:
      return HTTPFailure(.reset, "\(place): \(text)")
    case CURLE_RECV_ERROR:
      // The proxy's own answer, e.g. that it wants a password.
      var answer = 0
      if isProxied, let easy = transfer.easy {
        _ = quipu_curl_get_long(curl.functions, easy, CURLINFO_HTTP_CONNECTCODE, &answer)
      }
      if answer >= 300 { return HTTPFailure(.proxy, "\(place): the proxy answers with status \(answer)") }
      return HTTPFailure(.reset, "\(place): \(text)")
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CRL_BADFILE:
      return HTTPFailure(.tls, "cannot verify the certificate of \(place): \(text); \(trustText(transfer.options))")
    case CURLE_SSL_CONNECT_ERROR:
      // Not final: a server that restarts breaks handshakes off.
      return HTTPFailure(.connect, "no TLS connection with \(place): \(text)")
    default:
      if code.rawValue == 97 { return HTTPFailure(.proxy, "\(place): \(text)") }
      return HTTPFailure(.other, "\(place): \(text)")
    }
  }

  private func contains(_ text: String, _ part: String) -> Bool {
    let whole = Array(text.utf8)
    let wanted = Array(part.utf8)
    guard !wanted.isEmpty, whole.count >= wanted.count else { return false }
    return (0...(whole.count - wanted.count)).contains { whole[$0...].starts(with: wanted) }
  }

  private func trustText(_ options: ConnectionOptions) -> String {
    var (file, directory) = trusted(options)
    file = file ?? curl?.caFile
    directory = directory ?? curl?.caDirectory
    let places = [file.map { "the file \($0)" }, directory.map { "the directory \($0)" }].compactMap { $0 }
    let known = places.isEmpty ? "libcurl's own list" : places.joined(separator: " and ")
    return "trusted are the certificates of \(known). To trust the server's own CA set SSL_CERT_FILE to a file with its"
      + " certificate; the setting insecure_disable_ssl turns verification off"
  }
}

extension Transfer {
  /// `host:port`, and the proxy on the way there.
  var place: String { parts.target + (proxyText.map { " (through the proxy \($0))" } ?? "") }
}

extension HTTPURL {
  /// A proxy's URL without user, password and path. Proxies may have other schemes, or none.
  static func redactedProxy(_ text: String) -> String {
    var rest = Substring(text).utf8
    var scheme = "http://"
    if let colon = rest.firstIndex(of: UInt8(ascii: ":")), rest[colon...].starts(with: "://".utf8) {
      let start = rest.index(colon, offsetBy: 3)
      scheme = String(Substring(rest[..<start]))
      rest = rest[start...]
    }
    if let at = rest.lastIndex(of: UInt8(ascii: "@")) { rest = rest[rest.index(after: at)...] }
    return scheme + String(Substring(rest.prefix { $0 != UInt8(ascii: "/") }))
  }
}
