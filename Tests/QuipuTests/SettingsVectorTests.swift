import Testing

@testable import Quipu

@Suite struct SettingsVectorTests {
  /// Where Quipu goes another way on purpose.
  static let deviations = [
    "init/tags-string": "a text for tags is one tag; the recording takes it apart into characters",
    "config/config-paths-env": "WANDB_CONFIG_PATHS is a comma-separated list as documented, not an error",
  ]

  /// Of each file: how many scenarios are compared, how many are left out and why. Exact, so that a scenario cannot
  /// fall out of the comparison unnoticed.
  static let files: [(name: String, compared: Int, leftOut: [String: Int])] = [
    ("init", 83, ["changes a started run": 7, "differs on purpose": 1]),
    ("config", 53, ["needs Python objects": 13, "differs on purpose": 1]),
    ("branch", 22, ["reads the file of resume=auto": 4]),
  ]

  @Test(arguments: files)
  func agreesWithTheRecordings(file: (name: String, compared: Int, leftOut: [String: Int])) throws {
    var leftOut: [String: Int] = [:]
    var compared = 0
    for scenario in try SettingsScenario.load(file.name) {
      if Self.deviations[scenario.name] != nil {
        leftOut["differs on purpose", default: 0] += 1
      } else if let reason = scenario.reasonToSkip {
        leftOut[reason, default: 0] += 1
      } else {
        compared += 1
        for difference in scenario.differences() { Issue.record("\(scenario.name): \(difference)") }
      }
    }
    #expect(compared == file.compared)
    #expect(leftOut == file.leftOut)
  }

  @Test(arguments: deviations.keys.sorted())
  func deviationsStillDiffer(name: String) throws {
    let file = name.hasPrefix("init") ? "init" : "config"
    let scenario = try #require(try SettingsScenario.load(file).first { $0.name == name })
    #expect(!scenario.differences().isEmpty)
  }
}
