import Storage
import Testing

@Suite struct HistoryTests {
  @Test(arguments: Backend.allCases) func replacesLinesInPlaceAndPagesThroughThem(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      var change = RunChange(run: run)
      change.console = [("b", 0), ("a", 2), ("", 1), ("a", 10), ("", 0), ("a", 2)].enumerated().map { index, line in
        ConsoleLine(writer: line.0, number: line.1, content: "line \(index)\0")
      }
      try await storage.commit(change)
      let all = try await storage.console(runID: run.id, after: nil, limit: 100)
      #expect(all.map { "\($0.writer)\($0.number)" } == ["0", "1", "a2", "a10", "b0"])
      #expect(all[2].content == "line 5\0")

      var paged: [ConsoleLine] = []
      while true {
        let after = paged.last.map { (writer: $0.writer, number: $0.number) }
        let page = try await storage.console(runID: run.id, after: after, limit: 2)
        if page.isEmpty { break }
        paged += page
      }
      #expect(paged == all)
      #expect(try await storage.consoleTail(runID: run.id, limit: 2) == Array(all.suffix(2)))
      #expect(try await storage.consoleTail(runID: run.id, limit: 100) == all)
      #expect(try await storage.consoleTail(runID: run.id, limit: 0) == [])
      #expect(try await storage.console(runID: run.id + 1, after: nil, limit: 2) == [])
    }
  }

  @Test(arguments: Backend.allCases) func announcesATitleOnceInItsWait(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let run = try await makeRun(storage, project)
      let other = try await makeRun(storage, project, "other")
      func add(_ title: String, at second: Int64, wait: Double, of run: RunRecord) async throws -> Bool {
        try await storage.addAlert(
          AlertRecord(
            runID: run.id, title: title, text: "at \(second)", severity: "WARN", waitSeconds: wait,
            createdAt: Timestamp(microseconds: second * 1_000_000)))
      }
      #expect(try await add("a", at: 100, wait: 60, of: run))
      #expect(try await !add("a", at: 159, wait: 0, of: run))
      #expect(try await add("b", at: 159, wait: 0, of: run))
      #expect(try await add("a", at: 159, wait: 0, of: other))
      #expect(try await add("a", at: 160, wait: .nan, of: run))
      #expect(try await add("a", at: 160, wait: .infinity, of: run))
      #expect(try await !add("a", at: 1 << 40, wait: 0, of: run))

      let alerts = try await storage.alerts(runID: run.id, limit: 3)
      #expect(alerts.map(\.text) == ["at 160", "at 160", "at 159"])
      #expect(alerts.map(\.waitSeconds) == [.infinity, 0, 0])
      #expect(alerts[0].severity == "WARN" && alerts[0].title == "a")
      await #expect(throws: StorageError.self) { _ = try await storage.addAlert(
        AlertRecord(runID: 999, title: "t", text: "", severity: "INFO", waitSeconds: 0)) }
    }
  }
}
