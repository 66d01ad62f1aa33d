/// Which certificates the environment says to trust.
///
/// Source: http.md, section 4.
struct TrustEnvironment: Sendable, Equatable {
  let file: String?
  let directory: String?

  init(environment: [String: String]) {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    file = value("SSL_CERT_FILE")
    directory = value("SSL_CERT_DIR")
  }
}
