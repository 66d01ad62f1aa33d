import Storage
import Testing

@Suite struct RunTests {
  /// Every property differs from its default.
  static func full(_ project: ProjectRecord) -> RunRecord {
    var run = RunRecord(
      projectID: project.id, name: "näme", displayName: "a\0b",
      createdAt: Timestamp(microseconds: 1_700_000_000_123_456))
    run.description = "description"
    run.notes = "notes\n\u{1F600}"
    run.group = "group"
    run.jobType = "job"
    run.commit = "c0ffee"
    run.repo = "repo"
    run.program = "train.py"
    run.host = "host"
    run.sweep = "sweep"
    run.tags = ["a", "", "ü\"\0"]
    run.config = #"{"lr":{"value":0.1}}"#
    run.summary = #"{"loss":NaN}"#
    run.state = .preempting
    run.exitCode = -9
    run.heartbeatAt = Timestamp(microseconds: -1)
    run.isStopRequested = true
    run.historyLineCount = .max
    run.eventsLineCount = 2
    run.logLineCount = 3
    run.lastStep = .min
    run.historyTail = "{}"
    run.eventsTail = ""
    run.fork = ForkOrigin(runID: 7, step: 0)
    run.completedTimestamp = 1.5
    run.recentRequests = [0, 1, .max, 0x0123_4567_89ab_cdef]
    return run
  }

  @Test(arguments: Backend.allCases) func readsBackAllOfARun(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let bare = try await storage.insertRun(RunRecord(projectID: project.id, name: "bare", displayName: ""))
      let full = try await storage.insertRun(Self.full(project))
      #expect(try await storage.run(id: bare.id) == bare)
      #expect(try await storage.run(id: full.id) == full)
      #expect(try await storage.run(projectID: project.id, name: "näme") == full)
      #expect(try await storage.run(projectID: project.id + 1, name: "näme") == nil)
      #expect(try await storage.run(id: 12345) == nil)
    }
  }

  @Test(arguments: Backend.allCases) func tellsNamesApartByTheirBytes(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let composed = try await makeRun(storage, project, "\u{e9}")
      let combining = try await makeRun(storage, project, "e\u{301}")
      let upper = try await makeRun(storage, project, "\u{c9}")
      #expect(Set([composed.id, combining.id, upper.id]).count == 3)
      #expect(try await storage.run(projectID: project.id, name: "e\u{301}")?.id == combining.id)
    }
  }

  @Test(arguments: Backend.allCases) func refusesASecondRunOfAName(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      await #expect(throws: StorageError.exists) { _ = try await storage.insertRun(run) }
      var other = run
      other.projectID = try await makeProject(storage, "other").id
      #expect(try await storage.insertRun(other).id != run.id)
      other.projectID = 999
      let nowhere = other
      await #expect(throws: StorageError.self) { _ = try await storage.insertRun(nowhere) }
    }
  }

  @Test(arguments: Backend.allCases) func changesAllOfARun(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      let target = try await makeProject(storage, "target")
      var changed = Self.full(target)
      changed.id = run.id
      try await storage.commit(RunChange(run: changed))
      changed.version = 1
      #expect(try await storage.run(id: run.id) == changed)

      // And back, so that every property is emptied too.
      var bare = run
      bare.version = 1
      try await storage.commit(RunChange(run: bare))
      bare.version = 2
      #expect(try await storage.run(id: run.id) == bare)
    }
  }

  @Test(arguments: Backend.allCases) func refusesToRenameOntoAnotherRun(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      _ = try await makeRun(storage, project, "taken")
      let run = try await makeRun(storage, project, "mine")
      var change = RunChange(run: run)
      change.run.name = "taken"
      #expect(await refusal(of: change, by: storage) == .exists)
      #expect(try await storage.run(id: run.id) == run)
    }
  }

  @Test(arguments: Backend.allCases) func refusesToWriteOverAnotherChange(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      var change = RunChange(run: run)
      change.run.notes = "first"
      try await storage.commit(change)
      change.run.notes = "second"
      change.addedSegments = [makeSegment(run)]
      change.console = [ConsoleLine(writer: "", number: 0, content: "line")]
      #expect(await refusal(of: change, by: storage) == .conflict)
      #expect(try await storage.run(id: run.id)?.notes == "first")
      #expect(try await storage.segments(runID: run.id, stream: .history) == [])
      #expect(try await storage.console(runID: run.id, after: nil, limit: 10) == [])
    }
  }

  @Test(arguments: Backend.allCases) func letsOneOfManyChangesThrough(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      let won = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<20 {
          group.addTask {
            do {
              try await storage.commit(RunChange(run: run))
              return 1
            } catch StorageError.conflict {
              return 0
            }
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(won == 1)
      #expect(try await storage.run(id: run.id)?.version == 1)
    }
  }

  @Test(arguments: Backend.allCases) func replacesSegments(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      var change = RunChange(run: run)
      change.addedSegments = [
        makeSegment(run, order: 2), makeSegment(run, order: 1, body: .object(key: "history/1")),
        makeSegment(run, stream: .events, body: .inline([])),
      ]
      let ids = try await storage.commit(change)
      var expected = change.addedSegments
      for (index, id) in ids.enumerated() { expected[index].id = id }
      #expect(try await storage.segments(runID: run.id, stream: .history) == [expected[1], expected[0]])
      #expect(try await storage.segments(runID: run.id, stream: .events) == [expected[2]])

      change = RunChange(run: run)
      change.run.version = 1
      change.removedSegments = Array(ids.prefix(2))
      change.addedSegments = [makeSegment(run, order: 1, body: .inline([UInt8](repeating: 7, count: 100_000)))]
      let merged = try await storage.commit(change)
      #expect(Set(ids + merged).count == 4)
      let stored = try await storage.segments(runID: run.id, stream: .history)
      #expect(stored.map(\.id) == merged && stored.map(\.body) == change.addedSegments.map(\.body))

      // They are gone already: nothing of this may be written.
      change.run.version = 2
      #expect(await refusal(of: change, by: storage) == .conflict)
      #expect(try await storage.segments(runID: run.id, stream: .history).map(\.id) == merged)
      #expect(try await storage.run(id: run.id)?.version == 2)
    }
  }

  @Test(arguments: Backend.allCases) func leavesSegmentsOfOtherRunsAlone(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let mine = try await makeRun(storage, project, "mine")
      let theirs = try await makeRun(storage, project, "theirs")
      var change = RunChange(run: theirs)
      change.addedSegments = [makeSegment(theirs)]
      let ids = try await storage.commit(change)
      var foreign = RunChange(run: mine)
      foreign.removedSegments = ids
      #expect(await refusal(of: foreign, by: storage) == .conflict)
      #expect(try await storage.segments(runID: theirs.id, stream: .history).map(\.id) == ids)
    }
  }

  @Test(arguments: Backend.allCases) func deletesARunWithAllThatHangsOnIt(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let run = try await makeRun(storage, project)
      let other = try await makeRun(storage, project, "other")
      for run in [run, other] {
        try await storage.objects.store([1], key: "history/\(run.id)")
        var change = RunChange(run: run)
        change.addedSegments = [makeSegment(run, body: .object(key: "history/\(run.id)")), makeSegment(run)]
        change.console = [ConsoleLine(writer: "", number: 0, content: "x")]
        try await storage.commit(change)
        try await storage.addBlob(makeBlob("a"))
        try await storage.putFile(FileRecord(runID: run.id, name: "f", blob: makeBlob("a")))
        _ = try await storage.addAlert(
          AlertRecord(runID: run.id, title: "t", text: "", severity: "INFO", waitSeconds: 0))
      }
      try await storage.deleteRun(id: run.id)
      try await storage.deleteRun(id: run.id)

      #expect(try await storage.run(id: run.id) == nil)
      #expect(try await storage.segments(runID: run.id, stream: .history) == [])
      #expect(try await storage.console(runID: run.id, after: nil, limit: 10) == [])
      #expect(try await storage.countFiles(runID: run.id) == 0)
      #expect(try await storage.alerts(runID: run.id, limit: 10) == [])
      #expect(try await storage.objects.keys(prefix: "history/") == ["history/\(other.id)"])
      #expect(try await storage.segments(runID: other.id, stream: .history).count == 2)
      #expect(try await storage.countFiles(runID: other.id) == 1)

      let again = try await makeRun(storage, project)
      #expect(again.id != run.id && again.id != other.id)
      #expect(await refusal(of: RunChange(run: run), by: storage) == .conflict)
    }
  }

  @Test(arguments: Backend.allCases) func neverUsesAnIDTwice(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      var seen: Set<Int64> = []
      for _ in 0..<3 {
        let run = try await makeRun(storage, project)
        #expect(seen.insert(run.id).inserted)
        var change = RunChange(run: run)
        change.addedSegments = [makeSegment(run)]
        let ids = try await storage.commit(change)
        #expect(ids.allSatisfy { seen.insert($0 + 1_000_000).inserted })
        try await storage.deleteRun(id: run.id)
      }
    }
  }
}
