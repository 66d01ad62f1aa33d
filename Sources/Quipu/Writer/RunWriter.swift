import Glibc
import QuipuBase
import QuipuRecords
import QuipuSync

/// The consumer of one run's ring: folds calls into rows, follows the summary and writes the log.
///
/// Used by one thread at a time: the writer thread, or recovery. What other threads read (`snapshot`) is guarded by the
/// owner's lock.
final class RunWriter {
  let context: RunContext
  let ring: HandOffRing
  private let tell: (Diagnostic) -> Void
  private var notices: [Diagnostic] = []
  private(set) var file: LogFile
  var stream: RecordStream

  // Rows
  let summary = SummaryTree()
  var step: Int64
  var open: OpenRow = .none
  /// CLOCK_MONOTONIC of the last call into the open row.
  var openTime: Int64 = 0
  /// Ring position of the first entry of the open row.
  var openStart: UInt64?
  /// The counter that names media files: it follows the arguments of the calls, not the rows.
  var mediaStep: Int64
  var plansByID: [UInt32: ColumnPlan] = [:]
  var plansByName: [Int: (names: [UInt8], plan: ColumnPlan)] = [:]
  var lastPlan: (id: UInt32, plan: ColumnPlan)?
  var timestampNode: SummaryNode
  var runtimeNode: SummaryNode
  var stepNode: SummaryNode
  let timestampKey: [UInt8]
  let runtimeKey: [UInt8]
  let stepKey: [UInt8]
  var wallOffset: Int64
  var lastSummaryTime: Int64 = 0

  // Everything else
  var identity: RunRecord?
  var console = ConsoleEmulator()
  var consoleFile: ConsoleLogFile?
  /// The file that the console text goes to at present, where it goes to several.
  var consolePart: ConsolePart?
  var consoleDirty = false
  var lastConsoleTime: Int64 = 0
  let media: PendingMediaStore

  // Progress
  var cursor: UInt64
  private(set) var isFinished = false
  var exitCode: Int32?
  private var spill: UInt64 = 0
  private var spillCount: UInt64 = 0
  /// True if the row of the side file is complete.
  private var spillIsStale = false
  private var externalFiles: [(end: UInt64, path: String)] = []

  // Counters, read by callers through `snapshot`.
  var callsTaken: UInt64 = 0
  var rowsWritten: UInt64 = 0
  var rowsDroppedLowStep: UInt64 = 0
  var valuesDropped: UInt64 = 0
  var writeErrors: UInt64 = 0
  /// True while the log or the file of a medium cannot be written for want of space.
  var isDiskFailing: Bool { isLogFailing || mediaWait.isOn }
  private var isLogFailing = false
  private var nextRetry: Int64 = 0
  private var retryDelay: Int64 = 0
  /// A call whose media found no room on the disk holds up those behind it.
  private var mediaWait = (isOn: false, until: Int64(0), delay: Int64(0))
  private var passTime: Int64 = 0
  private var reportedLowStep = false
  private var reportedKinds: Set<String> = []

  static let batchBytes = 256 << 10
  static let summaryInterval: Int64 = 1_000_000_000
  static let consoleInterval: Int64 = 2_000_000_000

  init(
    context: RunContext, ring: HandOffRing, file: consuming LogFile, stream: consuming RecordStream,
    media: PendingMediaStore, report: @escaping (Diagnostic) -> Void
  ) {
    self.context = context
    self.ring = ring
    self.file = file
    self.stream = stream
    self.media = media
    tell = report
    step = context.startingStep
    mediaStep = context.startingStep
    cursor = ring.checkpoint.tail
    wallOffset = context.startWall &- context.startMonotonic
    timestampNode = summary.leaf(["_timestamp"])
    runtimeNode = summary.leaf(["_runtime"])
    stepNode = summary.leaf(["_step"])
    timestampKey = timestampNode.encodedPath
    runtimeKey = runtimeNode.encodedPath
    stepKey = stepNode.encodedPath
    if let name = context.consoleFile, context.consoleParts == nil {
      consoleFile = ConsoleLogFile(path: context.filesDirectory + "/" + name)
    }
  }

  // MARK: Processing, without touching the disk

  /// Takes entries from the ring until the batch is full, the ring is empty or a value is not ready.
  ///
  /// - Returns: true if anything was taken.
  func takeEntries(now: Int64) -> Bool {
    guard !isFinished, !isLogFailing, !mediaWait.isOn || now >= mediaWait.until else { return false }
    passTime = now
    let before = cursor
    while stream.pendingBytes < Self.batchBytes, !isFinished, let entry = ring.entry(at: cursor) {
      guard process(entry) else { break }
      if mediaWait.isOn { endMediaWait() }
      cursor = entry.end
      if entry.kind.isCall { callsTaken &+= 1 }
    }
    if now &- lastSummaryTime >= Self.summaryInterval {
      lastSummaryTime = now
      wallOffset = Clock.wallOffset()
      writeDerivedSummary(at: now)
    }
    return cursor != before
  }

  /// - Returns: false if the entry has to wait for a value that is being encoded; nothing has changed then.
  func process(_ entry: RingEntry) -> Bool {
    if entry.time != 0 { lastTime = entry.time }
    switch entry.kind {
    case .padding: return true
    case .columns: processColumns(entry)
    case .row: return processRow(entry)
    case .summarySet: return processSummarySet(entry)
    case .summaryRemove: processSummaryRemove(entry)
    case .config: processConfig(entry)
    case .metric: processMetric(entry)
    case .identity: processIdentity(entry)
    case .alert: processAlert(entry)
    case .files: processFiles(entry)
    case .preempting: stream.append(.preempting(RunPreemptingRecord()), streamID: context.runID)
    case .output: processOutput(entry)
    case .requirements: processRequirements(entry)
    case .exit: processExit(entry)
    case .external: return processExternal(entry)
    case .stats: processStats(entry)
    case .record: processRecord(entry)
    case .artifact: return processArtifact(entry)
    }
    return true
  }

  private func processExternal(_ entry: RingEntry) -> Bool {
    // First byte: the real kind; then the path.
    guard let first = entry.payload.first, let kind = EntryKind(rawValue: first), kind != .external else { return true }
    let path = String(decoding: UnsafeRawBufferPointer(rebasing: entry.payload[1...]), as: UTF8.self)
    guard let bytes = FileTools.readAll(path) else {
      drop(kind: "entry_lost", "a large value could not be read back from \(path)")
      return true
    }
    let taken = bytes.withUnsafeBytes { payload in
      var real = entry
      real.kind = kind
      real.payload = payload
      return process(real)
    }
    if taken { externalFiles.append((entry.end, path)) }
    return taken
  }

  /// Tells the owner with the next flush: entries are processed under a lock that its callback may want.
  func report(_ diagnostic: Diagnostic) { notices.append(diagnostic) }

  private func tellNotices() {
    while !notices.isEmpty { tell(notices.removeFirst()) }
  }

  /// The file of a medium found no room: its call is tried again later.
  func mediaFailed(_ code: Int32, _ path: String) {
    writeErrors &+= 1
    let delay = mediaWait.isOn ? min(mediaWait.delay &* 2, 1_000_000_000) : 50_000_000
    let isNew = !mediaWait.isOn
    mediaWait = (true, passTime &+ delay, delay)
    if isNew { reportFailing(code, path) }
  }

  private func endMediaWait() {
    mediaWait = (false, 0, 0)
    report(Diagnostic(.info, kind: "disk_recovered", "writing to \(context.filesDirectory) works again"))
  }

  private func reportFailing(_ code: Int32, _ path: String) {
    report(
      Diagnostic(
        .error, kind: code == ENOSPC || code == EDQUOT ? "disk_full" : "write_failed",
        "cannot write \(path): \(FileTools.errorText(code)); rows are kept in memory while there is room and written "
          + "when it works again"))
  }

  /// Reports the first trouble of a kind; all of them are counted.
  func drop(kind: String, _ message: String) {
    valuesDropped &+= 1
    if reportedKinds.insert(kind).inserted { report(Diagnostic(.warning, kind: kind, message)) }
  }

  func dropLowStep(_ step: Int64) {
    rowsDroppedLowStep &+= 1
    guard !reportedLowStep else { return }
    reportedLowStep = true
    report(
      Diagnostic(
        .warning, kind: "step_too_low",
        "a row for step \(step) was dropped: the current step is \(self.step) and steps must not go back; "
          + "start the run with low steps kept to have such rows written (further drops are only counted)"))
  }

  /// Entries that wait in the ring.
  func entriesLeft() -> UInt64 {
    var count: UInt64 = 0
    var position = cursor
    while let entry = ring.entry(at: position) {
      if entry.kind.isCall { count &+= 1 }
      position = entry.end
    }
    return count
  }

  func finishProcessing() { isFinished = true }

  /// CLOCK_MONOTONIC of the last entry.
  private(set) var lastTime: Int64 = 0

  // MARK: Writing

  /// Writes what is pending and moves the checkpoint.
  ///
  /// - Returns: true if everything pending is in the file.
  /// Blocking: until the kernel has taken the bytes.
  func flush(now: Int64) -> Bool {
    tellNotices()
    defer { tellNotices() }
    if isLogFailing && now < nextRetry { return false }
    if stream.pendingBytes > 0 {
      let start = file.position
      do {
        try file.append(stream.pending)
        stream.consume(Int(file.position &- start))
      } catch {
        stream.consume(Int(file.position &- start))
        writeFailed(error, now: now)
        return false
      }
    }
    if isLogFailing, FileTools.freeBytes(context.logPath) < UInt64(Self.batchBytes) {
      // A few bytes found room, a batch would not: no going back and forth on a full disk.
      nextRetry = now &+ retryDelay
    } else if isLogFailing {
      isLogFailing = false
      retryDelay = 0
      report(Diagnostic(.info, kind: "disk_recovered", "writing to \(context.logPath) works again; nothing kept was lost"))
    }
    moveCheckpoint()
    return true
  }

  /// Cuts the log and goes on there: recovery.
  func restart(at position: UInt64, nextNumber: Int64) throws(LogFileError) {
    try file.truncate(to: position)
    stream = RecordStream(position: position, nextNumber: nextNumber)
  }

  /// Writes what is pending without touching the ring: recovery.
  func writeAll() -> Bool {
    let start = file.position
    do { try file.append(stream.pending) } catch { return false }
    stream.consume(Int(file.position &- start))
    return true
  }

  private func writeFailed(_ error: LogFileError, now: Int64) {
    writeErrors &+= 1
    retryDelay = retryDelay == 0 ? 50_000_000 : min(retryDelay &* 2, 1_000_000_000)
    nextRetry = now &+ retryDelay
    guard !isLogFailing else { return }
    isLogFailing = true
    reportFailing(error.code, context.logPath)
  }

  private func moveCheckpoint() {
    var tail = cursor
    let named = spill
    if spillIsStale { spill = 0 }
    spillIsStale = false
    if let openStart {
      tail = openStart
      // A row that stays open must not fill the ring: its content moves to a side file.
      if cursor &- openStart > UInt64(ring.capacity / 2), spillOpenRow() { tail = cursor }
    }
    let checkpoint = HandOffRing.Checkpoint(tail: tail, logSize: file.position, spill: spill)
    if checkpoint != ring.checkpoint { ring.store(checkpoint) }
    // Not before: until then a kill would leave a checkpoint that names a file which is gone.
    if named != spill, let path = spillPath(named) { unlink(path) }
    while let first = externalFiles.first, first.end <= tail {
      unlink(first.path)
      externalFiles.removeFirst()
    }
  }

  func spillPath(_ number: UInt64) -> String? { ring.path.map { "\($0).row.\(number)" } }

  private func spillOpenRow() -> Bool {
    guard let row = openRowJSON() else { return false }
    let text = JSON.object(["step": .int(step), "time": .int(openTime), "row": .object(row)]).text(style: .core)
    let next = spillCount &+ 1
    if let path = spillPath(next), !FileTools.writeNew(path, Array(text.utf8)) { return false }
    spill = ring.path == nil ? 0 : next
    spillCount = next
    openStart = cursor
    return true
  }

  /// The open row has been written, or there is none any more.
  func closeOpenRow() {
    open = .none
    openStart = nil
    if spill != 0 { spillIsStale = true }
  }

  /// Takes up an open row that an earlier process had moved to a side file.
  func restoreSpill(_ number: UInt64) {
    guard number != 0 else { return }
    guard let path = spillPath(number), let bytes = FileTools.readAll(path),
      let json = bytes.withUnsafeBytes({ try? JSON(parsing: $0, maximumDepth: JSONPayload.maximumDepth) }),
      let object = json.objectValue, let row = object["row"]?.objectValue
    else {
      drop(kind: "row_damaged", "the open row could not be read back from its side file")
      return
    }
    spill = number
    spillCount = number
    step = object["step"]?.intValue ?? step
    openTime = object["time"]?.intValue ?? 0
    open = .tree(row)
    openStart = cursor
  }

  // MARK: Console

  func updateConsole(now: Int64, final: Bool = false) {
    defer { tellNotices() }
    if !final, isConsolePartOver(now) {
      closeConsolePart()
      return
    }
    guard consoleDirty, final || now &- lastConsoleTime >= Self.consoleInterval else { return }
    lastConsoleTime = now
    consoleDirty = false
    if final { console.finish() }
    let lines = console.takeFinalLines()
    do { try consoleFile?.update(final: lines, tail: console.tailText()) } catch {
      consoleDirty = true
      drop(kind: error.kind, error.message)
    }
  }

  /// Removes the ring and its side files: everything is in the log.
  func removeRing() {
    // The ring goes first: as long as it is there, a recovery that comes after a kill needs what lies beside it.
    ring.removeFile()
    ring.removeSideFiles()
    for file in externalFiles { unlink(file.path) }
    externalFiles.removeAll()
  }
}

/// The row that is being put together.
enum OpenRow {
  case none
  /// Only one call so far, of fixed columns: its plan and cells.
  case plain(ColumnPlan, [UInt64])
  case tree(JSONObject)
}
