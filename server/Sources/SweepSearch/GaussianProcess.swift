#if canImport(Glibc)
  import Glibc
#endif

/// Gaussian process regression with a Matérn 5/2 kernel of unit variance.
///
/// Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, algorithm 2.1 and equation 4.17.
struct GaussianProcess {
  private let points: [[Double]]
  private let scale: Double
  /// Lower triangle of the Cholesky factor, row by row.
  private let factor: [Double]
  private let weights: [Double]
  /// Logarithm of the marginal likelihood, without its constant.
  let evidence: Double

  /// - Parameters:
  ///   - values: with mean 0 and variance 1.
  ///   - scale: distance at which points know little of each other.
  /// - Returns: nil if the points are too much alike to tell the values apart.
  /// - Complexity: cubic in the number of points.
  init?(points: [[Double]], values: [Double], scale: Double, noise: Double) {
    let count = points.count
    guard count > 0, values.count == count else { return nil }
    var factor = [Double](repeating: 0, count: count * (count + 1) / 2)
    for row in 0..<count {
      let start = row * (row + 1) / 2
      for column in 0...row {
        let other = column * (column + 1) / 2
        var sum = Self.kernel(points[row], points[column], scale) + (row == column ? noise : 0)
        for k in 0..<column { sum -= factor[start + k] * factor[other + k] }
        if row == column {
          guard sum > 0 else { return nil }
          factor[start + column] = sum.squareRoot()
        } else {
          factor[start + column] = sum / factor[other + column]
        }
      }
    }
    self.points = points
    self.scale = scale
    self.factor = factor
    let half = Self.forward(factor, values)
    var weights = half
    for row in (0..<count).reversed() {
      var sum = weights[row]
      for below in row + 1..<max(count, row + 1) { sum -= factor[below * (below + 1) / 2 + row] * weights[below] }
      weights[row] = sum / factor[row * (row + 1) / 2 + row]
    }
    self.weights = weights
    let determinant = (0..<count).reduce(0.0) { $0 + log(factor[$1 * ($1 + 1) / 2 + $1]) }
    evidence = -0.5 * half.reduce(0) { $0 + $1 * $1 } - determinant
  }

  /// - Complexity: quadratic in the number of points.
  func predict(_ point: [Double]) -> (mean: Double, deviation: Double) {
    let likeness = points.map { Self.kernel($0, point, scale) }
    let mean = zip(likeness, weights).reduce(0) { $0 + $1.0 * $1.1 }
    let known = Self.forward(factor, likeness).reduce(0) { $0 + $1 * $1 }
    return (mean, max(0, 1 - known).squareRoot())
  }

  /// Solves `factor * x = values`.
  private static func forward(_ factor: [Double], _ values: [Double]) -> [Double] {
    var solution = values
    for row in 0..<values.count {
      let start = row * (row + 1) / 2
      var sum = solution[row]
      for column in 0..<row { sum -= factor[start + column] * solution[column] }
      solution[row] = sum / factor[start + row]
    }
    return solution
  }

  private static func kernel(_ a: [Double], _ b: [Double], _ scale: Double) -> Double {
    let squares = zip(a, b).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let distance = (5 * squares).squareRoot() / scale
    return (1 + distance + distance * distance / 3) * exp(-distance)
  }
}
