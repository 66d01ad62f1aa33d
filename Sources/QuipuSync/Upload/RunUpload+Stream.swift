import QuipuBase
import QuipuRecords

/// Reading on and the file stream: one request at a time, in order, at most as often as settings and server allow.
extension RunUpload {
  /// Does what can be done now and sets the timer for the rest.
  func pump() {
    guard phase == .streaming else { return }
    if mustReread {
      // The answer that is under way comes back here.
      guard inFlight == nil else { return }
      reread()
    }
    read()
    guard phase == .streaming else { return }
    startAlerts()
    if let due = upsertAfter, !upsertUnderWay, atEnd || sender.now >= due { upsert(isFirst: false) }
    uploadMetadata()
    if atEnd { queueEndingFiles() }
    sendStream()
    schedule()
  }

  /// Reads records until a request is full, the log has no more, or another run should have its turn.
  func read() {
    guard let replay, !atEnd else { return }
    isCaughtUp = false
    if replay.pendingBytes < settings.requestBytes {
      replay.retryTail()
      switch replay.readOn(limit: settings.requestBytes) {
      case .run, .more, .full: break
      case .caughtUp:
        isCaughtUp = true
        // Once more after the word that nothing else will come.
        if !plan.isLive || (logHasEnded && sawEndOfLog) { reachEnd() }
        sawEndOfLog = logHasEnded
      case .ended: reachEnd()
      case .notALog: reachEnd()
      case .unreadable(let error):
        isCaughtUp = true
        if !reportedUnreadable {
          reportedUnreadable = true
          say(
            .warning, "log_unreadable",
            "\(plan.logPath): cannot be read: \(SideFile.errorText(error.code)); the attempts go on")
        }
        if !plan.isLive || logHasEnded { end(.unusable("\(plan.logPath): \(SideFile.errorText(error.code))")) }
      }
    }
    guard phase != .ended else { return }
    tellDamage()
    progress.logRead = Int64(clamping: replay.position)
    progress.logSize = max(isCaughtUp || atEnd ? 0 : SideFile.size(plan.logPath) ?? 0, progress.logRead)
    progress.rowsPending = max(Int64(replay.counters.rows) &- ledger.rows, 0)
    if replay.hasConfigChanged || replay.hasIdentityChanged, phase == .streaming, upsertAfter == nil {
      upsertAfter = sender.now &+ Self.upsertPause
    }
    for alert in replay.takeAlerts() { alerts.append(alert.content) }
    for item in replay.takeFiles() {
      waitingFiles.append(item)
      if item.path.hasPrefix("logs/output_") { hasConsoleParts = true }
    }
    for item in replay.takeArtifacts() {
      waitingArtifacts.append(item)
      artifactsSeen = max(artifactsSeen, Int64(item.index) &+ 1)
    }
    if replay.isPreempting, !preemptingSeen {
      preemptingSeen = true
      preemptingDue = true
    }
    if replay.hasMetadataChanged, metadataDue == nil { metadataDue = sender.now &+ Self.metadataPause }
    startTransfers()
  }

  private func reachEnd() {
    atEnd = true
    replay?.endConsole()
    if phase == .streaming { setState(isInTrouble ? .waiting : .finishing) }
  }

  private func tellDamage() {
    guard let counters = replay?.counters, !reportedDamage else { return }
    let lost = counters.damage &+ counters.undecodable &+ counters.longLines &+ counters.droppedItems
    guard lost > 0 else { return }
    reportedDamage = true
    say(
      .warning, "log_damaged",
      "\(plan.logPath): parts cannot be sent: \(counters.damage) damaged places, \(counters.undecodable) broken records, "
        + "\(counters.longLines) lines over \(settings.lineBytes) bytes, \(counters.droppedItems) values; the rest is sent")
  }

  static var metadataPause: Int64 { 1_000_000_000 }

  // MARK: The request

  private func sendStream() {
    guard inFlight == nil, let replay else { return }
    let now = sender.now
    let isFull = replay.pendingBytes >= settings.requestBytes
    guard now >= nextSend || isFull || preemptingDue || isReadyToComplete else { return }
    if pace.earliest(now: now) > now { return }
    var extras = StreamBatch.Extras()
    if sendsSummary {
      if replay.hasSummaryChanged, now >= nextSummary || isReadyToComplete { summaryDue = replay.takeSummary() }
      if let text = summaryDue {
        if text.utf8.count > settings.lineBytes {
          tellLongSummary(text.utf8.count)
          summaryDue = nil
        } else if replay.pendingBytes &+ text.utf8.count <= Self.mostBytes || replay.pendingBytes == 0 {
          extras.summary = text
          summaryDue = nil
        }
        // A large summary is not sent with every request.
        nextSummary = now &+ Int64(text.utf8.count) &* 10_000
      }
    }
    let names = nextNames()
    extras.uploaded = Array(names)
    extras.isPreempting = preemptingDue
    let isLast =
      isReadyToComplete && replay.pendingBytes == 0 && summaryDue == nil && names.count == newlyUploaded.count
    if isLast, completesRun { extras.exitCode = replay.exit?.exitCode ?? 1 }
    let batch = StreamBatch(replay, extras, ledger, consoleLimit: settings.requestBytes)
    if !batch.hasContent {
      if isLast {
        complete()
        return
      }
      if now &- lastSent < settings.heartbeatInterval { return }
    }
    isLastRequest = isLast && replay.pendingBytes == 0
    newlyUploaded.removeFirst(names.count)
    preemptingDue = false
    inFlight = batch
    lastSent = now
    nextSend = now &+ settings.transmitInterval
    post(batch)
  }

  /// Most bytes of lines in a request. Source: http.md, 10.5.
  private static let mostBytes = 10 << 20

  /// Names of uploaded files for one request: after a restart there may be a hundred thousand.
  private func nextNames() -> ArraySlice<String> {
    var bytes = 0
    return newlyUploaded.prefix { name in
      bytes += name.utf8.count
      return bytes <= 1 << 20
    }
  }

  private func tellLongSummary(_ bytes: Int) {
    guard !reportedLongSummary else { return }
    reportedLongSummary = true
    say(
      .warning, "summary_too_long",
      "\(plan.logPath): the summary has \(bytes) bytes and cannot be shown by the server, which takes "
        + "\(settings.lineBytes); it is uploaded as the file wandb-summary.json")
  }

  /// Secondary writers of a shared run, and those whose server makes it from the rows, send none.
  private var sendsSummary: Bool {
    settings.isPrimary && !(settings.sharedWriter != nil && settings.isServerSideSummary)
  }

  private func post(_ batch: StreamBatch) {
    let url = settings.server.fileStream(entity: ledger.entity, project: ledger.project, run: ledger.run)
    let request = HTTPRequest(
      .post, url, headers: [HTTPHeader("Content-Type", "application/json")], body: .bytes(batch.body),
      timeoutMilliseconds: settings.fileStream.attemptMilliseconds)
    track { done in
      self.requester.send(request, self.settings.fileStream, waiting: self.waiting("the file stream"), done)
    } _: { [weak self] result in
      self?.posted(batch, result)
    }
  }

  private func posted(_ batch: StreamBatch, _ result: Result<HTTPAnswer, RequestError>) {
    inFlight = nil
    switch result {
    case .failure(let error):
      refuse(error)
    case .success(let answer):
      trouble(over: "the file stream")
      progress.requests &+= 1
      progress.bytesSent &+= Int64(batch.body.count)
      pace.took(answer, now: sender.now)
      ledger.rows = max(ledger.rows, batch.rows ?? 0)
      ledger.events = max(ledger.events, batch.events ?? 0)
      ledger.consoleLines = max(ledger.consoleLines, batch.consoleLines ?? 0)
      ledger.filesReported &+= batch.uploadedCount
      progress.rows = ledger.rows
      progress.rowsPending = max(Int64(replay?.counters.rows ?? 0) &- ledger.rows, 0)
      if isLastRequest {
        complete()
        return
      }
      if batch.hasContent { keepLedger() }
      tellProgress()
      if !stopSeen, asksToStop(answer) {
        stopSeen = true
        say(.info, "stop_requested", "the server asks the run to stop")
        observer.stopRequested()
      }
      pump()
    }
  }

  private func asksToStop(_ answer: HTTPAnswer) -> Bool {
    guard answer.body.count < 1 << 16,
      let object = (try? JSON(parsing: String(decoding: answer.body, as: UTF8.self)))?.objectValue
    else { return false }
    return object["stopped"]?.boolValue ?? false
  }

  // MARK: The end

  private var completesRun: Bool {
    guard settings.updatesFinishState, let replay else { return false }
    if let exit = replay.exit { return !exit.notComplete }
    return plan.completesWithoutExit
  }

  /// Everything else has arrived: only the last lines and the word that this was all are left.
  private var isReadyToComplete: Bool {
    atEnd && endingFilesQueued && alerts.isEmpty && !alertUnderWay && !upsertUnderWay && upsertAfter == nil
      && (files?.isIdle ?? true) && (artifacts?.isIdle ?? true) && waitingArtifacts.isEmpty && waitingFiles.isEmpty
  }

  private func complete() {
    let ended = replay?.exit != nil || plan.completesWithoutExit
    // What the server did not take is tried again by the next upload of this log.
    progress.leftBehind = (files?.leftBehind ?? 0) &+ max(artifactsSeen &- ledger.artifacts, 0) &+ changesOwed
      &+ alertsOwed
    ledger.isComplete = ended && progress.leftBehind == 0
    ledger.logSize = SideFile.size(plan.logPath) ?? 0
    keepLedger()
    if ledger.isComplete { SyncedMarker.write(log: plan.logPath) }
    end(ended ? .complete : .caughtUp)
  }

  // MARK: Time

  private func schedule() {
    guard phase == .streaming, let replay else { return }
    let now = sender.now
    var pause = Int64.max
    if !atEnd, replay.pendingBytes < settings.requestBytes { pause = isCaughtUp ? Self.pollInterval : 0 }
    if inFlight == nil {
      let earliest = max(nextSend, pace.earliest(now: now))
      if replay.pendingBytes > 0 || summaryDue != nil && sendsSummary || !newlyUploaded.isEmpty || preemptingDue || (atEnd && isReadyToComplete) {
        pause = min(pause, max(earliest &- now, 0))
      }
      if replay.hasSummaryChanged, sendsSummary { pause = min(pause, max(max(earliest, nextSummary) &- now, 0)) }
      // Not before the server wants to hear of it: a timer that finds nothing to do would be set again at once.
      pause = min(pause, max(max(lastSent &+ settings.heartbeatInterval, earliest) &- now, 0))
    }
    if let due = upsertAfter, !upsertUnderWay { pause = min(pause, max(due &- now, 0)) }
    if let due = metadataDue { pause = min(pause, max(due &- now, 0)) }
    if pause != Int64.max { wake(after: pause) }
  }
}
