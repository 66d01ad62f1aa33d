import Glibc
import QuipuBase
import Testing

@testable import Quipu

struct TerminalTests {
  /// Scenarios of terminal.json in which the blocks do not depend on the values, and why the run's tests have them.
  static let excluded = [
    "terminal/quiet": "settings decide that nothing is printed",
    "terminal/silent": "settings decide that nothing is printed",
    "terminal/no-finish": "no footer without finish",
    "terminal/disabled": "a disabled run prints nothing",
    "terminal/online-quiet": "settings decide that nothing is printed",
  ]

  @Test func blocksMatchEveryRecordedScenario() throws {
    var played = 0
    for (name, scenario) in try PartsScenarios.load("terminal.json") where Self.excluded[name] == nil {
      var samples: [Key: MetricSample] = [:]
      var summary = JSONObject()
      var modes: Set<Key> = []
      var historyLimit = RunBlocks.defaultLimit
      var summaryLimit = RunBlocks.defaultLimit
      var lastStep: Int64 = -1
      for call in try #require(scenario["calls"]?.arrayValue) {
        let call = try #require(call.objectValue)
        switch call["op"]?.stringValue {
        case "init":
          let settings = call["args"]?.objectValue?["settings"]?.objectValue
          historyLimit = Int(settings?["max_end_of_run_history_metrics"]?.intValue ?? 10)
          summaryLimit = Int(settings?["max_end_of_run_summary_metrics"]?.intValue ?? 10)
        case "define_metric": modes.insert(Key(call["args"]?.objectValue?["name"]?.stringValue ?? ""))
        case "summary_set":
          let path = try #require(call["path"]?.arrayValue)
          summary[Key(path.first?.stringValue ?? "")] = call["value"]
        case "log":
          if let step = call["step"]?.intValue {
            if step < lastStep { continue }
            lastStep = step
          }
          for (key, value) in call["data"]?.objectValue?.members ?? [] {
            let value = PartsScenarios.decoded(value)
            if let number = value.doubleValue { samples[key, default: MetricSample()].add(number) }
            if value == .null { continue }
            summary[key] = modes.contains(key) ? ["min": value] : value
          }
        default: break
        }
      }
      let lines = RunBlocks.lines(
        history: samples.map { ($0.key.string, $0.value) }, summary: summary, historyLimit: historyLimit,
        summaryLimit: summaryLimit)
      let expected = try #require(scenario["expect"]?.objectValue?["terminal"]?.arrayValue)
        .compactMap(\.stringValue).filter { $0.utf8.first != UInt8(ascii: "<") }
      #expect(lines == expected, "\(name)")
      played += 1
    }
    #expect(played == 19)
  }

  @Test func roundsAsPythonDoes() {
    // Pairs from CPython 3.11: round(x, 5).
    let pairs: [(Double, String)] = [
      (1.000005, "1.00001"), (2.675e-3, "0.00267"), (0.000005, "1e-05"), (0.0000049999, "0.0"), (1.5e-5, "2e-05"),
      (2.5e-5, "3e-05"), (0.000015, "2e-05"), (1234567.891234567, "1234567.89123"), (-0.000001, "-0.0"),
      (.leastNonzeroMagnitude, "0.0"), (0.1 + 0.2, "0.3"), (4503599627370495.5, "4503599627370495.5"), (1e22, "1e+22"),
      (1e16, "1e+16"), (123456789012345680, "1.2345678901234568e+17"), (9999999.999995, "10000000.0"), (0.5, "0.5"),
      (1.7976931348623157e308, "1.7976931348623157e+308"), (0.015625, "0.01562"), (0.046875, "0.04688"),
      (123456.789123, "123456.78912"), (1.2345e-05, "1e-05"), (0.000125, "0.00013"), (2.000015, "2.00001"),
      (1e15, "1000000000000000.0"),
    ]
    for (value, text) in pairs { #expect(PythonText.float(PythonText.rounded5(value)) == text, "\(value)") }
  }

  @Test func spellsFloatsAsPythonDoes() {
    let pairs: [(Double, String)] = [
      (0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (100, "100.0"), (1e15, "1000000000000000.0"), (1e16, "1e+16"),
      (1.5e16, "1.5e+16"), (123456789.125, "123456789.125"), (1e-4, "0.0001"), (1e-5, "1e-05"), (1.25e-7, "1.25e-07"),
      (1e100, "1e+100"), (1e-100, "1e-100"), (.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf"),
      (9007199254740992, "9007199254740992.0"), (0.1, "0.1"), (12.5, "12.5"),
    ]
    for (value, text) in pairs { #expect(PythonText.float(value) == text, "\(value)") }
  }

  @Test func sampleKeepsEverythingUntilItIsFull() {
    var sample = MetricSample()
    for value in 0..<48 { sample.add(Double(value)) }
    #expect(sample.values == (0..<48).map(Float.init))
  }

  @Test func sampleStaysUniformAndInOrder() {
    // Each value of a long series must have the same chance; the mean of a uniform sample shows a drift.
    let n = 5000
    var total = 0.0
    for seed in 0..<200 {
      var sample = MetricSample(seed: UInt64(seed))
      for value in 0..<n { sample.add(Double(value)) }
      #expect(sample.count == n)
      #expect(sample.values.count == 48)
      #expect(sample.values == sample.values.sorted())
      total += sample.values.reduce(0) { $0 + Double($1) } / 48
    }
    // Standard deviation of this mean: n/sqrt(12)/sqrt(48*200) = 14.7.
    #expect(abs(total / 200 - Double(n - 1) / 2) < 75)
  }

  @Test func sampleIsTheSameForTheSameSeries() {
    func values() -> [Float] {
      var sample = MetricSample()
      for value in 0..<10_000 { sample.add(Double(value)) }
      return sample.values
    }
    #expect(values() == values())
  }

  @Test func sparklineThinsALongSeries() {
    let line = Sparkline.text((0..<48).map(Float.init))
    #expect(line?.unicodeScalars.count == 40)
    #expect(line?.unicodeScalars.first == "▁" && line?.unicodeScalars.last == "█")
  }

  @Test func sparklineSurvivesExtremes() {
    #expect(Sparkline.text([]) == nil)
    #expect(Sparkline.text([.nan, .infinity]) == nil)
    #expect(Sparkline.text([-.greatestFiniteMagnitude, .greatestFiniteMagnitude]) == "▁█")
    #expect(Sparkline.text([Float.leastNonzeroMagnitude, 0]) == "█▁")
    #expect(Sparkline.text([1, 2, 3], width: 0) == nil)
  }

  @Test func blocksDoNotLetATextMoveTheCursor() {
    let lines = RunBlocks.lines(history: [], summary: ["a\u{1B}[2J": "b\u{1B}[31m\n"])
    #expect(lines == ["", "Run summary:", "a\\x1b[2J b\\x1b[31m\\n", ""])
  }
}
