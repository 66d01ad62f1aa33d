import Glibc
import QuipuBase
import QuipuMedia
import Synchronization

/// Media that log calls refer to and the writer has not written yet.
///
/// An entry of the ring names media by number. The numbers mean nothing after the process has died: recovery finds
/// none of them and leaves those values out.
final class PendingMediaStore: Sendable {
  struct Item: Sendable {
    var media: Media
    /// The table as it was at the call, and what is to be written of it.
    var table: TableSnapshot?
    var bytes = 0
    /// The run whose writer will take it.
    var owner: UInt64 = 0
  }

  private let items = Mutex<[UInt64: Item]>([:])
  private let nextID = Atomic<UInt64>(1)
  private let pool: WorkerPool?
  /// Bytes of pixels, files and tables that wait for the writer.
  private let waitingBytes = Atomic<Int>(0)
  /// More than this holds up the callers: memory is bounded whatever is logged.
  static let limit = 256 << 20

  var isFull: Bool { waitingBytes.load(ordering: .relaxed) > Self.limit }

  /// - Parameter pool: where encoding happens; nil for recovery.
  init(pool: WorkerPool?) { self.pool = pool }

  /// Takes a medium for one log call and has it encoded.
  func register(_ media: Media, owner: UInt64 = 0) -> UInt64 {
    let id = nextID.add(1, ordering: .relaxed).oldValue
    let item = Item(media: media, table: TableSnapshot(media), bytes: media.weight, owner: owner)
    waitingBytes.add(item.bytes, ordering: .relaxed)
    items.withLock { $0[id] = item }
    if let pool {
      for work in media.takeUnencoded() { pool.run { work.encode() } }
      if let table = item.table { pool.run { table.encode() } }
    }
    return id
  }

  func item(_ id: UInt64) -> Item? { items.withLock { $0[id] } }

  var count: Int { items.withLock { $0.count } }

  func count(owner: UInt64) -> Int { items.withLock { $0.values.count { $0.owner == owner } } }

  /// Lets go of what a run that has ended did not take.
  func release(owner: UInt64) {
    let ids = items.withLock { items in items.filter { $0.value.owner == owner }.map(\.key) }
    release(ids)
  }

  func areReady(_ ids: [UInt64]) -> Bool {
    if ids.isEmpty { return true }
    return ids.allSatisfy { id in
      guard let item = item(id) else { return true }
      return item.media.isReady && (item.table?.isReady ?? true)
    }
  }

  func release(_ ids: [UInt64]) {
    items.withLock { items in
      for id in ids {
        if let item = items.removeValue(forKey: id) { waitingBytes.subtract(item.bytes, ordering: .relaxed) }
      }
    }
  }
}

/// Two threads for encoding, started with the first job. Jobs are done in order of arrival.
final class WorkerPool: @unchecked Sendable {
  // @unchecked: the queue is guarded by the pthread mutex.
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let wake: UnsafeMutablePointer<pthread_cond_t>
  private var jobs: [() -> Void] = []
  private var threads = 0
  private var idle = 0
  /// Called after each job, on the worker.
  private let finished: @Sendable () -> Void
  static let maximumThreads = 2

  init(finished: @escaping @Sendable () -> Void) {
    lock = .allocate(capacity: 1)
    wake = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(wake, nil)
    self.finished = finished
  }

  func run(_ job: @escaping @Sendable () -> Void) {
    pthread_mutex_lock(lock)
    jobs.append(job)
    let start = idle == 0 && threads < Self.maximumThreads
    if start { threads += 1 }
    pthread_cond_signal(wake)
    pthread_mutex_unlock(lock)
    if start, !Thread.start(name: "quipu-encode", { [self] in work() }) {
      pthread_mutex_lock(lock)
      threads -= 1
      let none = threads == 0
      pthread_mutex_unlock(lock)
      // No thread to be had: better late on this one than never.
      if none { drain() }
    }
  }

  private func next(wait: Bool) -> (() -> Void)? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while jobs.isEmpty {
      if !wait { return nil }
      idle += 1
      pthread_cond_wait(wake, lock)
      idle -= 1
    }
    return jobs.removeFirst()
  }

  private func work() {
    while let job = next(wait: true) {
      job()
      finished()
    }
  }

  private func drain() {
    while let job = next(wait: false) {
      job()
      finished()
    }
  }
}
