import HistoryColumns
import Logging
import QuipuBase
import Storage
import Synchronization

/// The rows of runs: opens their segments for reading, and merges small segments into larger ones.
///
/// Each request's rows become one small segment inside the database. Some dozens of those are merged into one, which
/// moves to the object store once it is large; some large ones are merged once more. So a value is written three times
/// in its life, and a run of ten million rows has some hundred and fifty segments.
final class HistoryService: Sendable {
  private enum Bound {
    /// Inline segments of a stream are merged when one of these is reached.
    static let inlineSegments = 32
    static let inlineValues: Int64 = 262_144
    /// A merged segment below this size stays in the database.
    static let objectBytes = 32 << 10
    /// So many objects in a row become one, within what a reader should have to open at once.
    static let objects = 8
    static let objectRows: Int64 = 65_536
    static let objectValues: Int64 = 4_000_000
  }

  /// Sums over the inline segments of a run, so that a commit need not look.
  private struct Pending {
    var segments = 0
    var values: Int64 = 0
    var touched: Timestamp = .now
  }

  private let storage: any Storage
  private let logger: Logger
  private let cache = SegmentCache(byteLimit: 64 << 20)
  private let pending = Mutex<[Int64: Pending]>([:])
  /// One merge at a time: it is what takes memory.
  private let merging = KeyedLock<Int>()

  init(storage: any Storage, logger: Logger) {
    self.storage = storage
    self.logger = logger
  }

  // MARK: Reading

  func view(runID: Int64, stream: RowStream) async throws -> HistoryView {
    // A merge may delete an object between the listing and the opening: list again then.
    for attempt in 0..<3 {
      do {
        let records = try await storage.segments(runID: runID, stream: stream)
        var parts: [(writer: String, segment: HistorySegment)] = []
        parts.reserveCapacity(records.count)
        for record in records { parts.append((record.writer, try await open(record))) }
        return try HistoryView(parts)
      } catch let error as MissingObject where attempt < 2 {
        logger.debug("a segment moved while it was read", metadata: ["object": "\(error.key)"])
      }
    }
    throw StorageError.damaged("segments of run \(runID) are missing")
  }

  private struct MissingObject: Error { var key: String }

  func open(_ record: SegmentRecord) async throws -> HistorySegment {
    if let segment = cache.segment(id: record.id) { return segment }
    let segment: HistorySegment
    switch record.body {
    case .inline(let bytes): segment = try HistorySegment(SegmentBytes(bytes))
    case .object(let key):
      guard let path = try await storage.objects.localFile(key: key) else { throw MissingObject(key: key) }
      segment = try HistorySegment(SegmentBytes(mapping: path))
    }
    cache.add(segment, id: record.id, bytes: record.bytes)
    return segment
  }

  // MARK: Writing

  /// The record for a batch that arrives now.
  func record(
    of batch: HistoryBatch, run: RunRecord, stream: RowStream, writer: String
  ) throws -> SegmentRecord {
    let bytes = batch.encode()
    let segment = try HistorySegment(SegmentBytes(bytes))
    return SegmentRecord(
      runID: run.id, stream: stream, writer: writer, order: nextOrder(), rowCount: Int64(segment.rowCount),
      valueCount: Int64(segment.valueCount), firstStep: segment.firstStep, lastStep: segment.lastStep,
      byteCount: Int64(bytes.count), body: .inline(bytes))
  }

  private let lastOrder = Atomic<Int64>(0)

  /// Grows over restarts too: microseconds of the clock, or one more than the last.
  private func nextOrder() -> Int64 {
    let now = Timestamp.now.microseconds
    while true {
      let last = lastOrder.load(ordering: .relaxed)
      let next = max(now, last &+ 1)
      if lastOrder.compareExchange(expected: last, desired: next, ordering: .relaxed).exchanged { return next }
    }
  }

  /// Counts what was committed. Tells whether it is time to merge.
  func noteCommitted(_ records: [SegmentRecord], runID: Int64) -> Bool {
    pending.withLock { pending in
      var sums = pending[runID] ?? Pending()
      sums.segments += records.count
      sums.values += records.reduce(0) { $0 + $1.valueCount }
      sums.touched = .now
      pending[runID] = sums
      return sums.segments >= Bound.inlineSegments || sums.values >= Bound.inlineValues
    }
  }

  /// Runs whose small segments have waited for company for some time.
  func idleRuns(before moment: Timestamp) -> [Int64] {
    pending.withLock { $0.filter { $0.value.segments > 1 && $0.value.touched < moment }.map(\.key) }
  }

  func forget(runID: Int64) { pending.withLock { $0[runID] = nil } }

  /// Merges the small segments of a run. Call it with the run's lock held.
  func merge(runID: Int64) async throws {
    try await merging.with(0) {
      for stream in [RowStream.history, .events] {
        let records = try await storage.segments(runID: runID, stream: stream)
        for writer in Set(records.map(\.writer)) {
          try await merge(records.filter { $0.writer == writer }, runID: runID)
        }
      }
      forget(runID: runID)
    }
  }

  private func merge(_ records: [SegmentRecord], runID: Int64) async throws {
    var objects = records.filter { if case .object = $0.body { true } else { false } }
    let inline = records.filter { if case .inline = $0.body { true } else { false } }
    if inline.count > 1 || inline.contains(where: { $0.byteCount >= Bound.objectBytes }) {
      if let merged = try await replace(inline, runID: runID), case .object = merged.body { objects.append(merged) }
    }
    // Only the youngest objects are small; a large one is a barrier, since what is merged must be neighbours in age.
    var tail: [SegmentRecord] = []
    for record in objects.reversed() {
      let rows = tail.reduce(record.rowCount) { $0 + $1.rowCount }
      let values = tail.reduce(record.valueCount) { $0 + $1.valueCount }
      guard rows <= Bound.objectRows + Bound.objectRows / 8, values <= Bound.objectValues else { break }
      guard record.rowCount < Bound.objectRows / 2, record.valueCount < Bound.objectValues / 2 else { break }
      tail.append(record)
    }
    if tail.count >= Bound.objects { _ = try await replace(tail.reversed(), runID: runID) }
  }

  /// Puts one segment in the place of several neighbours.
  private func replace(_ records: [SegmentRecord], runID: Int64, steps: ClosedRange<Int64>? = nil) async throws
    -> SegmentRecord?
  {
    guard let merged = try await merged(records, steps: steps) else { return nil }
    for _ in 0..<8 {
      guard let run = try await storage.run(id: runID) else { return nil }
      var change = RunChange(run: run)
      change.addedSegments = [merged]
      change.removedSegments = records.map(\.id)
      do {
        try await storage.commit(change)
        return merged
      } catch StorageError.conflict { continue }
    }
    throw StorageError.conflict
  }

  /// The rows of several segments as one, in the object store if it is large. Nil if no row is left.
  private func merged(_ records: [SegmentRecord], steps: ClosedRange<Int64>?) async throws -> SegmentRecord? {
    guard var result = records.max(by: { $0.order < $1.order }) else { return nil }
    var segments: [HistorySegment] = []
    for record in records.sorted(by: { $0.order < $1.order }) { segments.append(try await open(record)) }
    let bytes = try mergeSegments(segments, steps: steps)
    guard !bytes.isEmpty else { return nil }
    let segment = try HistorySegment(SegmentBytes(bytes))
    result.id = 0
    result.rowCount = Int64(segment.rowCount)
    result.valueCount = Int64(segment.valueCount)
    result.firstStep = segment.firstStep
    result.lastStep = segment.lastStep
    result.byteCount = Int64(bytes.count)
    if bytes.count < Bound.objectBytes {
      result.body = .inline(bytes)
    } else {
      let key = "history/\(result.runID % 256)/\(result.runID)-\(hexText(randomBytes(12)))"
      try await storage.objects.store(bytes, key: key)
      result.body = .object(key: key)
    }
    return result
  }

  // MARK: Rewind and fork

  /// What has to change so that only rows up to `step` remain.
  func cut(runID: Int64, after step: Int64) async throws -> (added: [SegmentRecord], removed: [Int64]) {
    var added: [SegmentRecord] = []
    var removed: [Int64] = []
    for record in try await storage.segments(runID: runID, stream: .history) where record.lastStep > step {
      removed.append(record.id)
      if record.firstStep <= step, let rest = try await merged([record], steps: Int64.min...step) { added.append(rest) }
    }
    return (added, removed)
  }

  /// Segments for a fork: the origin's rows up to `step`, sharing its objects, which never change.
  func copy(from origin: Int64, upTo step: Int64, to runID: Int64) async throws -> [SegmentRecord] {
    var copies: [SegmentRecord] = []
    for record in try await storage.segments(runID: origin, stream: .history) where record.firstStep <= step {
      var copy = record
      if record.lastStep > step {
        guard let rest = try await merged([record], steps: Int64.min...step) else { continue }
        copy = rest
      }
      copy.id = 0
      copy.runID = runID
      copies.append(copy)
    }
    return copies
  }
}
