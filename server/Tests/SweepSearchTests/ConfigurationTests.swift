import QuipuBase
import Testing

@testable import SweepSearch

@Suite struct ConfigurationTests {
  private func refusal(_ text: String) -> String? {
    do {
      _ = try SweepConfiguration(yaml: text)
      return nil
    } catch { return error.message }
  }

  @Test func readsAConfiguration() throws {
    let sweep = try SweepConfiguration(
      yaml: """
        description: two runs
        method: grid
        metric:
          goal: maximize
          name: val.acc
        name: grid-search
        parameters:
          layers:
            value: 2
          lr:
            values:
            - 0.1
            - 0.2
        program: train.py
        run_cap: 7
        """)
    #expect(sweep.method == .grid)
    #expect(sweep.metric == SweepConfiguration.Metric(name: "val.acc", isMaximized: true))
    #expect(sweep.name == "grid-search" && sweep.description == "two runs" && sweep.program == "train.py")
    #expect(sweep.runCap == 7 && sweep.expectedRuns == 2 && sweep.warnings.isEmpty)
  }

  @Test(arguments: [
    ("method: grid", "parameters"), ("parameters: {a: {value: 1}}", "method"),
    ("method: anneal\nparameters: {a: {value: 1}}", "anneal"), ("method: custom\nparameters: {a: {value: 1}}", "local"),
    ("method: grid\nparameters: {}", "empty"), ("method: grid\nparameters: {a: 1}", "'a'"),
    ("method: random\nparameters: {a: {distribution: zipf, min: 1, max: 2}}", "zipf"),
    ("method: random\nparameters: {a: {min: 2, max: 1}}", "above"),
    ("method: random\nparameters: {a: {min: x, max: 1, distribution: uniform}}", "'min' must be a number"),
    ("method: random\nparameters: {a: {min: 0.0, max: .inf}}", "number"),
    ("method: random\nparameters: {a: {min: 0.0, max: 1, distribution: log_uniform_values}}", "positive"),
    ("method: random\nparameters: {a: {min: 0, max: 1.5, distribution: int_uniform}}", "integers"),
    ("method: random\nparameters: {a: {min: -9000000000000000000, max: 9000000000000000000}}", "apart"),
    ("method: random\nparameters: {a: {min: 1, max: 2000, distribution: log_uniform}}", "exponent"),
    ("method: random\nparameters: {a: {values: []}}", "empty"),
    ("method: random\nparameters: {a: {values: [1, 2], probabilities: [1]}}", "probabilities"),
    ("method: random\nparameters: {a: {values: [1, 2], probabilities: [0, 0]}}", "probabilities"),
    ("method: random\nparameters: {a: {sigma: 0}}", "sigma"),
    ("method: random\nparameters: {a: {min: 0.0, max: 1.0, distribution: q_uniform, q: 0}}", "'q'"),
    ("method: random\nparameters: {a: {}}", "needs"),
    ("method: random\nparameters: {a: {parameters: {b: {min: 0.0}}}}", "'a.b'"),
    ("method: grid\nparameters: {a: {min: 0.0, max: 1.0}}", "grid"),
    ("method: bayes\nparameters: {a: {min: 0.0, max: 1.0}}", "metric"),
    ("method: grid\nmetric: {name: x, goal: up}\nparameters: {a: {value: 1}}", "goal"),
    ("method: grid\nrun_cap: 0\nparameters: {a: {value: 1}}", "run_cap"),
    ("controller: {type: local}\nmethod: grid\nparameters: {a: {value: 1}}", "controller"),
    ("- 1", "mapping"), ("", "mapping"), ("{", "YAML"),
  ])
  func refusesInClearWords(_ text: String, _ word: String) {
    let message = refusal(text)
    #expect(message?.contains(word) == true, "\(message ?? "accepted")")
  }

  @Test func warnsOfWhatDoesNoHarm() throws {
    let sweep = try SweepConfiguration(
      yaml: """
        method: random
        metric: {name: loss, target: 0.1}
        early_terminate: {type: hyperband, min_iter: 3}
        colour: red
        parameters:
          a: {values: [1, 1, 2], size: 3}
          b: {values: [1, 2], probabilities: [1, 3]}
        """)
    for word in ["target", "early_terminate", "colour", "twice", "size", "scaled"] {
      #expect(sweep.warnings.contains { $0.contains(word) }, "\(word): \(sweep.warnings)")
    }
    #expect(sweep.warnings.count == 6)
  }

  @Test(arguments: [
    ("1", JSON.int(1)), ("-07", .int(-7)), ("0x1F", .int(31)), ("1_000", .int(1000)), ("1.0e-05", .double(1e-5)),
    ("1e-3", .double(1e-3)), (".5", .double(0.5)), ("5.", .double(5)), ("true", .bool(true)), ("no", .bool(false)),
    ("~", .null), ("", .null), ("'1'", .string("1")), ("\"no\"", .string("no")), ("1.2.3", .string("1.2.3")),
    ("0.31.0rc1", .string("0.31.0rc1")), ("2020-01-02", .string("2020-01-02")), ("e5", .string("e5")),
    ("123abc", .string("123abc")), ("99999999999999999999", .double(1e20)), ("-.inf", .double(-.infinity)),
    ("[1, [a]]", .array([1, .array(["a"])])), ("{a: {b: 1}}", .object(["a": ["b": 1]])), ("&x 1", .int(1)),
  ])
  func readsYAMLValues(_ text: String, _ value: JSON) throws {
    #expect(try YAMLText.json("k: \(text)") == .object(["k": value]))
  }

  @Test func boundsDepthSizeAndAliases() {
    let deep = "a: " + String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
    #expect(throws: SweepError.self) { _ = try YAMLText.json(deep) }
    #expect(throws: SweepError.self) { _ = try YAMLText.json(String(repeating: "- ", count: 5000) + "1") }
    let level = String(repeating: "[", count: 80) + String(repeating: "]", count: 80)
    #expect(throws: SweepError.self) { _ = try YAMLText.json(level) }
    #expect(throws: SweepError.self) { _ = try YAMLText.json("a: '" + String(repeating: "x", count: 1 << 20) + "'") }
    var bomb = "a0: &a0 [x]\n"
    for index in 1..<30 { bomb += "a\(index): &a\(index) [*a\(index - 1), *a\(index - 1)]\n" }
    #expect(throws: SweepError.self) { _ = try YAMLText.json(bomb) }
    #expect(throws: SweepError.self) { _ = try YAMLText.json("? [1]\n: 2") }
  }
}
