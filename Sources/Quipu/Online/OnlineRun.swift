import Glibc
import QuipuBase
import QuipuSync
import Synchronization

/// The upload of one run as its callers see it: what the sync loop reports is kept here for every thread.
final class OnlineRun: @unchecked Sendable {
  // @unchecked: `upload` is touched on the loop's thread only, `handler` under `handlerLock`; the rest is immutable,
  // atomic or in a mutex. In the child of a fork nothing here is touched but the atomics: runs answer `forked` first.

  struct State: Sendable {
    var progress = UploadProgress()
    var identity: UploadIdentity?
    var end: UploadEnd?
    /// What the last notice of trouble said.
    var trouble = ""
    /// Why the upload was refused: it decides the status that a finish answers.
    var refusal: QuipuError.Code = .server
  }

  let runID: String
  let address: ServerAddress
  let logPath: String
  let directory: String
  /// Units: nanoseconds that the exit of the process waits at most for this upload.
  let exitLimit: Int64
  private let loop: SyncLoop
  private let state = Mutex(State())
  private let hasEnded = Atomic<Bool>(false)
  private let stopFlag = Atomic<Bool>(false)
  private var upload: RunUpload?
  /// Set once a bounded finish has waited in vain: the exit of the process does not wait again.
  let isGivenUp = Atomic<Bool>(false)

  private let handlerLock: UnsafeMutablePointer<pthread_mutex_t>
  private var handler: (() -> Void)?
  private var handlerHasRun = false

  init(runID: String, address: ServerAddress, logPath: String, directory: String, exitLimit: Int64, loop: SyncLoop) {
    self.runID = runID
    self.address = address
    self.logPath = logPath
    self.directory = directory
    self.exitLimit = exitLimit
    self.loop = loop
    handlerLock = Diagnostics.makeMutex()
    state.withLock { $0.progress.state = .connecting }
  }

  deinit {
    pthread_mutex_destroy(handlerLock)
    handlerLock.deallocate()
  }

  // MARK: The loop's side

  func begin(_ settings: SyncSettings, _ plan: RunUpload.Plan) {
    loop.post { [self] in
      var observer = RunUpload.Observer()
      observer.notice = { [weak self] in self?.take($0) }
      observer.identified = { [weak self] in self?.take($0) }
      observer.stopRequested = { [weak self] in self?.requestStop() }
      observer.progressed = { [weak self] progress in self?.state.withLock { $0.progress = progress } }
      observer.ended = { [weak self] in self?.take($0) }
      let upload = RunUpload(sender: loop, settings: settings, plan: plan, observer: observer)
      self.upload = upload
      upload.start()
    }
  }

  /// The log has got its last record.
  func logHasEnded() {
    loop.post { [self] in upload?.endOfLog() }
  }

  private func report(_ level: Diagnostic.Level, _ kind: String, _ message: String) {
    Diagnostics.shared.report(Diagnostic(level, kind: kind, message), run: runID)
  }

  private func take(_ notice: UploadNotice) {
    if notice.level != .info {
      state.withLock { state in
        state.trouble = notice.message
        if notice.kind == "auth_failed" { state.refusal = .auth }
      }
    }
    let level: Diagnostic.Level =
      switch notice.level {
      case .info: .info
      case .warning: .warning
      case .error: .error
      }
    report(level, notice.kind, notice.message)
  }

  private func take(_ identity: UploadIdentity) {
    state.withLock { $0.identity = identity }
    ProcessState.shared.signalProgress()
    report(.info, "run_url", url(of: identity))
  }

  private func take(_ end: UploadEnd) {
    state.withLock { $0.end = end }
    upload = nil
    switch end {
    case .complete, .alreadyComplete:
      report(.info, "upload_done", "the run is complete on \(address.base)")
    case .busy:
      report(.warning, "upload_busy", "another program is sending \(logPath); this one leaves it to it")
    case .unusable(let reason):
      report(.error, "upload_refused", "\(reason); what is in the log can be sent later with `quipu sync \(directory)`")
    case .refused, .caughtUp, .cancelled: break
    }
    // Last, so that whoever waits for the end has heard all of it.
    hasEnded.store(true, ordering: .releasing)
    ProcessState.shared.uploadEnded(self)
  }

  private func requestStop() {
    guard !stopFlag.exchange(true, ordering: .acquiringAndReleasing) else { return }
    report(.warning, "stop_requested", "the server asks the run to stop")
    runHandler()
  }

  // MARK: Stopping

  var isStopRequested: Bool { stopFlag.load(ordering: .relaxed) }

  func setStopHandler(_ handler: (() -> Void)?) {
    pthread_mutex_lock(handlerLock)
    self.handler = handler
    pthread_mutex_unlock(handlerLock)
    if isStopRequested { runHandler() }
  }

  private func runHandler() {
    // Recursive: a handler may remove itself.
    pthread_mutex_lock(handlerLock)
    if let handler, !handlerHasRun {
      handlerHasRun = true
      handler()
    }
    pthread_mutex_unlock(handlerLock)
  }

  // MARK: The callers' side

  var snapshot: State { state.withLock { $0 } }
  var isOver: Bool { hasEnded.load(ordering: .acquiring) }

  func waitIdentified(until end: Int64) -> Bool {
    ProcessState.shared.wait(until: end) { isOver || state.withLock { $0.identity != nil } }
  }

  func waitEnded(until end: Int64) -> Bool { ProcessState.shared.wait(until: end) { isOver } }

  /// Changes whenever something has reached the server.
  var mark: [Int64] {
    let progress = snapshot.progress
    return [progress.rows, progress.filesDone, progress.bytesSent, progress.requests]
  }

  func url(of identity: UploadIdentity) -> String {
    address.runPage(entity: identity.entity, project: identity.project, run: identity.run)
  }

  func fill(_ stats: inout RunStats) {
    let progress = snapshot.progress
    stats.uploadState = UploadState(rawValue: progress.state.rawValue) ?? .connecting
    stats.isStopRequested = isStopRequested
    stats.rowsUploaded = UInt64(clamping: progress.rows)
    stats.rowsPending = stats.rowsWritten > stats.rowsUploaded ? stats.rowsWritten &- stats.rowsUploaded : 0
    stats.filesUploaded = UInt64(clamping: progress.filesDone)
    stats.filesPending = UInt64(clamping: progress.filesPending)
    stats.bytesUploaded = UInt64(clamping: progress.bytesSent)
    stats.logBytesRead = UInt64(clamping: progress.logRead)
    stats.uploadRequests = UInt64(clamping: progress.requests)
    stats.uploadRetries = UInt64(clamping: progress.retries)
    if progress.nextAttempt > 0 { stats.retryIn = max(progress.nextAttempt &- Clock.monotonic(), 0) / 1_000_000 }
  }

  /// Why the upload ended without having sent everything; nil if it has, or goes on.
  var failure: QuipuError? {
    let state = snapshot
    switch state.end {
    case nil, .complete, .alreadyComplete, .caughtUp: return nil
    case .refused(let reason):
      return QuipuError(
        state.refusal, kind: state.refusal == .auth ? "auth_failed" : "upload_refused",
        "\(address.base) does not take the run: \(reason). Everything is in \(logPath); `quipu sync \(directory)` "
          + "sends it once that is mended")
    case .busy:
      return QuipuError(
        .busy, kind: "upload_busy", "another program is sending \(logPath); `quipu sync \(directory)` sends the rest")
    case .unusable(let reason):
      return QuipuError(.file, kind: "upload_refused", "\(reason); `quipu sync \(directory)` sends the rest later")
    case .cancelled:
      return QuipuError(
        .state, kind: "upload_cancelled", "the upload was given up; `quipu sync \(directory)` sends the rest")
    }
  }

  /// What a finish says whose time is over.
  func timeoutMessage(milliseconds: Int64, rowsWritten: UInt64) -> String {
    let state = snapshot
    let rows = Int64(clamping: rowsWritten) &- state.progress.rows
    var left: [String] = []
    if rows > 0 { left.append(rows == 1 ? "1 row" : "\(rows) rows") }
    if state.progress.filesPending > 0 {
      left.append(state.progress.filesPending == 1 ? "1 file" : "\(state.progress.filesPending) files")
    }
    let what = left.isEmpty ? "the end of the run has" : left.joined(separator: " and ") + " have"
    let why = state.trouble.isEmpty || state.progress.state != .waiting ? "" : " (\(state.trouble))"
    return "\(what) not been sent in \(milliseconds) ms\(why). Nothing is lost: it goes on in the background while the "
      + "process lives, and `quipu sync \(directory)` sends what is left of \(logPath)"
  }

  // MARK: Fork

  /// In the child: the lock that keeps two uploads apart belongs to the parent.
  func abandonInChild() { upload?.abandonInChild() }
}
