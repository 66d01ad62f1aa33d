import QuipuBase
import QuipuRecords

/// Reading on and the file stream: one request at a time, in order, at most as often as settings and server allow.
extension RunUpload {
  /// Does what can be done now and sets the timer for the rest.
  func pump() {
    guard phase == .streaming else { return }
    read()
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
    if replay.pendingBytes < settings.requestBytes {
      switch replay.readOn(limit: settings.requestBytes) {
      case .more, .full: break
      case .caughtUp: atEnd = (!plan.isLive || logHasEnded) && replay.isAtFileEnd
      case .exit: atEnd = true
      case .unreadable(let error):
        if !reportedUnreadable {
          reportedUnreadable = true
          say(
            .warning, "log_unreadable",
            "\(plan.logPath): cannot be read: \(SideFile.errorText(error.code)); the attempts go on")
        }
        atEnd = !plan.isLive || logHasEnded
      }
    }
    for notice in replay.takeNotices() { observer.notice(notice) }
    progress.logRead = replay.position
    progress.logSize = max(replay.fileSize, replay.position)
    progress.rowsPending = replay.rows &- ledger.rows
    if replay.hasConfigChanged || replay.identityDiffers(from: sentIdentity), phase == .streaming, upsertAfter == nil {
      upsertAfter = sender.now &+ Self.upsertPause
    }
    for alert in replay.takeAlerts() {
      alerts.append(alert)
    }
    for item in replay.takeFiles() { waitingFiles.append(item) }
    for record in replay.takeArtifacts() { waitingArtifacts.append(record) }
    if replay.takePreempting() { preemptingDue = true }
    if replay.takeMetadataChanged() { metadataDue = sender.now &+ Self.metadataPause }
    startTransfers()
    if atEnd, phase == .streaming { setState(isInTrouble ? .waiting : .finishing) }
  }

  static var metadataPause: Int64 { 1_000_000_000 }

  // MARK: The request

  private func sendStream() {
    guard inFlight == nil, let replay else { return }
    let now = sender.now
    let isFull = replay.pendingBytes >= settings.requestBytes
    guard now >= nextSend || isFull || preemptingDue || isReadyToComplete else { return }
    if pace.earliest(now: now) > now { return }
    let batch = StreamBatch()
    batch.lines = replay.takeLines()
    if settings.isPrimary, settings.sharedWriter == nil || !settings.isServerSideSummary {
      batch.summary = replay.takeSummary(now: now, isLast: atEnd)
    }
    batch.uploaded = newlyUploaded
    batch.uploadedCount = newlyUploadedCount
    batch.isPreempting = preemptingDue
    if isReadyToComplete, !replay.hasLines {
      batch.completes = completesRun
      batch.exitCode = replay.exit?.exitCode ?? 1
      isLastRequest = true
    }
    if batch.isEmpty, !isLastRequest, now &- lastSent < settings.heartbeatInterval { return }
    if batch.isEmpty, isLastRequest {
      complete()
      return
    }
    newlyUploaded = []
    newlyUploadedCount = 0
    preemptingDue = false
    inFlight = batch
    lastSent = now
    nextSend = now &+ settings.transmitInterval
    post(batch)
  }

  private func post(_ batch: StreamBatch) {
    let body = batch.body(ledger)
    let size = Int64(body.count)
    let url = settings.server.fileStream(entity: ledger.entity, project: ledger.project, run: ledger.run)
    let request = HTTPRequest(
      .post, url, headers: [HTTPHeader("Content-Type", "application/json")], body: .bytes(body),
      timeoutMilliseconds: settings.fileStream.attemptMilliseconds)
    track { done in
      self.requester.send(request, self.settings.fileStream, waiting: self.waiting("the file stream"), done)
    } _: { [weak self] result in
      self?.posted(batch, size, result)
    }
  }

  private func posted(_ batch: StreamBatch, _ size: Int64, _ result: Result<HTTPAnswer, RequestError>) {
    inFlight = nil
    switch result {
    case .failure(let error):
      refuse(error)
    case .success(let answer):
      trouble(over: "the file stream")
      progress.requests &+= 1
      progress.bytesSent &+= size
      pace.took(answer, now: sender.now)
      ledger.rows &+= batch.lines.history.count
      ledger.events &+= batch.lines.events.count
      ledger.consoleLines = max(ledger.consoleLines, batch.lines.finalConsoleLines)
      ledger.filesReported &+= batch.uploadedCount
      progress.rows = ledger.rows
      progress.rowsPending = max((replay?.rows ?? ledger.rows) &- ledger.rows, 0)
      if batch.completes {
        complete()
        return
      }
      keepLedger()
      tellProgress()
      if !stopSeen, asksToStop(answer) {
        stopSeen = true
        say(.info, "stop_requested", "the server asks the run to stop")
        observer.stopRequested()
      }
      if isLastRequest {
        complete()
        return
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
    ledger.isComplete = ended
    ledger.logSize = SideFile.size(plan.logPath) ?? 0
    keepLedger()
    if ended { SyncedMarker.write(log: plan.logPath) }
    end(ended ? .complete : .caughtUp)
  }

  // MARK: Time

  private func schedule() {
    guard phase == .streaming, let replay else { return }
    let now = sender.now
    var pause = Int64.max
    if !atEnd {
      if replay.pendingBytes < settings.requestBytes { pause = replay.isAtFileEnd ? Self.pollInterval : 0 }
    }
    if inFlight == nil {
      let earliest = max(nextSend, pace.earliest(now: now))
      if replay.hasLines || replay.hasSummaryChanged || !newlyUploaded.isEmpty || atEnd || preemptingDue {
        pause = min(pause, max(earliest &- now, 0))
      }
      pause = min(pause, max(lastSent &+ settings.heartbeatInterval &- now, 0))
    }
    if let due = upsertAfter, !upsertUnderWay { pause = min(pause, max(due &- now, 0)) }
    if let due = metadataDue { pause = min(pause, max(due &- now, 0)) }
    // Waiting for transfers at the end: their completion wakes us; the timer is only a net.
    if atEnd, inFlight == nil, !isReadyToComplete { pause = min(max(pause, 50_000_000), Self.pollInterval) }
    if pause != Int64.max { wake(after: pause) }
  }
}
