import RunFilters
import Storage
import Synchronization

/// The storage protocol in memory: shows that the protocol says enough, and serves tests that want no files.
///
/// Texts are told apart by their bytes, as a database does it; Swift's `==` would not tell "é" from "e" and an accent.
public final class MemoryStorage: Storage {
  struct State {
    var settings: [Bytes: String] = [:]
    var keys: [APIKeyRecord] = []
    var entities: [EntityRecord] = []
    var projects: [ProjectRecord] = []
    var runs: [Int64: RunRecord] = [:]
    var segments: [SegmentRecord] = []
    var console: [Int64: [ConsoleLine]] = [:]
    var blobs: [String: (blob: BlobRecord, addedAt: Timestamp)] = [:]
    var files: [FileRecord] = []
    var alerts: [AlertRecord] = []
    var sweeps: [SweepRecord] = []
    var sweepAgents: [SweepAgentRecord] = []
    var trials: [SweepTrialRecord] = []
    var artifacts = ArtifactTables()
    private var lastID: Int64 = 0

    mutating func newID() -> Int64 {
      lastID += 1
      return lastID
    }
  }

  typealias Bytes = [UInt8]

  let state = Mutex(State())
  public let objects: any ObjectStorage
  let memory: MemoryObjectStorage

  public init() throws {
    memory = try MemoryObjectStorage()
    objects = memory
  }

  public func setting(_ name: String) -> String? { state.withLock { $0.settings[Bytes(name.utf8)] } }
  public func setSetting(_ name: String, _ value: String) { state.withLock { $0.settings[Bytes(name.utf8)] = value } }
}

func isSame(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

func isBefore(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
