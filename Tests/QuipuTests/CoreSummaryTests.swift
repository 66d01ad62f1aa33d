import QuipuBase
import QuipuRecords
import Testing

@testable import Quipu

/// The summary and metric definitions: what a reader of the run sees, and what the fold of the log gives.
struct CoreSummaryTests {
  /// Runs calls and expects the same summary from the writer and from the log.
  private func check(
    _ wanted: String, at location: SourceLocation = #_sourceLocation, _ calls: (CoreRun) throws -> Void
  ) throws {
    let run = try CoreRun()
    try calls(run)
    let log = try run.close()
    var live = run.writer.summary.json
    for key in ["_timestamp", "_runtime", "_step", "_wandb"] as [Key] { live[key] = nil }
    #expect(normal(live) == object(wanted), "the writer's summary", sourceLocation: location)
    #expect(log.plainSummary == object(wanted), "the log's summary", sourceLocation: location)
  }

  @Test func lastValueIsTheSummary() throws {
    try check(#"{"a":2,"b":"x","t":{"c":3,"d":1}}"#) {
      $0.row(#"{"a":1,"b":"x","t":{"c":1,"d":1}}"#)
      $0.row(#"{"a":2,"t":{"c":3}}"#)
    }
  }

  @Test func automaticKeysAreThoseOfTheLastRow() throws {
    let run = try CoreRun()
    run.row(#"{"a":1}"#)
    run.row(#"{"a":2}"#, step: 6, commit: .now)
    let log = try run.close()
    #expect(log.summary["_step"] == 6)
    #expect(log.summary["_runtime"] == 0.002)
    #expect(log.summary["_timestamp"] == log.rows[1]["_timestamp"])
  }

  @Test func runWithoutRowsHasItsLengthOnly() throws {
    let run = try CoreRun()
    run.exit()
    run.pump()
    let summary = try run.log().summary
    #expect(summary["_runtime"] == 0 && summary["_step"] == nil)
  }

  @Test func openRowIsNotInTheSummary() throws {
    let run = try CoreRun()
    run.row(#"{"a":1}"#)
    run.row(#"{"a":2}"#, commit: .later)
    run.pump()
    #expect(run.writer.summary.json["a"] == 1)
  }

  @Test func leafReplacesTreeAndTreeLeaf() throws {
    try check(#"{"a":5,"b":{"y":6}}"#) {
      $0.row(#"{"a":{"x":1},"b":2}"#)
      $0.row(#"{"a":5,"b":{"y":6}}"#)
    }
  }

  @Test func plainColumnsGoOnAfterTheirKeyWasATree() throws {
    let set = try ColumnSet(doubles: ["a"])
    try check(#"{"a":3.0}"#) {
      $0.columns(set, [1])
      $0.row(#"{"a":{"x":1}}"#)
      $0.columns(set, [2])
      $0.row(#"{"a":{"x":1}}"#)
      $0.columns(set, [3])
    }
  }

  /// A key without an entry (mode none) can become a tree without leaving a trace that the cached columns would notice.
  @Test func plainColumnsWithoutEntryGoOnAfterTheirKeyWasATree() throws {
    let set = try ColumnSet(doubles: ["a"])
    let run = try CoreRun()
    try run.define("a", "none")
    run.columns(set, [1])
    run.row(#"{"a":{"x":1}}"#)
    run.columns(set, [2])
    run.pump()
    #expect(run.writer.summary.json["a"] == 2.0)
    #expect(try run.close().plainSummary["a"] == 2)
  }

  // MARK: Explicit values

  @Test func explicitValueStaysUntilARowHoldsTheKey() throws {
    try check(#"{"a":9,"b":3,"t":{"x":1}}"#) {
      $0.row(#"{"a":1,"b":1}"#)
      $0.set(["a"], "9")
      $0.set(["b"], "8")
      $0.set(["t", "x"], "1")
      $0.row(#"{"b":3}"#)
    }
  }

  @Test func openRowWinsOverAValueSetMeanwhile() throws {
    try check(#"{"a":1}"#) {
      $0.row(#"{"a":1}"#, commit: .later)
      $0.set(["a"], "9")
      $0.row("{}")
    }
  }

  @Test func explicitObjectIsOneValue() throws {
    try check(#"{"a":{"y":2}}"#) {
      $0.set(["a"], #"{"x":1,"z":1}"#)
      $0.set(["a", "y"], "2")
    }
  }

  @Test func valueBelowALoggedTreeChangesOnlyThatKey() throws {
    try check(#"{"a":{"x":7,"y":1}}"#) {
      $0.row(#"{"a":{"x":1,"y":1}}"#)
      $0.set(["a", "x"], "7")
    }
  }

  @Test func rowBelowAnExplicitObjectReplacesIt() throws {
    try check(#"{"a":{"y":2}}"#) {
      $0.set(["a"], #"{"x":1}"#)
      $0.row(#"{"a":{"y":2}}"#)
    }
  }

  @Test func removedEntryComesBackWithTheNextRow() throws {
    try check(#"{"a":{"min":-1.0},"b":2}"#) {
      try $0.define("a", "min")
      $0.row(#"{"a":-1,"b":1,"gone":1,"t":{"x":1}}"#)
      $0.remove(["a"])
      $0.remove(["gone"])
      $0.remove(["t"])
      $0.remove(["never", "there"])
      $0.row(#"{"a":5,"b":2}"#)
    }
  }

  // MARK: Modes

  @Test func modesMakeAnObject() throws {
    try check(#"{"a":{"min":1.0,"max":4.0,"mean":2.5,"first":4,"last":1}}"#) {
      try $0.define("a", "min,max,mean,first,last")
      for value in [4, 3, 2, 1] { $0.row("{\"a\":\(value)}") }
    }
  }

  @Test func onlyNumbersCount() throws {
    try check(#"{"a":{"min":2.0,"max":2.0,"mean":2.0,"first":"x","last":true}}"#) {
      try $0.define("a", "min,max,mean,first,last")
      for value in [#""x""#, "2", "null", "[7]", "true"] { $0.row("{\"a\":\(value)}") }
    }
  }

  @Test func statisticsOfNothing() throws {
    try check(#"{"a":{"min":0.0,"max":0.0,"mean":NaN}}"#) {
      try $0.define("a", "min,max,mean")
      $0.row(#"{"a":"text"}"#)
    }
  }

  @Test(arguments: [[Double.nan, 1, 2], [1, .nan, 2], [1, 2, .nan]]) func nanSticks(values: [Double]) throws {
    let set = try ColumnSet(doubles: ["a"])
    try check(#"{"a":{"min":NaN,"max":NaN,"mean":NaN,"last":\#(values[2].isNaN ? "NaN" : "2")}}"#) {
      try $0.define("a", "min,max,mean,last")
      for value in values { $0.columns(set, [value]) }
    }
  }

  @Test func definitionCoversEarlierRows() throws {
    try check(#"{"a":{"min":1.0,"max":5.0}}"#) {
      for value in [1, 5] { $0.row("{\"a\":\(value)}") }
      try $0.define("a", "min,max")
      $0.row(#"{"a":2}"#)
    }
  }

  @Test func noneMakesNoEntry() throws {
    try check(#"{"b":1}"#) {
      try $0.define("a", "none")
      $0.row(#"{"a":1,"b":1}"#)
    }
  }

  @Test func aRowWithSeveralCallsCountsOnce() throws {
    try check(#"{"a":{"mean":3.0}}"#) {
      try $0.define("a", "mean")
      $0.row(#"{"a":100}"#, commit: .later)
      $0.row(#"{"a":3}"#)
    }
  }

  @Test func settingEndsTheModesAndStatisticsGoOn() throws {
    try check(#"{"a":{"min":0.0,"max":5.0}}"#) {
      try $0.define("a", "min")
      $0.row(#"{"a":5}"#)
      $0.set(["a"], "77")
      $0.row(#"{"a":0}"#)
      try $0.define("a", "min,max")
      $0.row(#"{"a":2}"#)
    }
    try check(#"{"a":0}"#) {
      try $0.define("a", "min")
      $0.row(#"{"a":5}"#)
      $0.set(["a"], "77")
      $0.row(#"{"a":0}"#)
    }
  }

  @Test func firstIsNullAfterAnExplicitValue() throws {
    try check(#"{"a":{"first":null}}"#) {
      $0.set(["a"], "77")
      try $0.define("a", "first")
      $0.row(#"{"a":1}"#)
    }
  }

  @Test func treeLosesModesAndStatistics() throws {
    try check(#"{"a":3}"#) {
      try $0.define("a", "min")
      $0.row(#"{"a":1}"#)
      $0.row(#"{"a":{"x":1}}"#)
      $0.row(#"{"a":3}"#)
    }
  }

  // MARK: Names, globs, merging

  @Test func nameIsAPathAndABackslashKeepsTheDot() throws {
    try check(#"{"a":{"b":{"max":2.0}},"a.b":1,"c.d":{"max":2.0},"c":{"d":1}}"#) {
      try $0.define("a.b", "max")
      try $0.define("c\\.d", "max")
      for value in [2, 1] { $0.row("{\"a\":{\"b\":\(value)},\"a.b\":\(value),\"c.d\":\(value),\"c\":{\"d\":\(value)}}") }
    }
  }

  @Test func globMatchesPrefixesAndLeavesReservedKeysAlone() throws {
    try check(#"{"loss":{"max":2.0},"loss/x":{"max":2.0},"lo":1,"_own":1}"#) {
      try $0.define("loss*", "max")
      try $0.define("_*", "max")
      for value in [2, 1] { $0.row("{\"loss\":\(value),\"loss/x\":\(value),\"lo\":\(value),\"_own\":\(value)}") }
    }
  }

  @Test func exactWinsOverGlobAndTheLongestPrefixAmongGlobs() throws {
    try check(#"{"ab":{"min":1.0},"abc":{"max":2.0},"x":{"last":1}}"#) {
      try $0.define("*", "last")
      try $0.define("ab", "min")
      try $0.define("ab*", "max")
      for value in [2, 1] { $0.row("{\"ab\":\(value),\"abc\":\(value),\"x\":\(value)}") }
    }
  }

  @Test func keyKeepsTheGlobItMetFirst() throws {
    try check(#"{"ab":{"min":1.0},"ac":{"min":1.0,"max":1.0}}"#) {
      try $0.define("a*", "min")
      $0.row(#"{"ab":2}"#)
      try $0.define("a*", "max")
      $0.row(#"{"ab":1,"ac":1}"#)
    }
  }

  @Test func laterDefinitionsMerge() throws {
    try check(#"{"a":{"min":1.0,"max":1.0},"b":{"max":1.0},"d":{"last":1}}"#) {
      try $0.define("a", "min")
      try $0.define("a", "max")
      try $0.define("b", "min")
      try $0.define("b", "max", overwrite: true)
      try $0.define("c", "min")
      try $0.define("c", "none")
      try $0.define("d", "none")
      try $0.define("d", "last")
      $0.row(#"{"a":1,"b":1,"c":1,"d":1}"#)
    }
  }

  @Test func badFormsAreRefused() {
    #expect(throws: QuipuError.self) { try MetricDefinition.modes("min, max") }
    #expect(throws: QuipuError.self) { try MetricDefinition.modes("median") }
    #expect((try? MetricDefinition.modes("MIN,last")) == [.min, .last])
    #expect((try? MetricDefinition.modes("")) == [])
  }

  @Test(arguments: [
    ("a", ["a"]), ("a.b", ["a", "b"]), ("a\\.b", ["a.b"]), ("a\\b", ["a\\b"]), (".", ["", ""]), ("a\\", ["a\\"]),
  ]) func pathsOfNames(name: String, path: [String]) {
    #expect(MetricDefinition.path(of: name).map(\.string) == path)
  }

  // MARK: Step metrics

  private func rows(_ calls: (CoreRun) throws -> Void) throws -> [JSONObject] {
    let run = try CoreRun()
    try calls(run)
    return try run.close().plainRows
  }

  @Test func stepMetricIsInsertedWithItsLatestValue() throws {
    let set = try ColumnSet(doubles: ["a"])
    let rows = try rows {
      try $0.define("a", step: "s")
      $0.row(#"{"a":1}"#)
      $0.row(#"{"s":5,"b":1}"#)
      $0.columns(set, [2])
      $0.row(#"{"b":3}"#)
      $0.row(#"{"a":4,"s":"text"}"#)
      $0.row(#"{"a":5}"#)
    }
    #expect(rows == [
      #"{"a":1,"s":0.0,"_step":0}"#, #"{"s":5,"b":1,"_step":1}"#, #"{"a":2.0,"s":5.0,"_step":2}"#,
      #"{"b":3,"_step":3}"#, #"{"a":4,"s":"text","_step":4}"#, #"{"a":5,"s":5.0,"_step":5}"#,
    ].map(object))
  }

  @Test func valuesBeforeTheDefinitionDoNotCount() throws {
    let rows = try rows {
      $0.row(#"{"s":5}"#)
      try $0.define("a", step: "s")
      $0.row(#"{"a":1}"#)
    }
    #expect(rows[1] == object(#"{"a":1,"s":0,"_step":1}"#))
  }

  @Test func chainsAreFollowedAndEnd() throws {
    let rows = try rows {
      try $0.define("a", step: "b")
      try $0.define("b", step: "c")
      try $0.define("c", step: "a")
      $0.row(#"{"c":3}"#)
      $0.row(#"{"a":1}"#)
    }
    #expect(rows[1] == object(#"{"a":1,"b":0,"c":3,"_step":1}"#))
  }

  @Test func stepItselfIsNeverInserted() throws {
    let rows = try rows {
      try $0.define("*", step: "_step")
      try $0.define("b", step: "_timestamp")
      $0.row(#"{"a":1,"b":1}"#)
    }
    #expect(rows == [object(#"{"a":1,"b":1,"_step":0}"#)])
  }

  @Test func syncSwitchedOffInsertsNothing() throws {
    let rows = try rows {
      $0.define(MetricDefinition(name: "a", stepMetric: "s", stepSync: false))
      $0.row(#"{"a":1}"#)
    }
    #expect(rows == [object(#"{"a":1,"_step":0}"#)])
  }

  @Test func aThousandKeysShareOneStepMetric() throws {
    let keys = (0..<1000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
    let rows = try rows {
      try $0.define("*", step: "s")
      $0.row("{\(keys)}")
    }
    #expect(rows[0].count == 1002)
    #expect(rows[0]["s"] == 0)
  }
}
