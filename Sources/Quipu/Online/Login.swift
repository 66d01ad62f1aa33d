import Glibc
import QuipuBase
import QuipuSync

/// Checks and keeps API keys.
///
/// W&B: `wandb.login()`.
public enum Login {
  public struct Options: Sendable {
    /// Base URL of the server. Default: as for a run.
    public var host: String?
    /// Ask the server whose key it is.
    public var verify = true
    /// Write the key to the netrc file. Default: when a key is given.
    public var store: Bool?
    /// Take no key from environment, netrc or settings.
    public var relogin = false
    /// Units: milliseconds. Longest wait for the server.
    public var timeoutMilliseconds: Int64 = 20_000

    public init() {}
  }

  public struct Report: Sendable, Equatable {
    /// Base URL of the server.
    public var host: String
    /// Where the key came from, for a person; "" if it was given.
    public var source: String
    /// nil unless verified.
    public var username: String?
    /// The entity of runs that name none; nil unless verified.
    public var entity: String?
    /// The file that has got the key; nil: none.
    public var stored: String?

    public var json: JSON {
      [
        "host": .string(host), "source": .string(source), "username": username.map { .string($0) } ?? .null,
        "entity": entity.map { .string($0) } ?? .null, "stored": stored.map { .string($0) } ?? .null,
      ]
    }
  }

  /// Checks a key and keeps it for the runs of this process, and in the netrc file for others.
  ///
  /// - Parameter key: nil: the one that runs would use.
  /// - Throws: `noAPIKey`; `apiKey` for what cannot be a key; `auth` if the server does not know it; `server`, network
  ///   errors; `file` if the netrc file cannot be written.
  /// Blocking: until the server has answered, if it verifies.
  public static func login(key: String? = nil, options: Options = Options()) throws(QuipuError) -> Report {
    let context = ProcessContext.current()
    let (settings, server) = try settings(host: options.host, context)
    var report = Report(host: server.base, source: "")
    let credentials: Credentials
    if let key {
      try RunCredentials.check(key)
      credentials = .apiKey(key)
    } else {
      guard !options.relogin else {
        throw QuipuError(
          .noAPIKey, kind: "no_api_key", "relogin needs the key to be given; keys are shown at \(server.keyPage)")
      }
      do throws(CredentialLookup.Problem) {
        let found = try RunCredentials.find(settings, server, context)
        credentials = found.credentials
        report.source = found.origin
      } catch {
        throw QuipuError(error)
      }
    }
    if options.verify {
      let viewer = try viewer(
        settings.syncSettings(server: server, credentials: credentials), context, options.timeoutMilliseconds)
      report.username = viewer.username
      report.entity = viewer.entity
    }
    if let key {
      RunCredentials.session.withLock { $0[server.base] = key }
      if options.store ?? true { report.stored = try RunCredentials.store(key, server, context) }
    }
    return report
  }

  /// Forgets the key of a server, in this process and in the netrc file.
  ///
  /// - Returns: whether there was one.
  public static func logout(host: String? = nil) throws(QuipuError) -> Bool {
    let context = ProcessContext.current()
    let server = try settings(host: host, context).1
    let hadOne = RunCredentials.session.withLock { $0.removeValue(forKey: server.base) } != nil
    return try RunCredentials.remove(server, context) || hadOne
  }

  /// Where a person gets a key.
  public static func keyPage(host: String? = nil) throws(QuipuError) -> String {
    try settings(host: host, ProcessContext.current()).1.keyPage
  }

  static func settings(
    host: String?, _ context: ProcessContext
  ) throws(QuipuError) -> (Settings, ServerAddress) {
    var options = RunOptions()
    if let host { options.settings["base_url"] = .string(host) }
    let (settings, _) = try Settings.resolve(options: options, setup: Run.setup.withLock { $0 }, context: context)
    return (settings, try settings.serverAddress())
  }

  private static func viewer(
    _ sync: SyncSettings, _ context: ProcessContext, _ timeoutMilliseconds: Int64
  ) throws(QuipuError) -> Viewer {
    guard let loop = ProcessState.shared.syncLoop(context.environment) else {
      throw QuipuError(.memory, kind: "no_thread", "the system gives no thread for the question")
    }
    let viewer = try LoopQuestion<Viewer?>.ask(
      loop, sync, until: Run.end(timeoutMilliseconds > 0 ? timeoutMilliseconds : 20_000), doing: "verifying the API key"
    ) { requester, waiting, done in Viewer.ask(requester, waiting: waiting, done) }
    guard let viewer else {
      throw QuipuError(
        .auth, kind: "auth_failed",
        "\(sync.server.base) does not know this API key; \(RunCredentials.advice(sync.server))")
    }
    return viewer
  }
}
