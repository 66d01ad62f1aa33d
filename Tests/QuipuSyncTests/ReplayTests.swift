import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import QuipuSync

/// A log in a temporary directory, written record by record.
final class TemporaryLog {
  let directory: String
  let path: String
  private var file: LogFile
  private var framer = BlockWriter()
  private var num: Int64 = 0

  init() throws {
    var template = Array("/tmp/quipu-replay-XXXXXX".utf8CString)
    guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
      throw LogFileError(.create, code: errno)
    }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = directory + "/run-test.wandb"
    file = try LogFile.create(path: path)
    var out = ByteBuffer()
    BlockWriter.appendFileHeader(to: &out)
    try file.append(out.bytes)
  }

  deinit {
    unlink(path)
    rmdir(directory)
  }

  func write(_ payloads: Record.Payload...) throws {
    for payload in payloads {
      num += 1
      var body = ByteBuffer()
      Record(num: num, runID: num % 2 == 0 ? "test" : nil, payload).encode(into: &body)
      try write(raw: body.array())
    }
  }

  func write(raw: [UInt8]) throws {
    var out = ByteBuffer()
    raw.withUnsafeBytes { framer.append($0, to: &out) }
    try file.append(out.bytes)
  }

  /// Takes the end away, to write others in its place.
  func cut(to size: UInt64) throws {
    try file.truncate(to: size)
    framer.seek(to: size)
  }

  func header(_ producer: String) throws {
    var header = HeaderRecord()
    header.versionInfo = VersionInfo()
    header.versionInfo?.producer = producer
    try write(.header(header))
  }

  func run(_ change: (inout RunRecord) -> Void = { _ in }) throws {
    var run = RunRecord()
    run.runID = "test"
    run.startTime = Timestamp(seconds: 1000, nanos: 0)
    change(&run)
    try write(.run(run))
  }

  func row(_ items: (String, String)...) throws {
    var history = HistoryRecord()
    for (key, value) in items {
      var item = HistoryItem()
      item.nestedKey = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      item.valueJSON = value
      history.item.append(item)
    }
    try write(.history(history))
  }

  func output(_ text: String, _ type: OutputType = .stdout, at seconds: Int64 = 0) throws {
    var record = OutputRawRecord()
    record.line = text
    record.outputType = type
    record.timestamp = Timestamp(seconds: seconds, nanos: 154_359_000)
    try write(.outputRaw(record))
  }
}

/// All that a replay gives until its end or the end of what is there.
struct Replayed {
  var history: [String] = []
  var events: [String] = []
  var console: [Int: String] = [:]
  var settled = 0
  var status = ReplayStatus.more

  /// - Parameter most: rows after which it stops.
  init(_ replay: LogReplay, _ start: ReplayStart = ReplayStart(), limit: Int = 1 << 20, most: Int = .max) throws {
    while true {
      status = replay.readOn(limit: limit)
      if status == .run { replay.begin(start) }
      var out = ByteBuffer()
      if let block = replay.takeHistory(into: &out) {
        let lines = try Self.texts(out)
        #expect(lines.count == block.count)
        #expect(block.first == start.rows + history.count)
        history += lines
      }
      out.removeAll()
      if replay.takeEvents(into: &out) != nil { events += try Self.texts(out) }
      while true {
        out.removeAll()
        guard let block = replay.takeConsole(into: &out, limit: limit) else { break }
        let lines = try Self.texts(out)
        #expect(lines.count == block.count)
        for (at, line) in lines.enumerated() { console[block.first + at] = line }
        settled = block.settled
      }
      #expect(replay.pendingBytes == 0)
      if history.count >= most { return }
      switch status {
      case .run, .more, .full: continue
      default: return
      }
    }
  }

  static func texts(_ literals: borrowing ByteBuffer) throws -> [String] {
    try JSON(parsing: "[" + literals.string() + "]").arrayValue?.compactMap(\.stringValue) ?? []
  }
}

struct ReplayRowTests {
  @Test func rowsBecomeLinesWithTheirStepLast() throws {
    let log = try TemporaryLog()
    try log.header("0.31.0+abc")
    try log.run()
    try log.row(("_step", "0"), ("loss", "1.5e-07"), ("text", "\"a \\\"b\\\" é\""), ("nan", "NaN"), ("bad", "nul"))
    try log.row(("a.b", "1"), ("a.c", "[1, {\"x\":2}]"), ("_step", "7"), ("a.b", "2"))
    try log.row(("o", "{\"p\":1,\"e\":{}}"), ("o.q", "Inf"), ("é\"", "007"), ("_step", "8"))
    try log.row()
    try log.write(.exit(RunExitRecord()))
    let replay = try LogReplay(path: log.path)
    let found = try Replayed(replay)
    #expect(found.status == .ended)
    #expect(found.history == [
      "{\"loss\":1.5e-07,\"text\":\"a \\\"b\\\" é\",\"nan\":NaN,\"_step\":0}",
      "{\"a\":{\"b\":2,\"c\":[1, {\"x\":2}]},\"_step\":7}",
      "{\"o\":{\"p\":1,\"q\":Infinity},\"é\\\"\":7,\"_step\":8}",
      "{\"_step\":9}",
    ])
    #expect(replay.counters.droppedItems == 1)
  }

  @Test func aKeyThatComesTwiceHasItsLastValue() throws {
    let log = try TemporaryLog()
    try log.run()
    try log.row(("loss", "1"), ("x", "2"), ("loss", "3"))
    #expect(try Replayed(LogReplay(path: log.path)).history == ["{\"loss\":3,\"x\":2,\"_step\":0}"])
  }

  @Test func aRowOfThousandsOfKeysKeepsThemAll() throws {
    let log = try TemporaryLog()
    try log.run()
    var history = HistoryRecord()
    for number in 0..<5000 {
      var item = HistoryItem()
      item.nestedKey = ["key\(number)"]
      item.valueJSON = String(number)
      history.item.append(item)
    }
    try log.write(.history(history))
    let found = try Replayed(LogReplay(path: log.path))
    let row = try JSON(parsing: try #require(found.history.first)).objectValue
    #expect(row?.count == 5001)
    #expect(row?["key4999"] == 4999)
  }

  @Test func typedValuesWinOverTexts() throws {
    let log = try TemporaryLog()
    try log.run()
    var history = HistoryRecord()
    let values: [(String, HistoryItem.Value)] = [
      ("i", .integer(-3)), ("n", .number(.nan)), ("b", .boolean(false)), ("t", .text("\u{1}")), ("j", .json("[1]")),
      ("z", .null),
    ]
    for (key, value) in values {
      var item = HistoryItem()
      item.key = key
      item.value = value
      item.valueJSON = "0"
      history.item.append(item)
    }
    try log.write(.history(history))
    let row = "{\"i\":-3,\"n\":NaN,\"b\":false,\"t\":\"\\u0001\",\"j\":[1],\"z\":null,\"_step\":0}"
    #expect(try Replayed(LogReplay(path: log.path)).history == [row])
  }

  @Test(arguments: [("0.31.0+abc", false, [5, 6, 9, 10]), ("0.1.0+quipu", false, [0, 5, 9, 2]), ("0.1.0+quipu", true, [5, 6, 9, 10])])
  func stepsAreRaisedUnlessOurOwnLogGoesBack(_ producer: String, _ isResumed: Bool, _ steps: [Int]) throws {
    let log = try TemporaryLog()
    try log.header(producer)
    try log.run()
    try log.row(("_step", "0"))
    try log.row(("_step", "5.0"))
    try log.row(("_step", "9"))
    try log.row(("_step", "2"))
    var start = ReplayStart()
    start.startingStep = 5
    start.isResumed = isResumed
    #expect(try Replayed(LogReplay(path: log.path), start).history == steps.map { "{\"_step\":\($0)}" })
  }

  @Test func theLargestStepIsNotPassed() throws {
    let log = try TemporaryLog()
    try log.run()
    try log.row(("_step", "9223372036854775807"))
    try log.row(("_step", "9223372036854775808"))
    let line = "{\"_step\":9223372036854775807}"
    #expect(try Replayed(LogReplay(path: log.path)).history == [line, line])
  }

  @Test func longLinesAreLeftOutAndTakeNoIndex() throws {
    let log = try TemporaryLog()
    try log.run()
    let limit = 100
    try log.row(("a", "1"))
    try log.row(("b", "\"" + String(repeating: "x", count: limit) + "\""))
    // Exactly as long as may be: {"c":"…","_step":2}
    try log.row(("c", "\"" + String(repeating: "x", count: limit - 18) + "\""))
    var start = ReplayStart()
    start.lineBytes = limit
    let replay = try LogReplay(path: log.path)
    let found = try Replayed(replay, start)
    #expect(found.history.count == 2)
    #expect(found.history.last?.utf8.count == limit)
    #expect(replay.counters.longLines == 1)
    start.rows = 1
    #expect(try Replayed(LogReplay(path: log.path), start).history == found.history.suffix(1))
  }

  @Test func recordsThatAreNoneAndTextsThatAreNotUTF8AreCounted() throws {
    let log = try TemporaryLog()
    try log.run()
    try log.write(raw: [0xFF, 0xFF])
    // history { item { nested_key "\xFF" value_json "1" } }
    try log.write(raw: [0x12, 0x09, 0x0A, 0x07, 0x12, 0x01, 0xFF, 0x82, 0x01, 0x01, 0x31])
    // The same with a good key, and with the envelope behind the content.
    try log.write(raw: [0x12, 0x09, 0x0A, 0x07, 0x12, 0x01, 0x61, 0x82, 0x01, 0x01, 0x31, 0x08, 0x05])
    let replay = try LogReplay(path: log.path)
    #expect(try Replayed(replay).history == ["{\"a\":1,\"_step\":0}"])
    #expect(replay.counters.undecodable == 2)
  }

  @Test func aSecondReplaySendsWhatTheFirstDidNot() throws {
    let log = try TemporaryLog()
    try log.header("0.31.0+abc")
    try log.run()
    for number in 0..<500 {
      try log.row(("_step", "\(number * 2)"), ("x", "\(number)"))
      if number % 7 == 0 { try log.output("line \(number)\r\n") }
      if number % 100 == 0 { try log.write(.stats(stats(at: 1000 + Int64(number)))) }
    }
    try log.write(.exit(RunExitRecord()))
    let whole = try Replayed(LogReplay(path: log.path))
    #expect(whole.history.count == 500 && whole.events.count == 5)
    for most in [1, 7, 250, 499] {
      var start = ReplayStart()
      let first = try Replayed(LogReplay(path: log.path), start, limit: 200, most: most)
      start.rows = first.history.count
      start.events = first.events.count
      start.consoleLines = first.settled
      let second = try Replayed(LogReplay(path: log.path), start, limit: 200)
      #expect(first.history + second.history == whole.history)
      #expect(first.events + second.events == whole.events)
      #expect(second.console.keys.allSatisfy { $0 >= first.settled })
      #expect(first.console.merging(second.console) { $1 } == whole.console)
    }
  }

  @Test func aGrowingLogIsFollowed() throws {
    let log = try TemporaryLog()
    let replay = try LogReplay(path: log.path)
    #expect(replay.readOn(limit: 1) == .caughtUp(isTorn: false))
    try log.run()
    replay.retryTail()
    #expect(replay.readOn(limit: 1) == .run)
    replay.begin(ReplayStart())
    #expect(replay.readOn(limit: 1) == .caughtUp(isTorn: false))
    for number in 0..<100 {
      try log.row(("x", "\(number)"), ("text", "\"" + String(repeating: "y", count: 1000) + "\""))
      replay.retryTail()
      #expect(replay.readOn(limit: 1 << 20) == .caughtUp(isTorn: false))
      var out = ByteBuffer()
      #expect(replay.takeHistory(into: &out) == ReplayBlock(first: number, count: 1))
    }
    try log.write(.exit(RunExitRecord()))
    replay.retryTail()
    #expect(replay.readOn(limit: 1) == .ended)
  }
}

private func stats(at seconds: Int64) -> StatsRecord {
  var stats = StatsRecord()
  stats.timestamp = Timestamp(seconds: seconds, nanos: 500_000_000)
  var item = StatsItem()
  item.key = "cpu"
  item.valueJSON = "12.5"
  stats.item = [item]
  return stats
}

struct ReplayStateTests {
  @Test func eventsHaveTheirTimeSinceTheStartAndTheWritersLabel() throws {
    let log = try TemporaryLog()
    try log.run()
    try log.write(.stats(stats(at: 1002)), .stats(StatsRecord()))
    var start = ReplayStart()
    start.label = "rank-1"
    let replay = try LogReplay(path: log.path)
    let line = "{\"_wandb\":true,\"_timestamp\":1002.5,\"_runtime\":2.5,\"system.cpu/l:rank-1\":12.5}"
    #expect(try Replayed(replay, start).events == [line])
    #expect(replay.counters.eventsWithoutTime == 1)
  }

  @Test func theSummaryIsTheFoldOfItsRecordsWithTheLastRowsStep() throws {
    let log = try TemporaryLog()
    try log.run()
    func summary(_ update: [([String], String)], _ remove: [[String]] = []) throws {
      var record = SummaryRecord()
      record.update = update.map { path, value in
        var item = SummaryItem()
        item.nestedKey = path
        item.valueJSON = value
        return item
      }
      record.remove = remove.map { path in
        var item = SummaryItem()
        item.nestedKey = path
        return item
      }
      try log.write(.summary(record))
    }
    var start = ReplayStart()
    start.summary = ["best": 9, "_step": 3]
    let replay = try LogReplay(path: log.path)
    try summary([(["o"], "{\"p\":1,\"q\":2}"), (["a"], "1"), (["_step"], "77"), (["gone"], "1"), (["n"], "5")])
    try summary([(["o", "q"], "9"), (["a"], "nonsense"), (["n"], "null")], [["gone"]])
    _ = try Replayed(replay, start)
    #expect(replay.hasSummaryChanged)
    #expect(replay.takeSummary() == "{\"a\":1,\"best\":9,\"o\":{\"q\":9}}")
    #expect(!replay.hasSummaryChanged)
    try log.row(("a", "2"))
    replay.retryTail()
    _ = try Replayed(replay, start)
    #expect(replay.takeSummary() == "{\"_step\":0,\"a\":1,\"best\":9,\"o\":{\"q\":9}}")
    #expect(replay.counters.droppedItems == 1)
  }

  @Test func theConfigHoldsValuesTelemetryDefinitionsAndEnvironment() throws {
    let log = try TemporaryLog()
    func item(_ key: String, _ value: String) -> ConfigItem {
      var item = ConfigItem()
      item.key = key
      item.valueJSON = value
      return item
    }
    try log.run { run in
      run.config = ConfigRecord()
      run.config?.update = [item("_wandb", "{}"), item("lr", "0.1"), item("o", "{\"a\":1}"), item("e", "{}")]
      run.telemetry = TelemetryRecord()
      run.telemetry?.cliVersion = "0.31.0"
      run.telemetry?.feature = [13, 2]
      run.branchPoint = BranchPoint()
      run.branchPoint?.run = "parent"
      run.branchPoint?.value = 4
    }
    var later = ConfigRecord()
    later.update = [item("o", "{\"b\":2}")]
    var metric = MetricRecord()
    metric.globName = "val/*"
    metric.stepMetric = "epoch"
    metric.options = MetricOptions()
    metric.options?.stepSync = true
    metric.summary = [MetricSummary.min]
    var environment = EnvironmentRecord()
    environment.writerID = "w"
    environment.cpuCount = 2
    environment.gpuType = "A100"
    environment.memory = MemoryInfo()
    environment.memory?.total = 7
    var telemetry = TelemetryRecord()
    telemetry.feature = [7]
    try log.write(.config(later), .metric(metric), .environment(environment), .telemetry(telemetry))
    var start = ReplayStart()
    start.config = ["lr": ["value": 5], "old": ["value": 1]]
    let replay = try LogReplay(path: log.path)
    _ = try Replayed(replay, start)
    #expect(replay.hasConfigChanged)
    let expected: JSON = [
      "lr": ["value": 0.1], "o": ["value": ["a": 1, "b": 2]], "old": ["value": 1],
      "_wandb": ["value": [
        "branch_point": ["run_id": "parent", "step": 4], "cli_version": "0.31.0",
        "t": ["3": [2, 7, 13], "5": "0.31.0", "12": "1.2"],
        "m": [["2": "val/*", "5": 2, "6": [1], "7": [1]], ["1": "epoch", "6": [], "7": []]],
        "e": ["w": ["cpu_count": 2, "gpu": "A100", "memory": ["total": "7"], "writerId": "w"]],
      ]],
    ]
    #expect(try JSON(parsing: replay.takeConfig(client: "1.2")) == expected)
    #expect(!replay.hasConfigChanged)
    let metadata = try #require(replay.takeMetadata())
    #expect(try JSON(parsing: metadata) == ["cpu_count": 2, "gpu": "A100", "memory": ["total": "7"], "writerId": "w"])
  }

  @Test func configYAMLQuotesWhatCouldBeTakenForSomethingElse() {
    let text = YAMLText.text([
      "lr": ["value": .double(1e20)], "yes": ["value": "no"], "list": ["value": [1, ["a": true, "b": []], [2]]],
      "text": ["value": "a: \u{7F}é\n"], "nan": ["value": .double(.nan)], "none": ["value": nil],
    ])
    #expect(
      text == """
        list:
            value:
                - 1
                - a: true
                  b: []
                -
                  - 2
        lr:
            value: 1.0e+20
        "nan":
            value: .nan
        none:
            value: null
        text:
            value: "a: \\u007fé\\n"
        "yes":
            value: "no"

        """)
  }

  @Test func laterRunRecordsChangeWhatTheyName() throws {
    let log = try TemporaryLog()
    try log.run { $0.displayName = "first"; $0.tags = ["a"]; $0.project = "p" }
    let replay = try LogReplay(path: log.path)
    _ = try Replayed(replay)
    #expect(!replay.takeIdentityChange())
    try log.run { $0.displayName = "second"; $0.project = "ignored" }
    replay.retryTail()
    _ = try Replayed(replay)
    #expect(replay.takeIdentityChange())
    #expect(replay.identity?.displayName == "second")
    #expect(replay.identity?.tags == ["a"])
    #expect(replay.identity?.project == "p")
  }

  @Test func whatStandsBeforeTheRunRecordOrBehindTheExitIsNotTheRuns() throws {
    let log = try TemporaryLog()
    try log.row(("x", "1"))
    try log.write(.stats(stats(at: 1)), .alert(AlertRecord()))
    try log.run()
    try log.row(("x", "2"))
    try log.write(.exit(RunExitRecord()))
    try log.row(("x", "3"))
    let replay = try LogReplay(path: log.path)
    let found = try Replayed(replay)
    #expect(found.history == ["{\"x\":2,\"_step\":0}"])
    #expect(found.events.isEmpty && replay.takeAlerts().isEmpty)
  }
}

struct ReplayConsoleTests {
  @Test func linesHaveTheirStreamAndTheTimeOfTheirFirstCharacter() throws {
    let log = try TemporaryLog()
    try log.run()
    try log.output("one", at: 1)
    try log.output("oops\n", .stderr, at: 2)
    try log.output(" more\n", at: 3)
    try log.output("\n10 %", at: 4)
    try log.output("\r20 %\n", at: 5)
    try log.write(.exit(RunExitRecord()))
    var start = ReplayStart()
    start.label = "r"
    let found = try Replayed(LogReplay(path: log.path), start)
    #expect(found.console == [
      0: "1970-01-01T00:00:01.154359 [r] one more", 1: "ERROR 1970-01-01T00:00:02.154359 [r] oops",
      2: "1970-01-01T00:00:04.154359 [r] ", 3: "1970-01-01T00:00:04.154359 [r] 20 %",
    ])
    #expect(found.settled == 4)
  }

  @Test func onlyLinesThatChangedAreGivenOutAgain() throws {
    let log = try TemporaryLog()
    try log.run()
    try log.output("a\nb\nc\nd 1 %", at: 1)
    let replay = try LogReplay(path: log.path)
    #expect(try Replayed(replay).console.count == 4)
    try log.output("\rd 2 %\u{1B}[A\u{1B}[A\u{1B}[A\rA", at: 2)
    replay.retryTail()
    let changed = try Replayed(replay)
    #expect(changed.console == [0: "1970-01-01T00:00:01.154359 A", 3: "1970-01-01T00:00:01.154359 d 2 %"])
    #expect(changed.settled == 0)
    for _ in 0..<40 { try log.output("\nx", at: 3) }
    replay.retryTail()
    #expect(try Replayed(replay).settled > 4)
  }

  @Test func outputLogIsMadeFromALog() throws {
    let log = try TemporaryLog()
    try log.run()
    try log.output("one\n\ntw")
    try log.row(("x", "1"))
    try log.output("o")
    let path = log.directory + "/output.log"
    defer { unlink(path) }
    try ConsoleText.write(log: log.path, to: path)
    let file = try LogFile.openForReading(path: path)
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = try bytes.withUnsafeMutableBytes { try file.read(at: 0, into: $0) }
    #expect(String(decoding: bytes[..<count], as: UTF8.self) == "one\n\ntwo\n")
  }
}
