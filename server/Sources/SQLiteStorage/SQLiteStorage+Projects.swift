import GRDB
import Storage

extension SQLiteStorage {
  private static let projectColumns = """
    SELECT p.id, p.entity, e.name, p.name, p.description, p.created_at
    FROM projects p JOIN entities e ON e.id = p.entity
    """

  private static func project(_ row: inout Columns) -> ProjectRecord {
    ProjectRecord(
      id: row.int(), entityID: row.int(), entity: row.text(), name: row.text(), description: row.optionalText(),
      createdAt: row.timestamp())
  }

  public func project(id: Int64) async throws -> ProjectRecord? {
    try await read { try $0.one("\(Self.projectColumns) WHERE p.id = ?", [id], read: Self.project) }
  }

  public func project(entity: String, name: String) async throws -> ProjectRecord? {
    try await read { db in
      try db.one("\(Self.projectColumns) WHERE e.name = ? AND p.name = ?", [entity, name], read: Self.project)
    }
  }

  public func ensureProject(entity: EntityRecord, name: String) async throws -> (ProjectRecord, isNew: Bool) {
    if let known = try await read({ try Self.project(entityID: entity.id, name: name, $0) }) { return (known, false) }
    return try await write { db in
      if let known = try Self.project(entityID: entity.id, name: name, db) { return (known, false) }
      var project = ProjectRecord(entityID: entity.id, entity: entity.name, name: name)
      try db.run(
        "INSERT INTO projects (entity, name, created_at) VALUES (?, ?, ?)", [entity.id, name, project.createdAt])
      project.id = db.lastInsertedRowID
      return (project, true)
    }
  }

  private static func project(entityID: Int64, name: String, _ db: Database) throws -> ProjectRecord? {
    try db.one("\(projectColumns) WHERE p.entity = ? AND p.name = ?", [entityID, name], read: project)
  }

  public func updateProject(id: Int64, description: String?) async throws {
    guard let description else { return }
    try await write { db in
      _ = try db.run("UPDATE projects SET description = ? WHERE id = ?", [description, id])
    }
  }

  public func projects(entity: String?, before: Int64?, limit: Int) async throws -> [ProjectRecord] {
    try await read { db in
      if let entity {
        return try db.all(
          "\(Self.projectColumns) WHERE e.name = ? AND p.id < ? ORDER BY p.id DESC LIMIT ?",
          [entity, before ?? .max, max(0, limit)], read: Self.project)
      }
      return try db.all(
        "\(Self.projectColumns) WHERE p.id < ? ORDER BY p.id DESC LIMIT ?", [before ?? .max, max(0, limit)],
        read: Self.project)
    }
  }
}
