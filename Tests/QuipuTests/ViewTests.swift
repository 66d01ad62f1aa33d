import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import Quipu

struct ViewTests {
  private func record(_ payload: Record.Payload) -> Record { Record(num: 1, payload) }

  private func config(_ items: [(path: [String], json: String)], remove: [[String]] = []) -> ConfigRecord {
    var change = ConfigRecord()
    change.update = items.map { path, json in
      var item = ConfigItem()
      if path.count == 1 { item.key = path[0] } else { item.nestedKey = path }
      item.valueJSON = json
      return item
    }
    change.remove = remove.map { path in
      var item = ConfigItem()
      item.nestedKey = path
      return item
    }
    return change
  }

  private func summary(_ items: [(path: [String], json: String)], remove: [[String]] = []) -> Record {
    var change = SummaryRecord()
    change.update = items.map { path, json in
      var item = SummaryItem()
      item.nestedKey = path
      item.valueJSON = json
      return item
    }
    change.remove = remove.map { path in
      var item = SummaryItem()
      item.nestedKey = path
      return item
    }
    return record(.summary(change))
  }

  private func row(_ step: Int64?, _ items: [(path: [String], json: String)]) -> Record {
    var history = HistoryRecord()
    history.item = (items + (step.map { [(["_step"], String($0))] } ?? [])).map { path, json in
      var item = HistoryItem()
      item.nestedKey = path
      item.valueJSON = json
      return item
    }
    return record(.history(history))
  }

  @Test func configObjectsMerge() {
    var run = RunRecord()
    run.runID = "abc"
    run.config = config([(["_wandb"], "{}"), (["o"], #"{"a":{"x":1,"y":2},"b":1}"#), (["l"], "[1]"), (["gone"], "1")])
    var view = RunView()
    view.apply(record(.run(run)))
    view.apply(record(.config(config([(["o"], #"{"a":{"y":3}}"#), (["o", "c"], "4"), (["l"], #"{"k":1}"#)]))))
    view.apply(record(.config(config([], remove: [["gone"], ["o", "b"]]))))
    #expect(JSON.object(view.config) == ["o": ["a": ["x": 1, "y": 3], "c": 4], "l": ["k": 1]])
    // A later run record does not bring its config.
    run.config = config([(["gone"], "2")])
    run.displayName = "new"
    view.apply(record(.run(run)))
    #expect(view.config["gone"] == nil && view.displayName == "new")
  }

  @Test func summaryObjectsAreOneValue() {
    var view = RunView()
    view.apply(summary([(["o"], #"{"p":1,"q":2}"#), (["_wandb", "runtime"], "3")]))
    view.apply(summary([(["o", "q"], "9")]))
    #expect(JSON.object(view.summary) == ["o": ["q": 9]])
    view.apply(summary([(["o"], #"{"r":1}"#)]))
    view.apply(summary([(["s", "t"], "1")], remove: [["o", "r"], ["s", "t"]]))
    #expect(JSON.object(view.summary) == ["o": [:]])
  }

  @Test func summaryStepIsThatOfTheLastRow() {
    var view = RunView()
    view.apply(summary([(["_step"], "99")]))
    view.apply(row(3, [(["a"], "1")]))
    view.apply(row(nil, [(["a"], "2")]))
    #expect(view.summary["_step"] == 4)
    #expect(view.firstStep == 3 && view.rows == 2)
  }

  @Test func metricsAreTheNumbersOfRows() {
    var view = RunView()
    view.apply(row(0, [
      (["loss"], "1.5"), (["n", "acc"], "2"), (["text"], #""x""#), (["flag"], "true"), (["list"], "[1]"),
      (["_runtime"], "9"),
      (["img", "_type"], #""image-file""#), (["img", "width"], "5"), (["bad"], "{"), (["nan"], "NaN"),
    ]))
    #expect(view.metrics.keys.sorted() == ["loss", "n.acc", "nan"])
    #expect(view.droppedItems == 1)
    #expect(view.runtime == 9)
  }

  @Test func identityIsChangedAndNeverCleared() {
    var run = RunRecord()
    run.runID = "abc"
    run.tags = ["a"]
    run.notes = "n"
    run.displayName = "one"
    var view = RunView()
    view.apply(record(.run(run)))
    run.tags = ["b", "c"]
    run.notes = ""
    run.displayName = ""
    run.runID = "other"
    view.apply(record(.run(run)))
    #expect(view.tags == ["b", "c"] && view.notes == "n" && view.displayName == "one" && view.runID == "abc")
  }

  @Test func deepPathsAreIgnored() {
    var view = RunView()
    let deep = [String](repeating: "x", count: 100_000)
    view.apply(summary([(deep, "1"), (["a"], "1")], remove: [deep]))
    view.apply(record(.config(config([(deep, "1")]))))
    #expect(view.summary["a"] == 1 && view.summary["x"] == nil && view.config.isEmpty)
  }

  @Test func foldsTheRecordedLogs() throws {
    var view = RunView()
    let scan = try LogScan(path: PartsScenarios.directory + "/transaction-log/events.wandb") { record, _ in
      view.apply(record)
    }
    #expect(scan.isClean && view.records == scan.recordCount)
    #expect(view.runID == "vevents1" && view.exit?.exitCode == 3 && view.rows == 2)
    #expect(view.gitCommit == "0123456789abcdef0123456789abcdef01234567")
    #expect(JSON.object(view.config) == ["batch": 32, "late": [1, 2.5, "x"], "opt": ["name": "sgd"]])
    #expect(view.summary["nested"] == ["y": ["z": 3]])
  }

  // MARK: series

  @Test func digestStaysSmallAndEven() {
    var digest = SeriesDigest()
    for value in 0..<200_000 { digest.add(Double(value)) }
    #expect(digest.count == 200_000 && digest.last == 199_999 && digest.minimum == 0 && digest.maximum == 199_999)
    let values = digest.values(width: 40)
    #expect(values.count == 40)
    for (at, value) in values.enumerated() { #expect(abs(value - (Float(at) + 0.5) * 5000) < 1600) }
  }

  @Test func digestKeepsAShortSeries() {
    var digest = SeriesDigest()
    for value in [1, .nan, 3, .infinity] { digest.add(value) }
    let values = digest.values(width: 40)
    #expect(values.count == 4 && values[0] == 1 && values[1].isNaN && values[2] == 3 && values[3].isNaN)
    #expect(digest.minimum == 1 && digest.maximum == 3 && digest.values(width: 0).isEmpty)
    #expect(SeriesDigest().values(width: 3).isEmpty)
  }

  // MARK: finding

  @Test func findsTheLatestRunWithAndWithoutItsLink() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      for (name, id) in [("run-20260101_000000-b", "b"), ("offline-run-20250101_000000-a", "a")] {
        try PartsScenarios.writeFile("\(top)/wandb/\(name)/run-\(id).wandb", "")
      }
      let newer = "\(top)/wandb/run-20260101_000000-b/run-b.wandb"
      #expect(try RunLocation.find(top) == newer)
      #expect(try RunLocation.find(top + "/wandb") == newer)
      symlink("offline-run-20250101_000000-a", top + "/wandb/latest-run")
      #expect(try RunLocation.find(top) == top + "/wandb/latest-run/run-a.wandb")
      #expect(try RunLocation.find(newer) == newer)
      #expect(throws: QuipuError.self) { try RunLocation.find(top + "/none") }
      try PathTools.makeDirectories(top + "/empty")
      #expect(throws: QuipuError.self) { try RunLocation.find(top + "/empty") }
    }
  }

  @Test func asksForTheLockWithoutKeepingIt() throws {
    try PartsScenarios.withTemporaryDirectory { top in
      let path = top + "/x.wandb"
      try PartsScenarios.writeFile(path, "")
      #expect(RunLocation.isLocked(path) == false)
      let file = try LogFile.openForReading(path: path)
      #expect(try file.lockIfFree())
      #expect(RunLocation.isLocked(path) == true)
      #expect(RunLocation.isLocked(top + "/none") == nil)
    }
  }

  @Test(arguments: [
    (0, true, 0, RunState.finished), (3, false, 0, .failed(3)), (nil, true, 9999, .running), (nil, false, 1, .crashed),
    (nil, nil, 1, .running), (nil, nil, 120, .crashed),
  ] as [(Int32?, Bool?, Int64?, RunState)])
  func stateOfALogWithLocks(_ exit: Int32?, _ locked: Bool?, _ idle: Int64?, _ expected: RunState) {
    #expect(RunState(exit: exit, locked: locked, idle: idle, writerLocks: true) == expected)
  }

  @Test func aWriterWithoutLocksIsJudgedByItsLastWrite() {
    #expect(RunState(exit: nil, locked: false, idle: 5, writerLocks: false) == .running)
    #expect(RunState(exit: nil, locked: false, idle: 90, writerLocks: false) == .crashed)
  }
}
