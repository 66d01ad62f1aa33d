import GRDB
import Storage

extension SQLiteStorage {
  public func run(id: Int64) async throws -> RunRecord? {
    try await read { try Self.run(id: id, $0) }
  }

  static func run(id: Int64, _ db: Database) throws -> RunRecord? {
    try db.one("\(RunColumns.select) WHERE r.id = ?", [id], read: RunColumns.record)
  }

  public func run(projectID: Int64, name: String) async throws -> RunRecord? {
    try await read { db in
      try db.one("\(RunColumns.select) WHERE r.project = ? AND r.name = ?", [projectID, name], read: RunColumns.record)
    }
  }

  public func insertRun(_ run: RunRecord) async throws -> RunRecord {
    try await write { db in
      var run = run
      run.id = try Self.insert(run, db)
      return run
    }
  }

  static func insert(_ run: RunRecord, _ db: Database) throws -> Int64 {
    try db.run(
      RunColumns.insert,
      [run.projectID, run.name, run.createdAt, run.version] as [any Bindable] + RunColumns.values(run))
    var run = run
    run.id = db.lastInsertedRowID
    try writeTexts(run, db)
    return run.id
  }

  public func deleteRun(id: Int64) async throws {
    let keys = try await write { db in
      let keys = try db.all(
        "SELECT object_key FROM segments WHERE run = ? AND object_key IS NOT NULL", [id]) { $0.text() }
      try db.run("DELETE FROM runs WHERE id = ?", [id])
      return keys
    }
    // One that stays behind is found by the sweep.
    for key in keys { try? await files.delete(key: key) }
  }

  @discardableResult
  public func commit(_ change: RunChange) async throws -> [Int64] {
    try await write { db in
      let run = change.run
      try Self.update(run, db)
      try Self.writeTexts(run, db)
      for id in change.removedSegments {
        guard try db.run("DELETE FROM segments WHERE id = ? AND run = ?", [id, run.id]) == 1 else {
          throw StorageError.conflict
        }
      }
      let ids = try change.addedSegments.map { try Self.insert($0, runID: run.id, db) }
      for line in change.console {
        try db.run(
          """
          INSERT INTO console (run, writer, number, content) VALUES (?, ?, ?, ?)
          ON CONFLICT (run, writer, number) DO UPDATE SET content = excluded.content
          """, [run.id, line.writer, line.number, line.content])
      }
      return ids
    }
  }

  private static func update(_ run: RunRecord, _ db: Database) throws {
    let place: [any Bindable] = [run.id, run.version, run.projectID, run.name, run.createdAt]
    if try db.run(RunColumns.update, RunColumns.values(run) + place) == 1 { return }
    let moved = try db.run(
      "UPDATE runs SET project = ?, name = ?, created_at = ? WHERE id = ? AND version = ?",
      [run.projectID, run.name, run.createdAt, run.id, run.version])
    guard moved == 1, try db.run(RunColumns.update, RunColumns.values(run) + place) == 1 else {
      throw StorageError.conflict
    }
  }

  /// Config and summary, each only if it differs from what is there.
  private static func writeTexts(_ run: RunRecord, _ db: Database) throws {
    for (table, text) in [("configs", run.config), ("summaries", run.summary)] {
      try db.run(
        """
        INSERT INTO \(table) (run, text) VALUES (?, ?)
        ON CONFLICT (run) DO UPDATE SET text = excluded.text WHERE text <> excluded.text
        """, [run.id, text])
    }
  }

  private static func insert(_ segment: SegmentRecord, runID: Int64, _ db: Database) throws -> Int64 {
    let key: String?
    let body: [UInt8]?
    switch segment.body {
    case .inline(let bytes): (key, body) = (nil, bytes)
    case .object(let name): (key, body) = (name, nil)
    }
    try db.run(
      """
      INSERT INTO segments (run, stream, writer, age, row_count, value_count, first_step, last_step, byte_count,
        object_key, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        runID, segment.stream.rawValue, segment.writer, segment.order, segment.rowCount, segment.valueCount,
        segment.firstStep, segment.lastStep, segment.byteCount, key, body,
      ])
    return db.lastInsertedRowID
  }
}
