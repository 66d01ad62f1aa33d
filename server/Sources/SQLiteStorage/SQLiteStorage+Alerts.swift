import GRDB
import Storage

extension SQLiteStorage {
  public func addAlert(_ alert: AlertRecord) async throws -> Bool {
    try await write { db in
      let isTooSoon = try db.one(
        "SELECT 1 FROM alerts WHERE run = ? AND title = ? AND created_at + wait_seconds * 1e6 > ?",
        [alert.runID, alert.title, alert.createdAt]
      ) { $0.int() }
      guard isTooSoon == nil else { return false }
      try db.run(
        "INSERT INTO alerts (run, title, text, severity, wait_seconds, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        [
          alert.runID, alert.title, alert.text, alert.severity, alert.waitSeconds.isNaN ? 0 : alert.waitSeconds,
          alert.createdAt,
        ])
      return true
    }
  }

  public func alerts(runID: Int64, limit: Int) async throws -> [AlertRecord] {
    try await read { db in
      try db.all(
        """
        SELECT id, run, title, text, severity, wait_seconds, created_at
        FROM alerts WHERE run = ? ORDER BY created_at DESC, id DESC LIMIT ?
        """, [runID, max(0, limit)]
      ) { row in
        AlertRecord(
          id: row.int(), runID: row.int(), title: row.text(), text: row.text(), severity: row.text(),
          waitSeconds: row.double(), createdAt: row.timestamp())
      }
    }
  }
}
