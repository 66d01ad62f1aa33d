import QuipuBase

#if canImport(Glibc)
  import Glibc
#endif

/// How the values of one parameter are spread.
///
/// Every distribution is given by its quantile function: `value(at:)` of a uniform number is a sample, and `position`
/// leads back into the unit interval, where the Gaussian process lives.
enum Distribution: Sendable, Equatable {
  /// Without weights all values are equally likely. Weights are positive or zero and have a positive sum.
  case categorical([JSON], weights: [Double]?)
  case integers(low: Int64, high: Int64)
  /// Bounds are of the logarithm if `isLog`.
  case uniform(low: Double, high: Double, isLog: Bool, step: Step?)
  /// Of the logarithm if `isLog`.
  case normal(mean: Double, deviation: Double, isLog: Bool, step: Step?)

  /// Samples are rounded to the nearest multiple.
  struct Step: Sendable, Equatable {
    var size: Double
    /// It was given as an integer, so that values are integers too.
    var isInteger: Bool

    func value(_ x: Double) -> JSON {
      let rounded = (x / size).rounded(.toNearestOrEven) * size
      if isInteger, let integer = Int64(exactly: rounded) { return .int(integer) }
      return .double(rounded)
    }
  }

  /// - Parameter u: 0 ..< 1.
  func value(at u: Double) -> JSON {
    switch self {
    case .categorical(let values, let weights):
      return values[Self.index(at: u, count: values.count, weights: weights)]
    case .integers(let low, let high):
      let count = Double(high - low) + 1
      return .int(min(high, low + Int64(max(0, min(u * count, 9e18)))))
    case .uniform(let low, let high, let isLog, let step):
      let x = low + u * (high - low)
      return Self.value(isLog ? exp(x) : x, step)
    case .normal(let mean, let deviation, let isLog, let step):
      let x = mean + deviation * Self.normalQuantile(u)
      return Self.value(isLog ? exp(x) : x, step)
    }
  }

  private static func value(_ x: Double, _ step: Step?) -> JSON {
    let x = max(-Double.greatestFiniteMagnitude, min(x, Double.greatestFiniteMagnitude))
    return step.map { $0.value(x) } ?? .double(x)
  }

  /// The number in 0 ... 1 at which `value(at:)` gives this value; nil if it cannot come from here. For numbers only:
  /// categories have no order.
  func position(of value: JSON) -> Double? {
    guard let x = value.doubleValue, x.isFinite else { return nil }
    switch self {
    case .categorical: return nil
    case .integers(let low, let high):
      return Self.clamped((x - Double(low) + 0.5) / (Double(high - low) + 1))
    case .uniform(let low, let high, let isLog, _):
      guard !isLog || x > 0 else { return 0 }
      return high > low ? Self.clamped(((isLog ? log(x) : x) - low) / (high - low)) : 0.5
    case .normal(let mean, let deviation, let isLog, _):
      guard !isLog || x > 0 else { return 0 }
      return 0.5 * erfc(-((isLog ? log(x) : x) - mean) / (deviation * 2.0.squareRoot()))
    }
  }

  private static func clamped(_ u: Double) -> Double { max(0, min(u, 1)) }

  private static func index(at u: Double, count: Int, weights: [Double]?) -> Int {
    guard let weights else { return max(0, min(count - 1, Int(u * Double(count)))) }
    var left = u * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() where weight > 0 {
      if left < weight { return index }
      left -= weight
    }
    return weights.lastIndex { $0 > 0 } ?? 0
  }

  /// By bisection: sixty halvings of ±9 standard deviations are exact to the last digit or two, and fast enough.
  private static func normalQuantile(_ u: Double) -> Double {
    var (low, high) = (-9.0, 9.0)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if 0.5 * erfc(-middle / 2.0.squareRoot()) < u { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  // MARK: Grids

  /// How many values there are; nil if there is no end of them.
  var gridCount: Int? {
    switch self {
    case .categorical(let values, _): return values.count
    case .integers(let low, let high): return Int(clamping: high - low).addingReportingOverflow(1).partialValue
    case .uniform(let low, let high, isLog: false, let step?):
      return Int(exactly: ((high - low) / step.size + 1e-9).rounded(.down)).map { $0 + 1 }
    default: return nil
    }
  }

  /// - Parameter index: 0 ..< gridCount.
  func gridValue(_ index: Int) -> JSON {
    switch self {
    case .categorical(let values, _): return values[index]
    case .integers(let low, _): return .int(low + Int64(index))
    case .uniform(let low, _, _, let step?):
      let x = low + Double(index) * step.size
      if step.isInteger, let integer = Int64(exactly: x) { return .int(integer) }
      return .double(x)
    default: return value(at: 0.5)
    }
  }
}
