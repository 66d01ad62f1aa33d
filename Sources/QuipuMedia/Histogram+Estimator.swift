import Glibc

extension Histogram {
  /// Counts an array into equal bins whose number a rule derives from the data, like `numpy.histogram(array, "auto")`.
  ///
  /// - Parameters:
  ///   - estimator: `auto`, `fd`, `doane`, `scott`, `stone`, `rice`, `sturges` or `sqrt`.
  ///   - weights: must be nil.
  /// - Throws: `.type` with weights; `.value` for another name; else as `init(array:bins:…)`.
  /// - Complexity: O(n log n) time and O(n) memory for `fd` and `auto`.
  public init(
    array: ArrayView, estimator: String, range: (HistogramLimit, HistogramLimit)? = nil, weights: ArrayView? = nil,
    density: Bool = false
  ) throws(MediaError) {
    guard weights == nil else {
      throw MediaError(.type, "weights cannot be combined with the estimator '\(estimator)'; pass a number of bins")
    }
    guard let rule = HistogramEstimator(rawValue: estimator) else {
      throw MediaError(
        .value, "estimator '\(estimator)' is unknown; use auto, fd, doane, scott, stone, rice, sturges, sqrt")
    }
    let data = try Self.countedType(of: array)
    let (low, high) = try Self.outerEdges(array, data, range)
    let bins = try rule.bins(for: array, data, low, high, filtered: range != nil)
    try self.init(array: array, bins: bins, range: range, density: density)
  }
}

/// Rules for the number of bins. Values of 32- and 16-bit floats are measured in their own precision, with NumPy's
/// order of summation, because a width next to a whole quotient decides about one bin.
enum HistogramEstimator: String {
  case auto, fd, doane, scott, stone, rice, sturges, sqrt

  func bins(
    for array: ArrayView, _ data: DType, _ low: HistogramEndpoint, _ high: HistogramEndpoint, filtered: Bool
  ) throws(MediaError) -> Int {
    guard array.count <= 1 << 28 else {
      throw MediaError(.memory, "array of \(array.count) elements is too large for an estimator; pass a number of bins")
    }
    // The rule of a single bin serves as the filter by the limits.
    var values = try array.doubles()
    if filtered {
      let single = try? HistogramRule(data: data, low: low, high: high, bins: 1)
      if let single {
        let filter = HistogramFilter(rule: single, data: data)
        values = values.filter { filter.keeps($0, bits: data.isInteger ? Int128(exactly: $0) : nil) }
      }
    }
    guard !values.isEmpty else { return 1 }
    var sample = EstimatorSample(values: values, type: data)
    if data == .i64 || data == .u64 { sample.spread = try Self.exactSpread(array, low, high, filtered: filtered) }
    sample.low = low
    sample.high = high
    var width = try self.width(&sample)
    if data.isInteger && width.value < 1 { width = (width.value == 0 ? 0 : 1, .f64) }
    guard width.value != 0, !width.value.isNaN else { return 1 }
    let (span, spanType) = HistogramRule.difference(low, high)
    let type = DType.common(width.type, spanType)
    let quotient = type.rounded(type.rounded(span) / type.rounded(width.value))
    guard quotient.isFinite, quotient < Double(Histogram.maximumComputedBins) else {
      throw MediaError(.value, "data call for too many bins; pass a number of bins")
    }
    return max(Int(quotient.rounded(.up)), 1)
  }

  /// Maximum minus minimum of 64-bit integers, rounded only once.
  private static func exactSpread(
    _ array: ArrayView, _ low: HistogramEndpoint, _ high: HistogramEndpoint, filtered: Bool
  ) throws(MediaError) -> Double {
    var least = Int128.max
    var greatest = Int128.min
    let isUnsigned = array.dtype == .u64
    try array.forEachIntegerBlock { (block) throws(MediaError) in
      for bits in block {
        let value = isUnsigned ? Int128(UInt64(bitPattern: bits)) : Int128(bits)
        if filtered && !(Double(value) >= low.double && Double(value) <= high.double) { continue }
        least = min(least, value)
        greatest = max(greatest, value)
      }
    }
    return least <= greatest ? Double(greatest - least) : 0
  }

  private func width(_ sample: inout EstimatorSample) throws(MediaError) -> (value: Double, type: DType) {
    let n = Double(sample.values.count)
    let type = sample.type
    let real: DType = type.isFloating ? type : .f64
    switch self {
    case .sqrt: return (sample.spread / n.squareRoot(), .f64)
    case .sturges: return (sample.spread / (log2(n) + 1), .f64)
    case .rice: return (real.rounded(sample.spread / (2 * pow(n, 1.0 / 3))), real)
    case .scott: return (real.rounded(pow(24 * Double.pi.squareRoot() / n, 1.0 / 3) * sample.deviation), real)
    case .fd:
      let (lower, upper) = sample.quartiles
      return (real.rounded(real.rounded(2 * real.rounded(upper - lower)) * real.rounded(pow(n, -1.0 / 3))), real)
    case .doane: return (sample.doane, .f64)
    case .stone: return try sample.stone()
    case .auto:
      let fd = try HistogramEstimator.fd.width(&sample)
      let root = try HistogramEstimator.sqrt.width(&sample)
      let sturges = try HistogramEstimator.sturges.width(&sample)
      let lower = fd.value >= root.value / 2 ? fd : (root.value / 2, .f64)
      return lower.value <= sturges.value ? lower : sturges
    }
  }
}

/// The measured values and what is derived from them.
struct EstimatorSample {
  let values: [Double]
  let type: DType
  /// Maximum minus minimum, in the data's type.
  var spread: Double
  var low = HistogramEndpoint(.integer(0), nil)
  var high = HistogramEndpoint(.integer(1), nil)

  init(values: [Double], type: DType) {
    self.values = values
    self.type = type
    var least = Double.infinity
    var greatest = -Double.infinity
    for value in values {
      least = min(least, value)
      greatest = max(greatest, value)
    }
    spread = type.rounded(greatest - least)
  }

  private var real: DType { type.isFloating ? type : .f64 }
  private var count: Double { Double(values.count) }

  private func mean(_ values: [Double]) -> Double {
    let total = values.withUnsafeBufferPointer { PairwiseSum.sum($0, rounding: real == .f16 ? .f32 : real) }
    return real.rounded(total / count)
  }

  /// Population standard deviation.
  var deviation: Double {
    let centre = mean(values)
    let squares = values.map { value in
      let away = real.rounded(value - centre)
      return real.rounded(away * away)
    }
    return real.rounded(mean(squares).squareRoot())
  }

  /// The 25th and 75th percentile by linear interpolation.
  var quartiles: (Double, Double) {
    var values = values
    let both = ArrayQuantiles.interpolated(&values, [0.25, 0.75]) { a, b, g in
      let g = real.rounded(g)
      // Neighbours of an integer type are subtracted in it and may wrap.
      let step = type.isFloating ? real.rounded(b - a) : wrappedDifference(b, a)
      return g < 0.5
        ? real.rounded(a + real.rounded(step * g)) : real.rounded(b - real.rounded(step * real.rounded(1 - g)))
    }
    return (both[0], both[1])
  }

  private func wrappedDifference(_ b: Double, _ a: Double) -> Double {
    guard type.itemSize < 8, let difference = Int64(exactly: b - a) else { return b - a }
    return Double(type.wrapped(difference))
  }

  var doane: Double {
    guard values.count > 2 else { return 0 }
    let sigma = deviation
    guard sigma > 0 else { return 0 }
    let n = count
    let scatter = (6 * (n - 2) / ((n + 1) * (n + 3))).squareRoot()
    let centre = mean(values)
    let cubes = values.map { value in
      let z = real.rounded(real.rounded(value - centre) / sigma)
      return real.rounded(pow(z, 3))
    }
    let skew = mean(cubes)
    return spread / (1 + log2(n) + log2(1 + abs(skew) / scatter))
  }

  /// Stone's rule: the number of bins with the least estimated loss.
  func stone() throws(MediaError) -> (value: Double, type: DType) {
    let n = count
    let width = spread
    guard values.count > 1, width != 0 else { return (0, real) }
    var best = (loss: Double.infinity, bins: 1)
    let upper = max(100, Int(n.squareRoot()))
    for bins in 1...upper {
      let rule = try HistogramRule(data: type, low: low, high: high, bins: bins)
      var counter = HistogramCounter(rule: rule)
      if rule.edgeType == .f64 {
        values.withUnsafeBufferPointer { counter.add($0) }
      } else {
        values.map { Float($0) }.withUnsafeBufferPointer { counter.add($0) }
      }
      let shares = counter.finish().map { Double($0) / n }
      var squares = 0.0
      for share in shares { squares += share * share }
      let step = real.rounded(width / Double(bins))
      let loss = (2 - (n + 1) * squares) / step
      if loss < best.loss { best = (loss, bins) }
    }
    return (real.rounded(width / Double(best.bins)), real)
  }
}
