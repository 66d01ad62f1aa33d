import Glibc
import QuipuBase
import QuipuRecords
import Synchronization

/// The part of a run that the writer thread and the callers share.
final class RunCore: @unchecked Sendable {
  // @unchecked: `writer` is touched under `lock` only; the rest is immutable or atomic.
  let ring: HandOffRing
  let runID: String
  let generation: Int
  private let writer: RunWriter
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let fullWait: Int64
  let tableLimits: TableLimits

  private let finishRequested = Atomic<Bool>(false)
  private let isDone = Atomic<Bool>(false)
  private let diskFailing = Atomic<Bool>(false)
  /// Ring position up to which everything is in the file.
  private let flushedUpTo = Atomic<UInt64>(0)
  private let droppedFull = Atomic<UInt64>(0)
  private let lost = Atomic<UInt64>(0)
  private let externalCount = Atomic<UInt64>(0)
  private let reportedFull = Atomic<Bool>(false)
  /// Where the free space began when a wait for room was in vain; until it moves no call waits again.
  private let stalledAt = Atomic<UInt64>(UInt64.max)
  private var snapshot = RunStats()
  /// After this time (monotonic) a finish gives up on a disk that does not take the rest.
  private let giveUpAt = Atomic<Int64>(Int64.max)

  init(
    writer: RunWriter, ring: HandOffRing, runID: String, fullWaitMilliseconds: Int64,
    tableLimits: TableLimits = TableLimits()
  ) {
    self.tableLimits = tableLimits
    self.writer = writer
    self.ring = ring
    self.runID = runID
    // A year is for ever.
    fullWait = fullWaitMilliseconds < 0 ? 0 : min(fullWaitMilliseconds, 31_536_000_000) &* 1_000_000
    generation = ProcessState.generation.load(ordering: .relaxed)
    lock = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
    flushedUpTo.store(ring.checkpoint.tail, ordering: .relaxed)
    takeSnapshot(afterWrite: true)
  }

  deinit {
    pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  // MARK: Callers

  /// Why a call was not taken.
  enum Refusal: Int32 {
    case none = 0
    case finished
    case forked
    case full
  }

  /// Hands an entry to the writer.
  ///
  /// - Parameters:
  ///   - payload: bytes that `fill` writes.
  /// No system call, no allocation and no wait while the ring has room.
  @inline(__always) func submit(
    _ kind: EntryKind, payload: Int, step: Int64 = -1, commit: UInt8 = 0, _ fill: (UnsafeMutableRawPointer) -> Void
  ) -> Refusal {
    if generation != ProcessState.generation.load(ordering: .relaxed) { return .forked }
    if payload > ring.capacity >> 2 { return submitExternal(kind, payload: payload, step: step, commit: commit, fill) }
    let time = Clock.monotonic()
    var claim = ring.claim(payload: payload)
    if case .full = claim { claim = waitForRoom(payload: payload) }
    switch claim {
    case .at(let position):
      ring.writeHeader(at: position, payload: payload, kind: kind, commit: commit, step: step, time: time)
      fill(ring.payload(at: position))
      ring.publish(position)
      // Crossing the half is what wakes the writer, once per crossing: not every row above it.
      if ring.isFilling(position), position & 0xFFFF < 256 { ProcessState.shared.wakeWriter() }
      return .none
    case .closed: return .finished
    case .full:
      droppedFull.add(1, ordering: .relaxed)
      // A change of the config holds a lock that the callback may want: its caller reports.
      if kind != .config { reportFull() }
      return .full
    }
  }

  /// Hands in what the library has made itself: without waiting and without counting when there is no room.
  func offer(_ kind: EntryKind, payload: Int, _ fill: (UnsafeMutableRawPointer) -> Void) -> Refusal {
    if generation != ProcessState.generation.load(ordering: .relaxed) { return .forked }
    if payload > ring.capacity >> 2 { return .full }
    switch ring.claim(payload: payload) {
    case .at(let position):
      ring.writeHeader(at: position, payload: payload, kind: kind, commit: 0, step: -1, time: Clock.monotonic())
      fill(ring.payload(at: position))
      ring.publish(position)
      return .none
    case .closed: return .finished
    case .full: return .full
    }
  }

  func countDropped() { droppedFull.add(1, ordering: .relaxed) }

  func offer(_ kind: EntryKind, json: JSON) -> Refusal {
    var text = ByteBuffer(capacity: 1024)
    json.write(to: &text, style: .client)
    return offer(kind, payload: JSONPayload.bytes(media: [], textCount: text.count)) {
      JSONPayload.write(media: [], text: text.bytes, to: $0)
    }
  }

  func offer(_ record: Record) -> Refusal {
    var bytes = ByteBuffer(capacity: 1024)
    record.encode(into: &bytes)
    return offer(.record, payload: bytes.count) { out in
      if let start = bytes.bytes.baseAddress { out.copyMemory(from: start, byteCount: bytes.count) }
    }
  }

  @inline(never) private func waitForRoom(payload: Int) -> HandOffRing.Claim {
    ProcessState.shared.wakeWriter()
    var claim = ring.claim(payload: payload)
    // A disk that takes nothing would only cost the caller its time.
    guard !diskFailing.load(ordering: .relaxed), fullWait > 0 else { return claim }
    // One hung disk costs the caller one wait, not one per call.
    let free = ring.freePosition
    if stalledAt.load(ordering: .relaxed) == free { return claim }
    let end = Clock.monotonic() &+ fullWait
    var pause: UInt32 = 50
    while case .full = claim {
      if diskFailing.load(ordering: .relaxed) || Clock.monotonic() >= end { break }
      usleep(pause)
      if pause < 1000 { pause *= 2 }
      claim = ring.claim(payload: payload)
    }
    if case .full = claim { stalledAt.store(ring.freePosition, ordering: .relaxed) }
    return claim
  }

  private let reportedMediaFull = Atomic<Bool>(false)

  @inline(never) func reportFull() {
    guard !reportedFull.exchange(true, ordering: .relaxed) else { return }
    Diagnostics.shared.report(
      Diagnostic(
        .warning, kind: "ring_full",
        "calls are dropped because the writer cannot keep up or the disk takes nothing; they are counted in "
          + "calls_dropped_full. A larger ring (ring_bytes) bridges longer stalls"), run: runID)
  }

  // Values larger than a quarter of the ring go through a file beside it.
  @inline(never) private func submitExternal(
    _ kind: EntryKind, payload: Int, step: Int64, commit: UInt8, _ fill: (UnsafeMutableRawPointer) -> Void
  ) -> Refusal {
    if isFinishing { return .finished }
    var bytes = [UInt8](repeating: 0, count: payload)
    bytes.withUnsafeMutableBytes { buffer in
      if let start = buffer.baseAddress { fill(start) }
    }
    let number = externalCount.add(1, ordering: .relaxed).newValue
    let base = ring.path ?? (writer.context.filesDirectory + "/../tmp/" + runID)
    let path = "\(base).big.\(number)"
    guard FileTools.mayGrow(to: payload), FileTools.writeNew(path, bytes) else {
      droppedFull.add(1, ordering: .relaxed)
      if kind != .config { reportFull() }
      return .full
    }
    var reference: [UInt8] = [kind.rawValue]
    reference.append(contentsOf: path.utf8)
    let refusal = submit(.external, payload: reference.count, step: step, commit: commit) { out in
      reference.withUnsafeBytes { source in
        if let start = source.baseAddress { out.copyMemory(from: start, byteCount: source.count) }
      }
    }
    if refusal != .none { unlink(path) }
    return refusal
  }

  func submit(_ kind: EntryKind, json: JSON, media: [UInt64] = [], step: Int64 = -1, commit: UInt8 = 0) -> Refusal {
    var text = ByteBuffer(capacity: 256)
    json.write(to: &text, style: .client)
    return submit(kind, text: text.bytes, media: media, step: step, commit: commit)
  }

  func submit(
    _ kind: EntryKind, text: UnsafeRawBufferPointer, media: [UInt64] = [], step: Int64 = -1, commit: UInt8 = 0
  ) -> Refusal {
    submit(kind, payload: JSONPayload.bytes(media: media, textCount: text.count), step: step, commit: commit) {
      JSONPayload.write(media: media, text: text, to: $0)
    }
  }

  var isFinishing: Bool { finishRequested.load(ordering: .acquiring) }

  // MARK: End

  func requestFinish(_ code: Int32, isExplicit: Bool) {
    guard !finishRequested.exchange(true, ordering: .acquiringAndReleasing) else { return }
    SystemMonitor.shared.remove(self)
    let end = Clock.monotonic() &+ Self.sideWorkPatience
    while sideWork.load(ordering: .acquiring) > 0, Clock.monotonic() < end { usleep(1000) }
    if isCaptured.load(ordering: .relaxed) { ConsoleCapture.shared.remove(self) }
    var text = ByteBuffer(capacity: 64)
    JSON.object(["code": .int(Int64(code)), "explicit": .bool(isExplicit)]).write(to: &text, style: .core)
    let payload = JSONPayload.bytes(media: [], textCount: text.count)
    exitCode.store(code, ordering: .relaxed)
    exitIsExplicit.store(isExplicit, ordering: .relaxed)
    switch ring.claim(payload: payload, closing: true) {
    case .at(let position):
      ring.writeHeader(
        at: position, payload: payload, kind: .exit, commit: 0, step: -1, time: Clock.monotonic())
      JSONPayload.write(media: [], text: text.bytes, to: ring.payload(at: position))
      ring.publish(position)
    case .closed: break
    case .full:
      // No room for the last entry: the writer adds it when it has come to the end of what is there.
      ring.close()
    }
    ProcessState.shared.wakeWriter()
  }

  /// Helpers whose result belongs into the log before its end: a run that ends waits for them for a moment.
  private let sideWork = Atomic<Int>(0)
  private static let sideWorkPatience: Int64 = 2_000_000_000
  func beginSideWork() { sideWork.add(1, ordering: .acquiringAndReleasing) }
  func endSideWork() { sideWork.subtract(1, ordering: .acquiringAndReleasing) }

  /// What the descriptors 1 and 2 take goes into this run's log too.
  private let isCaptured = Atomic<Bool>(false)

  func captureConsole() -> Bool {
    isCaptured.store(true, ordering: .relaxed)
    return ConsoleCapture.shared.add(self)
  }

  // For a ring that was closed without an exit entry.
  private let exitCode = Atomic<Int32>(0)
  private let exitIsExplicit = Atomic<Bool>(false)

  func waitFinished(until end: Int64) -> Bool {
    if generation != ProcessState.generation.load(ordering: .relaxed) { return true }
    giveUpAt.store(end, ordering: .relaxed)
    return ProcessState.shared.wait(until: end) { isDone.load(ordering: .acquiring) }
  }

  var isFinished: Bool { isDone.load(ordering: .acquiring) }

  func flush(until end: Int64) -> Bool {
    let target = ring.headPosition
    return ProcessState.shared.wait(until: end) {
      flushedUpTo.load(ordering: .acquiring) >= target || isDone.load(ordering: .acquiring)
    }
  }

  // MARK: Writer thread

  /// Takes what is there and writes it.
  ///
  /// - Parameter working: the lock held while entries are processed; given up for the time of a write.
  /// - Returns: whether there was something to do, and whether somebody who waits should look again.
  func pump(working: UnsafeMutablePointer<pthread_mutex_t>) -> (isBusy: Bool, hasChanged: Bool) {
    if isDone.load(ordering: .relaxed) { return (false, false) }
    let now = Clock.monotonic()
    let flushedBefore = flushedUpTo.load(ordering: .relaxed)
    let failingBefore = diskFailing.load(ordering: .relaxed)
    pthread_mutex_lock(lock)
    var busy = writer.takeEntries(now: now)
    // The order counts: once the ring is closed its head stays where it is.
    if !writer.isFinished, ring.isClosed, writer.cursor >= ring.headPosition {
      writer.finish(
        code: exitCode.load(ordering: .relaxed), isExplicit: exitIsExplicit.load(ordering: .relaxed), at: now)
      busy = true
    }
    pthread_mutex_unlock(lock)

    pthread_mutex_unlock(working)
    let wrote = writer.flush(now: now)
    writer.updateConsole(now: now, final: writer.isFinished)
    pthread_mutex_lock(working)

    diskFailing.store(writer.isDiskFailing, ordering: .relaxed)
    pthread_mutex_lock(lock)
    takeSnapshot(afterWrite: wrote)
    pthread_mutex_unlock(lock)
    if wrote { flushedUpTo.store(writer.cursor, ordering: .releasing) }
    if writer.isFinished && wrote {
      writer.removeRing()
      end()
      busy = true
    } else if writer.isDiskFailing && isFinishing && now >= giveUpAt.load(ordering: .relaxed) {
      giveUp()
    }
    let changed =
      flushedUpTo.load(ordering: .relaxed) != flushedBefore || isDone.load(ordering: .relaxed)
      || diskFailing.load(ordering: .relaxed) != failingBefore
    return (busy, changed)
  }

  /// Ends the run though not everything could be written: what is left stays in the ring, for recovery, if the ring
  /// outlives the process.
  func giveUp() {
    lost.store(writer.rowsWritten &- snapshot.rowsWritten &+ writer.entriesLeft(), ordering: .relaxed)
    end()
  }

  /// What is done, on the writer's thread, once the log has its end.
  func onDone(_ work: @escaping @Sendable () -> Void) {
    pthread_mutex_lock(lock)
    doneWork = work
    pthread_mutex_unlock(lock)
  }
  private var doneWork: (@Sendable () -> Void)?

  private func end() {
    ProcessState.shared.media.release(owner: mediaOwner)
    // Handles may live on for long: others may have the log now, and what is left of the ring.
    RecordLock.release(writer.file.descriptor)
    ring.giveAway()
    isDone.store(true, ordering: .releasing)
    ProcessState.shared.remove(self)
    pthread_mutex_lock(lock)
    let work = doneWork
    doneWork = nil
    pthread_mutex_unlock(lock)
    work?()
  }

  /// Tells this run's waiting media from those of others.
  var mediaOwner: UInt64 { UInt64(UInt(bitPattern: ObjectIdentifier(self))) }

  /// In the child of a fork: gives up its copies of the descriptors, or the run would look alive as long as the child.
  func abandonInChild() {
    // The parent's writer may have held it: whoever reads counters here must not wait for a thread that does not exist.
    pthread_mutex_init(lock, nil)
    if ring.descriptor >= 0 { close(ring.descriptor) }
    close(writer.file.descriptor)
  }

  // MARK: Reading

  func withWriter<R>(_ body: (RunWriter) -> R) -> R {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return body(writer)
  }

  // Under `lock`, by the writer thread, when no write is under way.
  private func takeSnapshot(afterWrite: Bool) {
    snapshot.callsAccepted = writer.callsTaken
    // Rows that are only in the writer's batch are not in the log.
    if afterWrite { snapshot.rowsWritten = writer.rowsWritten }
    snapshot.rowsDroppedLowStep = writer.rowsDroppedLowStep
    snapshot.valuesDropped = writer.valuesDropped
    snapshot.bytesWritten = writer.file.position
    snapshot.writeErrors = writer.writeErrors
    snapshot.step = writer.step
    snapshot.queuedBytes = writer.cursor
  }

  var stats: RunStats {
    pthread_mutex_lock(lock)
    var stats = snapshot
    pthread_mutex_unlock(lock)
    let ahead = ring.headPosition
    stats.queuedBytes = ahead &- min(ahead, stats.queuedBytes)
    stats.callsDroppedFull = droppedFull.load(ordering: .relaxed)
    stats.recordsLost = lost.load(ordering: .relaxed)
    stats.isDiskFailing = diskFailing.load(ordering: .relaxed)
    stats.mediaPending = UInt64(ProcessState.shared.media.count)
    return stats
  }

  /// Waits while so much media wait to be encoded that these find no room.
  ///
  /// While encoders are at work there will be room, however long a video takes. The patience of a full ring is for a
  /// writer that makes no headway.
  ///
  /// - Returns: false if there is still none.
  func waitForMediaRoom(_ media: [Media]) -> Bool {
    let store = ProcessState.shared.media
    let bytes = media.reduce(0) { $0 &+ $1.weight }
    if store.hasRoom(bytes) { return true }
    var end = Clock.monotonic() &+ fullWait
    while !store.hasRoom(bytes) {
      let now = Clock.monotonic()
      if store.isEncoding, fullWait > 0 { end = now &+ fullWait }
      if diskFailing.load(ordering: .relaxed) || now >= end {
        droppedFull.add(1, ordering: .relaxed)
        reportMediaFull()
        return false
      }
      usleep(500)
    }
    return true
  }

  @inline(never) private func reportMediaFull() {
    guard !reportedMediaFull.exchange(true, ordering: .relaxed) else { return }
    Diagnostics.shared.report(
      Diagnostic(
        .warning, kind: "media_memory_full",
        "calls with media are dropped because those before them still wait to be written; they are counted in "
          + "calls_dropped_full. More memory (media_memory_bytes) bridges longer stalls"), run: runID)
  }
}

/// Counters of a run. All are monotonic but `isDiskFailing`, `mediaPending`, `queuedBytes`, `step` and what is pending.
public struct RunStats: Sendable, Equatable {
  /// True while writes fail (full disk, lost mount) and are retried.
  public var isDiskFailing = false
  /// Calls that were handed off.
  public var callsAccepted: UInt64 = 0
  /// History rows in the log.
  public var rowsWritten: UInt64 = 0
  /// Calls dropped because their step was below the current one.
  public var rowsDroppedLowStep: UInt64 = 0
  /// Calls dropped because the ring was full.
  public var callsDroppedFull: UInt64 = 0
  /// Records that could not be written before the run ended.
  public var recordsLost: UInt64 = 0
  /// Media or values that could not be encoded after their call had returned.
  public var valuesDropped: UInt64 = 0
  /// Units: bytes. Size of the log.
  public var bytesWritten: UInt64 = 0
  /// Failed writes, retries included.
  public var writeErrors: UInt64 = 0
  /// Media that wait to be encoded or written.
  public var mediaPending: UInt64 = 0
  /// Units: bytes. What the ring holds for the writer.
  public var queuedBytes: UInt64 = 0
  /// The step of the open row, or the next one.
  public var step: Int64 = 0

  public var uploadState = UploadState.off
  /// The server has asked the run to stop.
  public var isStopRequested = false
  /// Rows the server has acknowledged.
  public var rowsUploaded: UInt64 = 0
  /// Rows in the log that it has not.
  public var rowsPending: UInt64 = 0
  public var filesUploaded: UInt64 = 0
  public var filesPending: UInt64 = 0
  /// Units: bytes. Bodies of requests and files that the server has taken.
  public var bytesUploaded: UInt64 = 0
  /// Units: bytes. How far the upload has read the log.
  public var logBytesRead: UInt64 = 0
  /// Requests that carried rows and were answered.
  public var uploadRequests: UInt64 = 0
  /// Attempts that failed and were or will be repeated.
  public var uploadRetries: UInt64 = 0
  /// Units: milliseconds until the next attempt; nil: none is waited for.
  public var retryIn: Int64?
}
