import Storage
import Testing

@Suite struct SweepTests {
  private func makeSweep(_ storage: any Storage, _ project: ProjectRecord, _ name: String = "s") async throws -> SweepRecord {
    try await storage.insertSweep(SweepRecord(projectID: project.id, name: name, config: "method: grid"))
  }

  /// Hands out a run; gives back the sweep as it is stored then.
  private func handOut(
    _ number: Int64, _ sweep: SweepRecord, _ agent: SweepAgentRecord, _ storage: any Storage
  ) async throws -> SweepRecord {
    var change = SweepChange(sweep: sweep)
    change.added = (
      RunRecord(projectID: sweep.projectID, name: "\(sweep.name)-\(number)", displayName: ""),
      SweepTrialRecord(sweepID: sweep.id, number: number, agentID: agent.id)
    )
    try await storage.commit(change)
    var sweep = sweep
    sweep.version += 1
    return sweep
  }

  private func refusal(of change: SweepChange, by storage: any Storage) async -> StorageError? {
    do {
      try await storage.commit(change)
      return nil
    } catch { return error as? StorageError ?? .failed("\(error)") }
  }

  @Test(arguments: Backend.allCases) func readsBackAllOfASweep(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      var sweep = SweepRecord(
        projectID: project.id, name: "é", config: "a: \"b\0\"\n", createdAt: Timestamp(microseconds: 1_234_567))
      sweep.displayName = "display"
      sweep.description = "description\n"
      sweep.state = .paused
      sweep.updatedAt = Timestamp(microseconds: 2)
      sweep = try await storage.insertSweep(sweep)
      #expect(sweep.id != 0)
      #expect(try await storage.sweep(id: sweep.id) == sweep)
      #expect(try await storage.sweep(projectID: project.id, name: "é") == sweep)
      #expect(try await storage.sweep(projectID: project.id, name: "e\u{301}") == nil)
      #expect(try await storage.sweep(projectID: project.id + 1, name: "é") == nil)
      let bare = try await makeSweep(storage, project, "bare")
      #expect(try await storage.sweep(id: bare.id) == bare)
      await #expect(throws: StorageError.exists) { _ = try await makeSweep(storage, project, "bare") }

      sweep.displayName = nil
      sweep.description = nil
      sweep.state = .finished
      sweep.config = "other"
      sweep.updatedAt = Timestamp(microseconds: 3)
      try await storage.commit(SweepChange(sweep: sweep))
      #expect(await refusal(of: SweepChange(sweep: sweep), by: storage) == .conflict)
      sweep.version += 1
      #expect(try await storage.sweep(id: sweep.id) == sweep)
    }
  }

  @Test(arguments: Backend.allCases) func listsSweepsNewestFirst(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      var made: [SweepRecord] = []
      for index in 0..<5 { made.append(try await makeSweep(storage, project, "s\(index)")) }
      let other = try await makeProject(storage, "other")
      _ = try await makeSweep(storage, other, "s0")
      #expect(try await storage.countSweeps(projectID: project.id) == 5)
      let page = try await storage.sweeps(projectID: project.id, before: nil, limit: 3)
      #expect(page == [made[4], made[3], made[2]])
      #expect(try await storage.sweeps(projectID: project.id, before: page.last?.id, limit: 3) == [made[1], made[0]])
    }
  }

  @Test(arguments: Backend.allCases) func keepsAgents(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let sweep = try await makeSweep(storage, project)
      let first = try await storage.addSweepAgent(SweepAgentRecord(sweepID: sweep.id, name: "a", host: "höst"))
      var second = try await storage.addSweepAgent(SweepAgentRecord(sweepID: sweep.id, name: "b", host: ""))
      second.heartbeatAt = Timestamp(microseconds: 5)
      try await storage.touchSweepAgent(id: second.id, at: second.heartbeatAt)
      try await storage.touchSweepAgent(id: 12345, at: .now)
      #expect(try await storage.sweepAgents(sweepID: sweep.id) == [first, second])
      #expect(try await storage.sweepAgent(id: first.id) == first)
      #expect(try await storage.sweepAgent(id: 12345) == nil)
      await #expect(throws: StorageError.self) {
        _ = try await storage.addSweepAgent(SweepAgentRecord(sweepID: 12345, name: "c", host: ""))
      }
    }
  }

  @Test(arguments: Backend.allCases) func handsOutEachNumberOnce(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      var sweep = try await makeSweep(storage, project)
      let agent = try await storage.addSweepAgent(SweepAgentRecord(sweepID: sweep.id, name: "a", host: ""))
      #expect(try await storage.trialNumbers(sweepID: sweep.id) == (0, 0))
      let old = sweep
      sweep = try await handOut(0, sweep, agent, storage)
      await #expect(throws: StorageError.conflict) { _ = try await handOut(1, old, agent, storage) }
      let now = sweep
      await #expect(throws: StorageError.conflict) { _ = try await handOut(0, now, agent, storage) }
      _ = try await storage.insertRun(RunRecord(projectID: project.id, name: "s-1", displayName: ""))
      await #expect(throws: StorageError.exists) { _ = try await handOut(1, now, agent, storage) }
      // What was refused left nothing behind.
      #expect(try await storage.sweep(id: sweep.id) == sweep)
      #expect(try await storage.trialNumbers(sweepID: sweep.id) == (1, 1))
      let run = try #require(try await storage.run(projectID: project.id, name: "s-0"))
      #expect(try await storage.openTrials(sweepID: sweep.id).map(\.runID) == [run.id])
    }
  }

  @Test(arguments: Backend.allCases) func changesTrials(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      var sweep = try await makeSweep(storage, project)
      let agent = try await storage.addSweepAgent(SweepAgentRecord(sweepID: sweep.id, name: "a", host: ""))
      let other = try await storage.addSweepAgent(SweepAgentRecord(sweepID: sweep.id, name: "b", host: ""))
      for number in 0..<3 as Range<Int64> { sweep = try await handOut(number, sweep, agent, storage) }
      var trials = try await storage.openTrials(sweepID: sweep.id)
      #expect(trials.map(\.number) == [0, 1, 2])
      trials[0].isOpen = false
      trials[1].agentID = other.id
      trials[1].attempts = 2
      trials[1].wasReported = true
      trials[1].handedOutAt = Timestamp(microseconds: 9)
      var change = SweepChange(sweep: sweep)
      change.trials = Array(trials.prefix(2))
      try await storage.commit(change)
      #expect(try await storage.openTrials(sweepID: sweep.id) == [trials[1], trials[2]])
      #expect(try await storage.trials(agentID: agent.id) == [trials[0], trials[2]])
      #expect(try await storage.trials(agentID: other.id) == [trials[1]])
      #expect(try await storage.trialNumbers(sweepID: sweep.id) == (3, 3))
    }
  }

  @Test(arguments: Backend.allCases) func aDeletedRunFreesItsNumber(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      var sweep = try await makeSweep(storage, project)
      let agent = try await storage.addSweepAgent(SweepAgentRecord(sweepID: sweep.id, name: "a", host: ""))
      for number in 0..<5 as Range<Int64> { sweep = try await handOut(number, sweep, agent, storage) }
      for (name, free) in [("s-4", 4), ("s-2", 2), ("s-0", 0)] as [(String, Int64)] {
        let run = try #require(try await storage.run(projectID: project.id, name: name))
        try await storage.deleteRun(id: run.id)
        #expect(try await storage.trialNumbers(sweepID: sweep.id).free == free)
      }
      #expect(try await storage.trialNumbers(sweepID: sweep.id).count == 2)
      sweep = try await handOut(0, sweep, agent, storage)
      #expect(try await storage.trialNumbers(sweepID: sweep.id).free == 2)
    }
  }
}
