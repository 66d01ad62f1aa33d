import QuipuBase
import QuipuSync

extension Settings {
  /// The server that these settings name.
  ///
  /// - Throws: `setting`, kind "base_url_bad".
  func serverAddress() throws(QuipuError) -> ServerAddress {
    do {
      return try ServerAddress(text("base_url") ?? ServerAddress.defaultBase, app: text("app_url_override"))
    } catch {
      throw QuipuError(.setting, kind: "base_url_bad", "base_url: \(error.message)")
    }
  }

  /// What an upload has to know.
  func syncSettings(server: ServerAddress, credentials: Credentials) -> SyncSettings {
    var result = SyncSettings(server: server, credentials: credentials)
    result.connection = connectionOptions
    apply("x_graphql", to: &result.graphQL)
    apply("x_file_stream", to: &result.fileStream)
    apply("x_file_transfer", to: &result.transfer)
    if let seconds = number("x_file_stream_transmit_interval"), let interval = Self.nanoseconds(seconds) {
      result.transmitInterval = interval
    }
    if let seconds = integer("heartbeat_seconds"), seconds > 0 {
      result.heartbeatInterval = Self.nanoseconds(Double(seconds)) ?? result.heartbeatInterval
    }
    if let bytes = integer("x_file_stream_max_bytes"), bytes > 0 {
      result.requestBytes = Int(min(max(bytes, 64 << 10), 10 << 20))
    }
    if let bytes = integer("x_file_stream_max_line_bytes"), bytes > 0 {
      result.lineBytes = Int(min(bytes, Int64(result.lineBytes)))
    }
    result.ignoreGlobs = ignoreGlobs
    result.userName = username ?? ""
    result.userEmail = email ?? ""
    result.label = label
    result.isPrimary = primary
    result.updatesFinishState = flag("x_update_finish_state")
    result.isServerSideSummary = flag("x_server_side_derived_summary")
    return result
  }

  var connectionOptions: ConnectionOptions {
    var options = ConnectionOptions()
    options.userAgent = "quipu/\(QuipuVersion.text)"
    let proxies = value("x_proxies")?.objectValue
    options.httpProxy = Self.given(text("http_proxy")) ?? Self.given(proxies?["http"]?.stringValue)
    options.httpsProxy = Self.given(text("https_proxy")) ?? Self.given(proxies?["https"]?.stringValue)
    options.isInsecure = flag("insecure_disable_ssl")
    options.extraHeaders = (value("x_extra_http_headers")?.objectValue?.members ?? []).compactMap { name, value in
      value.stringValue.map { HTTPHeader(name.string, $0) }
    }
    return options
  }

  /// Units: seconds that a start waits for the server's answer. Default 90.
  public var initTimeout: Double {
    guard let seconds = number("init_timeout"), seconds > 0 else { return 90 }
    return seconds
  }

  private static func given(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }

  /// - Returns: nil for what is not a positive number.
  static func nanoseconds(_ seconds: Double) -> Int64? {
    guard seconds > 0 else { return nil }
    // A month is for ever; NaN has failed above.
    return Int64(min(seconds, 2_678_400) * 1e9)
  }

  private func apply(_ prefix: String, to policy: inout RetryPolicy) {
    if let retries = integer("\(prefix)_retry_max") { policy.retries = Int(min(retries, 1_000_000)) }
    if let wait = number("\(prefix)_retry_wait_min_seconds").flatMap(Self.nanoseconds) { policy.base = wait }
    if let wait = number("\(prefix)_retry_wait_max_seconds").flatMap(Self.nanoseconds) { policy.longest = wait }
    if let limit = number("\(prefix)_timeout_seconds").flatMap(Self.nanoseconds) {
      policy.attemptMilliseconds = max(limit / 1_000_000, 1)
    }
  }
}
