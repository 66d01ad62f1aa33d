import QuipuBase
import Testing

@testable import SweepSearch

@Suite struct SearchTests {
  private func all(_ yaml: String) throws -> [String] {
    let sweep = try SweepConfiguration(yaml: yaml)
    var generator = SplitMix(state: 1)
    var found: [String] = []
    while let next = sweep.arguments(number: found.count, results: [], using: &generator) {
      found.append(JSON.object(next).text(style: .core))
    }
    #expect(sweep.expectedRuns == found.count)
    return found
  }

  private func samples(_ parameter: String, _ count: Int = 4000) throws -> [JSON] {
    let sweep = try SweepConfiguration(yaml: "method: random\nparameters: {x: \(parameter)}")
    var generator = SplitMix(state: 7)
    return (0..<count).compactMap { sweep.arguments(number: $0, results: [], using: &generator)?["x"] }
  }

  @Test func gridChangesTheLastNameFastest() throws {
    let points = try all(
      """
      method: grid
      parameters:
        b: {values: [1, 2, 3]}
        a: {values: [x, y]}
        c: {value: true}
      """)
    #expect(
      points == [
        #"{"a":"x","b":1,"c":true}"#, #"{"a":"x","b":2,"c":true}"#, #"{"a":"x","b":3,"c":true}"#,
        #"{"a":"y","b":1,"c":true}"#, #"{"a":"y","b":2,"c":true}"#, #"{"a":"y","b":3,"c":true}"#,
      ])
  }

  @Test func gridWalksNestedParametersAndRanges() throws {
    let points = try all(
      """
      method: grid
      parameters:
        opt:
          parameters:
            lr: {values: [0.1]}
            deep: {parameters: {n: {min: 1, max: 2}}}
        q: {min: 0, max: 1, q: 0.5, distribution: q_uniform}
      """)
    #expect(points.count == 6)
    #expect(points.first == #"{"opt":{"deep":{"n":1},"lr":0.1},"q":0}"#)
    #expect(points.last == #"{"opt":{"deep":{"n":2},"lr":0.1},"q":1}"#)
  }

  @Test func countsGridsBeyondAllNumbers() throws {
    let parameters = (10..<40).map { "p\($0): {min: 1, max: 1000}" }.joined(separator: ", ")
    let sweep = try SweepConfiguration(yaml: "method: grid\nparameters: {\(parameters)}")
    #expect(sweep.expectedRuns == .max)
    var generator = SplitMix(state: 1)
    #expect(sweep.arguments(number: 1_000_001, results: [], using: &generator)?["p37"] == 2)
  }

  struct Spread: Sendable {
    var parameter: String
    var low: Double
    var high: Double
    var mean: Double

    init(_ parameter: String, _ low: Double, _ high: Double, mean: Double) {
      self.parameter = parameter
      self.low = low
      self.high = high
      self.mean = mean
    }
  }

  /// Of a value from 1 to 10 whose logarithm is uniform: 9 / ln 10.
  private static let logMean = 3.908650

  private static let spreads: [Spread] = [
    Spread("{min: 2.0, max: 4.0}", 2, 4, mean: 3),
    Spread("{min: 1, max: 10}", 1, 10, mean: 5.5),
    Spread("{min: 0, max: 10, distribution: q_uniform, q: 2}", 0, 10, mean: 5),
    Spread("{min: 0, max: 2.302585, distribution: log_uniform}", 1, 10, mean: logMean),
    Spread("{min: 1, max: 10, distribution: log_uniform_values}", 1, 10, mean: logMean),
    Spread("{min: 1, max: 10, distribution: inv_log_uniform_values}", 1, 10, mean: logMean),
    Spread("{min: -2.302585, max: 0, distribution: inv_log_uniform}", 1, 10, mean: logMean),
    Spread("{min: 1, max: 10, distribution: q_log_uniform_values, q: 0.5}", 1, 10, mean: logMean),
    Spread("{mu: 5, sigma: 2, distribution: normal}", -13, 23, mean: 5),
    Spread("{mu: 5, sigma: 2, distribution: q_normal, q: 1}", -13, 23, mean: 5),
    Spread("{mu: 0, sigma: 0.5, distribution: log_normal}", 0, 100, mean: 1.1331),
  ]

  @Test(arguments: spreads) func samplesHaveBoundsAndMean(_ spread: Spread) throws {
    let values = try samples(spread.parameter).compactMap(\.doubleValue)
    #expect(values.count == 4000)
    #expect(values.allSatisfy { $0 >= spread.low - 1e-5 && $0 <= spread.high + 1e-5 })
    let mean = values.reduce(0, +) / 4000
    #expect(abs(mean - spread.mean) < (spread.high - spread.low) * 0.02, "\(mean)")
    #expect(Set(values).count > 5)
  }

  @Test func normalSamplesSpread() throws {
    let values = try samples("{mu: 5, sigma: 2, distribution: normal}").compactMap(\.doubleValue)
    let within = values.count { abs($0 - 5) < 2 }
    #expect(abs(Double(within) / 4000 - 0.6827) < 0.03)
  }

  @Test func quantisedSamplesAreMultiples() throws {
    #expect(try samples("{min: 0, max: 10, distribution: q_uniform, q: 2}").allSatisfy { ($0.intValue ?? 1) % 2 == 0 })
    let halves = try samples("{min: 0.0, max: 10.0, distribution: q_uniform, q: 0.5}")
    #expect(halves.compactMap(\.doubleValue).allSatisfy { ($0 * 2).rounded() == $0 * 2 })
  }

  @Test func categoriesFollowTheirProbabilities() throws {
    let values = try samples("{values: [a, b, c], probabilities: [0.7, 0, 0.3]}")
    #expect(abs(Double(values.count { $0 == "a" }) / 4000 - 0.7) < 0.03)
    #expect(values.count { $0 == "b" } == 0)
    let equal = try samples("{values: [1, 2, null, {k: v}]}")
    for value in [JSON.int(1), .int(2), .null, .object(["k": "v"])] {
      #expect(abs(Double(equal.count { $0 == value }) / 4000 - 0.25) < 0.03)
    }
  }

  @Test func positionsLeadBackToValues() throws {
    for parameter in [
      "{min: 2.0, max: 4.0}", "{min: 1, max: 10}", "{min: 1, max: 10, distribution: log_uniform_values}",
      "{mu: 5, sigma: 2, distribution: normal}", "{mu: 0, sigma: 0.5, distribution: log_normal}",
    ] {
      let sweep = try SweepConfiguration(yaml: "method: random\nparameters: {x: \(parameter)}")
      let distribution = try #require(sweep.space.parameters.first?.distribution)
      for u in [0.05, 0.25, 0.55, 0.95] {
        let position = try #require(distribution.position(of: distribution.value(at: u)))
        #expect(abs(position - u) < 0.051, "\(parameter) \(u) \(position)")
      }
    }
  }
}
