import QuipuBase
import QuipuRecords

/// Follows one log and turns its records into what a server gets of them.
///
/// `readOn` reads until enough has come together, `takeLines` and the other calls take it. Indices of rows, events,
/// alerts, artifacts and console lines depend on the log alone (and on ``Start/lineLimit``), so that an upload that
/// starts again goes on where the last one stopped.
///
/// Threads: not thread-safe. Blocking: reads the file.
/// Source: transaction-log.md, 8 and 10; http.md, 9.2 and 10.
package final class LogReplay {
  private var reader: LogFileReader
  private let path: String
  private let start: Start
  private var rowLines = RowLines()
  private var eventLines = EventLines()
  private var console = ConsoleEmulator(reportsLines: true)
  private var summary = SummaryFold()
  private var config = ConfigFold()
  /// Rows and events that are in lines or were.
  package private(set) var rows: Int64 = 0
  package private(set) var events: Int64 = 0
  private var alertCount: Int64 = 0
  private var artifactCount: Int64 = 0
  private var alerts: [AlertRecord] = []
  private var artifacts: [ArtifactRecord] = []
  private var files: [FilesItem] = []
  private var isPreempting = false
  private var hasMetadataChanged = false
  private var counts = Counters()
  private var told = Counters()
  private var hasRun = false
  /// A record that was encoded anew is being taken.
  private var isAgain = false
  private var pace = SummaryPace()

  /// The run record, later ones folded in: they change what they name and cannot clear anything.
  package private(set) var identity = RunRecord()
  /// Path of the script, from the environment.
  package private(set) var program = ""
  package private(set) var hasSummaryChanged = false
  package private(set) var hasConfigChanged = false
  package private(set) var exit: RunExitRecord?
  /// The last read met the end of the file.
  package private(set) var isAtFileEnd = false

  /// Bytes of the log that one call of ``readOn(limit:)`` reads at most, about.
  private static let workBytes: UInt64 = 4 << 20

  /// - Throws: `LogFileError` if the file cannot be opened.
  package init(path: String, start: Start = Start()) throws(LogFileError) {
    self.path = path
    self.start = start
    reader = try LogFileReader(path: path)
    rowLines.nextStep = start.startingStep
    rowLines.keepsSteps = start.keepsSteps
    rowLines.lineBytes = start.lineLimit
    eventLines.lineBytes = start.lineLimit
    let label = start.isShared ? start.label ?? "" : ""
    eventLines.label = label
    console.label = label
    console.known = Int(clamping: start.consoleLines)
    if !start.summary.isEmpty {
      summary.load(start.summary)
      hasSummaryChanged = true
    }
    config.load(start.config, start.internalConfig)
  }

  // MARK: Reading

  /// Reads on until as many bytes wait to be taken, the end, or the work of one call is done.
  ///
  /// - Parameter limit: bytes of lines of history, events and console; one line more than that may wait.
  package func readOn(limit: Int) -> Progress {
    if exit != nil { return .exit }
    if isAtFileEnd {
      isAtFileEnd = false
      reader.retryTail()
    }
    let end = reader.position &+ Self.workBytes
    while reader.position < end {
      if pendingBytes >= limit { return .full }
      let event: LogEvent
      do throws(LogFileError) {
        event = try reader.next()
      } catch {
        return .unreadable(error)
      }
      switch event {
      case .record:
        take(reader.payload)
        if exit != nil { return .exit }
      case .damage: counts.damage += 1
      case .endOfFile, .unexpectedEnd, .badHeader:
        isAtFileEnd = true
        return .caughtUp
      }
    }
    return .more
  }

  /// Bytes of the log that were read.
  package var position: Int64 { Int64(clamping: reader.position) }
  package var fileSize: Int64 { Int64(clamping: reader.size) }

  /// Bytes of lines that wait to be taken.
  package var pendingBytes: Int { rowLines.text.count &+ eventLines.text.count &+ console.changedBytes }

  @inline(__always) private func take(_ record: UnsafeRawBufferPointer) {
    // Rows and summaries come by the million: they are not decoded.
    var fields = WireCursor(record)
    var content: UnsafeRawBufferPointer?
    var isRow = false
    while !fields.isAtEnd {
      guard let tag = fields.varint() else { return takeOther(record) }
      switch tag {
      case 0x12, 0x1A:
        // Two contents: as protobuf has it, they merge or one replaces the other.
        guard content == nil, let found = fields.bytes() else { return takeOther(record) }
        content = found
        isRow = tag == 0x12
      // num, control, uuid, _info
      case 0x08, 0x82, 0x9A, 0x642: guard fields.skip(tag) else { return takeOther(record) }
      default: return takeOther(record)
      }
    }
    guard let content else { return takeOther(record) }
    if isRow { takeRow(content, record) } else { takeSummary(content) }
  }

  private func takeRow(_ content: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) {
    // Before the run record it is nobody's.
    guard hasRun else { return }
    switch rowLines.add(content, of: record) {
    case .line:
      rows &+= 1
      if rows <= start.rows { rowLines.drop() }
    case .tooLong: counts.longLines += 1
    case .undecodable:
      counts.undecodable += 1
      return
    }
    // The summary has the last row's step.
    hasSummaryChanged = true
  }

  private func takeSummary(_ content: UnsafeRawBufferPointer) {
    if summary.add(content) { hasSummaryChanged = true } else { counts.undecodable += 1 }
  }

  private func takeOther(_ bytes: UnsafeRawBufferPointer) {
    let record: Record
    do throws(RecordError) {
      record = try Record(decoding: bytes)
    } catch {
      counts.undecodable += 1
      return
    }
    switch record.payload {
    case .run(let run): take(run)
    case .outputRaw(let output):
      console.feed(output.outputType == .stdout ? .stdout : .stderr, output.line, at: output.timestamp)
    // These have no time: that of the last output, else the run's start.
    case .outputLogger(let output): console.addLines(output.line)
    case .files(let record): files.append(contentsOf: record.files)
    case .exit(let record):
      guard hasRun else { return }
      exit = record
      console.finish()
    case .request, .unknown: counts.unknown += 1
    case .config, .telemetry, .environment, .metric, .stats, .alert, .artifact, .preempting:
      if hasRun { takeOfRun(record.payload) }
    case .history, .summary:
      // An unusual record, which decodes all the same: once more, as it is usually written.
      guard !isAgain else {
        counts.undecodable += 1
        return
      }
      var usual = ByteBuffer()
      Record(num: record.num, record.payload).encode(into: &usual)
      isAgain = true
      take(usual.bytes)
      isAgain = false
    case .header, .output, .tbrecord, .final, .footer, .noopLinkArtifact, .useArtifact: break
    }
  }

  private func takeOfRun(_ payload: Record.Payload) {
    switch payload {
    case .config(let record):
      config.add(record)
      hasConfigChanged = true
    case .telemetry(let record):
      config.add(record)
      hasConfigChanged = true
    case .environment(let record):
      config.add(record)
      if !record.program.isEmpty { program = record.program }
      hasConfigChanged = true
      hasMetadataChanged = true
    case .metric(let record): if config.add(record) { hasConfigChanged = true }
    case .stats(let record):
      switch eventLines.add(record, since: identity.startTime) {
      case .line:
        events &+= 1
        if events <= start.events { eventLines.drop() }
      case .tooLong: counts.longLines += 1
      case .undecodable: counts.eventsWithoutTime += 1
      }
    case .alert(let record):
      if alertCount >= start.alerts { alerts.append(record) }
      alertCount &+= 1
    case .artifact(let record):
      if artifactCount >= start.artifacts { artifacts.append(record) }
      artifactCount &+= 1
    case .preempting: isPreempting = true
    default: break
    }
  }

  private func take(_ run: RunRecord) {
    guard hasRun else {
      hasRun = true
      identity = run
      identity.config = nil
      identity.telemetry = nil
      identity.info = nil
      config.add(run)
      if let time = run.startTime { console.startTime(time) }
      hasConfigChanged = true
      return
    }
    if !run.displayName.isEmpty { identity.displayName = run.displayName }
    if !run.notes.isEmpty { identity.notes = run.notes }
    if !run.tags.isEmpty { identity.tags = run.tags }
    if !run.runGroup.isEmpty { identity.runGroup = run.runGroup }
    if !run.jobType.isEmpty { identity.jobType = run.jobType }
    if let git = run.git { identity.git = git }
    if let telemetry = run.telemetry {
      config.add(telemetry)
      hasConfigChanged = true
    }
  }

  // MARK: Lines

  /// Whether ``takeLines()`` has something to give.
  package var hasLines: Bool { rowLines.count > 0 || eventLines.count > 0 || console.hasChanges }

  /// The lines that wait. Of the console one block of lines next to each other; the others stay for the next call.
  package func takeLines() -> ReplayLines {
    var lines = ReplayLines()
    lines.history.count = Int64(rowLines.count)
    lines.history.first = rows &- lines.history.count
    lines.history.text = rowLines.take()
    lines.events.count = Int64(eventLines.count)
    lines.events.first = events &- lines.events.count
    lines.events.text = eventLines.take()
    var out = ByteBuffer(capacity: 64)
    let block = console.takeChanges(into: &out, limit: 1 << 20)
    lines.console.first = Int64(block.first)
    lines.console.count = Int64(block.count)
    lines.console.text = out.array()
    lines.finalConsoleLines = Int64(console.finalLineCount)
    return lines
  }

  /// The log will not grow any more, and ends without an exit record: open console lines are final.
  package func endConsole() { console.finish() }

  // MARK: Summary, config, the rest

  /// The summary as one line if it has changed and is due: a large one is not sent with every request.
  ///
  /// - Parameters:
  ///   - now: a monotonic clock in nanoseconds.
  ///   - isLast: it is due whatever its size.
  package func takeSummary(now: Int64, isLast: Bool) -> String? {
    guard hasSummaryChanged, isLast || pace.isDue(now) else { return nil }
    hasSummaryChanged = false
    let text = summaryText()
    pace.sent(text.utf8.count, now)
    if text.utf8.count > start.lineLimit {
      if !pace.isTooLong { counts.longLines += 1 }
      pace.isTooLong = true
      return nil
    }
    return text
  }

  /// The summary at this moment, one JSON object.
  package func summaryText() -> String { JSON.object(summary.object(step: rowLines.lastStep)).text(style: .core) }

  package func takeConfigChanged() -> Bool {
    let changed = hasConfigChanged
    hasConfigChanged = false
    return changed
  }

  /// The whole config as UpsertBucket has it, JSON text.
  package func configText() -> String { JSON.object(config.object(writer: identity.runID)).text(style: .core) }

  /// The content of `config.yaml`.
  package func configYAML() -> String { YAMLText.text(config.object(writer: identity.runID)) }

  package func takeMetadataChanged() -> Bool {
    let changed = hasMetadataChanged
    hasMetadataChanged = false
    return changed
  }

  /// The content of `wandb-metadata.json`; nil if the log has no environment (yet).
  package func metadataText() -> String? { config.metadata.map { PrettyJSON.text(.object($0)) + "\n" } }

  /// Whether what UpsertBucket says of the run beside the config is other than it was.
  package func identityDiffers(from other: RunRecord?) -> Bool {
    guard let other else { return true }
    func git(_ run: RunRecord) -> [String] { [run.git?.remoteURL ?? "", run.git?.commit ?? ""] }
    return other.displayName != identity.displayName || other.notes != identity.notes || other.tags != identity.tags
      || other.runGroup != identity.runGroup || other.jobType != identity.jobType || git(other) != git(identity)
  }

  package func takePreempting() -> Bool {
    let taken = isPreempting
    isPreempting = false
    return taken
  }

  /// Files that the log names, in its order; the same file may come again.
  package func takeFiles() -> [FilesItem] {
    let taken = files
    files = []
    return taken
  }

  package func takeAlerts() -> [AlertRecord] {
    let taken = alerts
    alerts = []
    return taken
  }

  package func takeArtifacts() -> [ArtifactRecord] {
    let taken = artifacts
    artifacts = []
    return taken
  }

  /// Paths in the run's files of what console capture wrote.
  package func consoleFiles(label: String?) -> [String] {
    guard console.hasLines else { return [] }
    guard let label, !label.isEmpty else { return ["output.log"] }
    return ["output_\(label).log"]
  }

  // MARK: What is wrong with the log

  package var counters: Counters {
    var counters = counts
    counters.droppedItems =
      Int64(rowLines.droppedItems) + Int64(summary.droppedItems) + Int64(config.droppedItems)
      + Int64(eventLines.droppedItems)
    return counters
  }

  /// What was found since the last call, each kind told once.
  package func takeNotices() -> [UploadNotice] {
    let found = counters
    if found == told { return [] }
    var notices: [UploadNotice] = []
    func tell(_ count: Int64, _ before: Int64, _ kind: String, _ message: String) {
      if count > 0 && before == 0 { notices.append(UploadNotice(.warning, kind: kind, "\(path): \(message)")) }
    }
    tell(
      found.damage + found.undecodable, told.damage + told.undecodable, "log_damaged",
      "is damaged; what can be read is uploaded. See quipu verify")
    tell(
      found.longLines, told.longLines, "line_too_long",
      "holds a row or summary of more than \(start.lineLimit) bytes, which servers do not take; it is left out")
    tell(found.droppedItems, told.droppedItems, "value_not_json", "holds a value that is not JSON; it is left out")
    told = found
    return notices
  }
}
