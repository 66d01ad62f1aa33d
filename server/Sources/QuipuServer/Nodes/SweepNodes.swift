import GraphQL
import QuipuBase
import RunFilters
import Storage
import SweepSearch

/// Source: protocol reference, 14.2, 15.6 and appendix A.
struct SweepNode: GraphQLObject {
  let graph: GraphContext
  let project: ProjectRecord
  let sweep: SweepRecord
  var typeName: String { "Sweep" }

  private var sweeps: SweepService { graph.sweeps }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    let arguments = field.arguments
    switch field.name {
    case "id": return .string(GlobalID.make("Sweep", sweep.id))
    case "name": return .string(sweep.name)
    case "displayName": return .text(try sweep.displayName ?? configuration().name)
    case "method": return .string(try configuration().method.rawValue)
    case "state": return .string(try await sweeps.state(of: sweep, try configuration()).rawValue)
    case "description": return .text(sweep.description)
    case "bestLoss":
      return try await sweeps.bestValue(of: sweep, try configuration().metric).map { .double($0) } ?? .null
    case "config": return .string(sweep.config)
    case "createdAt": return .time(sweep.createdAt)
    case "updatedAt": return .time(sweep.updatedAt)
    case "heartbeatAt":
      let agents = try await graph.storage.sweepAgents(sweepID: sweep.id)
      return .time(agents.map(\.heartbeatAt).max() ?? sweep.createdAt)
    case "earlyStopJobRunning": return .bool(false)
    case "runCount": return .int(Int64(try await graph.storage.countRuns(try sweeps.query(sweep))))
    case "runCountExpected":
      // A count has 32 bits in GraphQL; a grid can have more points.
      return try configuration().expectedRuns.map { .int(Int64(min($0, Int(Int32.max)))) } ?? .null
    case "project": return .object(ProjectNode(graph: graph, project: project))
    case "runs":
      let limit = try graph.pageSize(arguments, default: graph.server.configuration.limits.pageSize)
      return try await page(
        try sweeps.query(sweep, after: RunService.given(arguments.string("after")), limit: limit))
    case "agents":
      let agents = try await graph.storage.sweepAgents(sweepID: sweep.id)
      return .object(ConnectionNode("AgentConnection", agents.map { (node($0), "\($0.id)") }))
    case "agent":
      let name = arguments.string("agentName") ?? ""
      let id = GlobalID.parse(name, kind: "Agent")
      let agents = try await graph.storage.sweepAgents(sweepID: sweep.id)
      return .node(agents.first { $0.name == name || $0.id == id }.map(node))
    default: return .null
    }
  }

  private func configuration() throws -> SweepConfiguration { try sweeps.configuration(of: sweep) }

  private func node(_ agent: SweepAgentRecord) -> SweepAgentNode { SweepAgentNode(sweep: self, agent: agent) }

  func page(_ query: RunQuery) async throws -> GraphQLValue {
    let page = try await refusingFilters { try await graph.storage.runs(query) }
    let storage = graph.storage
    return .object(
      ConnectionNode(
        "RunConnection", page.runs.map { (RunNode(graph: graph, project: project, run: $0.run), $0.cursor) },
        hasNextPage: page.hasNext, totalCount: { try await storage.countRuns(query) }))
  }
}

/// An order or a cursor that means nothing is the client's mistake.
private func refusingFilters<Result>(_ body: () async throws -> Result) async throws -> Result {
  do {
    return try await body()
  } catch let error as FilterError {
    throw GraphQLError(error.message)
  }
}

struct SweepAgentNode: GraphQLObject {
  let sweep: SweepNode
  let agent: SweepAgentRecord
  var typeName: String { "Agent" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": return .string(GlobalID.make("Agent", agent.id))
    case "name": return .string(agent.name)
    case "host": return .string(agent.host)
    case "state": return .string(SweepService.isAlive(agent) ? "RUNNING" : "FINISHED")
    case "totalRuns": return .int(Int64(try await sweep.graph.storage.trials(agentID: agent.id).count))
    case "createdAt": return .time(agent.createdAt)
    case "heartbeatAt": return .time(agent.heartbeatAt)
    case "runs": return try await runs(field.arguments)
    default: return .null
    }
  }

  /// `before` and `last` have no meaning here: clients that send them send null.
  private func runs(_ arguments: GraphQLArguments) async throws -> GraphQLValue {
    let graph = sweep.graph
    var names: [JSON] = []
    for trial in try await graph.storage.trials(agentID: agent.id) {
      if let run = try await graph.storage.run(id: trial.runID) { names.append(.string(run.name)) }
    }
    let query = try await refusingFilters {
      try graph.sweeps.query(
        sweep.sweep, and: ["name": ["$in": .array(names)]], order: arguments.string("order"),
        after: RunService.given(arguments.string("after")), limit: try graph.pageSize(arguments, default: 50))
    }
    return try await sweep.page(query)
  }
}

extension ProjectNode {
  func sweep(_ arguments: GraphQLArguments) async throws -> GraphQLValue {
    let name = arguments.string("sweepName") ?? ""
    let sweep = try await graph.storage.sweep(projectID: project.id, name: name)
    return .node(sweep.map { SweepNode(graph: graph, project: project, sweep: $0) })
  }

  /// Newest first. `filters` is for servers that say so in their features.
  func sweeps(_ arguments: GraphQLArguments) async throws -> GraphQLValue {
    if let filters = RunService.given(arguments.string("filters")), filters != "{}", filters != "null" {
      throw GraphQLError("sweeps cannot be filtered on this server")
    }
    var before: Int64?
    if let after = RunService.given(arguments.string("after")) {
      guard let id = Int64(after) else { throw GraphQLError("the cursor does not come from this listing") }
      before = id
    }
    let limit = try graph.pageSize(arguments, default: 50)
    let found = try await graph.storage.sweeps(projectID: project.id, before: before, limit: limit + 1)
    let (storage, id) = (graph.storage, project.id)
    return .object(
      ConnectionNode(
        "SweepConnection",
        found.prefix(limit).map { (SweepNode(graph: graph, project: project, sweep: $0), "\($0.id)") },
        hasNextPage: found.count > limit, totalCount: { try await storage.countSweeps(projectID: id) }))
  }
}

/// Mutations of sweeps and agents.
struct SweepMutations {
  let graph: GraphContext
  static let names: Set<String> = ["upsertSweep", "createAgent", "agentHeartbeat"]

  func resolve(_ name: String, _ input: GraphQLArguments) async throws -> GraphQLValue {
    switch name {
    case "upsertSweep": return try await upsertSweep(input)
    case "createAgent":
      let agent = try await graph.sweeps.addAgent(
        host: input.string("host") ?? "", entity: input.string("entityName"), project: input.string("projectName"),
        sweep: input.string("sweep") ?? "")
      return .object(RecordNode("CreateAgentPayload", ["agent": .object(try await node(agent))]))
    case "agentHeartbeat": return try await heartbeat(input)
    default: return .null
    }
  }

  private func upsertSweep(_ input: GraphQLArguments) async throws -> GraphQLValue {
    let (sweep, warnings) = try await graph.sweeps.upsert(input)
    return .object(
      RecordNode(
        "UpsertSweepPayload",
        ["sweep": .object(try await node(sweep)), "configValidationWarnings": .texts(warnings)]))
  }

  private func heartbeat(_ input: GraphQLArguments) async throws -> GraphQLValue {
    let states = (try? JSON(parsing: input.string("runState") ?? "{}"))?.objectValue ?? [:]
    let running = states.members.filter { $0.value == true }.map(\.key.string)
    do {
      let (agent, commands) = try await graph.sweeps.heartbeat(
        agent: input.string("id") ?? "", running: Set(running))
      return .object(
        RecordNode(
          "AgentHeartbeatPayload",
          [
            "agent": .object(try await node(agent)),
            "commands": .string(JSON.array(commands.map(\.json)).text(style: .core)),
          ]))
    } catch let fault as ServerFault where fault.status == 404 {
      // Agents go by the status of the answer, not by its errors (protocol reference, 14.3).
      RequestScope.current?.report(status: 404)
      throw fault
    }
  }

  private func node(_ sweep: SweepRecord) async throws -> SweepNode {
    guard let project = try await graph.storage.project(id: sweep.projectID) else {
      throw StorageError.damaged("sweep \(sweep.id) has no project")
    }
    return SweepNode(graph: graph, project: project, sweep: sweep)
  }

  private func node(_ agent: SweepAgentRecord) async throws -> SweepAgentNode {
    guard let sweep = try await graph.storage.sweep(id: agent.sweepID) else {
      throw StorageError.damaged("agent \(agent.id) has no sweep")
    }
    return SweepAgentNode(sweep: try await node(sweep), agent: agent)
  }
}
