import GRDB
import Storage

extension SQLiteStorage {
  private static let fileColumns = """
    SELECT f.id, f.run, f.name, b.sha256, b.md5, b.size, f.updated_at
    FROM files f JOIN blobs b ON b.sha256 = f.blob
    """

  private static func file(_ row: inout Columns) -> FileRecord {
    FileRecord(
      id: row.int(), runID: row.int(), name: row.text(), blob: blob(&row), updatedAt: row.timestamp())
  }

  static func blob(_ row: inout Columns) -> BlobRecord {
    BlobRecord(sha256: row.text(), md5: row.text(), size: row.int())
  }

  // MARK: Blobs

  public func addBlob(_ blob: BlobRecord) async throws {
    try await write { db in
      _ = try db.run(
        """
        INSERT INTO blobs (sha256, md5, size, added_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (sha256) DO UPDATE SET added_at = excluded.added_at
        """, [blob.sha256, blob.md5, blob.size, Timestamp.now])
    }
  }

  public func blob(md5: String) async throws -> BlobRecord? {
    try await read { db in
      try db.one(
        "SELECT sha256, md5, size FROM blobs WHERE md5 = ? ORDER BY sha256 LIMIT 1", [md5], read: Self.blob)
    }
  }

  // MARK: Files

  public func putFile(_ file: FileRecord) async throws {
    try await write { db in
      guard try db.one("SELECT 1 FROM blobs WHERE sha256 = ?", [file.blob.sha256], read: { $0.int() }) != nil else {
        throw StorageError.conflict
      }
      try db.run(
        """
        INSERT INTO files (run, name, blob, updated_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (run, name) DO UPDATE SET blob = excluded.blob, updated_at = excluded.updated_at
        """, [file.runID, file.name, file.blob.sha256, file.updatedAt])
    }
  }

  public func file(id: Int64) async throws -> FileRecord? {
    try await read { try $0.one("\(Self.fileColumns) WHERE f.id = ?", [id], read: Self.file) }
  }

  public func file(runID: Int64, name: String) async throws -> FileRecord? {
    try await read { try Self.file(runID: runID, name: name, $0) }
  }

  private static func file(runID: Int64, name: String, _ db: Database) throws -> FileRecord? {
    try db.one("\(fileColumns) WHERE f.run = ? AND f.name = ?", [runID, name], read: file)
  }

  public func files(
    runID: Int64, names: [String], pattern: String?, after: String?, limit: Int
  ) async throws -> [FileRecord] {
    guard limit > 0 else { return [] }
    let pattern = pattern.map(LikePattern.init)
    return try await read { db in
      var found: [FileRecord] = []
      guard names.isEmpty else {
        var last: String?
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
          // Byte by byte, as everywhere: `==` takes different texts for the same.
          defer { last = name }
          if last.map({ $0.utf8.elementsEqual(name.utf8) }) == true { continue }
          if after.map({ !$0.utf8.lexicographicallyPrecedes(name.utf8) }) == true { continue }
          if pattern.map({ !$0.matches(name) }) == true { continue }
          if let file = try Self.file(runID: runID, name: name, db) { found.append(file) }
          if found.count == limit { break }
        }
        return found
      }
      let order = after == nil ? "f.name >= ?" : "f.name > ?"
      try db.rows("\(Self.fileColumns) WHERE f.run = ? AND \(order) ORDER BY f.name", [runID, after ?? ""]) { row in
        let file = Self.file(&row)
        if pattern.map({ $0.matches(file.name) }) ?? true { found.append(file) }
        return found.count < limit
      }
      return found
    }
  }

  public func countFiles(runID: Int64) async throws -> Int {
    try await read { Int(try $0.one("SELECT count(*) FROM files WHERE run = ?", [runID]) { $0.int() } ?? 0) }
  }

  public func deleteFiles(ids: [Int64]) async throws {
    try await write { db in
      for id in ids { try db.run("DELETE FROM files WHERE id = ?", [id]) }
    }
  }
}
