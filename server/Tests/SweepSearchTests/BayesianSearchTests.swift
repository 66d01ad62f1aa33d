import QuipuBase
import Testing

@testable import SweepSearch

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct BayesianSearchTests {
  /// Branin's function, whose smallest value 0.397887 lies in three places (Dixon and Szegő, 1978).
  private static func branin(_ x: Double, _ y: Double) -> Double {
    let a = y - 5.1 / (4 * .pi * .pi) * x * x + 5 / .pi * x - 6
    return a * a + 10 * (1 - 1 / (8 * .pi)) * cos(x) + 10
  }

  private static let space = """
    metric: {name: loss, goal: GOAL}
    parameters:
      x: {min: -5.0, max: 10.0}
      y: {min: 0.0, max: 15.0}
      shift: {values: [30, 0, 60]}
    """

  /// The best of so many runs.
  private static func best(_ method: String, runs: Int, seed: UInt64, isMaximized: Bool = false) throws -> Double {
    let sign = isMaximized ? -1.0 : 1.0
    let sweep = try SweepConfiguration(
      yaml: "method: \(method)\n" + space.replacing("GOAL", with: isMaximized ? "maximize" : "minimize"))
    var generator = SplitMix(state: seed)
    var results: [SweepResult] = []
    var best = Double.infinity
    for number in 0..<runs {
      guard let arguments = sweep.arguments(number: number, results: results, using: &generator),
        let x = arguments["x"]?.doubleValue, let y = arguments["y"]?.doubleValue,
        let shift = arguments["shift"]?.doubleValue
      else { throw SweepError("no arguments") }
      let value = branin(x, y) + shift
      best = min(best, value)
      results.append(SweepResult(arguments: arguments, outcome: .value(sign * value)))
    }
    return best
  }

  @Test(arguments: [false, true]) func isBetterThanChance(_ isMaximized: Bool) throws {
    var wins = 0
    var sum = 0.0
    for seed in 1...8 as ClosedRange<UInt64> {
      let found = try Self.best("bayes", runs: 35, seed: seed, isMaximized: isMaximized)
      if try found < Self.best("random", runs: 35, seed: seed, isMaximized: isMaximized) { wins += 1 }
      sum += found / 8
    }
    #expect(wins >= 7)
    #expect(sum < 1.2)
  }

  @Test func doesNotChooseWhatAnotherAgentIsTrying() throws {
    let sweep = try SweepConfiguration(yaml: "method: bayes\nmetric: {name: l}\nparameters: {x: {min: 0.0, max: 1.0}}")
    var generator = SplitMix(state: 3)
    var results = (0..<8).map { index in
      let x = Double(index) / 7
      return SweepResult(arguments: ["x": .double(x)], outcome: .value((x - 0.4) * (x - 0.4)))
    }
    var chosen: [Double] = []
    for number in 0..<4 {
      let next = try #require(sweep.arguments(number: number, results: results, using: &generator))
      chosen.append(try #require(next["x"]?.doubleValue))
      results.append(SweepResult(arguments: next, outcome: .running))
    }
    chosen.sort()
    #expect(zip(chosen, chosen.dropFirst()).allSatisfy { $1 - $0 > 0.01 }, "\(chosen)")
  }

  @Test func livesWithFailuresAndForeignRuns() throws {
    let sweep = try SweepConfiguration(
      yaml: "method: bayes\nmetric: {name: l}\nparameters: {x: {min: 1, max: 4}, k: {values: [a, b]}}")
    var generator = SplitMix(state: 3)
    let outcomes: [SweepResult.Outcome] = [
      .failed, .value(.nan), .value(1e308), .value(-1e308), .value(1), .value(1), .running, .value(.infinity),
    ]
    var results = outcomes.map { SweepResult(arguments: ["x": 2, "k": "a"], outcome: $0) }
    results.append(SweepResult(arguments: ["x": "text", "k": "a"], outcome: .value(0)))
    results.append(SweepResult(arguments: ["k": "z"], outcome: .value(0)))
    for number in 0..<20 {
      let next = try #require(sweep.arguments(number: number, results: results, using: &generator))
      #expect((1...4).contains(next["x"]?.intValue ?? 0))
      results.append(SweepResult(arguments: next, outcome: number % 2 == 0 ? .failed : .value(Double(number))))
    }
  }

  @Test func triesAllOfASmallSpaceFirst() throws {
    let sweep = try SweepConfiguration(
      yaml: "method: bayes\nmetric: {name: l}\nparameters: {x: {values: [1, 2, 3]}, y: {min: 1, max: 3}}")
    var generator = SplitMix(state: 5)
    var results: [SweepResult] = []
    var seen: Set<String> = []
    for number in 0..<14 {
      let next = try #require(sweep.arguments(number: number, results: results, using: &generator))
      seen.insert(JSON.object(next).text(style: .core))
      let value = (next["x"]?.doubleValue ?? 0) + (next["y"]?.doubleValue ?? 0)
      results.append(SweepResult(arguments: next, outcome: .value(value)))
    }
    #expect(seen.count == 9)
  }

  @Test func interpolatesAndDoubtsFarPoints() throws {
    let process = try #require(
      GaussianProcess(points: [[0], [0.5], [1]], values: [-1, 0, 1], scale: 0.4, noise: 1e-6))
    #expect(abs(process.predict([0.5]).mean) < 1e-3)
    #expect(process.predict([0.5]).deviation < 0.01)
    #expect(process.predict([9]).deviation > 0.99)
    #expect(abs(process.predict([9]).mean) < 1e-3)
    #expect(GaussianProcess(points: [[0], [0]], values: [0, 1], scale: 1, noise: 0) == nil)
  }
}
