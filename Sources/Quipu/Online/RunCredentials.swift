import QuipuBase
import QuipuSync
import Synchronization

/// Where the API key of a run comes from.
///
/// Source: http.md, section 2.
enum RunCredentials {
  /// Keys given to a login of this process, by base URL.
  static let session = Mutex<[String: String]>([:])

  static func find(
    _ settings: Settings, _ server: ServerAddress, _ context: ProcessContext
  ) throws(CredentialLookup.Problem) -> CredentialLookup.Found {
    var lookup = CredentialLookup(server: server)
    lookup.explicitKey = settings.givenAPIKey ?? session.withLock { $0[server.base] }
    lookup.environment = context.environment
    lookup.homeDirectory = context.homeDirectory
    lookup.settingsKey = settings.text("api_key")
    lookup.identityTokenFile = settings.text("identity_token_file")
    lookup.credentialsFile = settings.text("credentials_file")
    lookup.readNetrc()
    return try lookup.find()
  }

  static func check(_ key: String) throws(QuipuError) {
    if let problem = APIKey.problem(key) {
      let isSpace = key.utf8.first.map { $0 <= 0x20 } == true || key.utf8.last.map { $0 <= 0x20 } == true
      throw QuipuError(.apiKey, kind: isSpace ? "api_key_whitespace" : "api_key_bad", "key: \(problem)")
    }
  }

  /// Writes the key to the netrc file.
  ///
  /// - Returns: the file's path.
  static func store(_ key: String, _ server: ServerAddress, _ context: ProcessContext) throws(QuipuError) -> String {
    let path = Netrc.path(environment: context.environment, home: context.homeDirectory)
    guard let machine = server.machines.first else { return path }
    do { try Netrc.store(path, machine: machine, password: key) } catch {
      throw QuipuError(.file, kind: "netrc_failed", error.message)
    }
    return path
  }

  /// Takes the server's entry out of the netrc file.
  ///
  /// - Returns: whether there was one.
  static func remove(_ server: ServerAddress, _ context: ProcessContext) throws(QuipuError) -> Bool {
    let path = Netrc.path(environment: context.environment, home: context.homeDirectory)
    guard let netrc = Netrc.load(path) else { return false }
    var removed = false
    for machine in server.machines {
      guard let found = netrc.password([machine]), found.machine == machine else { continue }
      do { try Netrc.store(path, machine: machine, password: nil) } catch {
        throw QuipuError(.file, kind: "netrc_failed", error.message)
      }
      removed = true
    }
    return removed
  }

  static func advice(_ server: ServerAddress) -> String {
    "run `quipu login` or set WANDB_API_KEY; keys are shown at \(server.keyPage)"
  }
}

extension QuipuError {
  init(_ problem: CredentialLookup.Problem) {
    let code: Code =
      switch problem.kind {
      case .missing: .noAPIKey
      case .bad: .apiKey
      case .conflict: .setting
      }
    self.init(code, kind: problem.kind.rawValue, problem.message)
  }
}
