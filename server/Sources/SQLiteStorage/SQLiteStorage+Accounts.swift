import GRDB
import Storage

extension SQLiteStorage {
  private static let keyColumns = "SELECT id, name, digest, hint, is_read_only, created_at FROM api_keys"
  private static let entityColumns = "SELECT id, name, is_team, created_at FROM entities"

  private static func key(_ row: inout Columns) -> APIKeyRecord {
    APIKeyRecord(
      id: row.int(), name: row.text(), digest: row.text(), hint: row.text(), isReadOnly: row.bool(),
      createdAt: row.timestamp())
  }

  private static func entity(_ row: inout Columns) -> EntityRecord {
    EntityRecord(id: row.int(), name: row.text(), isTeam: row.bool(), createdAt: row.timestamp())
  }

  public func keys() async throws -> [APIKeyRecord] {
    try await read { try $0.all("\(Self.keyColumns) ORDER BY id", read: Self.key) }
  }

  public func key(digest: String) async throws -> APIKeyRecord? {
    try await read { try $0.one("\(Self.keyColumns) WHERE digest = ?", [digest], read: Self.key) }
  }

  public func addKey(_ key: APIKeyRecord) async throws -> APIKeyRecord {
    try await write { db in
      try db.run(
        "INSERT INTO api_keys (name, digest, hint, is_read_only, created_at) VALUES (?, ?, ?, ?, ?)",
        [key.name, key.digest, key.hint, key.isReadOnly, key.createdAt])
      var key = key
      key.id = db.lastInsertedRowID
      return key
    }
  }

  public func removeKey(id: Int64) async throws -> Bool {
    try await write { try $0.run("DELETE FROM api_keys WHERE id = ?", [id]) > 0 }
  }

  public func entities() async throws -> [EntityRecord] {
    try await read { try $0.all("\(Self.entityColumns) ORDER BY id", read: Self.entity) }
  }

  public func entity(named name: String) async throws -> EntityRecord? {
    try await read { try Self.entity(named: name, $0) }
  }

  public func ensureEntity(named name: String, isTeam: Bool) async throws -> EntityRecord {
    if let known = try await entity(named: name) { return known }
    return try await write { db in
      if let known = try Self.entity(named: name, db) { return known }
      var entity = EntityRecord(name: name, isTeam: isTeam)
      try db.run(
        "INSERT INTO entities (name, is_team, created_at) VALUES (?, ?, ?)", [name, isTeam, entity.createdAt])
      entity.id = db.lastInsertedRowID
      return entity
    }
  }

  private static func entity(named name: String, _ db: Database) throws -> EntityRecord? {
    try db.one("\(entityColumns) WHERE name = ?", [name], read: entity)
  }
}
