import MemoryStorage
import QuipuBase
import RunFilters
import SQLiteStorage
import Storage
import Testing

/// Random operations on both implementations at once: every answer is the same. Ids differ, so runs are told by name.
@Suite struct SameBehaviourTests {
  static let filters = [
    nil, "{}", #"{"state":"running"}"#, #"{"group":"g1"}"#, #"{"group":null}"#, #"{"tags":"a"}"#,
    #"{"$or":[{"group":"g0"},{"config.k":{"$gt":3}}]}"#, #"{"summary_metrics.m":{"$lte":0.5},"group":{"$ne":"g2"}}"#,
    #"{"name":{"$in":["n1","n2","n3"]}}"#, #"{"heartbeatAt":{"$gt":40}}"#, #"{"notes":{"$regex":"b"}}"#,
    #"{"notes":"ab\u0000"}"#, #"{"$nor":[{"jobType":"j1"},{"host":"h1"}]}"#, #"{"jobType":"j1","sweep":{"$in":["s0",null]}}"#,
  ]
  static let orders = [
    "+created_at", "-created_at", "+heartbeat_at", "-config.k", "+summary_metrics.m", "-summary_metrics.m", "+group",
    "-duration", "+state", "-notes",
  ]

  static func change(_ run: inout RunRecord, _ random: inout SplitMix) {
    run.heartbeatAt = Timestamp(microseconds: Int64.random(in: 0..<100, using: &random) * 1_000_000)
    run.state = RunState.allCases.randomElement(using: &random) ?? .running
    run.group = ["g0", "g1", "g2", nil].randomElement(using: &random) ?? nil
    run.jobType = ["j0", "j1", nil].randomElement(using: &random) ?? nil
    run.host = ["h0", "h1", nil].randomElement(using: &random) ?? nil
    run.sweep = ["s0", "s1", nil].randomElement(using: &random) ?? nil
    run.notes = ["a", "b", "ab\0", "", nil].randomElement(using: &random) ?? nil
    run.tags = [[], ["a"], ["b", "a"]].randomElement(using: &random) ?? []
    run.config = ["{}", #"{"k":{"value":\#(Int.random(in: 0..<9, using: &random))}}"#, #"{"k":{"value":"x"}}"#]
      .randomElement(using: &random) ?? ""
    run.summary = ["{}", #"{"m":\#(Double.random(in: 0..<1, using: &random))}"#, #"{"m":NaN}"#, #"{"m":0.5}"#]
      .randomElement(using: &random) ?? ""
  }

  @Test(arguments: 0..<8 as Range<UInt64>) func bothGiveTheSameAnswers(_ seed: UInt64) async throws {
    try await withDirectory { directory in
      var random = SplitMix(state: seed)
      let stores: [any Storage] = [try MemoryStorage(), try await SQLiteStorage(directory: directory)]
      var projects: [ProjectRecord] = []
      for store in stores { projects.append(try await makeProject(store)) }

      for step in 0..<150 {
        let name = "n\(Int.random(in: 0..<25, using: &random))"
        let action = Int.random(in: 0..<10, using: &random)
        let limit = Int.random(in: 0..<8, using: &random)
        let filter = Self.filters.randomElement(using: &random) ?? nil
        let order = Self.orders.randomElement(using: &random)
        let stale = Int.random(in: 0..<10, using: &random) == 0
        let before = random
        var answers: [String] = []
        for (store, project) in zip(stores, projects) {
          random = before
          var answer = ""
          switch action {
          case 0..<4:
            var run = RunRecord(
              projectID: project.id, name: name, displayName: name,
              createdAt: Timestamp(microseconds: Int64.random(in: 0..<10, using: &random) * 1_000_000))
            Self.change(&run, &random)
            do { _ = try await store.insertRun(run) } catch { answer = "\(error)" }
          case 4..<7:
            guard var run = try await store.run(projectID: project.id, name: name) else { break }
            Self.change(&run, &random)
            if stale { run.version -= 1 }
            var change = RunChange(run: run)
            change.addedSegments = [makeSegment(run, order: Int64.random(in: 0..<3, using: &random))]
            change.removedSegments = try await store.segments(runID: run.id, stream: .history).dropFirst(2).map(\.id)
            change.console = (0..<3).map { index in
              ConsoleLine(writer: "w\(index % 2)", number: Int64.random(in: 0..<5, using: &random), content: "\(step)")
            }
            answer = await refusal(of: change, by: store).map { "\($0)" } ?? ""
          case 7:
            if let run = try await store.run(projectID: project.id, name: name) {
              try await store.deleteRun(id: run.id)
            }
          default:
            var query = try RunQueryTests.query(project, filter, order, limit: limit)
            answer += "count \(try await store.countRuns(query));"
            for _ in 0..<3 {
              let page = try await store.runs(query)
              for (stored, cursor) in page.runs {
                var run = stored
                run.id = 0
                run.projectID = 0
                answer += "\(run) \(cursor.drop { $0 != ":" });"
              }
              answer += "next \(page.hasNext);"
              guard let last = page.runs.last else { break }
              query.after = last.cursor
            }
          }
          if let run = try await store.run(projectID: project.id, name: name) {
            for segment in try await store.segments(runID: run.id, stream: .history) {
              answer += "\(segment.order) \(segment.body);"
            }
            answer += "\(try await store.console(runID: run.id, after: ("w0", 2), limit: 4))"
            answer += "\(try await store.consoleTail(runID: run.id, limit: 4))"
          }
          answers.append(answer)
        }
        try #require(answers[0] == answers[1], "step \(step), action \(action), \(filter ?? "-") \(order ?? "")")
      }
    }
  }
}

/// A generator whose numbers follow from its seed.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
