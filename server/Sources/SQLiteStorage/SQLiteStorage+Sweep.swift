import GRDB
import Storage

extension SQLiteStorage {
  /// As much as is done in one go: nobody else can write meanwhile.
  private static let portion = 200

  public func sweep(before moment: Timestamp) async throws {
    while try await forgetBlobs(before: moment) { try Task.checkCancellation() }
    var keys = try await files.keys(prefix: "")[...]
    while !keys.isEmpty {
      try Task.checkCancellation()
      try await removeObjects(Array(keys.prefix(Self.portion)), before: moment)
      keys = keys.dropFirst(Self.portion)
    }
  }

  /// Forgets blobs that nothing has. Their objects are then ones that no row names.
  private func forgetBlobs(before moment: Timestamp) async throws -> Bool {
    try await write { db in
      let unused = try db.all(
        """
        SELECT sha256, md5, size FROM blobs
        WHERE added_at < ? AND \(Schema.blobIsUnused) LIMIT ?
        """, [moment, Self.portion], read: Self.blob)
      for blob in unused { try db.run("DELETE FROM blobs WHERE sha256 = ?", [blob.sha256]) }
      return !unused.isEmpty
    }
  }

  /// Removes objects that no row names, such as a crash between storing and committing leaves behind. This is asked
  /// where writing happens, so that nobody can begin to name one in between.
  private func removeObjects(_ keys: [String], before moment: Timestamp) async throws {
    let old = try keys.filter { try files.isStored($0, before: moment) }
    let loose = try await read { db in try old.filter { try !Self.isNamed($0, db) } }
    guard !loose.isEmpty else { return }
    try await write { [files] db in
      for key in loose where try !Self.isNamed(key, db) { try files.remove(key, ifStoredBefore: moment) }
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
