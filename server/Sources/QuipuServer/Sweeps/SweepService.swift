import GraphQL
import Logging
import QuipuBase
import RunFilters
import Storage
import SweepSearch

/// Sweeps as people see them: made, listed, paused and ended. Agents are in `SweepService+Agents`.
final class SweepService: Sendable {
  let storage: any Storage
  let runs: RunService
  let liveness: Liveness
  let configuration: ServerConfiguration
  /// Held by whoever reads a sweep in order to change it. It spares retries; what keeps two agents from the same point
  /// is the version that `commit` checks.
  let locks = KeyedLock<Int64>()

  init(storage: any Storage, runs: RunService, liveness: Liveness, configuration: ServerConfiguration) {
    self.storage = storage
    self.runs = runs
    self.liveness = liveness
    self.configuration = configuration
  }

  // MARK: Finding

  /// - Throws: 404 naming what is missing.
  func sweep(entity: String?, project: String?, name: String) async throws -> SweepRecord {
    guard let project = try await runs.project(entity: entity, name: project),
      let sweep = try await storage.sweep(projectID: project.id, name: name)
    else {
      let entity = RunService.given(entity) ?? configuration.user
      let project = RunService.given(project) ?? RunService.defaultProject
      throw ServerFault(404, "sweep \(entity)/\(project)/\(name) not found")
    }
    return sweep
  }

  /// Its runs, those that were not handed out by it too: runs that were added, or that name the sweep by themselves.
  func query(
    _ sweep: SweepRecord, and filter: JSON = [:], order: String? = nil, after: String? = nil, limit: Int = 0
  ) throws -> RunQuery {
    let liveness = liveness
    return RunQuery(
      projectID: sweep.projectID,
      filter: try RunFilter(json: ["$and": [["sweep": .string(sweep.name)], filter]]), order: try RunOrder(order),
      after: after, limit: limit, username: configuration.user
    ) { liveness.state($0, heartbeatAt: $1) }
  }

  /// The configuration of a stored sweep, which was readable when it was stored.
  func configuration(of sweep: SweepRecord) throws -> SweepConfiguration {
    do {
      return try SweepConfiguration(yaml: sweep.config)
    } catch {
      throw StorageError.damaged("the configuration of sweep \(sweep.name): \(error)")
    }
  }

  /// The best value of the metric among its runs.
  func bestValue(of sweep: SweepRecord, _ metric: SweepConfiguration.Metric?) async throws -> Double? {
    guard let metric else { return nil }
    let field = "summary_metrics." + metric.name
    // Only numbers compare with numbers; what is not finite is no result.
    let isNumber: JSON = [
      Key(field): ["$gte": .double(-.greatestFiniteMagnitude), "$lte": .double(.greatestFiniteMagnitude)]
    ]
    let query: RunQuery
    do {
      query = try self.query(sweep, and: isNumber, order: (metric.isMaximized ? "-" : "+") + field, limit: 1)
    } catch is FilterError {
      return nil  // A name that no filter can have, such as one of dots only.
    }
    guard let best = try await storage.runs(query).runs.first?.run else { return nil }
    return Self.value(of: metric, in: best, query)
  }

  static func value(of metric: SweepConfiguration.Metric, in run: RunRecord, _ query: RunQuery) -> Double? {
    let path = metric.name.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
    guard case .number(let value) = RunView(of: run, in: query).summary(path), value.isFinite else { return nil }
    return value
  }

  // MARK: Making and changing

  /// Source: protocol reference, 14.1.
  /// - Returns: the sweep, and what is odd about its configuration.
  func upsert(_ input: GraphQLArguments) async throws -> (sweep: SweepRecord, warnings: [String]) {
    for name in ["launchScheduler", "scheduler", "controller"] {
      guard let text = RunService.given(input.string(name)), text != "null", text != "{}" else { continue }
      let type = (try? JSON(parsing: text))?.objectValue?["type"]
      guard name == "controller", type == "cloud" else {
        throw ServerFault(400, "this server chooses the parameters itself: '\(name)' is not supported")
      }
    }
    if let id = RunService.given(input.string("id")) { return try await update(id: id, input) }
    guard let text = input.string("config") else { throw ServerFault(400, "a new sweep needs a 'config'") }
    let configuration = try Self.read(text)
    let (project, _) = try await runs.ensureProject(
      entity: input.string("entityName"), name: input.string("projectName"))
    let filter = try Self.filter(input)
    var sweep = SweepRecord(projectID: project.id, name: "", config: text)
    sweep.displayName = RunService.given(input.string("displayName"))
    sweep.description = RunService.given(input.string("description")) ?? configuration.description
    if let state = RunService.given(input.string("state")) { sweep.state = try Self.state(state) }
    sweep = try await insert(sweep)
    if let filter { try await add(filter, to: sweep) }
    return (sweep, configuration.warnings)
  }

  private func insert(_ sweep: SweepRecord) async throws -> SweepRecord {
    for _ in 0..<8 {
      var sweep = sweep
      sweep.name = RunService.newRunID()
      do {
        return try await storage.insertSweep(sweep)
      } catch StorageError.exists { continue }
    }
    throw ServerFault(503, "no name could be found for the sweep; try again")
  }

  private static func read(_ text: String) throws(ServerFault) -> SweepConfiguration {
    do {
      return try SweepConfiguration(yaml: text)
    } catch {
      throw ServerFault(400, error.message)
    }
  }

  private static func state(_ text: String) throws(ServerFault) -> SweepState {
    guard let state = SweepState(rawValue: text) else {
      let all = SweepState.allCases.map(\.rawValue).joined(separator: ", ")
      throw ServerFault(400, "'\(text)' is not a state of a sweep; there are \(all)")
    }
    return state
  }

  private func update(id: String, _ input: GraphQLArguments) async throws -> (SweepRecord, [String]) {
    guard let id = GlobalID.parse(id, kind: "Sweep") else {
      throw ServerFault(404, "there is no sweep with the id '\(id)'")
    }
    let configuration = try input.string("config").map { try Self.read($0) }
    let state = try RunService.given(input.string("state")).map { try Self.state($0) }
    let filter = try Self.filter(input)
    let sweep = try await change(sweepID: id) { change in
      if let configuration, let text = input.string("config") {
        // Numbers of a grid would come to mean other points.
        if try await storage.trialNumbers(sweepID: id).count > 0,
          try !configuration.continues(self.configuration(of: change.sweep))
        {
          throw ServerFault(
            400, "this sweep has runs already: its method and parameters cannot change any more; make a new sweep")
        }
        change.sweep.config = text
      }
      if let name = RunService.given(input.string("displayName")) { change.sweep.displayName = name }
      if let text = input.string("description") ?? configuration?.description { change.sweep.description = text }
      if let state { try Self.move(&change.sweep, to: state) }
      change.sweep.updatedAt = .now
    }
    if state == .canceled { try await stopForgottenRuns(of: sweep) }
    if let filter { try await add(filter, to: sweep) }
    return (sweep, configuration?.warnings ?? [])
  }

  /// RUNNING is allowed from everywhere: a sweep that ended can go on, say after failed runs of its grid were deleted.
  private static func move(_ sweep: inout SweepRecord, to state: SweepState) throws(ServerFault) {
    let hasEnded = sweep.state == .finished || sweep.state == .canceled
    if hasEnded && (state == .paused || state == .pending) {
      throw ServerFault(400, "sweep \(sweep.name) is \(sweep.state.rawValue) and cannot become \(state.rawValue)")
    }
    sweep.state = state
  }

  /// Reads the sweep, changes it and writes it back, in turn with all others who do.
  func change(sweepID: Int64, _ body: (inout SweepChange) async throws -> Void) async throws -> SweepRecord {
    try await locks.with(sweepID) {
      for _ in 0..<8 {
        guard let sweep = try await storage.sweep(id: sweepID) else { throw ServerFault(404, "there is no such sweep") }
        var change = SweepChange(sweep: sweep)
        try await body(&change)
        do {
          try await storage.commit(change)
          return change.sweep
        } catch StorageError.conflict { continue } catch StorageError.exists { continue }
      }
      throw ServerFault(503, "the sweep is being changed by others; try again")
    }
  }

  /// Runs of a canceled sweep are stopped by their agents. Where the agent is gone the run itself is asked, and what
  /// has not begun never will.
  private func stopForgottenRuns(of sweep: SweepRecord) async throws {
    for trial in try await storage.openTrials(sweepID: sweep.id) {
      guard let run = try await storage.run(id: trial.runID) else { continue }
      if run.state == .pending {
        try await runs.setState(runID: run.id, RunState.killed.rawValue)
      } else if let agent = try await storage.sweepAgent(id: trial.agentID), !Self.isAlive(agent) {
        try await runs.stop(runID: run.id)
      }
    }
  }

  /// Agents give a sign of life every 5 s, but none while they wait for a process to end.
  static func isAlive(_ agent: SweepAgentRecord) -> Bool { agent.heartbeatAt.adding(seconds: 60) > .now }

  // MARK: Runs from elsewhere

  private static func filter(_ input: GraphQLArguments) throws -> JSON? {
    guard let text = RunService.given(input.string("priorRunsFilters")), text != "null" else { return nil }
    do {
      let json = try JSON(parsing: text)
      _ = try RunFilter(json: json)
      return json
    } catch let error as FilterError {
      throw ServerFault(400, "'priorRunsFilters': \(error.message)")
    } catch {
      throw ServerFault(400, "'priorRunsFilters' is not JSON: \(error)")
    }
  }

  /// Runs that were made before become runs of the sweep; a Bayesian search learns from them.
  private func add(_ filter: JSON, to sweep: SweepRecord) async throws {
    let liveness = liveness
    var query = RunQuery(
      projectID: sweep.projectID, filter: try RunFilter(json: filter), order: try RunOrder(nil), after: nil,
      limit: 500, username: configuration.user
    ) { liveness.state($0, heartbeatAt: $1) }
    while true {
      let page = try await storage.runs(query)
      for (run, _) in page.runs {
        try await runs.change(runID: run.id) { $0.run.sweep = sweep.name }
      }
      guard page.hasNext, let last = page.runs.last else { return }
      query.after = last.cursor
    }
  }
}
