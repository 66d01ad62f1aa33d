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
  var console: [Int64: String] = [:]
  var finalConsoleLines: Int64 = 0
  var progress = LogReplay.Progress.more

  init(_ replay: LogReplay, from start: LogReplay.Start = LogReplay.Start(), limit: Int = 1 << 20) throws {
    while true {
      progress = replay.readOn(limit: limit)
      while replay.hasLines {
        let lines = replay.takeLines()
        if lines.history.count > 0 {
          #expect(lines.history.first == start.rows + Int64(history.count))
          history += try Self.texts(lines.history)
        }
        if lines.events.count > 0 {
          #expect(lines.events.first == start.events + Int64(events.count))
          events += try Self.texts(lines.events)
        }
        for (at, line) in try Self.texts(lines.console).enumerated() {
          console[lines.console.first + Int64(at)] = line
        }
        finalConsoleLines = lines.finalConsoleLines
      }
      switch progress {
      case .more, .full: continue
      default: return
      }
    }
  }

  static func texts(_ block: ReplayLines.Block) throws -> [String] {
    let literals = String(decoding: block.text, as: UTF8.self)
    let texts = try JSON(parsing: "[" + literals + "]").arrayValue?.compactMap(\.stringValue) ?? []
    #expect(texts.count == Int(block.count))
    return texts
  }
}

struct ReplayTests {
  @Test func rowsBecomeLinesWithTheirStepLast() throws {
    let log = try TemporaryLog()
    try log.header("0.31.0+abc")
    try log.run()
    try log.row(("_step", "0"), ("loss", "1.5e-07"), ("text", "\"a \\\"b\\\" é\""), ("nan", "NaN"), ("bad", "nul"))
    try log.row(("a.b", "1"), ("a.c", "[1, {\"x\":2}]"), ("_step", "7"), ("a.b", "2"))
    try log.write(.exit(RunExitRecord()))
    let replay = try LogReplay(path: log.path)
    let found = try Replayed(replay)
    #expect(found.progress == .exit)
    #expect(found.history == [
      "{\"loss\":1.5e-07,\"text\":\"a \\\"b\\\" é\",\"nan\":NaN,\"_step\":0}",
      "{\"a\":{\"b\":2,\"c\":[1, {\"x\":2}]},\"_step\":7}",
    ])
    #expect(replay.counters.droppedItems == 1)
  }

  @Test func consoleLinesHaveTheirStreamAndTheTimeOfTheirFirstCharacter() throws {
    let log = try TemporaryLog()
    try log.run()
    try log.output("one", at: 1)
    try log.output("oops\n", .stderr, at: 2)
    try log.output(" more\n", at: 3)
    try log.output("\n10 %", at: 4)
    try log.output("\r20 %\n", at: 5)
    try log.write(.exit(RunExitRecord()))
    let found = try Replayed(LogReplay(path: log.path))
    #expect(found.console == [
      0: "1970-01-01T00:00:01.154359 one more", 1: "ERROR 1970-01-01T00:00:02.154359 oops",
      2: "1970-01-01T00:00:04.154359 ", 3: "1970-01-01T00:00:04.154359 20 %",
    ])
  }
}
