import GRDB
import QuipuBase
import Storage

/// How a run record and its columns correspond.
enum RunColumns {
  /// All of a record, as `record` reads it.
  static let select = """
    SELECT r.id, r.project, r.name, r.created_at, r.version, r.state, r.exit_code, r.heartbeat_at,
      r.is_stop_requested, r.history_line_count, r.events_line_count, r.log_line_count, r.last_step,
      r.completed_timestamp, r.recent_requests, r.fork_run, r.fork_step, r.display_name, r.group_name, r.job_type,
      r.sweep, r.host, r.program, r.commit_hash, r.repo, r.tags, r.description, r.notes, r.history_tail, r.events_tail,
      c.text, s.text
    FROM runs r LEFT JOIN configs c ON c.run = r.id LEFT JOIN summaries s ON s.run = r.id
    """

  static func record(_ row: inout Columns) throws -> RunRecord {
    let id = row.int()
    var run = RunRecord(projectID: row.int(), name: row.text(), displayName: "", createdAt: row.timestamp())
    run.id = id
    run.version = row.int()
    run.state = try state(row.text(), of: id)
    run.exitCode = row.optionalInt()
    run.heartbeatAt = row.timestamp()
    run.isStopRequested = row.bool()
    run.historyLineCount = row.int()
    run.eventsLineCount = row.int()
    run.logLineCount = row.int()
    run.lastStep = row.optionalInt()
    run.completedTimestamp = row.optionalDouble()
    run.recentRequests = digests(row.bytes())
    let fork = (row.optionalInt(), row.optionalInt())
    if case (let origin?, let step?) = fork { run.fork = ForkOrigin(runID: origin, step: step) }
    run.displayName = row.text()
    run.group = row.optionalText()
    run.jobType = row.optionalText()
    run.sweep = row.optionalText()
    run.host = row.optionalText()
    run.program = row.optionalText()
    run.commit = row.optionalText()
    run.repo = row.optionalText()
    run.tags = try tags(row.text(), of: id)
    run.description = row.optionalText()
    run.notes = row.optionalText()
    run.historyTail = row.optionalText()
    run.eventsTail = row.optionalText()
    run.config = row.optionalText() ?? "{}"
    run.summary = row.optionalText() ?? "{}"
    return run
  }

  static let insert = """
    INSERT INTO runs (project, name, created_at, version, \(mutable.joined(separator: ", ")))
    VALUES (\(Array(repeating: "?", count: mutable.count + 4).joined(separator: ", ")))
    """

  /// Leaves out what indexes hold, which next to no change touches: it would be written again in each of them.
  static let update = """
    UPDATE runs SET version = version + 1, \(mutable.map { $0 + " = ?" }.joined(separator: ", "))
    WHERE id = ? AND version = ? AND project = ? AND name = ? AND created_at = ?
    """

  private static let mutable = [
    "state", "exit_code", "heartbeat_at", "is_stop_requested", "history_line_count", "events_line_count",
    "log_line_count", "last_step", "completed_timestamp", "recent_requests", "fork_run", "fork_step", "display_name",
    "group_name", "job_type", "sweep", "host", "program", "commit_hash", "repo", "tags", "description", "notes",
    "history_tail", "events_tail",
  ]

  static func values(_ run: RunRecord) -> [any Bindable] {
    [
      run.state.rawValue, run.exitCode, run.heartbeatAt, run.isStopRequested, run.historyLineCount,
      run.eventsLineCount, run.logLineCount, run.lastStep, run.completedTimestamp, bytes(run.recentRequests),
      run.fork?.runID, run.fork?.step, run.displayName, run.group, run.jobType, run.sweep, run.host, run.program,
      run.commit, run.repo, text(run.tags), run.description, run.notes, run.historyTail, run.eventsTail,
    ]
  }

  static func state(_ text: String, of id: Int64) throws -> RunState {
    guard let state = RunState(rawValue: text) else {
      throw StorageError.damaged("run \(id) has the state \"\(text)\"")
    }
    return state
  }

  static func tags(_ text: String, of id: Int64) throws -> [String] {
    if text == "[]" { return [] }
    guard let tags = try? JSON(parsing: text).arrayValue else {
      throw StorageError.damaged("tags of run \(id) are not a list")
    }
    return tags.compactMap(\.stringValue)
  }

  private static func text(_ tags: [String]) -> String {
    tags.isEmpty ? "[]" : JSON.array(tags.map { .string($0) }).text(style: .core)
  }

  /// Eight bytes each, little-endian.
  private static func bytes(_ digests: [UInt64]) -> [UInt8] {
    digests.flatMap { digest in (0..<8).map { UInt8(truncatingIfNeeded: digest >> ($0 * 8)) } }
  }

  private static func digests(_ bytes: [UInt8]) -> [UInt64] {
    stride(from: 0, to: bytes.count - bytes.count % 8, by: 8).map { start in
      bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }
}
