import Glibc
import QuipuBase
import QuipuRecords
import QuipuSync

/// What happens between the settings of a run and its log: whether it goes online, and where it goes on.
enum OnlineStart {
  /// Finds the server and the credentials.
  ///
  /// - Returns: nil if the run does not go online: it is not meant to, or there is no API key.
  /// - Throws: `noAPIKey` or `apiKey` if there is none, or none that can be one, and the run must not go on without;
  ///   `setting` for a bad address and for credentials that exclude each other.
  static func prepare(
    _ settings: inout Settings, _ context: ProcessContext, _ diagnostics: inout [Diagnostic]
  ) throws(QuipuError) -> SyncSettings? {
    guard settings.mode == .online || settings.mode == .shared else { return nil }
    let server = try settings.serverAddress()
    do throws(CredentialLookup.Problem) {
      let found = try RunCredentials.find(settings, server, context)
      return settings.syncSettings(server: server, credentials: found.credentials)
    } catch {
      // A training run does not fail for want of a key, unless it was told to.
      guard error.kind != .conflict, !settings.force, settings.resume != .must else { throw QuipuError(error) }
      if settings.mode == .online { settings.set("mode", "offline") }
      diagnostics.append(
        Diagnostic(
          .warning, kind: error.kind.rawValue,
          error.message + ". The run is recorded on disk; `quipu sync` sends it later"))
      return nil
    }
  }

  /// Asks the server, or an earlier log, where a run goes on.
  ///
  /// - Returns: nil for a new run.
  /// - Throws: `resume` if the run is there and must not be, or the other way round; `auth`, `server`, `answer` and the
  ///   network's errors.
  /// Blocking: at most `init_timeout` for the server; for an earlier log the time to read it.
  static func continuation(
    _ id: String, _ settings: Settings, _ sync: SyncSettings?, _ context: ProcessContext
  ) throws(QuipuError) -> Continuation? {
    guard let sync else {
      guard let resume = settings.resume, resume != .never,
        let log = EarlierLog.find(id, in: settings.wandbDirectory)
      else { return nil }
      return EarlierLog.read(log)
    }
    let wish: ResumeQuery.Wish
    if let moment = settings.resumeFrom {
      wish = .rewind(step: moment.step)
    } else if settings.resume != nil {
      wish = .resume
    } else {
      return nil
    }
    guard let loop = ProcessState.shared.syncLoop(context.environment) else {
      throw QuipuError(.memory, kind: "no_thread", "the system gives no thread for the upload")
    }
    let (entity, project) = (settings.entity ?? "", settings.project)
    let limit = Settings.nanoseconds(settings.initTimeout) ?? 90_000_000_000
    let answer = try LoopQuestion<ResumedRun?>.ask(
      loop, sync, until: Clock.monotonic() &+ limit, doing: "asking how run \(id) goes on"
    ) { requester, waiting, done in
      ResumeQuery.ask(
        wish, entity: entity, project: project, run: id, requester: requester, waiting: waiting, done)
    }
    switch (settings.resume, answer) {
    case (.must, nil):
      throw QuipuError(
        .resume, kind: "resume_no_such_run",
        "resume: the run \(id) is not in project \(settings.project) on \(sync.server.base), so it cannot go on; use "
          + "resume \"allow\" to start it")
    case (.never, _?):
      throw QuipuError(
        .resume, kind: "resume_not_allowed",
        "resume: the run \(id) is in project \(settings.project) on \(sync.server.base) already, and resume is "
          + "\"never\"; choose another id")
    default: return answer.map { Continuation($0, isRewind: settings.resumeFrom != nil) }
    }
  }

  /// Leaves for the upload, now or later, what the log does not say.
  static func prepareLedger(
    _ continuation: Continuation?, _ identity: RunRecord, log: String, _ settings: Settings, writerID: String,
    server: ServerAddress?
  ) {
    if settings.mode == .shared {
      let ledger = UploadLedger.ofSharedRun(
        writer: writerID, label: settings.label, isPrimary: settings.primary,
        updatesFinishState: settings.flag("x_update_finish_state"),
        isServerSideSummary: settings.flag("x_server_side_derived_summary"))
      _ = ledger.write(log: log)
    } else if let server, let found = continuation?.server {
      let ledger = UploadLedger.ofResumedRun(
        found, server: server, entity: identity.entity, project: identity.project, run: identity.runID)
      // Where this fails the upload asks again.
      _ = ledger.write(log: log)
    }
  }
}

extension QuipuError {
  /// A request that has failed for good.
  init(_ error: RequestError, server: String, doing: String) {
    let code: Code
    switch error {
    case .failure(let failure):
      code =
        switch failure.kind {
        case .noLibrary: .library
        case .nameNotFound: .host
        case .proxy: .proxy
        case .connect, .reset: .connect
        case .timeout: .networkTimeout
        case .tls: .tls
        case .badURL: .setting
        case .answerTooLarge: .answer
        default: .network
        }
    case .status(401, _), .status(403, _): code = .auth
    case .status, .graphQL: code = .server
    case .malformed: code = .answer
    }
    self.init(code, kind: Self.kind(of: code), "\(server): \(doing.isEmpty ? "" : doing + ": ")\(error.message)")
  }

  static func kind(of code: Code) -> String {
    switch code {
    case .host: "host_not_found"
    case .connect: "connect_failed"
    case .networkTimeout: "timeout"
    case .tls: "tls_failed"
    case .proxy: "proxy_failed"
    case .library: "no_libcurl"
    case .auth: "auth_failed"
    case .server: "server_refused"
    case .answer: "answer_malformed"
    default: "network_failed"
    }
  }
}
