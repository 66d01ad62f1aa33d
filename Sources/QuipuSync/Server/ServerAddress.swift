/// Where a server is: its base URL and the pages that people look at.
///
/// Source: http.md, section 1.
package struct ServerAddress: Sendable, Equatable {
  /// Where logs go if nobody says otherwise: the address that W&B's documentation and users have always named. The
  /// official client 0.31.0 asks `https://api.forge.coreweave.com` instead, which takes the same keys.
  package static let defaultBase = "https://api.wandb.ai"

  /// `http(s)://host[:port][/prefix]`, no slash at the end.
  package let base: String
  /// What a person opens in a browser, no slash at the end.
  package let app: String
  /// The names that netrc may have for the server, its own first: host, with the port if the URL has one.
  package let machines: [String]

  /// - Parameters:
  ///   - base: as the user wrote it.
  ///   - app: `WANDB_APP_URL`; nil or empty: from the base URL.
  /// - Throws: a text for a person if this cannot be a server.
  package init(_ base: String, app: String? = nil) throws(ServerAddressError) {
    let plain = Self.withoutSlashes(base)
    guard let url = HTTPURL(plain) else {
      throw ServerAddressError(
        "the base URL must be http:// or https:// with a host, e.g. https://api.wandb.ai or http://localhost:8080")
    }
    guard !url.hasUserInfo else {
      throw ServerAddressError(
        "the base URL must not hold a user name or password; give the API key by WANDB_API_KEY or `quipu login`")
    }
    guard !url.hasQuery, !plain.utf8.contains(UInt8(ascii: "#")) else {
      throw ServerAddressError("the base URL \(url.redacted) must not have a query or fragment")
    }
    try Self.checkHost(url)
    let isForge = Self.forges.first { $0.site == url.host }
    if let isForge {
      guard url.path == "/api/wandb" else {
        throw ServerAddressError("\(url.redacted) is the web site; the server is https://\(isForge.api)")
      }
      self.base = "https://\(isForge.api)"
    } else {
      self.base = plain
    }
    let server = HTTPURL(self.base) ?? url
    machines = Self.machines(server)
    let given = app.map { Self.withoutSlashes($0) } ?? ""
    self.app = given.isEmpty ? Self.appURL(server, self.base) : given
  }

  private static func withoutSlashes(_ text: String) -> String {
    var rest = Substring(text)
    while rest.utf8.last == UInt8(ascii: "/") { rest.removeLast() }
    return String(rest)
  }

  private static func isBelow(_ host: String, _ domain: String) -> Bool {
    host == domain || host.utf8.count > domain.utf8.count && host.utf8.reversed().starts(with: ("." + domain).utf8.reversed())
  }

  private static func checkHost(_ url: HTTPURL) throws(ServerAddressError) {
    guard isBelow(url.host, "wandb.ai") else { return }
    guard url.host.utf8.starts(with: "api.".utf8) else {
      throw ServerAddressError("\(url.redacted) is the web site; did you mean https://api.wandb.ai?")
    }
    guard url.scheme == "https" else {
      throw ServerAddressError("\(url.redacted): W&B's server answers over https only")
    }
  }

  /// Hosts of one service: credentials for one count for all.
  private struct Forge {
    let site: String
    let api: String
    let twin: String
  }
  private static let forges = [
    Forge(site: "forge.coreweave.com", api: "api.forge.coreweave.com", twin: "api.wandb.ai"),
    Forge(site: "qa.forge.coreweave.com", api: "api.qa.forge.coreweave.com", twin: "api.qa.wandb.ai"),
  ]

  private static func machines(_ url: HTTPURL) -> [String] {
    var names = [url.authority]
    for forge in forges where [forge.api, forge.twin].contains(url.host) && !url.namesPort {
      for name in [forge.api, forge.site, forge.twin] where !names.contains(name) { names.append(name) }
    }
    return names
  }

  /// Source: http.md, section 1.2.
  private static func appURL(_ url: HTTPURL, _ base: String) -> String {
    for forge in forges where forge.api == url.host { return "https://\(forge.site)/wandb" }
    if url.host == "api.wandb.ai" { return "https://forge.coreweave.com/wandb" }
    guard url.host.utf8.starts(with: "api.".utf8) else { return base }
    let rest = String(decoding: url.host.utf8.dropFirst(4), as: UTF8.self)
    let isWandb = rest.utf8.starts(with: "wandb.".utf8)
    let host = rest == "wandb.test" || !isWandb ? "app.\(rest)" : rest
    return "\(url.scheme)://\(host)\(url.namesPort ? ":\(url.port)" : "")\(url.path)"
  }

  // MARK: Pages

  package func projectPage(entity: String, project: String) -> String {
    "\(app)/\(Self.segment(entity))/\(Self.segment(project))"
  }

  package func runPage(entity: String, project: String, run: String) -> String {
    projectPage(entity: entity, project: project) + "/runs/" + Self.segment(run, keeping: "=+&$@")
  }

  package func sweepPage(entity: String, project: String, sweep: String) -> String {
    projectPage(entity: entity, project: project) + "/sweeps/" + Self.segment(sweep)
  }

  /// Where a person gets an API key.
  package var keyPage: String { app + "/authorize" }

  // MARK: Endpoints

  package func fileStream(entity: String, project: String, run: String) -> String {
    let names = [entity, project, run].map { Self.segment($0, keeping: "=+&$@") }
    return "\(base)/files/\(names.joined(separator: "/"))/file_stream"
  }

  /// A name as one segment of a path.
  private static func segment(_ text: String, keeping kept: String = "") -> String {
    // A segment of dots would climb.
    let climbs = text == "." || text == ".."
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || "-_~".utf8.contains(byte) || (byte == UInt8(ascii: ".") && !climbs) || kept.utf8.contains(byte)
      if isPlain {
        bytes.append(byte)
      } else {
        bytes.append(UInt8(ascii: "%"))
        for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? 0x30 + digit : 0x37 + digit) }
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

package struct ServerAddressError: Error, Sendable, Equatable {
  package var message: String
  package init(_ message: String) { self.message = message }
}
