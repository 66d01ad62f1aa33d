import QuipuBase

#if canImport(Glibc)
  import Glibc
#endif

/// Chooses the point from which most improvement is expected, as a Gaussian process over the results so far has it.
///
/// Source: Jones, Schonlau and Welch, "Efficient Global Optimization of Expensive Black-Box Functions", 1998. Runs that
/// are still going count as average, so that agents at the same time do not all choose the same point; failed ones
/// count as bad as the worst.
struct BayesianSearch {
  let space: SearchSpace
  let isMaximized: Bool

  /// Points before the process has a say: chosen at random.
  private static let firstPoints = 5
  /// Results that the process looks at: the best, and the newest of the others. It bounds the time of a choice.
  private static let maximumResults = 150
  private static let randomCandidates = 800
  private static let nearCandidates = 400

  func next(_ results: [SweepResult], using generator: inout some RandomNumberGenerator) -> [JSON] {
    let known = results.compactMap(observation)
    let finished = known.filter { $0.outcome != .running }
    guard finished.count >= Self.firstPoints, let scores = scores(finished) else {
      return space.sample(using: &generator)
    }
    var observed = zip(finished, scores).map { (values: $0.0.values, point: $0.0.point, score: $0.1) }
    let best = observed.min { $0.score < $1.score }
    observed += known.filter { $0.outcome == .running }.map { ($0.values, $0.point, 0) }
    let chosen = Self.few(observed)
    guard let best, let process = Self.fit(chosen.map(\.point), chosen.map(\.score)) else {
      return space.sample(using: &generator)
    }
    var choice: (values: [JSON], improvement: Double)?
    for index in 0..<Self.randomCandidates + Self.nearCandidates {
      let values =
        index < Self.randomCandidates
        ? space.sample(using: &generator) : neighbour(of: best.values, using: &generator)
      // Nothing is learnt from a point that is known; in a small space there may be no other.
      if observed.contains(where: { $0.values == values }) { continue }
      guard let point = coordinates(values) else { continue }
      let (mean, deviation) = process.predict(point)
      let improvement = Self.expectedImprovement(best.score - mean, deviation)
      if improvement > choice?.improvement ?? -1 { choice = (values, improvement) }
    }
    return choice?.values ?? space.sample(using: &generator)
  }

  // MARK: Observations

  private struct Observation {
    var values: [JSON]
    var point: [Double]
    var outcome: SweepResult.Outcome
  }

  /// Nil for a run that lies outside of this space, such as one that was added to the sweep from elsewhere.
  private func observation(_ result: SweepResult) -> Observation? {
    let values = space.values(result.arguments).compactMap { $0 }
    guard values.count == space.parameters.count, let point = coordinates(values) else { return nil }
    return Observation(values: values, point: point, outcome: result.outcome)
  }

  /// Smaller is better, mean 0 and variance 1; nil if nothing has a value.
  private func scores(_ observations: [Observation]) -> [Double]? {
    let raw = observations.map { observation -> Double? in
      guard case .value(let value) = observation.outcome, value.isFinite else { return nil }
      return isMaximized ? -value : value
    }
    guard let worst = raw.compactMap({ $0 }).max() else { return nil }
    let scores = raw.map { $0 ?? worst }
    let count = Double(scores.count)
    let mean = scores.reduce(0) { $0 + $1 / count }
    let variance = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / count }
    // Values at the end of the number range: their order is all that can be used.
    guard mean.isFinite, variance.isFinite else {
      let order = scores.sorted()
      return scores.map { score in Double(order.firstIndex(of: score) ?? 0) / count - 0.5 }
    }
    return scores.map { variance > 0 ? ($0 - mean) / variance.squareRoot() : 0 }
  }

  private static func few<Element>(
    _ all: [(values: Element, point: [Double], score: Double)]
  ) -> [(values: Element, point: [Double], score: Double)] {
    guard all.count > maximumResults else { return all }
    let bestOnes = Set(all.indices.sorted { all[$0].score < all[$1].score }.prefix(maximumResults / 2))
    let newest = all.indices.reversed().filter { !bestOnes.contains($0) }.prefix(maximumResults - bestOnes.count)
    return (Array(bestOnes) + newest).sorted().map { all[$0] }
  }

  // MARK: The process

  /// Takes the length scale and the noise under which the observations are most likely.
  private static func fit(_ points: [[Double]], _ scores: [Double]) -> GaussianProcess? {
    let dimension = Double(points.first?.count ?? 1).squareRoot()
    var best: GaussianProcess?
    for scale in [0.1, 0.2, 0.4, 0.8, 1.6] {
      for noise in [1e-6, 1e-3, 1e-1] {
        let process = GaussianProcess(points: points, values: scores, scale: scale * dimension, noise: noise)
        if let process, process.evidence > best?.evidence ?? -.infinity { best = process }
      }
    }
    return best
  }

  private static func expectedImprovement(_ gain: Double, _ deviation: Double) -> Double {
    guard deviation > 1e-12 else { return max(0, gain) }
    let z = gain / deviation
    let below = 0.5 * erfc(-z / 2.0.squareRoot())
    let density = exp(-0.5 * z * z) / (2 * Double.pi).squareRoot()
    return gain * below + deviation * density
  }

  // MARK: Points

  /// In the unit cube: a number for each numeric parameter, for each category of the others 0 or a constant that puts
  /// two categories at a distance of 1. Nil for values that the space does not have.
  private func coordinates(_ values: [JSON]) -> [Double]? {
    var point: [Double] = []
    for (parameter, value) in zip(space.parameters, values) {
      if case .categorical(let categories, _) = parameter.distribution {
        guard let index = categories.firstIndex(where: { Self.isSame($0, value) }) else { return nil }
        // A constant tells nothing. Long lists of numbers are better taken as numbers than as a dimension for each.
        if categories.count == 1 { continue }
        if categories.count > 32 {
          point.append(Double(index) / Double(categories.count - 1))
        } else {
          point += categories.indices.map { $0 == index ? 0.5.squareRoot() : 0 }
        }
      } else {
        guard let position = parameter.distribution.position(of: value) else { return nil }
        point.append(position)
      }
    }
    return point
  }

  /// A program may hand 1 back as 1.0.
  private static func isSame(_ a: JSON, _ b: JSON) -> Bool {
    if a == b { return true }
    guard let x = a.doubleValue, let y = b.doubleValue else { return false }
    return x == y
  }

  /// Each parameter stays, moves a little, or, seldom, jumps.
  private func neighbour(of values: [JSON], using generator: inout some RandomNumberGenerator) -> [JSON] {
    zip(space.parameters, values).map { parameter, value in
      let distribution = parameter.distribution
      let dice = Double.random(in: 0..<1, using: &generator)
      guard let position = distribution.position(of: value), dice < 0.9 else {
        return dice < 0.8 ? value : distribution.value(at: Double.random(in: 0..<1, using: &generator))
      }
      let width = dice < 0.45 ? 0.02 : 0.1
      let moved = position + width * Double.random(in: -1...1, using: &generator)
      return distribution.value(at: max(0, min(moved, 1 - 1e-12)))
    }
  }
}
