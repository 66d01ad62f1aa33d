import GRDB
import QuipuBase
import RunFilters
import Storage

extension SQLiteStorage {
  public func runs(_ query: RunQuery) async throws -> RunPage {
    let limit = max(0, min(query.limit, 1_000_000))
    let after = try query.after.map { try RunCursor(text: $0) }
    return try await read { db in
      var page: [(run: RunRecord, cursor: String)] = []
      if query.order.source == .field(.createdAt), Self.acceptsAll(query) {
        for run in try Self.runsByAge(query, after: after, limit: limit + 1, db) {
          page.append((run, RunCursor(of: run, in: query).text))
        }
      } else {
        for cursor in try Self.cursors(query, after: after, limit: limit + 1, db) {
          guard let run = try Self.run(id: cursor.id, db) else { continue }
          page.append((run, cursor.text))
        }
      }
      let hasNext = page.count > limit
      return RunPage(runs: Array(page.prefix(limit)), hasNext: hasNext)
    }
  }

  public func countRuns(_ query: RunQuery) async throws -> Int {
    try await read { db in
      if Self.acceptsAll(query) {
        return Int(try db.one("SELECT count(*) FROM runs WHERE project = ?", [query.projectID]) { $0.int() } ?? 0)
      }
      var count = 0
      try Self.matches(query, forOrder: false, db) { _ in count += 1 }
      return count
    }
  }

  /// Whether the filter cannot tell runs apart and lets them pass.
  private static func acceptsAll(_ query: RunQuery) -> Bool {
    guard let filter = query.filter else { return true }
    guard filter.fields.isEmpty, !filter.needsConfig, !filter.needsSummary else { return false }
    return filter.matches(RunView(of: RunRecord(projectID: query.projectID, name: "", displayName: ""), in: query))
  }

  /// The order that the index has.
  private static func runsByAge(
    _ query: RunQuery, after: RunCursor?, limit: Int, _ db: Database
  ) throws -> [RunRecord] {
    let isDescending = query.order.isDescending
    var place = (Timestamp(microseconds: isDescending ? .max : .min), isDescending ? Int64.max : .min)
    if let after {
      guard let moment = after.moment else { return [] }
      place = (moment, after.id)
    }
    return try db.all(
      """
      \(RunColumns.select) WHERE r.project = ? AND (r.created_at, r.id) \(isDescending ? "<" : ">") (?, ?)
      ORDER BY r.created_at \(isDescending ? "DESC" : "ASC"), r.id \(isDescending ? "DESC" : "ASC") LIMIT ?
      """, [query.projectID, place.0, place.1, limit], read: RunColumns.record)
  }

  /// Places of the matching runs behind `after`, in order.
  private static func cursors(
    _ query: RunQuery, after: RunCursor?, limit: Int, _ db: Database
  ) throws -> [RunCursor] {
    var found: [RunCursor] = []
    try matches(query, forOrder: true, db) { view in
      let cursor = RunCursor(key: query.order.key(of: view), id: view.run.id)
      if after.map({ $0.precedes(cursor, in: query.order) }) ?? true { found.append(cursor) }
    }
    found.sort { $0.precedes($1, in: query.order) }
    return Array(found.prefix(limit))
  }

  /// Hands over every run that the filter lets pass, with no more in it than filter and order look at.
  private static func matches(
    _ query: RunQuery, forOrder: Bool, _ db: Database, _ body: (RunView) throws -> Void
  ) throws {
    let filter = query.filter
    let config = filter?.needsConfig == true || (forOrder && query.order.needsConfig)
    let summary = filter?.needsSummary == true || (forOrder && query.order.needsSummary)
    var fields = filter?.fields ?? []
    if forOrder, case .field(let field) = query.order.source { fields.insert(field) }
    var sql = "SELECT r.id, r.created_at, r.heartbeat_at, r.state"
    let texts = textColumns.filter { fields.contains($0.field) }
    for text in texts { sql += ", r.\(text.column)" }
    if fields.contains(.tags) { sql += ", r.tags" }
    if config { sql += ", c.text" }
    if summary { sql += ", s.text" }
    sql += " FROM runs r"
    if config { sql += " LEFT JOIN configs c ON c.run = r.id" }
    if summary { sql += " LEFT JOIN summaries s ON s.run = r.id" }
    sql += " WHERE r.project = ?"
    var values: [any Bindable] = [query.projectID]
    for condition in filter?.columnConditions ?? [] {
      guard let (test, names) = narrowing(condition) else { continue }
      sql += " AND \(test)"
      values.append(names)
    }
    try db.rows(of: db.makeStatement(sql: sql), values) { row in
      let id = row.int()
      var run = RunRecord(projectID: query.projectID, name: "", displayName: "", createdAt: row.timestamp())
      run.id = id
      run.heartbeatAt = row.timestamp()
      run.state = try RunColumns.state(row.text(), of: id)
      for text in texts { text.set(&run, row.optionalText()) }
      if fields.contains(.tags) { run.tags = try RunColumns.tags(row.text(), of: id) }
      if config { run.config = row.optionalText() ?? "{}" }
      if summary { run.summary = row.optionalText() ?? "{}" }
      let view = RunView(of: run, in: query)
      if filter?.matches(view) ?? true { try body(view) }
      return true
    }
  }

  /// A condition as SQL, so that what it rules out is not read further, if it is one of names.
  private static func narrowing(_ condition: ColumnCondition) -> (sql: String, names: String)? {
    guard let column = textColumns.first(where: { $0.field == condition.field })?.column,
      case .isIn(let values) = condition.test
    else { return nil }
    var names: [JSON] = []
    for value in values {
      // SQLite's JSON ends a text at its first NUL. A value of another type equals no text.
      guard case .string(let text) = value else { continue }
      guard !text.utf8.contains(0) else { return nil }
      names.append(.string(text))
    }
    return ("r.\(column) IN (SELECT value FROM json_each(?))", JSON.array(names).text(style: .core))
  }

  private typealias TextColumn = (
    field: RunField, column: String, set: @Sendable (inout RunRecord, String?) -> Void
  )

  private static let textColumns: [TextColumn] = [
    (.name, "name", { $0.name = $1 ?? "" }),
    (.displayName, "display_name", { $0.displayName = $1 ?? "" }),
    (.description, "description", { $0.description = $1 }),
    (.notes, "notes", { $0.notes = $1 }),
    (.group, "group_name", { $0.group = $1 }),
    (.jobType, "job_type", { $0.jobType = $1 }),
    (.commit, "commit_hash", { $0.commit = $1 }),
    (.host, "host", { $0.host = $1 }),
    (.sweep, "sweep", { $0.sweep = $1 }),
  ]
}
