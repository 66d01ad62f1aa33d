import QuipuBase
import RunFilters
import Storage
import Testing

@Suite struct RunQueryTests {
  static func query(
    _ project: ProjectRecord, _ filter: String? = nil, _ order: String? = nil, after: String? = nil, limit: Int = 100
  ) throws -> RunQuery {
    RunQuery(
      projectID: project.id, filter: try filter.map { try RunFilter(json: JSON(parsing: $0)) },
      order: try RunOrder(order), after: after, limit: limit, username: "owner",
      // Silence since before 1970-01-01 00:01 is a crash here.
      stateNow: { state, heartbeat in state == .running && heartbeat.seconds < 60 ? .crashed : state })
  }

  /// Runs 0 to 9; what they have differs in ways that filters and orders see.
  func fill(_ storage: any Storage, _ project: ProjectRecord) async throws {
    for i in 0..<10 {
      // Pairs of runs are made at the same moment.
      var run = RunRecord(
        projectID: project.id, name: "r\(i)", displayName: "d\(9 - i)",
        createdAt: Timestamp(microseconds: Int64(i / 2) * 1_000_000))
      run.heartbeatAt = Timestamp(microseconds: Int64(100 - i * 10) * 1_000_000)
      run.state = i == 0 ? .finished : .running
      run.group = i % 3 == 0 ? nil : "g\(i % 3)"
      run.tags = i % 4 == 0 ? ["four", "t\(i)"] : []
      run.config = i < 5 ? #"{"lr":{"value":\#(i)},"_wandb":{"value":{}}}"# : "{}"
      run.summary = i % 2 == 0 ? #"{"loss":\#(Double(i % 4) + 0.5),"acc":{"max":\#(i)}}"# : #"{"loss":NaN}"#
      _ = try await storage.insertRun(run)
    }
  }

  func names(_ storage: any Storage, _ query: RunQuery) async throws -> String {
    try await storage.runs(query).runs.map { String($0.run.name.dropFirst()) }.joined()
  }

  @Test(arguments: Backend.allCases) func ordersRuns(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      try await fill(storage, project)
      _ = try await makeRun(storage, try await makeProject(storage, "other"), "r?")
      for (order, expected) in [
        (nil, "0123456789"), ("+created_at", "0123456789"), ("-created_at", "9876543210"), ("-name", "9876543210"),
        ("+displayName", "9876543210"), ("+heartbeat_at", "9876543210"), ("-duration", "0123456789"),
        ("+config.lr.value", "0123456789"), ("-config.lr", "4321098765"),
        // Ties go by age in the direction of the order, and so do runs without the key, which come last.
        ("+summary_metrics.loss", "0482613579"), ("-summary_metrics.loss", "6284097531"),
        ("-summary_metrics.acc.max", "8642097531"), ("+group", "1472580369"), ("-username", "9876543210"),
      ] {
        let page = try await names(storage, Self.query(project, nil, order))
        #expect(page == expected, "\(order ?? "nil")")
      }
    }
  }

  @Test(arguments: Backend.allCases) func filtersRuns(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      try await fill(storage, project)
      for (filter, expected) in [
        ("null", "0123456789"), ("{}", "0123456789"), (#"{"$or":[{}]}"#, "0123456789"), (#"{"$nor":[{}]}"#, ""),
        (#"{"name":"r3"}"#, "3"), (#"{"name":{"$in":["r3","r1","r33","r\u0000"]}}"#, "13"), (#"{"name":3}"#, ""),
        (#"{"display_name":{"$regex":"^d[0-2]$"}}"#, "789"), (#"{"group":"g1"}"#, "147"), (#"{"group":null}"#, "0369"),
        (#"{"group":{"$in":["g2",null]}}"#, "0235689"), (#"{"group":{"$ne":"g1"}}"#, "0235689"),
        // What is asked is the state now.
        (#"{"state":"running"}"#, "1234"), (#"{"state":"crashed"}"#, "56789"), (#"{"state":"finished"}"#, "0"),
        (#"{"state":{"$in":["crashed","finished"]}}"#, "056789"),
        (#"{"tags":"four"}"#, "048"), (#"{"tags":"t4"}"#, "4"), (#"{"username":"owner"}"#, "0123456789"),
        (#"{"username":"else"}"#, ""), (#"{"createdAt":{"$gte":"1970-01-01T00:00:03Z"}}"#, "6789"),
        (#"{"duration":{"$lt":20}}"#, "89"), (#"{"config.lr":{"$gt":2}}"#, "34"), (#"{"config.lr.value":2}"#, "2"),
        (#"{"config.lr":{"$exists":false}}"#, "56789"), (#"{"summary_metrics.acc.max":{"$gte":6}}"#, "68"),
        (#"{"summary_metrics.loss":{"$lt":1}}"#, "048"),
        (#"{"$and":[{"group":"g1"},{"summary_metrics.loss":0.5},{"config.lr":4}]}"#, "4"),
        (#"{"$or":[{"name":"r9"},{"group":"g1","tags":"four"}]}"#, "49"),
      ] {
        let query = try Self.query(project, filter)
        #expect(try await names(storage, query) == expected, "\(filter)")
        #expect(try await storage.countRuns(query) == expected.count, "\(filter)")
        // The same through the other way of reading, which loads what it orders by.
        let page = try await names(storage, Self.query(project, filter, "+name"))
        #expect(page == expected, "\(filter)")
      }
    }
  }

  @Test(arguments: Backend.allCases) func answersWithWholeStoredRecords(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      var run = RunTests.full(project)
      run.state = .running
      run.heartbeatAt = Timestamp(microseconds: 0)
      let stored = try await storage.insertRun(run)
      for order in ["+created_at", "-summary_metrics.loss"] {
        let page = try await storage.runs(Self.query(project, #"{"state":"crashed"}"#, order))
        #expect(page.runs.map(\.run) == [stored])
      }
    }
  }

  @Test(arguments: Backend.allCases, ["+created_at", "-created_at", "+summary_metrics.loss", "-config.lr", "+group"])
  func pagesStayInPlaceWhileRunsComeAndGo(_ backend: Backend, _ order: String) async throws {
    try await backend.withProject { storage, project in
      try await fill(storage, project)
      let whole = try await storage.runs(Self.query(project, nil, order)).runs.map(\.run.name)
      var seen: [String] = []
      var after: String?
      while true {
        let page = try await storage.runs(Self.query(project, nil, order, after: after, limit: 3))
        seen += page.runs.map(\.run.name)
        guard page.hasNext, let last = page.runs.last else { break }
        after = last.cursor
        // The run that the cursor names goes, and one comes beside the first of the page.
        try await storage.deleteRun(id: last.run.id)
        var newcomer = page.runs[0].run
        newcomer.name = "new \(seen.count)"
        _ = try await storage.insertRun(newcomer)
      }
      #expect(seen.filter { !$0.hasPrefix("new") } == whole)
    }
  }

  @Test(arguments: Backend.allCases) func emptyPagesSayWhetherThereIsMore(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      try await fill(storage, project)
      for order in ["+created_at", "+name"] {
        for (limit, count, hasNext) in [(0, 0, true), (-5, 0, true), (10, 10, false), (Int.max, 10, false)] {
          let page = try await storage.runs(Self.query(project, nil, order, limit: limit))
          #expect(page.runs.count == count && page.hasNext == hasNext)
        }
      }
    }
  }

  @Test(arguments: Backend.allCases, ["", "x", "1", "1:", ":1", "1:{}", "1:[", "99999999999999999999:1", "1:1:1"])
  func rejectsAForeignCursor(_ backend: Backend, _ text: String) async throws {
    try await backend.withProject { storage, project in
      for order in ["+created_at", "+name"] {
        let query = try Self.query(project, nil, order, after: text)
        await #expect(throws: FilterError.self) { _ = try await storage.runs(query) }
      }
    }
  }

  @Test(arguments: Backend.allCases) func takesTheCursorOfAnotherOrder(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      try await fill(storage, project)
      // Behind everything that has a key, by whichever order.
      for cursor in ["3:null", "3:\"text\"", "3:true", "3:Infinity", "3:1e300", "3:-1e300"] {
        for order in ["+created_at", "-created_at", "+duration"] {
          let page = try await storage.runs(Self.query(project, nil, order, after: cursor))
          #expect(page.runs.count <= 10)
        }
      }
    }
  }
}
