import HistoryColumns
import QuipuBase
import Storage

/// Applies file stream requests to runs, each exactly once.
///
/// A client repeats a request whose answer it did not get, a second `wandb sync` sends all rows again behind the old
/// ones, a proxy may deliver late (protocol reference, 8.4 and 8.5). So rows are known by their `_step`, events and
/// console lines by their offset, and a request that comes byte for byte again only counts as a sign of life.
extension RunService {
  /// Source: protocol reference, section 10.
  /// - Parameter writer: the client id of a writer in shared mode (10.8), else empty.
  /// - Returns: whether the run has been asked to stop.
  func stream(_ request: FileStreamRequest, runID: Int64, writer: String) async throws -> Bool {
    try await locks.with(runID) {
      for _ in 0..<8 {
        guard let run = try await storage.run(id: runID) else { throw ServerFault(404, "the run was deleted") }
        do {
          return try await apply(request, to: run, writer: writer)
        } catch StorageError.conflict { continue }
      }
      throw ServerFault(503, "the run is being changed by others; try again")
    }
  }

  private func apply(_ request: FileStreamRequest, to stored: RunRecord, writer: String) async throws -> Bool {
    var run = stored
    run.heartbeatAt = .now
    guard !run.recentRequests.contains(request.digest) || request.isHeartbeat else {
      try await storage.commit(RunChange(run: run))
      return run.isStopRequested
    }

    var change = RunChange(run: run)
    // The client's clock at the newest line, for telling late lines from those of a run that goes on.
    var newest: Double?
    // A sign of life alone does not take back that the machine is about to go away.
    var isNews = request.isPreempting || (request.isHeartbeat && run.state != .preempting)
    if let lines = request.history {
      if let added = try await history(lines, run: &run, writer: writer) {
        change.addedSegments.append(added)
        isNews = true
      }
      newest = Self.latest(newest, lines.content.last.flatMap { Self.number("_timestamp", in: $0) })
    }
    if let lines = request.events {
      if let added = try await events(lines, run: &run, writer: writer) {
        change.addedSegments.append(added)
        isNews = true
      }
      newest = Self.latest(newest, lines.content.last.flatMap { Self.number("_timestamp", in: $0) })
    }
    if let line = request.summary?.content.last, try take(summary: line, into: &run) {
      isNews = true
      newest = Self.latest(newest, Self.number("_timestamp", in: line))
    }
    if let lines = request.console {
      change.console = lines.content.enumerated().map {
        ConsoleLine(writer: writer, number: lines.offset + Int64($0.offset), content: $0.element)
      }
      let end = lines.offset + Int64(lines.content.count)
      if end > run.logLineCount {
        run.logLineCount = end
        isNews = true
      }
    }

    if request.isComplete {
      let exitCode = request.exitCode ?? 0
      run.state = exitCode == 0 ? .finished : run.isStopRequested ? .killed : .failed
      run.exitCode = exitCode
      run.completedTimestamp = Self.latest(newest, Self.number("_timestamp", in: run.summary))
    } else if request.isPreempting {
      run.state = .preempting
    } else if isNews, !Self.isLate(newest, for: run) {
      run.state = .running
      run.exitCode = nil
      run.completedTimestamp = nil
    }
    if !request.isHeartbeat {
      run.recentRequests.append(request.digest)
      if run.recentRequests.count > 64 { run.recentRequests.removeFirst(run.recentRequests.count - 64) }
    }
    change.run = run
    try await storage.commit(change)
    let isTimeToMerge = histories.noteCommitted(change.addedSegments, runID: run.id)
    if isTimeToMerge || request.isComplete { try await mergeQuietly(runID: run.id) }
    return run.isStopRequested
  }

  /// A merge only tidies up: its failure must not fail the request whose rows are stored already.
  private func mergeQuietly(runID: Int64) async throws {
    do {
      try await histories.merge(runID: runID)
    } catch {
      logger.warning("segments could not be merged", metadata: ["run": "\(runID)", "error": "\(error)"])
    }
  }

  /// Lines that were written before the run ended, arriving after its end, do not reopen it.
  private static func isLate(_ newest: Double?, for run: RunRecord) -> Bool {
    guard run.state == .finished || run.state == .failed || run.state == .killed else { return false }
    guard let newest, let completed = run.completedTimestamp else { return false }
    return newest <= completed
  }

  private static func latest(_ a: Double?, _ b: Double?) -> Double? {
    guard let a else { return b }
    guard let b else { return a }
    return max(a, b)
  }

  // MARK: Rows

  private func history(
    _ lines: FileStreamRequest.Lines, run: inout RunRecord, writer: String
  ) async throws -> SegmentRecord? {
    var batch = HistoryBatch()
    try Self.append(lines, to: &batch, name: "wandb-history.jsonl")
    let steps = batch.steps
    guard let first = steps.min(), let last = steps.max() else { return nil }
    var new = Set(steps).count
    if let known = run.lastStep, first <= known {
      let view = try await histories.view(runID: run.id, stream: .history)
      new = try batch.removeRows(storedIn: view, writer: writer).new
    }
    if last >= run.lastStep ?? .min, let index = steps.lastIndex(of: last) {
      run.historyTail = lines.content[index]
      run.lastStep = last
    }
    run.historyLineCount += Int64(new)
    guard batch.rowCount > 0 else { return nil }
    return try histories.record(of: batch, run: run, stream: .history, writer: writer)
  }

  private func events(
    _ lines: FileStreamRequest.Lines, run: inout RunRecord, writer: String
  ) async throws -> SegmentRecord? {
    var batch = HistoryBatch(stepKey: nil)
    try Self.append(lines, to: &batch, name: "wandb-events.jsonl")
    if lines.offset < run.eventsLineCount {
      let view = try await histories.view(runID: run.id, stream: .events)
      _ = try batch.removeRows(storedIn: view, writer: writer)
    }
    let end = lines.offset + Int64(lines.content.count)
    if end >= run.eventsLineCount {
      run.eventsLineCount = end
      run.eventsTail = lines.content.last
    }
    guard batch.rowCount > 0 else { return nil }
    return try histories.record(of: batch, run: run, stream: .events, writer: writer)
  }

  private static func append(
    _ lines: FileStreamRequest.Lines, to batch: inout HistoryBatch, name: String
  ) throws(ServerFault) {
    for (index, line) in lines.content.enumerated() {
      var text = line
      var refused: HistoryLineError?
      text.withUTF8 { bytes in
        do throws(HistoryLineError) {
          try batch.append(line: UnsafeRawBufferPointer(bytes), defaultStep: lines.offset + Int64(index))
        } catch {
          refused = error
        }
      }
      if let refused { throw ServerFault(400, "line \(index) of \(name): \(refused)") }
    }
  }

  // MARK: Summary

  /// The newest summary counts: by the client's own clock, `_timestamp` (unless a higher `_step` shows that another
  /// machine, whose clock is behind, goes on with the run), then by `_step`, then by `_wandb.runtime`. The first
  /// summaries of a resumed life have no `_step` (9.3): they are as new as the `_timestamp` that they took over.
  /// - Returns: whether the stored summary was replaced by another one.
  private func take(summary line: String, into run: inout RunRecord) throws(ServerFault) -> Bool {
    let json: JSON
    do {
      json = try JSON(parsing: line)
    } catch {
      throw ServerFault(400, "wandb-summary.json: \(error)")
    }
    guard case .object(let new) = json else { throw ServerFault(400, "wandb-summary.json must be a JSON object") }
    let old = (try? JSON(parsing: run.summary))?.objectValue ?? [:]
    if new == old || Self.isOlder(new, than: old) { return false }
    run.summary = line
    return true
  }

  static func isOlder(_ new: JSONObject, than old: JSONObject) -> Bool {
    let time = (old: old["_timestamp"]?.doubleValue, new: new["_timestamp"]?.doubleValue)
    let step = (old: old["_step"]?.doubleValue, new: new["_step"]?.doubleValue)
    // A life that has logged no row says nothing of time.
    if (time.old == nil) != (time.new == nil) { return false }
    if let before = time.old, let now = time.new, now != before {
      if let before = step.old, let now = step.new, now > before { return false }
      return now < before
    }
    if let before = step.old, let now = step.new, now != before { return now < before }
    let runtime = { (summary: JSONObject) in summary["_wandb"]?.objectValue?["runtime"]?.doubleValue }
    if let before = runtime(old), let now = runtime(new) { return now < before }
    return false
  }

  /// A number of a JSON line, found without parsing the rest.
  static func number(_ key: String, in line: String) -> Double? { JSONLine.number(key, in: line) }
}
