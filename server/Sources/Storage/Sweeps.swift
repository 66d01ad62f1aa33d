/// The protocol's words for where a sweep stands (protocol reference, 14.1).
public enum SweepState: String, Sendable, CaseIterable {
  case pending = "PENDING"
  case running = "RUNNING"
  case paused = "PAUSED"
  /// No new runs; those that are going may end.
  case finished = "FINISHED"
  /// No new runs, and those that are going are stopped.
  case canceled = "CANCELED"
}

public struct SweepRecord: Sendable, Equatable {
  /// Storage id; 0 before the record is stored.
  public var id: Int64 = 0
  public var projectID: Int64
  /// The sweep id of its URL.
  public var name: String
  public var displayName: String?
  public var description: String?
  /// YAML, as it was given.
  public var config: String
  public var state: SweepState = .pending
  public var createdAt: Timestamp
  public var updatedAt: Timestamp
  /// Counts writes; a write on top of another version is refused (`StorageError.conflict`).
  public var version: Int64 = 0

  public init(projectID: Int64, name: String, config: String, createdAt: Timestamp = .now) {
    self.projectID = projectID
    self.name = name
    self.config = config
    self.createdAt = createdAt
    updatedAt = createdAt
  }
}

/// A process that asks for runs of a sweep and starts them.
public struct SweepAgentRecord: Sendable, Equatable {
  public var id: Int64
  public var sweepID: Int64
  public var name: String
  public var host: String
  public var createdAt: Timestamp
  public var heartbeatAt: Timestamp

  public init(id: Int64 = 0, sweepID: Int64, name: String, host: String, createdAt: Timestamp = .now) {
    self.id = id
    self.sweepID = sweepID
    self.name = name
    self.host = host
    self.createdAt = createdAt
    heartbeatAt = createdAt
  }
}

/// A run that a sweep handed out. It goes with the run.
public struct SweepTrialRecord: Sendable, Equatable {
  public var sweepID: Int64
  public var runID: Int64
  /// From 0, in a grid the place of the point; no two trials of a sweep have the same.
  public var number: Int64
  /// The agent to which it was handed out last.
  public var agentID: Int64
  public var handedOutAt: Timestamp
  /// How often it was handed out.
  public var attempts: Int64 = 1
  /// That agent has said that the run is going.
  public var wasReported = false
  /// Something may still come of it.
  public var isOpen = true

  public init(sweepID: Int64, runID: Int64 = 0, number: Int64, agentID: Int64, handedOutAt: Timestamp = .now) {
    self.sweepID = sweepID
    self.runID = runID
    self.number = number
    self.agentID = agentID
    self.handedOutAt = handedOutAt
  }
}

/// What one request changes of a sweep.
public struct SweepChange: Sendable {
  public var sweep: SweepRecord
  /// Trials that are stored already.
  public var trials: [SweepTrialRecord] = []
  /// A run to be made and handed out; the trial gets the run's id.
  public var added: (run: RunRecord, trial: SweepTrialRecord)?

  public init(sweep: SweepRecord) { self.sweep = sweep }
}

public protocol SweepStorage: Sendable {
  /// Stores a new sweep and gives it its id. Throws `exists` if the project has a sweep of this name.
  func insertSweep(_ sweep: SweepRecord) async throws -> SweepRecord
  func sweep(id: Int64) async throws -> SweepRecord?
  func sweep(projectID: Int64, name: String) async throws -> SweepRecord?
  /// Newest first, those with an id below `before`.
  func sweeps(projectID: Int64, before: Int64?, limit: Int) async throws -> [SweepRecord]
  func countSweeps(projectID: Int64) async throws -> Int

  /// Stores a new agent and gives it its id.
  func addSweepAgent(_ agent: SweepAgentRecord) async throws -> SweepAgentRecord
  func sweepAgent(id: Int64) async throws -> SweepAgentRecord?
  /// Oldest first.
  func sweepAgents(sweepID: Int64) async throws -> [SweepAgentRecord]
  /// Notes a sign of life. Nothing happens if there is no such agent.
  func touchSweepAgent(id: Int64, at moment: Timestamp) async throws

  /// Those that are open, by their numbers.
  func openTrials(sweepID: Int64) async throws -> [SweepTrialRecord]
  /// By their numbers.
  func trials(agentID: Int64) async throws -> [SweepTrialRecord]
  /// How many trials the sweep has, and the smallest number from 0 that none of them has.
  func trialNumbers(sweepID: Int64) async throws -> (count: Int, free: Int64)

  /// Writes all of it or nothing: the one way a stored sweep changes, so that no two agents get the same point. Throws
  /// `conflict` if the sweep was changed since it was read (its `version`) or the new trial's number is taken, `exists`
  /// if the new run's name is. The stored version is `sweep.version + 1`.
  func commit(_ change: SweepChange) async throws
}
