import GRDB
import Storage

extension SQLiteStorage {
  public func segments(runID: Int64, stream: RowStream) async throws -> [SegmentRecord] {
    try await read { db in
      try db.all(
        """
        SELECT id, writer, age, row_count, value_count, first_step, last_step, byte_count, object_key, body
        FROM segments WHERE run = ? AND stream = ? ORDER BY age, id
        """, [runID, stream.rawValue]
      ) { row in
        let id = row.int()
        var segment = SegmentRecord(
          runID: runID, stream: stream, writer: row.text(), order: row.int(), rowCount: row.int(),
          valueCount: row.int(), firstStep: row.int(), lastStep: row.int(), byteCount: row.int(),
          body: row.optionalText().map { .object(key: $0) } ?? .inline(row.bytes()))
        segment.id = id
        return segment
      }
    }
  }

  private static func line(_ row: inout Columns) -> ConsoleLine {
    ConsoleLine(writer: row.text(), number: row.int(), content: row.text())
  }

  public func console(
    runID: Int64, after: (writer: String, number: Int64)?, limit: Int
  ) async throws -> [ConsoleLine] {
    try await read { db in
      try db.all(
        """
        SELECT writer, number, content FROM console
        WHERE run = ? AND (writer, number) > (?, ?) ORDER BY writer, number LIMIT ?
        """, [runID, after?.writer ?? "", after?.number ?? .min, max(0, limit)], read: Self.line)
    }
  }

  public func consoleTail(runID: Int64, limit: Int) async throws -> [ConsoleLine] {
    try await read { db in
      try db.all(
        """
        SELECT writer, number, content FROM console
        WHERE run = ? ORDER BY writer DESC, number DESC LIMIT ?
        """, [runID, max(0, limit)], read: Self.line
      ).reversed()
    }
  }
}
