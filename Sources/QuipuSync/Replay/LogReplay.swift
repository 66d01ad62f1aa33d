import QuipuBase
import QuipuRecords

/// Follows one log and turns its records into what a server gets of them.
///
///     let replay = try LogReplay(path: path)
///     while true {
///       switch replay.readOn(limit: 1 << 20) {
///       case .run: ask the server who the run is; replay.begin(start)
///       case .more, .full: take what has come, send it
///       case .caughtUp: take and send; later call retryTail() and go on
///       case .ended: the same, then complete the run
///       …
///
/// Indices of rows, events, alerts, artifacts and console lines depend on the log alone (and on ``ReplayStart/lineBytes``),
/// so that a process that comes after this one goes on where it stopped.
///
/// Threads: not thread-safe. Blocking: reads the file.
/// Source: transaction-log.md, 8 and 10; http.md, 9.2 and 10.
package final class LogReplay {
  // Only the methods of this class touch these, one at a time: a check at each access would cost more than the access.
  @exclusivity(unchecked) private var reader: LogFileReader
  @exclusivity(unchecked) private var rows = RowLines()
  @exclusivity(unchecked) private var summary = SummaryFold()
  private var start = ReplayStart()
  private var hasRun = false
  private var hasEnded = false
  private var hasBegun = false
  private var events = EventLines()
  private var console = ConsoleEmulator(reportsLines: true)
  private var config = ConfigFold()
  private var rowIndex = 0
  /// Rows that the server has.
  private var known = 0
  private var eventIndex = 0
  private var alertIndex = 0
  private var artifactIndex = 0
  private var alerts: [ReplayItem<AlertRecord>] = []
  private var artifacts: [ReplayItem<ArtifactRecord>] = []
  private var files: [FilesItem] = []
  private var counts = ReplayCounters()
  /// A record that was encoded anew is being taken.
  private var isAgain = false

  /// Who the run is, as the newest run record has it; nil before the first one.
  package private(set) var identity: RunIdentity?
  /// Since the last ``takeIdentityChange()``: a later run record changed something.
  package private(set) var hasIdentityChanged = false
  package private(set) var hasSummaryChanged = false
  package private(set) var hasConfigChanged = false
  package private(set) var hasMetadataChanged = false
  package private(set) var isPreempting = false
  package private(set) var exit: RunExitRecord?
  /// Program that wrote the log, from the header record: `0.31.0+<commit>`; ends in `+quipu` for our own.
  package private(set) var producer = ""
  /// Bytes of the log that were read so far.
  package var position: UInt64 { reader.position }

  /// Bytes of the log that one call of ``readOn(limit:)`` reads at most, about.
  private static let workBytes: UInt64 = 4 << 20

  package init(path: String) throws(LogFileError) { reader = try LogFileReader(path: path) }

  /// Says where the server stands. Call it once, after ``ReplayStatus/run``.
  package func begin(_ start: ReplayStart) {
    self.start = start
    known = start.rows
    hasBegun = true
    rows.nextStep = start.startingStep ?? identity?.startingStep ?? 0
    // Our own writer leaves rows with low steps in on purpose.
    rows.keepsSteps = !start.isResumed && producer.hasSuffix("+quipu")
    rows.lineBytes = start.lineBytes
    if start.labelsRows { rows.setLabel(start.label) }
    events.lineBytes = start.lineBytes
    events.label = start.label
    console.label = start.label
    console.known = start.consoleLines
    if !start.summary.isEmpty {
      summary.load(start.summary)
      hasSummaryChanged = true
    }
    config.load(start.config)
  }

  // MARK: Reading

  /// Reads on until as many bytes wait to be taken, the end, or the work of one call is done.
  ///
  /// - Parameter limit: bytes of lines of history, events and console; one line more than that may wait.
  @_optimize(speed) package func readOn(limit: Int) -> ReplayStatus {
    if hasEnded { return .ended }
    if hasRun && !hasBegun { begin(ReplayStart()) }
    let end = reader.position &+ Self.workBytes
    // What stands before the run record is little, and nothing can be sent without it.
    while reader.position < end || !hasBegun {
      if hasBegun && pendingBytes >= limit { return .full }
      let event: LogEvent
      do throws(LogFileError) {
        event = try reader.next()
      } catch {
        return .unreadable(error)
      }
      switch event {
      case .record:
        take(reader.payload)
        if hasRun && !hasBegun { return .run }
        if hasEnded { return .ended }
      case .damage: counts.damage += 1
      case .endOfFile: return .caughtUp(isTorn: false)
      case .unexpectedEnd: return .caughtUp(isTorn: true)
      case .badHeader(let problem): return .notALog(problem)
      }
    }
    return .more
  }

  /// After ``ReplayStatus/caughtUp(isTorn:)``: the next call looks for what has been appended.
  package func retryTail() { reader.retryTail() }

  /// The log will not grow any more: whatever console lines are open are final.
  package func endConsole() { console.finish() }

  /// Whether the log has console output so far.
  package var hasConsole: Bool { console.hasLines }

  /// Bytes of lines that wait to be taken; 0: none.
  package var pendingBytes: Int { rows.text.count &+ events.text.count &+ console.changedBytes }

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
    switch rows.add(content, of: record) {
    case .line:
      rowIndex += 1
      if rowIndex <= known { rows.drop() }
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
    case .header(let header): producer = header.versionInfo?.producer ?? producer
    case .run(let run): take(run)
    case .outputRaw(let output):
      console.feed(output.outputType == .stdout ? .stdout : .stderr, output.line, at: output.timestamp)
    case .outputLogger(let output): console.addLines(output.line)
    case .files(let record): files.append(contentsOf: record.files)
    case .exit(let record):
      guard hasRun else { return }
      exit = record
      hasEnded = true
      console.finish()
    case .request, .unknown: counts.unknown += 1
    case .config, .telemetry, .environment, .metric, .stats, .alert, .artifact, .preempting:
      // Before the run record they are nobody's.
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
    case .output, .tbrecord, .final, .footer, .noopLinkArtifact, .useArtifact: break
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
      if !record.program.isEmpty { identity?.program = record.program }
      hasConfigChanged = true
      hasMetadataChanged = true
    case .metric(let record): if config.add(record) { hasConfigChanged = true }
    case .stats(let record):
      switch events.add(record, since: identity?.startTime) {
      case .line:
        eventIndex += 1
        if eventIndex <= start.events { events.drop() }
      case .tooLong: counts.longLines += 1
      case .undecodable: counts.eventsWithoutTime += 1
      }
    case .alert(let record):
      if alertIndex >= start.alerts { alerts.append(ReplayItem(index: alertIndex, step: rows.nextStep, content: record)) }
      alertIndex += 1
    case .artifact(let record):
      if artifactIndex >= start.artifacts { artifacts.append(ReplayItem(index: artifactIndex, step: rows.nextStep, content: record)) }
      artifactIndex += 1
    case .preempting: isPreempting = true
    default: break
    }
  }

  private func take(_ run: RunRecord) {
    guard var known = identity else {
      identity = RunIdentity(run)
      hasRun = true
      config.add(run)
      if let time = run.startTime { console.begin(at: time) }
      hasConfigChanged = true
      return
    }
    known.change(run)
    if known != identity {
      identity = known
      hasIdentityChanged = true
    }
    if let telemetry = run.telemetry { config.add(telemetry) }
  }

  // MARK: Taking

  /// Moves the rows that wait to the end of `out`: JSON string literals, separated by commas.
  ///
  /// - Returns: nil if there are none.
  package func takeHistory(into out: inout ByteBuffer) -> ReplayBlock? {
    let count = rows.count
    if count == 0 { return nil }
    rows.take(to: &out)
    return ReplayBlock(first: rowIndex - count, count: count)
  }

  /// The same for system metrics.
  package func takeEvents(into out: inout ByteBuffer) -> ReplayBlock? {
    let count = events.count
    if count == 0 { return nil }
    events.take(to: &out)
    return ReplayBlock(first: eventIndex - count, count: count)
  }

  /// The same for console lines that are new or have changed. One block of lines next to each other at a time: call it
  /// for the next request again.
  ///
  /// - Parameter limit: bytes after which a block ends.
  package func takeConsole(into out: inout ByteBuffer, limit: Int) -> ReplayConsoleBlock? {
    console.takeChanges(into: &out, limit: limit)
  }

  /// The whole summary as one line of JSON. The next change sets ``hasSummaryChanged`` again.
  package func takeSummary() -> String {
    hasSummaryChanged = false
    return JSON.object(summary.object(step: rows.lastStep)).text(style: .core)
  }

  /// The whole config as UpsertBucket has it, JSON text. The next change sets ``hasConfigChanged`` again.
  ///
  /// - Parameter client: version of the uploading program.
  package func takeConfig(client: String) -> String {
    hasConfigChanged = false
    return JSON.object(config.object(client: client, writer: identity?.runID ?? "")).text(style: .core)
  }

  /// The content of `config.yaml`.
  package func configYAML(client: String) -> String {
    YAMLText.text(config.object(client: client, writer: identity?.runID ?? ""))
  }

  /// The content of `wandb-metadata.json`; nil if the log has no environment record (yet).
  package func takeMetadata() -> String? {
    hasMetadataChanged = false
    return config.metadata.map { PrettyJSON.text(.object($0)) + "\n" }
  }

  package func takeIdentityChange() -> Bool {
    let changed = hasIdentityChanged
    hasIdentityChanged = false
    return changed
  }

  /// Files that the log names, in its order; the same file may come again.
  package func takeFiles() -> [FilesItem] {
    let taken = files
    files = []
    return taken
  }

  package func takeAlerts() -> [ReplayItem<AlertRecord>] {
    let taken = alerts
    alerts = []
    return taken
  }

  package func takeArtifacts() -> [ReplayItem<ArtifactRecord>] {
    let taken = artifacts
    artifacts = []
    return taken
  }

  package var counters: ReplayCounters {
    var counters = counts
    counters.rows = rowIndex
    counters.events = eventIndex
    counters.droppedItems = rows.droppedItems + summary.droppedItems + config.droppedItems + events.droppedItems
    return counters
  }
}
