import Glibc
import QuipuBase
import QuipuRecords

/// What goes beside the file stream: alerts, artifacts and files.
extension RunUpload {
  func makeTransfers() {
    guard let uploaded else { return }
    let transfers = TransferQueue(limit: settings.concurrentTransfers)
    let runFiles = RunFiles(
      requester: requester, entity: ledger.entity, project: ledger.project, runID: ledger.run,
      filesDirectory: plan.filesDirectory, settings: settings, remembered: uploaded.entries, transfers: transfers)
    runFiles.onUploaded = { [weak self] entry, bytes in
      guard let self else { return }
      self.uploaded?.append(entry)
      self.newlyUploaded.append(entry.path)
      self.progress.bytesSent &+= bytes
      self.tellProgress()
      self.pump()
    }
    runFiles.onNotice = { [weak self] in self?.observer.notice($0) }
    runFiles.onIdle = { [weak self] in self?.pump() }
    runFiles.isLive = plan.isLive
    files = runFiles
    // Files that a killed upload had sent but not named in the stream.
    let unreported = uploaded.entries.dropFirst(Int(clamping: ledger.filesReported))
    newlyUploaded = unreported.map(\.path)

    let uploads = ArtifactUploads(
      requester: requester, entity: ledger.entity, project: ledger.project, runID: ledger.run, settings: settings,
      transfers: transfers)
    uploads.onDone = { [weak self] in
      guard let self else { return }
      self.ledger.artifacts &+= 1
      self.keepLedger()
      self.pump()
    }
    uploads.onNotice = { [weak self] in self?.observer.notice($0) }
    uploads.onIdle = { [weak self] in self?.pump() }
    artifacts = uploads
    startTransfers()
  }

  /// Hands over what the log has named since.
  func startTransfers() {
    if let files, !waitingFiles.isEmpty {
      for item in waitingFiles where settings.isPrimary || item.type != .wandb { files.add(item.path, item.policy) }
      waitingFiles = []
    }
    if let artifacts, !waitingArtifacts.isEmpty {
      for item in waitingArtifacts { artifacts.add(item.content, historyStep: item.step) }
      waitingArtifacts = []
    }
  }

  /// `wandb-metadata.json`, when the facts about the machine have settled.
  func uploadMetadata() {
    guard let due = metadataDue, atEnd || sender.now >= due, let replay, let files else { return }
    metadataDue = nil
    guard settings.isPrimary, let text = replay.takeMetadata() else { return }
    files.addGenerated("wandb-metadata.json", Array(text.utf8))
  }

  /// The files that are made at the end of a run.
  func queueEndingFiles() {
    guard !endingFilesQueued, let replay, let files else { return }
    endingFilesQueued = true
    if settings.isPrimary {
      let summary = replay.takeSummary()
      summaryDue = summary
      files.addGenerated("config.yaml", Array(replay.configYAML(client: LibraryVersion.text).utf8))
      files.addGenerated("wandb-summary.json", Array(summary.utf8))
    }
    // What console capture wrote; pieces under logs/ are named by the log.
    let console = settings.label.map { "output_\($0).log" } ?? "output.log"
    if replay.hasConsole, !hasConsoleParts, SideFile.size("\(plan.filesDirectory)/\(console)") == nil {
      // A writer that was killed leaves the lines in the log alone; somebody may have copied nothing but the log.
      _ = mkdir(plan.filesDirectory, 0o777)
      do throws(LogFileError) {
        try ConsoleText.write(log: plan.logPath, to: "\(plan.filesDirectory)/\(console)")
      } catch {
        say(.warning, "file_not_uploaded", "\(console) could not be made: \(SideFile.errorText(error.code))")
      }
    }
    files.add(console, FilePolicy.end, ifThere: true)
    files.finish()
    artifacts?.finish()
  }

  func startAlerts() {
    if alertsPutOff {
      alertsOwed &+= Int64(alerts.count)
      alerts = []
    }
    guard !alertUnderWay, let alert = alerts.first else { return }
    alertUnderWay = true
    let variables: JSONObject = [
      "entityName": .string(ledger.entity), "projectName": .string(ledger.project), "runName": .string(ledger.run),
      "title": .string(alert.title), "text": .string(alert.text),
      "severity": .string(alert.level.isEmpty ? "INFO" : alert.level), "waitDuration": .int(alert.waitDuration),
    ]
    var policy = settings.graphQL
    if plan.isLive { policy.retries = settings.fileStream.retries }
    track { done in
      self.requester.graphQL(
        "NotifyScriptableRunAlert", RunOperations.alert, variables, policy: policy, waiting: self.waiting("an alert"),
        done)
    } _: { [weak self] (result: Result<JSONObject, RequestError>) in
      guard let self else { return }
      self.alertUnderWay = false
      if case .failure(let error) = result, RunFiles.isPassing(error) {
        // They are counted, so those behind it have to wait as well.
        self.alertsPutOff = true
        self.say(
          .warning, "alert_failed", "alerts were not sent: \(error.message); another upload of the log tries again")
        self.pump()
        return
      }
      self.alerts.removeFirst()
      self.ledger.alerts &+= 1
      self.keepLedger()
      if case .failure(let error) = result {
        self.say(.warning, "alert_failed", "the server did not take the alert \"\(alert.title)\": \(error.message)")
      } else {
        self.trouble(over: "an alert")
      }
      self.pump()
    }
  }
}
