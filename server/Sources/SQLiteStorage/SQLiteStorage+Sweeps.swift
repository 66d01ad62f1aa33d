import GRDB
import Storage

extension SQLiteStorage {
  private static let sweepColumns = """
    SELECT s.id, s.project, s.name, s.config, s.created_at, s.version, s.updated_at, s.state, s.display_name,
      s.description
    FROM sweeps s
    """

  private static func sweep(_ row: inout Columns) throws -> SweepRecord {
    let id = row.int()
    var sweep = SweepRecord(projectID: row.int(), name: row.text(), config: row.text(), createdAt: row.timestamp())
    sweep.id = id
    sweep.version = row.int()
    sweep.updatedAt = row.timestamp()
    let state = row.text()
    guard let known = SweepState(rawValue: state) else {
      throw StorageError.damaged("sweep \(id) has the state \"\(state)\"")
    }
    sweep.state = known
    sweep.displayName = row.optionalText()
    sweep.description = row.optionalText()
    return sweep
  }

  public func insertSweep(_ sweep: SweepRecord) async throws -> SweepRecord {
    try await write { db in
      try db.run(
        """
        INSERT INTO sweeps (project, name, created_at, version, updated_at, state, display_name, description, config)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          sweep.projectID, sweep.name, sweep.createdAt, sweep.version, sweep.updatedAt, sweep.state.rawValue,
          sweep.displayName, sweep.description, sweep.config,
        ])
      var sweep = sweep
      sweep.id = db.lastInsertedRowID
      return sweep
    }
  }

  public func sweep(id: Int64) async throws -> SweepRecord? {
    try await read { try $0.one("\(Self.sweepColumns) WHERE s.id = ?", [id], read: Self.sweep) }
  }

  public func sweep(projectID: Int64, name: String) async throws -> SweepRecord? {
    try await read { db in
      try db.one("\(Self.sweepColumns) WHERE s.project = ? AND s.name = ?", [projectID, name], read: Self.sweep)
    }
  }

  public func sweeps(projectID: Int64, before: Int64?, limit: Int) async throws -> [SweepRecord] {
    try await read { db in
      try db.all(
        "\(Self.sweepColumns) WHERE s.project = ? AND s.id < ? ORDER BY s.id DESC LIMIT ?",
        [projectID, before ?? .max, max(0, limit)], read: Self.sweep)
    }
  }

  public func countSweeps(projectID: Int64) async throws -> Int {
    try await read { db in
      Int(try db.one("SELECT count(*) FROM sweeps WHERE project = ?", [projectID]) { $0.int() } ?? 0)
    }
  }

  // MARK: Agents

  private static let agentColumns = "SELECT id, sweep, name, host, created_at, heartbeat_at FROM sweep_agents"

  private static func agent(_ row: inout Columns) -> SweepAgentRecord {
    var agent = SweepAgentRecord(
      id: row.int(), sweepID: row.int(), name: row.text(), host: row.text(), createdAt: row.timestamp())
    agent.heartbeatAt = row.timestamp()
    return agent
  }

  public func addSweepAgent(_ agent: SweepAgentRecord) async throws -> SweepAgentRecord {
    try await write { db in
      try db.run(
        "INSERT INTO sweep_agents (sweep, name, host, created_at, heartbeat_at) VALUES (?, ?, ?, ?, ?)",
        [agent.sweepID, agent.name, agent.host, agent.createdAt, agent.heartbeatAt])
      var agent = agent
      agent.id = db.lastInsertedRowID
      return agent
    }
  }

  public func sweepAgent(id: Int64) async throws -> SweepAgentRecord? {
    try await read { try $0.one("\(Self.agentColumns) WHERE id = ?", [id], read: Self.agent) }
  }

  public func sweepAgents(sweepID: Int64) async throws -> [SweepAgentRecord] {
    try await read { try $0.all("\(Self.agentColumns) WHERE sweep = ? ORDER BY id", [sweepID], read: Self.agent) }
  }

  public func touchSweepAgent(id: Int64, at moment: Timestamp) async throws {
    try await write { db in
      _ = try db.run("UPDATE sweep_agents SET heartbeat_at = ? WHERE id = ?", [moment, id])
    }
  }

  // MARK: Trials

  private static let trialColumns = """
    SELECT sweep, run, number, agent, handed_out_at, attempts, was_reported, is_open FROM sweep_trials
    """

  private static func trial(_ row: inout Columns) -> SweepTrialRecord {
    var trial = SweepTrialRecord(
      sweepID: row.int(), runID: row.int(), number: row.int(), agentID: row.int(), handedOutAt: row.timestamp())
    trial.attempts = row.int()
    trial.wasReported = row.bool()
    trial.isOpen = row.bool()
    return trial
  }

  public func openTrials(sweepID: Int64) async throws -> [SweepTrialRecord] {
    try await read { db in
      try db.all("\(Self.trialColumns) WHERE sweep = ? AND is_open ORDER BY number", [sweepID], read: Self.trial)
    }
  }

  public func trials(agentID: Int64) async throws -> [SweepTrialRecord] {
    try await read { try $0.all("\(Self.trialColumns) WHERE agent = ? ORDER BY number", [agentID], read: Self.trial) }
  }

  public func trialNumbers(sweepID: Int64) async throws -> (count: Int, free: Int64) {
    try await read { db in
      let numbers = try db.one(
        "SELECT count(*), min(number), max(number) FROM sweep_trials WHERE sweep = ?", [sweepID]
      ) { (count: $0.int(), low: $0.int(), high: $0.int()) }
      guard let numbers, numbers.count > 0 else { return (0, 0) }
      let count = Int(numbers.count)
      if numbers.low > 0 { return (count, 0) }
      // Without gaps the next number is free; gaps are where runs were deleted.
      if numbers.high < numbers.count { return (count, numbers.high &+ 1) }
      let free = try db.one(
        """
        SELECT t.number + 1 FROM sweep_trials t
        WHERE t.sweep = ?
          AND NOT EXISTS (SELECT 1 FROM sweep_trials n WHERE n.sweep = t.sweep AND n.number = t.number + 1)
        ORDER BY t.number LIMIT 1
        """, [sweepID]) { $0.int() }
      return (count, free ?? 0)
    }
  }

  public func commit(_ change: SweepChange) async throws {
    try await write { db in
      let sweep = change.sweep
      let updated = try db.run(
        """
        UPDATE sweeps SET version = version + 1, updated_at = ?, state = ?, display_name = ?, description = ?,
          config = ?
        WHERE id = ? AND version = ?
        """,
        [
          sweep.updatedAt, sweep.state.rawValue, sweep.displayName, sweep.description, sweep.config, sweep.id,
          sweep.version,
        ])
      guard updated == 1 else { throw StorageError.conflict }
      for trial in change.trials {
        try db.run(
          """
          UPDATE sweep_trials SET agent = ?, handed_out_at = ?, attempts = ?, was_reported = ?, is_open = ?
          WHERE run = ? AND sweep = ?
          """,
          [
            trial.agentID, trial.handedOutAt, trial.attempts, trial.wasReported, trial.isOpen, trial.runID, sweep.id,
          ])
      }
      guard let (run, trial) = change.added else { return }
      let isTaken = try db.one(
        "SELECT 1 FROM sweep_trials WHERE sweep = ? AND number = ?", [sweep.id, trial.number]) { $0.int() } != nil
      guard !isTaken else { throw StorageError.conflict }
      let runID = try Self.insert(run, db)
      try db.run(
        """
        INSERT INTO sweep_trials (run, sweep, number, agent, handed_out_at, attempts, was_reported, is_open)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          runID, sweep.id, trial.number, trial.agentID, trial.handedOutAt, trial.attempts, trial.wasReported,
          trial.isOpen,
        ])
    }
  }
}
