/// Finds what proves to a server who sends.
///
/// Order: the key of the call, `QUIPU_API_KEY`, `WANDB_API_KEY` or `WANDB_IDENTITY_TOKEN_FILE`, netrc, the setting
/// `api_key`. The first that is there counts: a bad one is an error, not a reason to look further.
///
/// Source: http.md, section 2.
package struct CredentialLookup: Sendable {
  package var server: ServerAddress
  /// From a call or `login` of this process.
  package var explicitKey: String?
  package var environment: [String: String] = [:]
  package var homeDirectory = "/"
  package var netrc: Netrc?
  /// For messages.
  package var netrcPath = ""
  /// From a settings file.
  package var settingsKey: String?
  /// Settings `identity_token_file` and `credentials_file`, in place of the environment's.
  package var identityTokenFile: String?
  package var credentialsFile: String?

  package init(server: ServerAddress) { self.server = server }

  package struct Found: Sendable, Equatable {
    package var credentials: Credentials
    /// For a person: `WANDB_API_KEY`, `/home/me/.netrc (machine api.wandb.ai)`, ...
    package var origin: String
  }

  package struct Problem: Error, Sendable, Equatable {
    package enum Kind: String, Sendable {
      case missing = "no_api_key"
      case bad = "api_key_bad"
      case conflict = "credentials_conflict"
    }
    package var kind: Kind
    /// For a person; never a part of a key.
    package var message: String
  }

  /// Fills in `netrc` and `netrcPath` from the disk.
  package mutating func readNetrc() {
    netrcPath = Netrc.path(environment: environment, home: homeDirectory)
    netrc = Netrc.load(netrcPath)
  }

  package func find() throws(Problem) -> Found {
    if let explicitKey { return try checked(explicitKey, "the given API key") }
    let identity = identityTokenFile ?? variable("WANDB_IDENTITY_TOKEN_FILE")
    for name in ["QUIPU_API_KEY", "WANDB_API_KEY"] {
      guard let key = variable(name) else { continue }
      if identity != nil {
        throw Problem(
          kind: .conflict, message: "both \(name) and WANDB_IDENTITY_TOKEN_FILE are set; remove one of them")
      }
      return try checked(key, name)
    }
    if let identity {
      let cache =
        credentialsFile ?? variable("WANDB_CREDENTIALS_FILE") ?? homeDirectory + "/.config/wandb/credentials.json"
      return Found(
        credentials: .identityToken(file: expanded(identity), cache: expanded(cache)),
        origin: "the identity token in \(identity)")
    }
    if let (machine, password) = netrc?.password(server.machines) {
      return try checked(password, "\(netrcPath) (\(machine == "default" ? "default" : "machine " + machine))")
    }
    if let settingsKey, !settingsKey.isEmpty { return try checked(settingsKey, "the setting api_key") }
    throw Problem(
      kind: .missing,
      message: "no API key for \(server.base): looked for a key in the call, for QUIPU_API_KEY, WANDB_API_KEY and"
        + " WANDB_IDENTITY_TOKEN_FILE, for \(server.machines.joined(separator: " or ")) in \(netrcPath), and for the"
        + " setting api_key. Run `quipu login`, or set WANDB_API_KEY; keys are shown at \(server.keyPage)")
  }

  private func variable(_ name: String) -> String? {
    environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  private func expanded(_ path: String) -> String {
    path.utf8.starts(with: "~/".utf8) ? homeDirectory + path.dropFirst() : path
  }

  private func checked(_ key: String, _ origin: String) throws(Problem) -> Found {
    if let problem = APIKey.problem(key) { throw Problem(kind: .bad, message: "\(origin): \(problem)") }
    return Found(credentials: .apiKey(key), origin: origin)
  }
}
