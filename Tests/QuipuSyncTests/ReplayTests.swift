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
  var console: [Int: String] = [:]
  var status = ReplayStatus.more

  init(_ replay: LogReplay, _ start: ReplayStart = ReplayStart(), limit: Int = 1 << 20) throws {
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
      while true {
        var out = ByteBuffer()
        guard let block = replay.takeConsole(into: &out, limit: limit) else { break }
        let lines = try Self.texts(out)
        #expect(lines.count == block.count)
        for (at, line) in lines.enumerated() { console[block.first + at] = line }
      }
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
    #expect(found.status == .ended)
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
