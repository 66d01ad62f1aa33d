import QuipuBase
import QuipuRecords

/// Carries one log to a server: live while the run writes it, or later.
///
/// It reads the log like any other reader, sends what the server has not acknowledged, and keeps what it has
/// acknowledged in `UploadLedger`. It may be killed at any moment and started again, here or on another host that sees
/// the directory.
///
///     opening -> settling (resume, rewind) -> introducing (UpsertBucket) -> streaming -> ended
///
/// Threads: all methods and all calls of the observer on the loop's thread.
/// Source: http.md, sections 8 to 11.
package final class RunUpload {
  /// What to upload, and where it deviates from what the log says.
  package struct Plan: Sendable {
    package var logPath: String
    /// Absolute path of the run's `files` directory.
    package var filesDirectory: String
    /// True: the log is still being written; wait for more at its end until `logHasEnded` or an exit record.
    package var isLive = false
    // Instead of what the log says.
    package var entity: String?
    package var project: String?
    package var runID: String?
    /// False: at the end of a log without an exit record the run is left as it is instead of being reported as crashed.
    package var completesWithoutExit = true

    package init(logPath: String, filesDirectory: String) {
      self.logPath = logPath
      self.filesDirectory = filesDirectory
    }
  }

  /// Hears about an upload.
  package struct Observer {
    package var notice: (UploadNotice) -> Void = { _ in }
    package var identified: (UploadIdentity) -> Void = { _ in }
    /// The server wants the run to stop. At most once.
    package var stopRequested: () -> Void = {}
    package var progressed: (UploadProgress) -> Void = { _ in }
    /// The last call.
    package var ended: (UploadEnd) -> Void = { _ in }

    package init() {}
  }

  enum Phase { case idle, opening, settling, introducing, streaming, ended }

  static let pollInterval: Int64 = 200_000_000
  static let upsertPause: Int64 = 500_000_000

  let sender: any RequestSender
  private(set) lazy var requester = Requester(sender: sender, settings: settings)
  private(set) var settings: SyncSettings
  private(set) var plan: Plan
  let observer: Observer

  var phase = Phase.idle
  var ledger = UploadLedger()
  var uploaded: UploadedFiles?
  var peek: LogPeek?
  var replay: LogReplay?
  var files: RunFiles?
  var artifacts: ArtifactUploads?
  var progress = UploadProgress()

  // Reading
  var atEnd = false
  /// The last read met the end of what is there.
  var isCaughtUp = false
  var sawEndOfLog = false
  var reportedDamage = false
  var logHasEnded = false
  var reportedUnreadable = false
  var mustReread = false

  // The run's own record on the server
  var upsertUnderWay = false
  var upsertAfter: Int64?

  // Alerts, one after the other
  var alerts: [AlertRecord] = []
  var alertUnderWay = false

  /// Changes of the run and alerts that the server was not there for: left to another upload of the log.
  var changesOwed: Int64 = 0
  var alertsOwed: Int64 = 0
  var alertsPutOff = false

  // The file stream
  var inFlight: StreamBatch?
  var nextSend: Int64 = 0
  var lastSent: Int64 = 0
  var preemptingDue = false
  var newlyUploaded: [String] = []
  var pace = RatePace()
  var stopSeen = false
  var preemptingSeen = false
  var nextSummary: Int64 = 0
  /// Taken from the log and not sent yet.
  var summaryDue: String?
  var reportedLongSummary = false
  var endingFilesQueued = false
  var isLastRequest = false
  var waitingFiles: [FilesItem] = []
  /// The console is in pieces that the log names, instead of output.log.
  var hasConsoleParts = false
  var waitingArtifacts: [ReplayItem<ArtifactRecord>] = []
  /// Artifacts that the log names, those acknowledged earlier included.
  var artifactsSeen: Int64 = 0
  var metadataDue: Int64?
  var isInTrouble = false

  var timer: UInt64?
  var timerAt: Int64 = 0
  var requests: Set<UInt64> = []

  package init(sender: any RequestSender, settings: SyncSettings, plan: Plan, observer: Observer) {
    self.sender = sender
    self.settings = settings
    self.plan = plan
    self.observer = observer
  }

  // MARK: Life

  package func start() {
    guard phase == .idle else { return }
    phase = .opening
    setState(.connecting)
    do throws(UploadedFiles.OpenError) {
      uploaded = try UploadedFiles.open(log: plan.logPath)
    } catch {
      switch error {
      case .busy: end(.busy)
      case .file(let code):
        end(.unusable("cannot write \(UploadedFiles.path(of: plan.logPath)): \(SideFile.errorText(code))"))
      }
      return
    }
    open()
  }

  /// A live run has written its last record: upload what is there and end.
  package func endOfLog() {
    logHasEnded = true
    pump()
  }

  /// The writer of a log without an end is gone: the run ends as a crashed one.
  ///
  /// Its log may have been completed meanwhile, which writes the last records anew at other places.
  package func writerHasGone() {
    plan.completesWithoutExit = true
    logHasEnded = true
    mustReread = true
    pump()
  }

  /// Gives up; what was acknowledged stays acknowledged.
  package func cancel() {
    guard phase != .ended else { return }
    end(.cancelled)
  }

  /// In the child of a fork: gives up its copy of the lock.
  package func abandonInChild() { uploaded?.abandonInChild() }

  func end(_ result: UploadEnd) {
    guard phase != .ended else { return }
    phase = .ended
    if let timer { sender.cancelTimer(timer) }
    timer = nil
    for request in requests { requester.cancel(request) }
    requests = []
    files?.cancel()
    artifacts?.cancel()
    switch result {
    case .complete, .alreadyComplete, .caughtUp: setState(.done)
    case .refused, .unusable: setState(.failed)
    case .busy, .cancelled: setState(.off)
    }
    // The lock goes with it, before anybody hears that it is free.
    uploaded = nil
    replay = nil
    observer.ended(result)
  }

  // MARK: Opening

  private func open() {
    guard phase == .opening else { return }
    let found: LogPeek
    do throws(LogPeek.Failure) {
      found = try LogPeek(plan.logPath)
    } catch {
      switch error {
      case .noRun where plan.isLive && !logHasEnded: wake(after: Self.pollInterval) { [weak self] in self?.open() }
      case .noRun: end(.unusable("\(plan.logPath): has no run record, so nothing says which run it is"))
      case .badHeader: end(.unusable("\(plan.logPath): is not a .wandb log"))
      case .file(let problem):
        end(.unusable("\(plan.logPath): cannot be read: \(SideFile.errorText(problem.code))"))
      }
      return
    }
    peek = found
    let run = plan.runID ?? found.run.runID
    let entity = plan.entity ?? found.run.entity
    let project = plan.project ?? found.run.project
    let earlier = UploadLedger.read(log: plan.logPath)
    if let known = earlier?.place(server: settings.server.base, entity: entity, project: project, run: run) {
      if known.isElsewhere { uploaded?.clear() }
      ledger = known.ledger
      if ledger.isComplete, !plan.isLive, SideFile.size(plan.logPath) == ledger.logSize {
        tellIdentity()
        end(.alreadyComplete)
        return
      }
      // The log has grown since: the run goes on.
      ledger.isComplete = false
    } else {
      uploaded?.clear()
      ledger = earlier?.leaving() ?? UploadLedger()
      ledger.server = settings.server.base
      ledger.wanted = UploadLedger.wanted(entity, project, run)
      ledger.entity = entity
      ledger.project = project
      ledger.run = run
      if let earlier, let writer = earlier.sharedWriter {
        ledger.sharedWriter = writer
        ledger.label = earlier.label
        ledger.isPrimary = earlier.isPrimary
        ledger.updatesFinishState = earlier.updatesFinishState
        ledger.isServerSideSummary = earlier.isServerSideSummary
      }
      if let state = SyncState.read(log: plan.logPath) {
        ledger.startingStep = state.step
        ledger.startingRuntime = state.runtime
      }
    }
    if let writer = ledger.sharedWriter {
      settings.sharedWriter = writer
      settings.label = ledger.label
      settings.isPrimary = ledger.isPrimary
      settings.updatesFinishState = ledger.updatesFinishState
      settings.isServerSideSummary = ledger.isServerSideSummary
    }
    progress.rows = ledger.rows
    phase = .settling
    if ledger.isSettled || ledger.isResumed { introduce() } else { settle(found.run) }
  }

  // MARK: Resume and rewind

  private func settle(_ run: RunRecord) {
    if let point = run.branchPoint, point.run == run.runID, plan.runID == nil, point.value.isFinite {
      guard let step = Int64(exactly: point.value.rounded(.down)) else {
        end(.unusable("\(plan.logPath): names no step to rewind to"))
        return
      }
      ask(.rewind(step: step))
    } else if run.resume {
      ask(.resume)
    } else {
      introduce()
    }
  }

  private func ask(_ wish: ResumeQuery.Wish) {
    var policy = settings.graphQL
    if plan.isLive { policy.retries = settings.fileStream.retries }
    track { done in
      ResumeQuery.ask(
        wish, entity: self.ledger.entity, project: self.ledger.project, run: self.ledger.run,
        requester: self.requester, policy: policy, waiting: self.waiting("the server"), done)
    } _: { [weak self] (result: Result<ResumedRun?, RequestError>) in
      guard let self else { return }
      switch result {
      case .failure(let error): self.refuse(error)
      case .success(let found):
        self.trouble(over: "the run to resume")
        if let found {
          self.ledger.take(found)
          ResumeBase(found).write(log: self.plan.logPath)
        }
        self.introduce()
      }
    }
  }

  // MARK: The run's record on the server

  private func introduce() {
    guard phase == .settling else { return }
    phase = .introducing
    do throws(LogFileError) {
      guard let replay = try makeReplay() else {
        end(.unusable("\(plan.logPath): has changed while it was opened"))
        return
      }
      self.replay = replay
    } catch {
      end(.unusable("\(plan.logPath): cannot be read: \(SideFile.errorText(error.code))"))
      return
    }
    // What the log says by now goes with the first call: config, definitions, metadata.
    read()
    if phase != .ended { upsert(isFirst: true) }
  }

  /// A replay of the log from its beginning that gives out what the server has not acknowledged and what has not been
  /// taken from an earlier one.
  ///
  /// - Returns: nil if the log has no run record.
  private func makeReplay() throws(LogFileError) -> LogReplay? {
    guard let peek else { return nil }
    var start = ReplayStart()
    start.rows = Int(clamping: ledger.rows)
    start.events = Int(clamping: ledger.events)
    start.consoleLines = Int(clamping: ledger.consoleLines)
    start.alerts = Int(clamping: ledger.alerts &+ Int64(alerts.count) &+ alertsOwed)
    start.artifacts = Int(clamping: max(ledger.artifacts, artifactsSeen))
    start.startingStep = max(ledger.startingStep, peek.run.startingStep)
    // A log that was written as a resumed one has its steps, times, config and summary already.
    start.isResumed = ledger.isResumed && !peek.run.resumed && ledger.startingStep > peek.run.startingStep
    start.label = settings.label ?? ""
    start.labelsRows = settings.sharedWriter != nil
    start.lineBytes = settings.lineBytes
    if ledger.isResumed, let base = ResumeBase.read(log: plan.logPath) {
      start.config = base.config
      start.summary = base.summary
    }
    let replay = try LogReplay(path: plan.logPath)
    guard case .run = replay.readOn(limit: 1) else { return nil }
    replay.begin(start)
    return replay
  }

  /// Reads the log from its beginning, because what was read of it may not hold any more.
  func reread() {
    mustReread = false
    guard !endingFilesQueued, let fresh = try? makeReplay() else { return }
    replay = fresh
    atEnd = false
    isCaughtUp = false
    sawEndOfLog = false
  }

  /// Tells the server what the run's record says.
  func upsert(isFirst: Bool) {
    guard let replay, let identity = replay.identity, !upsertUnderWay else { return }
    upsertUnderWay = true
    upsertAfter = nil
    var variables: JSONObject = ["name": .string(ledger.run)]
    variables["project"] = optional(ledger.project)
    variables["entity"] = optional(ledger.entity)
    if replay.hasConfigChanged || isFirst {
      variables["config"] = .string(replay.takeConfig(client: LibraryVersion.text))
    }
    if replay.takeIdentityChange() || isFirst {
      if ledger.isResumed { variables["id"] = optional(ledger.storageID) }
      variables["groupName"] = optional(identity.group)
      variables["displayName"] = optional(identity.displayName)
      variables["notes"] = optional(identity.notes)
      variables["jobType"] = optional(identity.jobType)
      if !identity.tags.isEmpty { variables["tags"] = .array(identity.tags.map { .string($0) }) }
      variables["host"] = optional(identity.host)
      variables["sweep"] = optional(identity.sweepID)
      variables["program"] = optional(identity.program)
      variables["commit"] = optional(identity.gitCommit)
      variables["repo"] = optional(identity.gitRemote)
    }
    var policy = settings.graphQL
    policy.retriesConflict = true
    if plan.isLive { policy.retries = settings.fileStream.retries }
    track { done in
      self.requester.graphQL(
        "UpsertBucket", RunOperations.upsert, variables, policy: policy, waiting: self.waiting("UpsertBucket"), done)
    } _: { [weak self] (result: Result<JSONObject, RequestError>) in
      guard let self else { return }
      self.upsertUnderWay = false
      switch result {
      case .success(let data): self.upserted(data, isFirst: isFirst)
      case .failure(let error):
        if isFirst {
          self.refuse(error)
        } else {
          self.say(.warning, "run_update_failed", "the server did not take a change of the run: \(error.message)")
          if RunFiles.isPassing(error) { self.changesOwed &+= 1 }
          self.pump()
        }
      }
    }
  }

  private func upserted(_ data: JSONObject, isFirst: Bool) {
    trouble(over: "UpsertBucket")
    guard isFirst else {
      pump()
      return
    }
    guard let bucket = data["upsertBucket"]?.objectValue?["bucket"]?.objectValue else {
      end(.refused("the server's answer to UpsertBucket names no run"))
      return
    }
    let project = bucket["project"]?.objectValue
    if let name = bucket["name"]?.stringValue, !name.isEmpty { ledger.run = name }
    if let name = project?["name"]?.stringValue, !name.isEmpty { ledger.project = name }
    if let name = project?["entity"]?.objectValue?["name"]?.stringValue, !name.isEmpty { ledger.entity = name }
    ledger.displayName = bucket["displayName"]?.stringValue ?? ledger.displayName
    ledger.storageID = bucket["id"]?.stringValue ?? ledger.storageID
    if !ledger.isSettled, ledger.adopt() {
      // What has been read of the log so far was counted from its beginning.
      mustReread = true
      (alerts, waitingArtifacts, artifactsSeen) = ([], [], 0)
    }
    if !ledger.isSettled {
      if !ledger.isResumed, settings.sharedWriter == nil {
        // An id that was used before: the rows go behind those that are there.
        ledger.historyBase = max(bucket["historyLineCount"]?.intValue ?? 0, 0)
      }
      ledger.isSettled = true
      SyncState(step: ledger.startingStep, runtime: ledger.startingRuntime).write(log: plan.logPath)
    }
    guard keepLedger() else { return }
    sweep = bucket["sweepName"]?.stringValue ?? ""
    phase = .streaming
    setState(.streaming)
    tellIdentity()
    makeTransfers()
    pump()
  }

  private(set) var sweep = ""

  private func tellIdentity() {
    observer.identified(
      UploadIdentity(
        entity: ledger.entity, project: ledger.project, run: ledger.run, displayName: ledger.displayName,
        sweep: sweep, isResumed: ledger.isResumed))
  }

  /// - Returns: false if the ledger cannot be kept at the very start; later that is only reported.
  @discardableResult
  func keepLedger() -> Bool {
    let code = ledger.write(log: plan.logPath)
    if code == 0 {
      ledgerFailing = false
      return true
    }
    if phase == .introducing, !plan.isLive {
      // A run that is recorded is shown all the same; a log can be sent once this is mended.
      end(.unusable("cannot write \(UploadLedger.path(of: plan.logPath)): \(SideFile.errorText(code))"))
      return false
    }
    guard !ledgerFailing else { return true }
    ledgerFailing = true
    say(
      .warning, "upload_state_unwritten",
      "cannot write \(UploadLedger.path(of: plan.logPath)): \(SideFile.errorText(code)); the upload goes on, but after "
        + "a crash rows may be sent twice")
    return true
  }

  private var ledgerFailing = false

  // MARK: Errors

  /// The server does not take the run.
  func refuse(_ error: RequestError) {
    switch error {
    case .status(401, _), .status(403, _):
      say(
        .error, "auth_failed",
        "\(settings.server.base) does not accept the API key (\(error.message)); the run is kept on disk. "
          + "Log in with `quipu login` and send it with `quipu sync`")
      end(.refused("the API key is not accepted: \(error.message)"))
    case .failure(let failure) where failure.kind == .cancelled:
      // Not by this upload: the loop ends. Going on would leave out what the request carried.
      end(.cancelled)
    default:
      say(
        .error, "upload_refused",
        "\(settings.server.base) does not take the run: \(error.message); it is kept on disk and can be sent later "
          + "with `quipu sync`")
      end(.refused(error.message))
    }
  }

  /// What to do while a request waits for its next attempt.
  func waiting(_ what: String) -> (RequestError, Int64) -> Void {
    { [weak self] error, wait in
      guard let self, self.phase != .ended else { return }
      self.progress.retries &+= 1
      self.progress.nextAttempt = self.sender.now &+ wait
      if !self.isInTrouble {
        self.isInTrouble = true
        self.say(
          .warning, "server_unreachable",
          "\(what) at \(self.settings.server.base): \(error.message); rows are kept on disk and the attempts go on")
      }
      self.setState(.waiting)
    }
  }

  func trouble(over what: String) {
    guard isInTrouble else { return }
    isInTrouble = false
    progress.nextAttempt = 0
    say(.info, "server_reachable", "\(settings.server.base) answers again (\(what))")
    setState(atEnd ? .finishing : .streaming)
  }

  func say(_ level: UploadNotice.Level, _ kind: String, _ message: String) {
    observer.notice(UploadNotice(level, kind: kind, message))
  }

  func setState(_ state: UploadProgress.State) {
    progress.state = state
    tellProgress()
  }

  func tellProgress() {
    progress.filesDone = files?.done ?? 0
    progress.filesPending = files?.waiting ?? 0
    observer.progressed(progress)
  }

  // MARK: Small helpers

  func optional(_ text: String) -> JSON? { text.isEmpty ? nil : .string(text) }

  /// Starts a request and forgets its number when it is done; nothing is called after the end.
  func track<Answer>(
    _ start: (@escaping (Result<Answer, RequestError>) -> Void) -> UInt64,
    _ done: @escaping (Result<Answer, RequestError>) -> Void
  ) {
    let number = NumberBox()
    let request = start { [weak self] result in
      guard let self else { return }
      if let value = number.value { self.requests.remove(value) }
      guard self.phase != .ended else { return }
      done(result)
    }
    number.value = request
    requests.insert(request)
  }

  private final class NumberBox { var value: UInt64? }

  /// Comes back after `nanoseconds`; an earlier time wins.
  func wake(after nanoseconds: Int64, _ work: (() -> Void)? = nil) {
    let at = sender.now &+ max(nanoseconds, 0)
    if timer != nil, timerAt <= at { return }
    if let timer { sender.cancelTimer(timer) }
    timerAt = at
    timer = sender.after(max(nanoseconds, 0)) { [weak self] in
      guard let self else { return }
      self.timer = nil
      if let work { work() } else { self.pump() }
    }
  }
}
