import CCurl
import Glibc
import QuipuBase

/// Requests on libcurl's multi interface. Everything here runs on the loop's thread with `working` held.
extension SyncLoop {
  private static let idleHandleLimit = 4
  private static let redirectLimit = 10

  func begin(
    _ id: UInt64, _ request: HTTPRequest, _ options: ConnectionOptions,
    _ done: @escaping (Result<HTTPAnswer, HTTPFailure>) -> Void
  ) {
    func fail(_ failure: HTTPFailure) { soon { done(.failure(failure)) } }
    guard let parts = HTTPURL(request.url) else {
      return fail(HTTPFailure(.badURL, "not a URL that can be asked for: \(HTTPURL.redacted(request.url))"))
    }
    if let bad = (request.headers + options.extraHeaders).first(where: { !$0.isSendable }) {
      return fail(HTTPFailure(.badRequest, "the header \(bad.name.debugDescription) cannot be sent over HTTP"))
    }
    if let problem = openLibrary() { return fail(HTTPFailure(.noLibrary, problem)) }
    let transfer = Transfer(id: id, request, options, parts, done)
    if let failure = transfer.openBody() { return fail(failure) }
    if request.timeoutMilliseconds > 0 {
      let (span, isLong) = request.timeoutMilliseconds.multipliedReportingOverflow(by: 1_000_000)
      let (end, isEndless) = Clock.monotonic().addingReportingOverflow(span)
      transfer.deadline = isLong || isEndless ? nil : end
    }
    transfers[id] = transfer
    if let failure = launch(transfer) { end(transfer, .failure(failure)) }
  }

  private func openLibrary() -> String? {
    if multi != nil { return nil }
    switch CurlLibrary.shared {
    case .missing(let text): return text
    case .library(let library):
      guard let fresh = quipu_curl_multi_init(library.functions) else { return "libcurl is out of memory" }
      // Idle connections that are kept: a server's, a storage's and a proxy's are enough.
      _ = quipu_curl_multi_set_long(library.functions, fresh, CURLMOPT_MAXCONNECTS, 8)
      multi = fresh
      let isFirst = curl == nil
      curl = library
      if isFirst { didOpenLibrary?() }
      return nil
    }
  }

  func closeLibrary() {
    guard let curl, let multi else { return }
    for handle in idleHandles { quipu_curl_easy_cleanup(curl.functions, handle) }
    idleHandles = []
    _ = quipu_curl_multi_cleanup(curl.functions, multi)
    self.multi = nil
  }

  /// Sends the transfer's present hop.
  private func launch(_ transfer: Transfer) -> HTTPFailure? {
    guard let curl, let multi else { return Self.cancelled }
    let lib = curl.functions
    guard let easy = idleHandles.popLast() ?? quipu_curl_easy_init(lib) else {
      return HTTPFailure(.other, "libcurl is out of memory")
    }
    transfer.easy = easy
    transfer.startHop()
    transferOfHandle[easy] = transfer
    let request = transfer.request
    let options = transfer.options
    let user = Unmanaged.passUnretained(transfer).toOpaque()
    let proxy = proxies.proxy(for: transfer.parts, options)
    transfer.proxyText = proxy.map { HTTPURL.redactedProxy($0) }

    var worked = true
    func number(_ option: CURLoption, _ value: Int) {
      worked = quipu_curl_set_long(lib, easy, option, value) == CURLE_OK && worked
    }
    func text(_ option: CURLoption, _ value: String) {
      worked = quipu_curl_set_text(lib, easy, option, value) == CURLE_OK && worked
    }
    // Left out without harm where an old library does not know it.
    func wish(_ option: CURLoption, _ value: Int) { _ = quipu_curl_set_long(lib, easy, option, value) }

    text(CURLOPT_URL, transfer.url)
    number(CURLOPT_PROTOCOLS, Int(CURLPROTO_HTTP | CURLPROTO_HTTPS))
    number(CURLOPT_NOSIGNAL, 1)
    number(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    wish(CURLOPT_HTTP09_ALLOWED, 0)
    wish(CURLOPT_PATH_AS_IS, 1)
    number(CURLOPT_FOLLOWLOCATION, 0)
    number(CURLOPT_CONNECTTIMEOUT_MS, Int(max(1, options.connectMilliseconds)))
    if let deadline = transfer.deadline {
      let left = deadline &- Clock.monotonic()
      if left <= 0 { return HTTPFailure(.timeout, "\(transfer.place): no answer in time") }
      number(CURLOPT_TIMEOUT_MS, Int((left &+ 999_999) / 1_000_000))
    } else {
      number(CURLOPT_LOW_SPEED_LIMIT, 1)
      number(CURLOPT_LOW_SPEED_TIME, Int(max(1, (options.stallMilliseconds &+ 999) / 1000)))
    }
    number(CURLOPT_TCP_NODELAY, 1)
    number(CURLOPT_TCP_KEEPALIVE, 1)
    wish(CURLOPT_TCP_KEEPIDLE, 30)
    wish(CURLOPT_TCP_KEEPINTVL, 15)
    wish(CURLOPT_BUFFERSIZE, 16 << 10)
    wish(CURLOPT_UPLOAD_BUFFERSIZE, transfer.bodySize > 16 << 10 ? 64 << 10 : 16 << 10)
    // Not for a file: what is stored compressed is to arrive as it is stored.
    if case .download = request.body {} else { text(CURLOPT_ACCEPT_ENCODING, "gzip") }
    text(CURLOPT_USERAGENT, options.userAgent)
    _ = quipu_curl_set_sockets(
      lib, easy, syncLoopOpenSocket, syncLoopCloseSocket, Unmanaged.passUnretained(self).toOpaque())
    _ = quipu_curl_set_pointer(lib, easy, CURLOPT_ERRORBUFFER, transfer.errorText)

    _ = quipu_curl_set_block(lib, easy, CURLOPT_HEADERFUNCTION, transferHeader)
    _ = quipu_curl_set_pointer(lib, easy, CURLOPT_HEADERDATA, user)
    _ = quipu_curl_set_block(lib, easy, CURLOPT_WRITEFUNCTION, transferBody)
    _ = quipu_curl_set_pointer(lib, easy, CURLOPT_WRITEDATA, user)
    switch request.method {
    case .get: number(CURLOPT_HTTPGET, 1)
    case .post:
      number(CURLOPT_POST, 1)
      worked =
        quipu_curl_set_offset(lib, easy, CURLOPT_POSTFIELDSIZE_LARGE, Int64(clamping: transfer.bodySize)) == CURLE_OK
        && worked
    case .put:
      number(CURLOPT_UPLOAD, 1)
      worked =
        quipu_curl_set_offset(lib, easy, CURLOPT_INFILESIZE_LARGE, Int64(clamping: transfer.bodySize)) == CURLE_OK
        && worked
    }
    if request.method != .get {
      _ = quipu_curl_set_block(lib, easy, CURLOPT_READFUNCTION, transferRead)
      _ = quipu_curl_set_pointer(lib, easy, CURLOPT_READDATA, user)
      _ = quipu_curl_set_seek(lib, easy, transferSeek)
      _ = quipu_curl_set_pointer(lib, easy, CURLOPT_SEEKDATA, user)
    }
    setProxy(transfer, easy, lib, proxy)
    if transfer.parts.scheme == "https" || proxy?.utf8.starts(with: "https:".utf8) == true {
      if !curl.speaksTLS { return HTTPFailure(.tls, "\(transfer.place): this libcurl (\(curl.version)) has no TLS") }
      setTrust(transfer, easy, lib)
    }
    setHeaders(transfer, easy, lib, throughProxy: proxy != nil)

    guard worked else { return HTTPFailure(.other, "libcurl \(curl.version) does not take a setting, or is out of memory") }
    guard quipu_curl_multi_add(lib, multi, easy) == CURLM_OK else {
      return HTTPFailure(.other, "libcurl does not take the request")
    }
    return nil
  }

  private func setProxy(
    _ transfer: Transfer, _ easy: UnsafeMutableRawPointer, _ lib: UnsafePointer<quipu_curl>, _ proxy: String?
  ) {
    // Set even where there is none: otherwise libcurl reads the environment.
    _ = quipu_curl_set_text(lib, easy, CURLOPT_PROXY, proxy ?? "")
    _ = quipu_curl_set_text(lib, easy, CURLOPT_NOPROXY, "")
    _ = quipu_curl_set_long(lib, easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    _ = quipu_curl_set_long(lib, easy, CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
  }

  private func setTrust(_ transfer: Transfer, _ easy: UnsafeMutableRawPointer, _ lib: UnsafePointer<quipu_curl>) {
    let options = transfer.options
    if options.isInsecure {
      for option in [
        CURLOPT_SSL_VERIFYPEER, CURLOPT_SSL_VERIFYHOST, CURLOPT_PROXY_SSL_VERIFYPEER, CURLOPT_PROXY_SSL_VERIFYHOST,
      ] { _ = quipu_curl_set_long(lib, easy, option, 0) }
      return
    }
    let (file, directory) = trusted(options)
    transfer.triesDirectoryFirst = false
    if file == nil, directory == nil, !needsAllCertificates, curl?.findsCertificates == true {
      transfer.triesDirectoryFirst = true
      _ = quipu_curl_set_pointer(lib, easy, CURLOPT_CAINFO, nil)
      _ = quipu_curl_set_pointer(lib, easy, CURLOPT_PROXY_CAINFO, nil)
    }
    if let file {
      _ = quipu_curl_set_text(lib, easy, CURLOPT_CAINFO, file)
      _ = quipu_curl_set_text(lib, easy, CURLOPT_PROXY_CAINFO, file)
    }
    if let directory {
      _ = quipu_curl_set_text(lib, easy, CURLOPT_CAPATH, directory)
      _ = quipu_curl_set_text(lib, easy, CURLOPT_PROXY_CAPATH, directory)
    }
  }

  /// What is asked for in place of libcurl's own certificates.
  func trusted(_ options: ConnectionOptions) -> (file: String?, directory: String?) {
    if options.caFile != nil || options.caDirectory != nil { return (options.caFile, options.caDirectory) }
    return (trust.file, trust.directory)
  }

  private func setHeaders(
    _ transfer: Transfer, _ easy: UnsafeMutableRawPointer, _ lib: UnsafePointer<quipu_curl>, throughProxy: Bool
  ) {
    var list: UnsafeMutablePointer<curl_slist>?
    var proxyList: UnsafeMutablePointer<curl_slist>?
    func add(_ line: String, to list: inout UnsafeMutablePointer<curl_slist>?) {
      if let longer = quipu_curl_slist_append(lib, list, line) { list = longer }
    }
    // Set by options of libcurl's; a request may have its own.
    var names: Set<String> = ["user-agent", "accept-encoding"]
    let origin = HTTPURL(transfer.request.url)
    let staysHome = origin.map { transfer.parts.hasSameOrigin(as: $0) } ?? false
    for (at, header) in (transfer.request.headers + transfer.options.extraHeaders).enumerated() {
      let name = header.name.lowercased()
      let isOwn = at < transfer.request.headers.count
      // Extra headers are defaults: they never replace one that is set. Of the request's own a name may come twice.
      if !isOwn && names.contains(name) { continue }
      if name == "content-length" || name == "transfer-encoding" || name == "expect" { continue }
      // A redirect to another host does not take credentials along.
      if !staysHome && (name == "authorization" || name == "cookie") { continue }
      if isOwn { names.insert(name) }
      // An empty value has a spelling of its own; "Name:" would remove the header.
      let line = header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
      if name == "proxy-authorization" {
        if throughProxy { add(line, to: &proxyList) }
      } else {
        add(line, to: &list)
      }
    }
    add("Expect:", to: &list)
    if transfer.request.method == .post && !names.contains("content-type")
      && !transfer.options.extraHeaders.contains(where: { $0.name.lowercased() == "content-type" })
    {
      add("Content-Type:", to: &list)
    }
    transfer.headerList = list
    transfer.proxyHeaderList = proxyList
    _ = quipu_curl_set_pointer(lib, easy, CURLOPT_HTTPHEADER, list)
    if let proxyList { _ = quipu_curl_set_pointer(lib, easy, CURLOPT_PROXYHEADER, proxyList) }
  }

  /// Lets libcurl work and ends what it has finished.
  func perform() {
    guard let curl, let multi else { return }
    _ = quipu_curl_multi_perform(curl.functions, multi)
    var code = CURLE_OK
    while let handle = quipu_curl_multi_next(curl.functions, multi, &code) {
      guard let transfer = transferOfHandle[handle] else {
        _ = quipu_curl_multi_remove(curl.functions, multi, handle)
        quipu_curl_easy_cleanup(curl.functions, handle)
        continue
      }
      if let own = transfer.failure {
        end(transfer, .failure(own))
      } else if code == CURLE_PEER_FAILED_VERIFICATION, transfer.triesDirectoryFirst {
        // Some people add their CA to the file alone.
        needsAllCertificates = true
        release(transfer, spoiled: true)
        if let failure = launch(transfer) { end(transfer, .failure(failure)) }
      } else if code != CURLE_OK {
        end(transfer, .failure(failure(transfer, code)))
      } else if transfer.status == 407, transfer.proxyText != nil {
        // Without TLS the proxy's own answer looks like the server's.
        end(transfer, .failure(HTTPFailure(.proxy, "\(transfer.place): the proxy answers with status 407")))
      } else if let next = redirect(transfer) {
        follow(transfer, next)
      } else {
        end(transfer, transfer.finish())
      }
    }
  }

  /// Where the answer sends a GET; nil: it does not.
  private func redirect(_ transfer: Transfer) -> String? {
    guard transfer.request.method == .get, [301, 302, 303, 307, 308].contains(transfer.status),
      let curl, let easy = transfer.easy
    else { return nil }
    var text: UnsafePointer<CChar>?
    guard quipu_curl_get_text(curl.functions, easy, CURLINFO_REDIRECT_URL, &text) == CURLE_OK, let text else {
      return nil
    }
    return String(cString: text)
  }

  private func follow(_ transfer: Transfer, _ next: String) {
    release(transfer)
    transfer.redirects += 1
    guard transfer.redirects <= Self.redirectLimit else {
      return end(transfer, .failure(HTTPFailure(.redirects, "\(transfer.place) redirects without end")))
    }
    guard let parts = HTTPURL(next) else {
      return end(
        transfer, .failure(HTTPFailure(.badURL, "\(transfer.place) redirects to \(HTTPURL.redacted(next))")))
    }
    transfer.url = next
    transfer.parts = parts
    if let failure = launch(transfer) { end(transfer, .failure(failure)) }
  }

  /// Takes the handle away from the transfer and keeps it for the next one.
  private func release(_ transfer: Transfer, spoiled: Bool = false) {
    guard let curl, let easy = transfer.easy else { return }
    let lib = curl.functions
    if let multi { _ = quipu_curl_multi_remove(lib, multi, easy) }
    transferOfHandle[easy] = nil
    transfer.easy = nil
    // After a failure a handle may keep something that it then refuses to change: libcurl 7.88 its buffer, for one.
    if idleHandles.count < Self.idleHandleLimit, !spoiled {
      quipu_curl_easy_reset(lib, easy)
      idleHandles.append(easy)
    } else {
      quipu_curl_easy_cleanup(lib, easy)
    }
    quipu_curl_slist_free(lib, transfer.headerList)
    quipu_curl_slist_free(lib, transfer.proxyHeaderList)
    transfer.headerList = nil
    transfer.proxyHeaderList = nil
  }

  func end(_ transfer: Transfer, _ result: Result<HTTPAnswer, HTTPFailure>) {
    if case .failure = result { release(transfer, spoiled: true) } else { release(transfer) }
    transfers[transfer.id] = nil
    guard let done = transfer.done else { return }
    transfer.done = nil
    soon { done(result) }
  }
}

func syncLoopOpenSocket(
  _ user: UnsafeMutableRawPointer?, _ purpose: curlsocktype, _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
  guard let user, let address else { return -1 }
  let loop = Unmanaged<SyncLoop>.fromOpaque(user).takeUnretainedValue()
  let made = quipu_socket_open(address, SyncLoop.patience)
  if made >= 0 { loop.sockets.append(made) }
  return made
}

func syncLoopCloseSocket(_ user: UnsafeMutableRawPointer?, _ socket: curl_socket_t) -> Int32 {
  guard let user else { return close(socket) }
  let loop = Unmanaged<SyncLoop>.fromOpaque(user).takeUnretainedValue()
  loop.sockets.removeAll { $0 == socket }
  return close(socket)
}

extension SyncLoop {
  /// Data that is not acknowledged for so long means that the connection is gone. Units: milliseconds.
  fileprivate static var patience: UInt32 { 60_000 }
}

extension HTTPHeader {
  /// A name of token characters, a value without control characters.
  var isSendable: Bool {
    !name.isEmpty
      && name.utf8.allSatisfy {
        ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || "!#$%&'*+-.^_`|~".utf8.contains($0)
      }
      && value.utf8.allSatisfy { $0 == 9 || ($0 >= 0x20 && $0 != 0x7F) }
  }
}
