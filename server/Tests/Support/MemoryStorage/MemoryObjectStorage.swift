import Foundation
import Storage
import Synchronization

/// Objects in memory. A local file is a copy in a cache, as it would be with a remote store.
final class MemoryObjectStorage: ObjectStorage {
  private let objects = Mutex<[String: (bytes: [UInt8], storedAt: Timestamp)]>([:])
  private let directory: URL

  init() throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString, isDirectory: true)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: directory) }

  func stagingPath() -> String { directory.appendingPathComponent(UUID().uuidString).path }

  func store(stagedFile path: String, key: String) throws {
    let url = URL(fileURLWithPath: path)
    store([UInt8](try Data(contentsOf: url)), key: key)
    try FileManager.default.removeItem(at: url)
  }

  func store(_ bytes: [UInt8], key: String) {
    objects.withLock { $0[key] = ($0[key]?.bytes ?? bytes, .now) }
  }

  func localFile(key: String) throws -> String? {
    guard let bytes = objects.withLock({ $0[key]?.bytes }) else { return nil }
    let path = stagingPath()
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  func delete(key: String) { objects.withLock { $0[key] = nil } }

  func remove(storedBefore moment: Timestamp, where isUnused: (String) -> Bool) {
    objects.withLock { objects in
      objects = objects.filter { $0.value.storedAt >= moment || !isUnused($0.key) }
    }
  }

  func keys(prefix: String) -> [String] {
    objects.withLock { $0.keys.filter { $0.utf8.starts(with: prefix.utf8) } }.sorted(by: isBefore)
  }
}
