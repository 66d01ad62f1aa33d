import GRDB
import Storage

extension SQLiteStorage {
  /// Removes objects that no row names, which a crash between storing and committing leaves behind.
  ///
  /// Whether one is named is asked where writing happens, so that nobody can begin to name it in between. Errors end
  /// the sweep: the next start tries again.
  static func sweepObjects(of pool: DatabasePool, _ files: FileObjectStorage, storedBefore date: Timestamp) async {
    guard let keys = try? await files.keys(prefix: "") else { return }
    for key in keys {
      guard !Task.isCancelled, let isOld = try? files.isStored(key, before: date) else { return }
      guard isOld else { continue }
      do {
        if try await pool.read({ db in try isNamed(key, db) }) { continue }
        try await pool.writeWithoutTransaction { db in
          if try !isNamed(key, db) { try files.remove(key, ifStoredBefore: date) }
        }
      } catch {
        return
      }
    }
  }

  private static func isNamed(_ key: String, _ db: Database) throws -> Bool {
    if key.utf8.starts(with: "blobs/".utf8) {
      let digest = key.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? ""
      return try db.one("SELECT 1 FROM blobs WHERE sha256 = ?", [digest]) { $0.int() } != nil
    }
    return try db.one("SELECT 1 FROM segments WHERE object_key = ?", [key]) { $0.int() } != nil
  }
}
