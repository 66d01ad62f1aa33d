import QuipuBase
import RunFilters
import Storage
import SweepSearch

/// Agents ask here what to do. Source: protocol reference, 14.3.
///
/// An agent gets a run when it has none going; the run's record is made in the same step. A run that was handed out
/// and neither began nor was reported by its agent within `patience` is handed out again, as the same run: the answer
/// was lost, or the agent died. After three times, or if the agent had it going and it ended before it began to log, it
/// counts as failed. A run that was preempted is handed out again to be resumed; one that crashed is not: who wants its
/// point tried again deletes it and resumes the sweep.
extension SweepService {
  /// Seconds.
  private static let patience: Double = 180
  private static let maximumAttempts: Int64 = 3
  /// Runs that a Bayesian search reads, the newest. It bounds the time of a heartbeat.
  private static let maximumResults = 1000

  func addAgent(host: String, entity: String?, project: String?, sweep name: String) async throws -> SweepAgentRecord {
    let sweep = try await sweep(entity: entity, project: project, name: name)
    guard host.utf8.count <= 1024 else { throw ServerFault(400, "a host name has at most 1024 bytes") }
    let agent = try await storage.addSweepAgent(
      SweepAgentRecord(sweepID: sweep.id, name: RunService.newRunID(), host: host))
    if sweep.state == .pending {
      _ = try await change(sweepID: sweep.id) { change in
        if change.sweep.state == .pending { change.sweep.state = .running }
        change.sweep.updatedAt = .now
      }
    }
    return agent
  }

  /// - Parameter running: names of the runs that this agent has going.
  /// - Throws: 404 if there is no such agent; it ends then.
  func heartbeat(
    agent globalID: String, running: Set<String>
  ) async throws -> (agent: SweepAgentRecord, commands: [SweepCommand]) {
    guard let id = GlobalID.parse(globalID, kind: "Agent"), var found = try await storage.sweepAgent(id: id) else {
      throw ServerFault(404, "there is no agent with the id '\(globalID)'")
    }
    found.heartbeatAt = .now
    let agent = found
    try await storage.touchSweepAgent(id: agent.id, at: agent.heartbeatAt)
    return try await locks.with(agent.sweepID) {
      for _ in 0..<8 {
        guard let sweep = try await storage.sweep(id: agent.sweepID) else {
          throw ServerFault(404, "the sweep was deleted")
        }
        do {
          return (agent, try await commands(for: agent, running: running, of: sweep))
        } catch StorageError.conflict { continue } catch StorageError.exists { continue }
      }
      throw ServerFault(503, "the sweep is being changed by others; try again")
    }
  }

  private func commands(
    for agent: SweepAgentRecord, running: Set<String>, of sweep: SweepRecord
  ) async throws -> [SweepCommand] {
    var change = SweepChange(sweep: sweep)
    let survey = try await survey(agent: agent, running: running, &change)
    let commands = try await decide(for: agent, running: running, survey, &change)
    // A heartbeat that changes nothing must not make others try again.
    if change.sweep != sweep || !change.trials.isEmpty || change.added != nil { try await storage.commit(change) }
    return commands
  }

  // MARK: What there is

  private struct Survey {
    /// Names of this agent's runs that someone asked to stop.
    var toStop: [String] = []
    /// What may be handed out again.
    var lost: (trial: SweepTrialRecord, run: RunRecord)?
    /// Something may still come of so many trials.
    var openCount = 0
  }

  /// Looks at all trials that are open, and closes those that are over.
  private func survey(
    agent: SweepAgentRecord, running: Set<String>, _ change: inout SweepChange
  ) async throws -> Survey {
    var survey = Survey()
    for var trial in try await storage.openTrials(sweepID: change.sweep.id) {
      guard let run = try await storage.run(id: trial.runID) else { continue }
      let isMine = trial.agentID == agent.id
      if isMine && running.contains(run.name) {
        survey.openCount += 1
        if run.isStopRequested { survey.toStop.append(run.name) }
        if !trial.wasReported {
          trial.wasReported = true
          change.trials.append(trial)
        }
        continue
      }
      let isStopped = run.isStopRequested || change.sweep.state == .canceled
      switch try await standing(of: trial, run, isMine: isMine, isStopped: isStopped) {
      case .going: survey.openCount += 1
      case .lost:
        survey.openCount += 1
        if survey.lost == nil { survey.lost = (trial, run) }
      case .over:
        trial.isOpen = false
        change.trials.append(trial)
      }
    }
    return survey
  }

  private enum Standing {
    case going, lost, over
  }

  private func standing(
    of trial: SweepTrialRecord, _ run: RunRecord, isMine: Bool, isStopped: Bool
  ) async throws -> Standing {
    switch liveness.state(run.state, heartbeatAt: run.heartbeatAt) {
    case .finished, .failed, .killed, .crashed: return .over
    case .preempted: return .lost
    case .preempting: return .going
    case .running:
      guard isMine && trial.wasReported else { return .going }
      // The agent says that its process has ended. The run's own end may still be on its way, but a process that was
      // stopped seldom tells of it.
      if isStopped { try await runs.setState(runID: run.id, RunState.killed.rawValue) }
      return .over
    case .pending:
      if isMine && trial.wasReported {
        try await runs.setState(runID: run.id, RunState.failed.rawValue)
        return .over
      }
      guard trial.handedOutAt.adding(seconds: Self.patience) < .now else { return .going }
      if trial.wasReported, let agent = try await storage.sweepAgent(id: trial.agentID),
        agent.heartbeatAt.adding(seconds: Self.patience) > .now
      {
        return .going
      }
      if trial.attempts < Self.maximumAttempts { return .lost }
      try await runs.setState(runID: run.id, RunState.failed.rawValue)
      return .over
    }
  }

  // MARK: What to do

  private func decide(
    for agent: SweepAgentRecord, running: Set<String>, _ survey: Survey, _ change: inout SweepChange
  ) async throws -> [SweepCommand] {
    let isBusy = !running.isEmpty
    if change.sweep.state == .canceled { return isBusy ? running.sorted().map { .stop(run: $0) } : [.exit] }
    if !survey.toStop.isEmpty { return survey.toStop.map { .stop(run: $0) } }
    switch change.sweep.state {
    case .canceled, .finished: return isBusy ? [] : [.exit]
    case .paused: return []
    case .pending: change.sweep.state = .running
    case .running: break
    }
    // `exit` would kill what is going, and a second run would make a command-line agent wait in silence.
    if isBusy { return [] }
    let configuration = try configuration(of: change.sweep)
    if let (lost, run) = survey.lost {
      var trial = lost
      trial.agentID = agent.id
      trial.handedOutAt = .now
      trial.attempts += 1
      trial.wasReported = false
      change.trials.append(trial)
      let start = SweepCommand.RunStart(
        run: run.name, program: configuration.program, arguments: Self.arguments(in: run, configuration))
      return [run.state == .pending ? .run(start) : .resume(start)]
    }
    if let start = try await next(for: agent, configuration, &change) { return [.run(start)] }
    guard survey.openCount == 0 else { return [] }
    change.sweep.state = .finished
    change.sweep.updatedAt = .now
    return [.exit]
  }

  /// Makes the next run. Nil if there is none.
  private func next(
    for agent: SweepAgentRecord, _ configuration: SweepConfiguration, _ change: inout SweepChange
  ) async throws -> SweepCommand.RunStart? {
    let sweep = change.sweep
    let (count, free) = try await storage.trialNumbers(sweepID: sweep.id)
    if let cap = configuration.runCap, count >= cap { return nil }
    var generator = SystemRandomNumberGenerator()
    let results = configuration.method == .bayes ? try await results(of: sweep, configuration) : []
    guard let number = Int(exactly: free),
      let arguments = configuration.arguments(number: number, results: results, using: &generator)
    else { return nil }
    var run = RunRecord(
      projectID: sweep.projectID, name: RunService.newRunID(), displayName: RunNames.next(sweepRun: free + 1))
    run.state = .pending
    run.sweep = sweep.name
    run.config = JSON.object(SweepCommand.wrapped(arguments)).text(style: .core)
    change.added = (run, SweepTrialRecord(sweepID: sweep.id, number: free, agentID: agent.id))
    change.sweep.updatedAt = .now
    return SweepCommand.RunStart(run: run.name, program: configuration.program, arguments: arguments)
  }

  /// The parameters among the values of a run's config; its program may have added others.
  private static func arguments(in run: RunRecord, _ configuration: SweepConfiguration) -> JSONObject {
    let config = (try? JSON(parsing: run.config))?.objectValue ?? [:]
    var arguments = JSONObject()
    for name in configuration.names { arguments[name] = config[name]?.objectValue?["value"] }
    return arguments
  }

  /// Oldest first.
  private func results(of sweep: SweepRecord, _ configuration: SweepConfiguration) async throws -> [SweepResult] {
    let query = try query(sweep, order: "-created_at", limit: Self.maximumResults)
    return try await storage.runs(query).runs.reversed().map { run, _ in
      let state = liveness.state(run.state, heartbeatAt: run.heartbeatAt)
      let value = configuration.metric.flatMap { Self.value(of: $0, in: run, query) }
      return SweepResult(
        arguments: Self.arguments(in: run, configuration),
        outcome: [.pending, .running, .preempting].contains(state)
          ? .running : value.map { .value($0) } ?? .failed)
    }
  }

  /// Where the sweep stands for those who look at it: one whose last run is over has finished, even if no agent has
  /// come since to be told so.
  func state(of sweep: SweepRecord, _ configuration: SweepConfiguration) async throws -> SweepState {
    guard sweep.state == .running, let expected = configuration.expectedRuns,
      try await storage.trialNumbers(sweepID: sweep.id).count >= expected
    else { return sweep.state }
    for trial in try await storage.openTrials(sweepID: sweep.id) {
      guard let run = try await storage.run(id: trial.runID) else { continue }
      switch liveness.state(run.state, heartbeatAt: run.heartbeatAt) {
      case .finished, .failed, .killed, .crashed: continue
      default: return .running
      }
    }
    return .finished
  }
}
