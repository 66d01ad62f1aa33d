import Foundation
import MemoryStorage
import SQLiteStorage
import Storage
import Testing

/// What the common suite runs on: whatever holds for one implementation must hold for the other.
enum Backend: String, CaseIterable, CustomTestStringConvertible {
  case memory, sqlite

  var testDescription: String { rawValue }

  func run(_ body: (any Storage) async throws -> Void) async throws {
    switch self {
    case .memory: try await body(MemoryStorage())
    case .sqlite:
      try await withDirectory { directory in
        let storage = try await SQLiteStorage(directory: directory)
        try await body(storage)
        await storage.close()
      }
    }
  }

  /// A store with one project in it.
  func withProject(_ body: (any Storage, ProjectRecord) async throws -> Void) async throws {
    try await run { storage in try await body(storage, try await makeProject(storage)) }
  }

  /// A store with one run in it.
  func withRun(_ body: (any Storage, RunRecord) async throws -> Void) async throws {
    try await withProject { storage, project in try await body(storage, try await makeRun(storage, project)) }
  }
}

func withDirectory(_ body: (String) async throws -> Void) async throws {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("storage-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: url) }
  try await body(url.path)
}

func makeProject(_ storage: any Storage, _ name: String = "project") async throws -> ProjectRecord {
  try await storage.ensureProject(entity: storage.ensureEntity(named: "owner", isTeam: false), name: name).0
}

func makeRun(_ storage: any Storage, _ project: ProjectRecord, _ name: String = "run") async throws -> RunRecord {
  try await storage.insertRun(RunRecord(projectID: project.id, name: name, displayName: name))
}

func makeSegment(
  _ run: RunRecord, order: Int64 = 0, stream: RowStream = .history, body: SegmentRecord.Body = .inline([1, 2, 3])
) -> SegmentRecord {
  SegmentRecord(
    runID: run.id, stream: stream, writer: "w", order: order, rowCount: 4, valueCount: 5, firstStep: 6, lastStep: 7,
    byteCount: 8, body: body)
}

func makeBlob(_ digit: Character, size: Int64 = 3) -> BlobRecord {
  BlobRecord(sha256: String(repeating: digit, count: 64), md5: "md5-\(digit)", size: size)
}

func bytes(_ storage: any Storage, _ key: String) async throws -> [UInt8]? {
  try await storage.objects.localFile(key: key).map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: $0))) }
}

/// Why a change is not taken; nil if it is.
func refusal(of change: RunChange, by storage: any Storage) async -> StorageError? {
  do {
    try await storage.commit(change)
    return nil
  } catch {
    return error as? StorageError ?? .failed("\(error)")
  }
}
