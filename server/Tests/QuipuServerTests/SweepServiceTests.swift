import GraphQL
import Logging
import MemoryStorage
import QuipuBase
import Storage
import Testing

@testable import QuipuServer

/// What the conformance tests would have to wait minutes for, and several servers on one store.
@Suite struct SweepServiceTests {
  private let storage: MemoryStorage
  private let sweeps: SweepService

  init() throws {
    storage = try MemoryStorage()
    sweeps = Self.service(storage)
  }

  private static func service(_ storage: MemoryStorage) -> SweepService {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let configuration = ServerConfiguration()
    let runs = RunService(
      storage: storage, histories: HistoryService(storage: storage, logger: logger), configuration: configuration,
      logger: logger)
    return SweepService(
      storage: storage, runs: runs, liveness: Liveness(crashAfter: 300, startedAt: .now, lastAlive: nil),
      configuration: configuration)
  }

  private func makeSweep(_ config: String = "method: grid\nparameters: {a: {values: [1, 2]}}") async throws -> SweepRecord {
    try await sweeps.upsert(GraphQLArguments(["config": .string(config), "projectName": "p"])).sweep
  }

  private func addAgent(_ sweep: SweepRecord) async throws -> String {
    let agent = try await sweeps.addAgent(host: "h", entity: nil, project: "p", sweep: sweep.name)
    return GlobalID.make("Agent", agent.id)
  }

  private func beat(_ agent: String, _ running: Set<String> = []) async throws -> [SweepCommand] {
    try await sweeps.heartbeat(agent: agent, running: running).commands
  }

  private func started(_ commands: [SweepCommand]) throws -> SweepCommand.RunStart {
    guard commands.count == 1, case .run(let start) = commands[0] else {
      Issue.record("not told to run: \(commands)")
      throw StorageError.failed("")
    }
    return start
  }

  /// Time passes for what was handed out and for the agents.
  private func age(_ sweep: SweepRecord, seconds: Double) async throws {
    let stored = try #require(try await storage.sweep(id: sweep.id))
    var change = SweepChange(sweep: stored)
    for var trial in try await storage.openTrials(sweepID: sweep.id) {
      trial.handedOutAt = trial.handedOutAt.adding(seconds: -seconds)
      change.trials.append(trial)
    }
    try await storage.commit(change)
    for agent in try await storage.sweepAgents(sweepID: sweep.id) {
      try await storage.touchSweepAgent(id: agent.id, at: agent.heartbeatAt.adding(seconds: -seconds))
    }
  }

  private func run(_ name: String) async throws -> RunRecord {
    let project = try #require(try await storage.project(entity: "local", name: "p"))
    return try #require(try await storage.run(projectID: project.id, name: name))
  }

  private func change(_ name: String, _ body: (inout RunRecord) -> Void) async throws {
    var run = try await run(name)
    body(&run)
    try await storage.commit(RunChange(run: run))
  }

  @Test func handsOutAgainWhatNobodyStarted() async throws {
    let sweep = try await makeSweep()
    let (one, two) = (try await addAgent(sweep), try await addAgent(sweep))
    let lost = try started(try await beat(one))
    // The same agent asks again: as long as the run may yet begin, it gets the next one.
    let next = try started(try await beat(one))
    #expect(next.run != lost.run)
    try await change(next.run) { $0.state = .finished }
    #expect(try await beat(two) == [])
    try await age(sweep, seconds: 170)
    #expect(try await beat(two) == [])
    try await age(sweep, seconds: 20)
    #expect(try await beat(two) == [.run(lost)])
    #expect(try await beat(two, [lost.run]) == [])
    try await change(lost.run) { $0.state = .finished }
    #expect(try await beat(two) == [.exit])
  }

  @Test func givesUpARunThatNeverStarts() async throws {
    let sweep = try await makeSweep("method: grid\nparameters: {a: {value: 1}}")
    let agent = try await addAgent(sweep)
    let first = try started(try await beat(agent))
    for _ in 0..<2 {
      try await age(sweep, seconds: 200)
      #expect(try await beat(agent) == [.run(first)])
    }
    try await age(sweep, seconds: 200)
    #expect(try await beat(agent) == [.exit])
    #expect(try await run(first.run).state == .failed)
  }

  @Test func waitsForASlowStartWhileItsAgentLives() async throws {
    let sweep = try await makeSweep("method: grid\nparameters: {a: {value: 1}}")
    let (one, two) = (try await addAgent(sweep), try await addAgent(sweep))
    let slow = try started(try await beat(one))
    #expect(try await beat(one, [slow.run]) == [])
    try await age(sweep, seconds: 1000)
    #expect(try await beat(one, [slow.run]) == [])
    #expect(try await beat(two) == [])
    try await age(sweep, seconds: 1000)
    #expect(try await beat(two) == [.run(slow)], "its agent is gone")
  }

  @Test func resumesPreemptedRunsWithTheirParameters() async throws {
    let sweep = try await makeSweep()
    let (one, two) = (try await addAgent(sweep), try await addAgent(sweep))
    let start = try started(try await beat(one))
    try await change(start.run) {
      $0.state = .preempting
      $0.heartbeatAt = .now.adding(seconds: -301)
      $0.config = #"{"a":{"value":1},"added":{"value":5},"_wandb":{"value":{}}}"#
    }
    #expect(try await beat(two) == [.resume(start)])
  }

  @Test func aCrashedRunIsNotTriedAgain() async throws {
    let sweep = try await makeSweep("method: grid\nparameters: {a: {value: 1}}")
    let (one, two) = (try await addAgent(sweep), try await addAgent(sweep))
    let start = try started(try await beat(one))
    try await change(start.run) {
      $0.state = .running
      $0.heartbeatAt = .now.adding(seconds: -301)
    }
    #expect(try await beat(two) == [.exit])
  }

  @Test func doesNotWaitForAProcessThatItsAgentSawEnd() async throws {
    let sweep = try await makeSweep("method: grid\nparameters: {a: {value: 1}}")
    let agent = try await addAgent(sweep)
    let start = try started(try await beat(agent))
    try await change(start.run) { $0.state = .running }
    #expect(try await beat(agent, [start.run]) == [])
    #expect(try await beat(agent) == [.exit])
  }

  @Test func cancellingReachesRunsWhoseAgentIsGone() async throws {
    let sweep = try await makeSweep()
    let start = try started(try await beat(try await addAgent(sweep)))
    try await change(start.run) { $0.state = .running }
    try await age(sweep, seconds: 100)
    _ = try await sweeps.upsert(
      GraphQLArguments(["id": .string(GlobalID.make("Sweep", sweep.id)), "state": "CANCELED"]))
    #expect(try await run(start.run).isStopRequested)
  }

  @Test func severalServersHandOutEachPointOnce() async throws {
    let sweep = try await makeSweep("method: grid\nparameters: {a: {min: 1, max: 40}}")
    let storage = storage
    let points = try await withThrowingTaskGroup(of: [JSON].self) { group in
      for _ in 0..<6 {
        let server = Self.service(storage)
        group.addTask {
          let agent = try await server.addAgent(host: "h", entity: nil, project: "p", sweep: sweep.name)
          var points: [JSON] = []
          while true {
            let commands: [SweepCommand]
            do {
              commands = try await server.heartbeat(agent: GlobalID.make("Agent", agent.id), running: []).commands
            } catch let fault as ServerFault where fault.status == 503 { continue }
            guard case .run(let start)? = commands.first else { return points }
            points.append(start.arguments["a"] ?? .null)
          }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(points.compactMap(\.intValue).sorted() == Array(1...40))
  }

  @Test func refusesLaunchAndLocalControllers() async throws {
    for name in ["controller", "scheduler", "launchScheduler"] as [Key] {
      await #expect(throws: ServerFault.self) {
        _ = try await sweeps.upsert(
          GraphQLArguments(["config": "method: grid\nparameters: {a: {value: 1}}", name: #"{"type":"local"}"#]))
      }
    }
  }
}
