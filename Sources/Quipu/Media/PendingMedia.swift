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
    /// The objects of an artifact, whose media `media` lists.
    var artifact: ArtifactSnapshot?
    var bytes = 0
    /// The run whose writer will take it.
    var owner: UInt64 = 0
  }

  private let items = Mutex<[UInt64: Item]>([:])
  private let nextID = Atomic<UInt64>(1)
  private let pool: WorkerPool?
  /// Bytes of pixels, files and tables that wait for the writer.
  private let waitingBytes = Atomic<Int>(0)
  private let limit = Atomic<Int>(defaultLimit)

  /// More than this holds up the callers: memory is bounded whatever is logged. Setting `media_memory_bytes`.
  static let defaultLimit = 256 << 20

  /// What the settings of a run say; they hold for the process, the last word counts.
  func configure(memory: Int64, threads: Int64) {
    limit.store(Int(clamping: memory), ordering: .relaxed)
    pool?.setMaximum(Int(clamping: threads))
  }

  /// True while a thread is encoding.
  var isEncoding: Bool { pool?.isBusy ?? false }

  /// True if that many bytes may be added. A value larger than the limit has to be alone.
  func hasRoom(_ bytes: Int) -> Bool {
    let waiting = waitingBytes.load(ordering: .relaxed)
    return waiting <= 0 || waiting &+ bytes <= limit.load(ordering: .relaxed)
  }

  /// - Parameter pool: where encoding happens; nil for recovery.
  init(pool: WorkerPool?) { self.pool = pool }

  /// Takes a medium for one log call and has it encoded.
  func register(_ media: Media, owner: UInt64 = 0, limits: TableLimits = TableLimits()) -> UInt64 {
    add(
      Item(
        media: media, table: TableSnapshot(media.chartTable ?? media, limits: limits),
        artifact: ArtifactSnapshot(of: media), bytes: media.weight, owner: owner))
  }

  /// The same for the objects of an artifact.
  func register(_ artifact: ArtifactSnapshot, owner: UInt64) -> UInt64 {
    let media = Media.list(artifact.objects.map(\.media))
    return add(Item(media: media, artifact: artifact, bytes: media.weight, owner: owner))
  }

  private func add(_ item: Item) -> UInt64 {
    let id = nextID.add(1, ordering: .relaxed).oldValue
    waitingBytes.add(item.bytes, ordering: .relaxed)
    items.withLock { $0[id] = item }
    if let pool {
      for work in item.media.takeUnencoded() { pool.run { work.encode() } }
      if let table = item.table { pool.run { table.encode() } }
      if let artifact = item.artifact { pool.run { artifact.encode() } }
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
      return item.media.isReady && (item.table?.isReady ?? true) && (item.artifact?.isReady ?? true)
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
