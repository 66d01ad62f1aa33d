import QuipuBase

/// A header line of a request or an answer.
package struct HTTPHeader: Sendable, Equatable {
  /// As it goes over the wire; in answers lower case.
  package var name: String
  package var value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// One HTTP request, sent once.
package struct HTTPRequest: Sendable {
  package enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
  }

  package enum Body: Sendable {
    case none
    case bytes([UInt8])
    /// Part of a file, read while it is sent. The length goes into `Content-Length`; a file that has become shorter
    /// fails the request with `.bodyUnavailable`.
    case file(path: String, offset: UInt64, size: UInt64)
    /// The answer's body is written to this file, which is created or emptied.
    case download(to: String)
  }

  package var method: Method
  /// Absolute, `http` or `https`.
  package var url: String
  package var headers: [HTTPHeader]
  package var body: Body
  /// Units: milliseconds, for the whole request; 0: no limit (a stalled transfer still ends, see
  /// ``ConnectionOptions/stallMilliseconds``).
  package var timeoutMilliseconds: Int64
  /// Longest answer that is kept in memory, in bytes; a longer one fails with `.answerTooLarge`.
  package var answerLimit: Int

  package init(
    _ method: Method, _ url: String, headers: [HTTPHeader] = [], body: Body = .none, timeoutMilliseconds: Int64 = 30_000,
    answerLimit: Int = 64 << 20
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.timeoutMilliseconds = timeoutMilliseconds
    self.answerLimit = answerLimit
  }
}

/// What came back.
package struct HTTPAnswer: Sendable {
  package var status: Int
  /// Names in lower case, of the last answer when redirects were followed.
  package var headers: [HTTPHeader]
  package var body: [UInt8]

  package init(status: Int, headers: [HTTPHeader] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  package func header(_ name: String) -> String? { headers.last { $0.name == name }?.value }
  package var isSuccess: Bool { (200..<300).contains(status) }
}

/// Why there is no answer.
package struct HTTPFailure: Error, Sendable, Equatable {
  package enum Kind: String, Sendable {
    /// libcurl is not installed, or is too old.
    case noLibrary = "no_libcurl"
    case badURL = "url_bad"
    /// A header that HTTP cannot carry.
    case badRequest = "request_bad"
    case nameNotFound = "host_not_found"
    case proxy = "proxy_failed"
    case connect = "connect_failed"
    case reset = "connection_lost"
    case timeout = "timeout"
    /// Verification of the certificate. A handshake that fails otherwise is `.connect`.
    case tls = "tls_failed"
    case redirects = "too_many_redirects"
    case answerTooLarge = "answer_too_large"
    case bodyUnavailable = "file_unreadable"
    case cancelled = "cancelled"
    case other = "http_failed"
  }

  package var kind: Kind
  /// One line for a person that names the host and, where they matter, the proxy and the CA file. Never a credential.
  package var message: String

  package init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// Whether the same request may succeed later without anybody changing anything (http.md, 5.1).
  package var isPassing: Bool {
    switch kind {
    case .nameNotFound, .proxy, .connect, .reset, .timeout, .other: true
    case .noLibrary, .badURL, .badRequest, .tls, .redirects, .answerTooLarge, .bodyUnavailable, .cancelled: false
    }
  }
}

/// How connections are made.
package struct ConnectionOptions: Sendable, Equatable {
  package var userAgent = "quipu/" + LibraryVersion.text
  /// Proxy URLs, with user and password if they need one; nil: the environment (`HTTP_PROXY`, `HTTPS_PROXY`,
  /// `ALL_PROXY`, either case) decides.
  package var httpProxy: String?
  package var httpsProxy: String?
  /// Comma-separated hosts and networks that are reached without a proxy; nil: `NO_PROXY` of the environment.
  package var noProxy: String?
  /// A file of certificates to trust; nil: `SSL_CERT_FILE` of the environment, else libcurl's.
  package var caFile: String?
  package var caDirectory: String?
  /// Accepts any certificate. Only on the user's explicit wish.
  package var isInsecure = false
  /// Sent with every request; they never replace a header that a request has.
  package var extraHeaders: [HTTPHeader] = []
  /// A transfer without a limit for the whole that moves less than a byte a second for so long has failed.
  /// Units: milliseconds, rounded up to seconds.
  package var stallMilliseconds: Int64 = 60_000
  package var connectMilliseconds: Int64 = 15_000

  package init() {}
}
