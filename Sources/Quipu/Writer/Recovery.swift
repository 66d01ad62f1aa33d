import Glibc
import QuipuBase
import QuipuRecords

/// Completes runs whose process died: what the ring still holds goes into the log.
public enum Recovery {
  /// What a recovery found and did.
  public struct Report: Sendable, Equatable {
    /// Rows that were taken from the ring into the log.
    public var rowsRecovered: UInt64 = 0
    /// Bytes behind the last whole record that were cut off.
    public var bytesCut: UInt64 = 0
    public var ringFound = false
    /// True if the log ended cleanly and nothing had to be done.
    public var isClean = true
    /// Values (media) that died with the process.
    public var valuesLost: UInt64 = 0
    public var logPath = ""

    public var json: JSON {
      [
        "rows_recovered": .int(Int64(clamping: rowsRecovered)), "bytes_cut": .int(Int64(clamping: bytesCut)),
        "ring_found": .bool(ringFound), "clean": .bool(isClean), "values_lost": .int(Int64(clamping: valuesLost)),
        "log": .string(logPath),
      ]
    }
  }

  /// Completes one run.
  ///
  /// - Parameter path: a `.wandb` file or a run directory.
  /// - Throws: `notFound`, `format` (not a log), `busy` (its process is alive), `file`.
  /// Blocking: reads the whole log.
  public static func recover(path: String) throws(QuipuError) -> Report {
    let log = try logPath(path)
    if isOpenHere(log) {
      throw QuipuError(.busy, kind: "run_is_live", "\(log): its run is still being written; finish it first")
    }
    let end = Clock.monotonic() &+ patience
    while true {
      var isBusy = false
      var places = [PathTools.directory(log)]
      if let shared = RingPlace.directory(create: false) { places.append(shared) }
      for place in places {
        for ring in RingPlace.rings(in: place) {
          guard let context = HandOffRing.peekContext(path: ring).flatMap(context(of:)),
            FileTools.isSame(context.logPath, log)
          else { continue }
          if let opened = HandOffRing.openAbandoned(path: ring) { return try recover(opened, context: context) }
          // Somebody else completes this run just now: its rows are there once that is done.
          if access(ring, F_OK) == 0 { isBusy = true }
        }
      }
      if !isBusy, !RecordLock.isHeldElsewhere(path: log) { return try repair(log) }
      guard Clock.monotonic() < end else {
        throw QuipuError(.busy, kind: "run_is_live", "\(log): its run is still being written; finish or end it first")
      }
      usleep(20_000)
    }
  }

  /// How long to wait for another process that completes the same run.
  private static let patience: Int64 = 2_000_000_000

  /// Completes all runs of this user on this host whose process is gone. Called once per process, by the writer thread.
  static func sweep() {
    guard let place = RingPlace.directory(create: false) else { return }
    for path in RingPlace.rings(in: place) {
      guard let ring = HandOffRing.openAbandoned(path: path) else { continue }
      guard let context = context(of: ring.context) else {
        // A process that died before its ring was in use.
        ring.removeFile()
        ring.removeSideFiles()
        continue
      }
      var info = stat()
      if stat(context.logPath, &info) != 0 {
        // The directory was deleted, so nobody wants its rows. Seen from another container it may still be there.
        if errno == ENOENT, stat(PathTools.directory(PathTools.directory(context.logPath)), &info) == 0 {
          ring.removeFile()
          ring.removeSideFiles()
        }
        continue
      }
      if let report = try? recover(ring, context: context), report.rowsRecovered > 0 {
        Diagnostics.shared.report(
          Diagnostic(
            .info, kind: "run_recovered",
            "a run whose process had died was completed: \(report.rowsRecovered) rows went from shared memory to "
              + context.logPath), run: context.runID)
      }
    }
    removeOrphans(in: place)
  }

  /// Side files whose ring is gone: their recovery was killed between the two.
  static func removeOrphans(in place: String) {
    for name in FileTools.list(place) ?? [] {
      guard let ring = ringName(ofSideFile: name), access(place + "/" + ring, F_OK) != 0, errno == ENOENT else { continue }
      unlink(place + "/" + name)
    }
  }

  /// "x.ring" for "x.ring.row.3" and "x.ring.big.7"; nil for other names.
  static func ringName(ofSideFile name: String) -> String? {
    let parts = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count >= 4, let number = parts.last, !number.isEmpty, number.allSatisfy({ 48...57 ~= $0 }) else {
      return nil
    }
    let kind = parts[parts.count - 2]
    guard parts[parts.count - 3].elementsEqual("ring".utf8),
      kind.elementsEqual("row".utf8) || kind.elementsEqual("big".utf8)
    else { return nil }
    return String(decoding: name.utf8.dropLast(kind.count &+ number.count &+ 2), as: UTF8.self)
  }

  private static func context(of text: [UInt8]) -> RunContext? {
    (try? JSON(parsing: String(decoding: text, as: UTF8.self))).flatMap(RunContext.init(json:))
  }

  private static func isOpenHere(_ log: String) -> Bool {
    ProcessState.shared.openRuns.contains { core in core.withWriter { FileTools.isSame($0.context.logPath, log) } }
  }

  /// The log that a path means.
  public static func logPath(_ path: String) throws(QuipuError) -> String {
    let expanded = PathTools.absolute(PathTools.expandHome(path), workingDirectory: PathTools.workingDirectory())
    var info = stat()
    guard stat(expanded, &info) == 0 else {
      throw QuipuError(.notFound, kind: "run_not_found", "\(path): there is no such file or directory")
    }
    if info.st_mode & S_IFMT != S_IFDIR { return expanded }
    let logs = (FileTools.list(expanded) ?? []).filter { $0.hasSuffix(".wandb") }
    guard logs.count == 1, let name = logs.first else {
      throw QuipuError(
        .notFound, kind: "run_not_found",
        logs.isEmpty ? "\(path): holds no .wandb file" : "\(path): holds several .wandb files; name one of them")
    }
    return expanded + "/" + name
  }

  private static func fileError(_ error: LogFileError, _ path: String) -> QuipuError {
    QuipuError(
      error.code == ENOSPC ? .diskFull : .file, kind: "log_failed",
      "\(path): \(error.operation.rawValue) failed: \(FileTools.errorText(error.code))")
  }

  // MARK: With a ring

  private static func recover(_ ring: HandOffRing, context: RunContext) throws(QuipuError) -> Report {
    var report = Report()
    report.ringFound = true
    report.isClean = false
    report.logPath = context.logPath
    let checkpoint = ring.checkpoint
    do {
      let file = try LogFile.openForAppending(path: context.logPath)
      guard RecordLock.take(file.descriptor) else {
        throw QuipuError(.busy, kind: "run_is_live", "\(context.logPath): its run is still being written")
      }
      let size = file.position
      let writer = RunWriter(
        context: context, ring: ring, file: file, stream: RecordStream(position: 0, nextNumber: 1),
        media: PendingMediaStore(pool: nil), report: { _ in })
      let state = Replay(context.logPath, upTo: checkpoint.logSize, into: writer)
      if state.isComplete {
        writer.removeRing()
        report.isClean = true
        return report
      }
      // A checkpoint is made at the end of a record. One that is not would cut good rows off.
      guard state.end == checkpoint.logSize || size < checkpoint.logSize,
        checkpoint.tail & UInt64(HandOffRing.alignment &- 1) == 0
      else {
        throw QuipuError(
          .format, kind: "ring_damaged",
          "\(ring.path ?? context.logPath): is damaged; remove it to keep the log as it is")
      }
      // Normally the checkpoint. Less if the machine, not only the process, went down.
      let end = min(max(state.end, UInt64(LogFormat.fileHeaderSize)), size)
      report.bytesCut = size &- end
      try writer.restart(at: end, nextNumber: state.lastNumber &+ 1)
      // Rebuilt from the records: the file may lack the last seconds, or hold a line twice.
      if let name = writer.consolePart?.name ?? context.consoleFile { unlink(context.filesDirectory + "/" + name) }
      writer.restoreSpill(checkpoint.spill)
      try drain(ring, writer, context)
      report.rowsRecovered = writer.rowsWritten &- state.rows
      report.valuesLost = writer.valuesDropped
      writer.removeRing()
    } catch let error as QuipuError {
      throw error
    } catch let error as LogFileError {
      throw fileError(error, context.logPath)
    } catch {
      throw QuipuError(.internal, kind: "recovery_failed", "\(context.logPath): \(error)")
    }
    return report
  }

  private static func drain(_ ring: HandOffRing, _ writer: RunWriter, _ context: RunContext) throws {
    // A damaged head must not send this round for years.
    var left = min(ring.headPosition &- writer.cursor, UInt64(ring.capacity))
    while left > 0, !writer.isFinished {
      let position = writer.cursor
      // What was claimed but never published is skipped: its call had not returned.
      var end = position &+ UInt64(HandOffRing.alignment)
      if let entry = ring.entry(at: position) {
        _ = writer.process(entry)
        end = entry.end
      }
      left -= min(left, end &- position)
      writer.cursor = end
      if writer.stream.pendingBytes > RunWriter.batchBytes { try flush(writer, context) }
    }
    if !writer.isFinished {
      writer.writeOpenRow()
      writer.writeDerivedSummary(at: writer.lastTime)
    }
    try flush(writer, context)
    writer.updateConsole(now: Clock.monotonic(), final: true)
  }

  private static func flush(_ writer: RunWriter, _ context: RunContext) throws {
    if !writer.writeAll() {
      throw QuipuError(.diskFull, kind: "disk_full", "\(context.logPath): cannot be written; free space and try again")
    }
  }

  // MARK: Without a ring

  /// Cuts a torn end and adds summary values that rows behind the last summary record have changed.
  private static func repair(_ path: String) throws(QuipuError) -> Report {
    var report = Report()
    report.logPath = path
    do {
      let scan = try LogScan(path: path)
      guard scan.run != nil || scan.recordCount > 0 || scan.recoverableEnd >= UInt64(LogFormat.fileHeaderSize) else {
        throw QuipuError(.format, kind: "not_a_log", "\(path): is not a .wandb transaction log")
      }
      var file = try LogFile.openForAppending(path: path)
      guard RecordLock.take(file.descriptor) else {
        throw QuipuError(.busy, kind: "run_is_live", "\(path): its run is still being written")
      }
      // Good records behind damage are kept: only what follows the last of them is cut.
      let end = scan.damageCount == 0 ? scan.recoverableEnd : scan.lastRecordEnd
      if case .unexpectedEnd = scan.end, end < file.position {
        report.bytesCut = file.position &- end
        try file.truncate(to: end)
        report.isClean = false
      }
    } catch let error as QuipuError {
      throw error
    } catch let error as LogFileError {
      throw fileError(error, path)
    } catch {
      throw QuipuError(.internal, kind: "recovery_failed", "\(path): \(error)")
    }
    return report
  }
}

/// Brings a writer to the state that the records of its log tell.
private final class Replay {
  private(set) var end: UInt64 = 0
  private(set) var lastNumber: Int64 = 0
  private(set) var rows: UInt64 = 0
  /// True if the log has its exit record, whatever the checkpoint says.
  private(set) var isComplete = false

  init(_ path: String, upTo limit: UInt64, into writer: RunWriter) {
    var keys: [[String]: [Key]] = [:]
    _ = try? LogScan(path: path) { record, span in
      guard span.end <= limit else {
        if case .exit = record.payload { isComplete = true }
        return
      }
      end = span.end
      lastNumber = max(lastNumber, record.num)
      apply(record, to: writer, keys: &keys)
    }
    writer.rowsWritten = rows
  }

  private func apply(_ record: Record, to writer: RunWriter, keys: inout [[String]: [Key]]) {
    let tree = writer.summary
    switch record.payload {
    case .run(let run): writer.identity = run
    case .exit: isComplete = true
    case .metric(let metric): tree.define(MetricDefinition(record: metric))
    case .history(let history):
      rows &+= 1
      for item in history.item {
        let path = item.nestedKey.isEmpty ? [item.key] : item.nestedKey
        guard let value = try? JSON(parsing: item.valueJSON) else { continue }
        let known = keys[path] ?? path.map { Key($0) }
        keys[path] = known
        if known.count == 1, known[0] == "_step", let step = value.intValue {
          // The largest: a kept row of an earlier step does not turn the run back.
          let next = step.addingReportingOverflow(1)
          writer.step = max(writer.step, next.overflow ? step : next.partialValue)
          writer.mediaStep = writer.step
        }
        let node = tree.leaf(known)
        node.update(value)
        tree.noteStepMetric(known, value)
        tree.markDirty(node)
      }
    case .summary(let summary) where record.info != nil:
      for item in summary.update {
        let path = item.nestedKey.isEmpty ? [Key(item.key)] : item.nestedKey.map { Key($0) }
        tree.set(path, (try? JSON(parsing: item.valueJSON)) ?? .null)
      }
      for item in summary.remove {
        tree.remove(item.nestedKey.isEmpty ? [Key(item.key)] : item.nestedKey.map { Key($0) })
      }
    case .summary: _ = tree.takeDirty()
    case .outputRaw(let output): writer.feedConsole(output.outputType.rawValue == 1 ? 1 : 2, output.line, at: 0)
    case .outputLogger(let output): writer.feedConsole(3, output.line, at: 0)
    case .files(let files) where record.info == nil: writer.replayConsolePart(files)
    default: break
    }
  }
}

extension MetricDefinition {
  init(record: MetricRecord) {
    self.init(name: record.globName.isEmpty ? record.name : record.globName)
    if !record.stepMetric.isEmpty { stepMetric = record.stepMetric }
    stepSync = record.options?.stepSync
    hidden = record.options?.hidden
    if let flags = record.summary {
      var modes: Modes = []
      for number in 1...8 where flags.contains(UInt8(number)) { modes.insert(Modes(rawValue: 1 << UInt16(number))) }
      self.modes = modes
    }
    goal = Goal(rawValue: Int64(record.goal.rawValue)) ?? .unset
    overwrite = record.control?.overwrite ?? false
  }
}
