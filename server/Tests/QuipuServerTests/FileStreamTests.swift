import GraphQL
import HistoryColumns
import Logging
import MemoryStorage
import QuipuBase
import Storage
import Testing

@testable import QuipuServer

/// A run on a store in memory, and requests to its file stream.
struct StreamBench {
  let runs: RunService
  let histories: HistoryService
  let storage: MemoryStorage
  var runID: Int64 = 0

  init() async throws {
    storage = try MemoryStorage()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    histories = HistoryService(storage: storage, logger: logger)
    runs = RunService(
      storage: storage, histories: histories, configuration: ServerConfiguration(), logger: logger)
    runID = try await upsert(["name": "r1"]).id
  }

  @discardableResult
  func upsert(_ input: JSONObject) async throws -> RunRecord {
    try await runs.upsert(GraphQLArguments(input)).run
  }

  @discardableResult
  func send(_ json: JSON, writer: String = "") async throws -> Bool {
    let request = try Array(json.text(style: .core).utf8).withUnsafeBytes {
      try FileStreamRequest(body: $0, lineLimit: 10_383_360)
    }
    return try await runs.stream(request, runID: runID, writer: writer)
  }

  func rows() async throws -> [JSON] {
    let texts = try await RunRows(histories: histories, runID: runID)
      .texts(.history, steps: RunRows.range(nil, upTo: nil), samples: nil)
    return try (JSON(parsing: texts).arrayValue ?? []).map { try JSON(parsing: $0.stringValue ?? "") }
  }

  func run() async throws -> RunRecord { try #require(try await storage.run(id: runID)) }

  static func row(_ step: Int, x: Double) -> String {
    #"{"_step":\#(step),"_timestamp":\#(1000 + step),"_runtime":\#(step),"x":\#(x)}"#
  }

  static func history(_ offset: Int, _ lines: [String]) -> JSON {
    ["files": ["wandb-history.jsonl": lines2(offset, lines)]]
  }

  static func lines2(_ offset: Int, _ lines: [String]) -> JSON {
    ["offset": .int(Int64(offset)), "content": .array(lines.map { .string($0) })]
  }
}

@Suite struct FileStreamTests {
  @Test func aRequestSentTwiceCountsOnce() async throws {
    let bench = try await StreamBench()
    let request = StreamBench.history(0, (0..<5).map { StreamBench.row($0, x: 1) })
    try await bench.send(request)
    try await bench.send(request)
    #expect(try await bench.run().historyLineCount == 5)
    #expect(try await bench.rows().count == 5)
  }

  @Test func rowsSentAgainBehindTheOldOnesReplaceThem() async throws {
    let bench = try await StreamBench()
    try await bench.send(StreamBench.history(0, (0..<20).map { StreamBench.row($0, x: 1) }))
    try await bench.send(StreamBench.history(20, (0..<20).map { StreamBench.row($0, x: $0 < 10 ? 1 : 2) }))
    let rows = try await bench.rows()
    #expect(try await bench.run().historyLineCount == 20)
    #expect(rows.map { $0.objectValue?["x"]?.doubleValue } == (0..<20).map { $0 < 10 ? 1 : 2 })
  }

  @Test func anOverlapAddsOnlyWhatIsNew() async throws {
    let bench = try await StreamBench()
    try await bench.send(StreamBench.history(0, (0..<8).map { StreamBench.row($0, x: 0) }))
    try await bench.send(StreamBench.history(5, (5..<12).map { StreamBench.row($0, x: 0) }))
    #expect(try await bench.run().historyLineCount == 12)
    #expect(try await bench.rows().count == 12)
  }

  @Test func writersOfASharedRunKeepTheirOwnRows() async throws {
    let bench = try await StreamBench()
    for writer in ["a", "b", "a"] {
      try await bench.send(StreamBench.history(0, [StreamBench.row(0, x: writer == "a" ? 1 : 2)]), writer: writer)
    }
    #expect(try await bench.run().historyLineCount == 2)
    #expect(try await bench.rows().compactMap { $0.objectValue?["x"]?.doubleValue }.sorted() == [1, 2])
  }

  @Test func aMalformedLineRefusesTheWholeRequest() async throws {
    let bench = try await StreamBench()
    await #expect(throws: ServerFault.self) {
      try await bench.send(StreamBench.history(0, [StreamBench.row(0, x: 1), "{\"x\":"]))
    }
    #expect(try await bench.rows().isEmpty)
  }

  @Test func anOlderSummaryDoesNotReplaceANewerOne() async throws {
    let bench = try await StreamBench()
    func summary(_ text: String) -> JSON { ["files": ["wandb-summary.json": StreamBench.lines2(0, [text])]] }
    try await bench.send(summary(#"{"x":2,"_timestamp":20,"_step":2}"#))
    try await bench.send(summary(#"{"x":1,"_timestamp":10,"_step":1}"#))
    #expect(try await bench.run().summary == #"{"x":2,"_timestamp":20,"_step":2}"#)
    try await bench.send(summary(#"{"x":3,"_timestamp":20,"_step":3,"_runtime":90}"#))
    #expect(JSONLine.number("x", in: try await bench.run().summary) == 3)
  }

  @Test func completeEndsTheRunAndANewRowReopensIt() async throws {
    let bench = try await StreamBench()
    try await bench.send(StreamBench.history(0, [StreamBench.row(0, x: 1)]))
    try await bench.send(["complete": true, "exitcode": 0])
    #expect(try await bench.run().state == .finished)
    try await bench.send(StreamBench.history(1, [StreamBench.row(1, x: 1)]))
    #expect(try await bench.run().state == .running)
    try await bench.send(["complete": true, "exitcode": 3])
    #expect(try await bench.run().state == .failed)
    #expect(try await bench.run().exitCode == 3)
  }

  @Test func aRowThatArrivesLateDoesNotReopenTheRun() async throws {
    let bench = try await StreamBench()
    let last: JSON = [
      "files": ["wandb-summary.json": StreamBench.lines2(0, [#"{"_timestamp":1005,"_step":5}"#])], "complete": true,
      "exitcode": 0,
    ]
    try await bench.send(last)
    try await bench.send(StreamBench.history(4, [StreamBench.row(4, x: 1)]))
    #expect(try await bench.run().state == .finished)
    #expect(try await bench.rows().count == 1)
  }

  @Test func stopReachesTheStreamAndMakesTheEndKilled() async throws {
    let bench = try await StreamBench()
    #expect(try await bench.send([:]) == false)
    try await bench.runs.stop(runID: bench.runID)
    #expect(try await bench.send([:]))
    try await bench.send(["complete": true, "exitcode": 255])
    #expect(try await bench.run().state == .killed)
    try await bench.upsert(["name": "r1"])
    #expect(try await bench.send([:]) == false)
    #expect(try await bench.run().state == .running)
  }

  @Test func consoleLinesAreReplacedInPlace() async throws {
    let bench = try await StreamBench()
    func console(_ offset: Int, _ lines: [String]) -> JSON { ["files": ["output.log": StreamBench.lines2(offset, lines)]] }
    try await bench.send(console(0, ["a", "10%", "c"]))
    try await bench.send(console(1, ["99%"]))
    let lines = try await bench.storage.console(runID: bench.runID, after: nil, limit: 10)
    #expect(lines.map(\.content) == ["a", "99%", "c"])
    #expect(try await bench.run().logLineCount == 3)
  }

  @Test func rewindForgetsRowsAndForkTakesThemAlong() async throws {
    var bench = try await StreamBench()
    try await bench.send(StreamBench.history(0, (0..<10).map { StreamBench.row($0, x: Double($0)) }))
    let origin = bench.runID
    let fork = try await bench.upsert([
      "name": "r2", "config": .string(#"{"_wandb":{"value":{"branch_point":{"run_id":"r1","step":4}}}}"#),
    ])
    #expect(fork.historyLineCount == 0)
    bench.runID = fork.id
    try await bench.send(StreamBench.history(0, [StreamBench.row(5, x: 50)]))
    #expect(try await bench.rows().map { $0.objectValue?["x"]?.doubleValue } == [0, 1, 2, 3, 4, 50])
    #expect(try await bench.run().historyLineCount == 1)
    bench.runID = origin
    let rewound = try await bench.runs.rewind(runID: origin, to: 6)
    #expect(rewound.historyLineCount == 7)
    try await bench.send(StreamBench.history(7, [StreamBench.row(7, x: 70)]))
    #expect(try await bench.rows().map { $0.objectValue?["x"]?.doubleValue } == [0, 1, 2, 3, 4, 5, 6, 70])
    try await bench.runs.delete(runID: origin)
    bench.runID = fork.id
    #expect(try await bench.rows().count == 6)
  }

  @Test func rewindIntoAGapOfAnyWidthFindsTheRowBeforeIt() async throws {
    let bench = try await StreamBench()
    try await bench.send(StreamBench.history(0, [StreamBench.row(3, x: 1), StreamBench.row(1 << 61, x: 2)]))
    let run = try await bench.runs.rewind(runID: bench.runID, to: 1 << 60)
    #expect(run.historyLineCount == 1)
    #expect(JSONLine.number("_step", in: run.historyTail ?? "") == 3)
  }

  @Test func manySmallRequestsAreMergedAndStayWhole() async throws {
    let bench = try await StreamBench()
    for step in 0..<500 { try await bench.send(StreamBench.history(step, [StreamBench.row(step, x: Double(step))])) }
    let segments = try await bench.storage.segments(runID: bench.runID, stream: .history)
    #expect(segments.count < 40)
    #expect(try await bench.rows().map { $0.objectValue?["x"]?.doubleValue } == (0..<500).map { Double($0) })
    #expect(try await bench.run().historyLineCount == 500)
  }

  /// Cuts a delivery anew, repeats and reorders parts of it; what counts in the end is what a clean delivery leaves.
  @Test(arguments: 0..<40) func anyDeliveryEndsLikeAClean(seed: Int) async throws {
    var random = SeededGenerator(seed: UInt64(seed) &* 7919 &+ 1)
    let lines = (0..<60).map { StreamBench.row($0 * 2, x: Double.random(in: -1...1, using: &random)) }
    let events = (0..<20).map { #"{"_timestamp":\#(1000 + $0),"system.cpu":\#($0)}"# }
    let console = (0..<30).map { "line \($0)" }
    let clean = try await StreamBench()
    let other = try await StreamBench()
    let last: JSON = [
      "files": ["wandb-summary.json": StreamBench.lines2(0, [#"{"_timestamp":1118,"_step":118,"x":1}"#])],
      "complete": true, "exitcode": 0,
    ]
    try await clean.send([
      "files": [
        "wandb-history.jsonl": StreamBench.lines2(0, lines), "wandb-events.jsonl": StreamBench.lines2(0, events),
        "output.log": StreamBench.lines2(0, console),
      ]
    ])
    try await clean.send(last)

    var requests: [JSON] = []
    for (name, all) in [("wandb-history.jsonl", lines), ("wandb-events.jsonl", events), ("output.log", console)] {
      var start = 0
      while start < all.count {
        let end = min(all.count, start + Int.random(in: 1...9, using: &random))
        // Some pieces reach back, as after an answer that was lost.
        let from = max(0, start - Int.random(in: 0...3, using: &random))
        requests.append(["files": .object([Key(name): StreamBench.lines2(from, Array(all[from..<end]))])])
        start = end
      }
    }
    requests += requests.filter { _ in Bool.random(using: &random) }
    requests.shuffle(using: &random)
    for request in requests { try await other.send(request) }
    try await other.send(last)
    for request in requests.prefix(5) { try await other.send(request) }
    // A second sync: everything again, behind what is there.
    try await other.send(StreamBench.history(60, lines))

    #expect(try await other.rows() == clean.rows())
    let (a, b) = (try await other.run(), try await clean.run())
    #expect(a.historyLineCount == b.historyLineCount)
    #expect(a.eventsLineCount == b.eventsLineCount)
    #expect(a.logLineCount == b.logLineCount)
    #expect(a.historyTail == b.historyTail)
    #expect(a.summary == b.summary)
    #expect(a.state == b.state)
    let consoles = try await [other, clean].asyncMap {
      try await $0.storage.console(runID: $0.runID, after: nil, limit: 100).map(\.content)
    }
    #expect(consoles[0] == consoles[1])
  }
}

struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// SplitMix64 (Steele, Lea, Flood 2014).
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

extension Array {
  func asyncMap<Result>(_ body: (Element) async throws -> Result) async rethrows -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await body(element)) }
    return results
  }
}
