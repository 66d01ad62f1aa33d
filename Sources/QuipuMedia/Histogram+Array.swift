extension Histogram {
  /// Counts an array into equal bins, as `numpy.histogram(array, bins, range, weights=…, density=…)` does.
  ///
  /// - Parameters:
  ///   - array: any real type and shape, taken in C order. Booleans count as 0 and 1.
  ///   - bins: 1...16,777,216. More than 512 cannot be logged.
  ///   - range: outer limits; nil (default) means minimum and maximum, which must be finite. With limits, values
  ///     outside and NaN are left out.
  ///   - weights: an array of the same shape; counts become sums in its type.
  ///   - density: default false; true divides by bin width and total.
  /// - Throws: `.value` for `bins < 1`, limits that are not finite or not ordered, data that are not finite, weights of
  ///   another shape, or a range too narrow for the bins; `.type` for complex data; `.memory`.
  /// - Complexity: two passes, O(n + bins); memory for one block, whatever the strides.
  public init(
    array: ArrayView, bins: Int, range: (HistogramLimit, HistogramLimit)? = nil, weights: ArrayView? = nil,
    density: Bool = false
  ) throws(MediaError) {
    let data = try Self.countedType(of: array)
    guard bins >= 1 else { throw MediaError(.value, "bins is \(bins); pass 1 or more") }
    guard bins <= Self.maximumComputedBins else {
      throw MediaError(.memory, "bins is \(bins); at most \(Self.maximumComputedBins) are supported")
    }
    try Self.checkShape(of: weights, against: array)
    let values = weights == nil ? try HistogramValues(array) : nil
    let (low, high) = try Self.outerEdges(array, data, range, values)
    let rule = try HistogramRule(data: data, low: low, high: high, bins: bins)
    let edges = NumberList.floats(rule.edges, rule.edgeType)
    let filter = range == nil ? nil : HistogramFilter(rule: rule, data: data)
    let counts: NumberList
    if let weights {
      counts = try HistogramWeights.equalBins(rule, array, weights, filtered: range != nil)
    } else if let values {
      counts = .integers(values.count(rule, filter), .i64)
    } else {
      counts = .integers(try Self.count(array, rule, filter), .i64)
    }
    self.init(unchecked: density ? try HistogramDensity.densities(counts, edges) : counts, edges)
  }

  static func countedType(of array: ArrayView) throws(MediaError) -> DType {
    guard !array.dtype.isComplex else {
      throw MediaError(.type, "histogram of \(array.dtype.name) values has no order; pass the real part or magnitude")
    }
    return array.dtype.counted
  }

  static func checkShape(of weights: ArrayView?, against array: ArrayView) throws(MediaError) {
    guard let weights, weights.shape != array.shape else { return }
    throw MediaError(.value, "weights have the shape \(weights.shape), the data \(array.shape); pass equal shapes")
  }

  /// The limits of the bins: given ones, or those of the data, moved apart when they are equal.
  static func outerEdges(
    _ array: ArrayView, _ data: DType, _ range: (HistogramLimit, HistogramLimit)?, _ values: HistogramValues? = nil
  ) throws(MediaError) -> (HistogramEndpoint, HistogramEndpoint) {
    var low: HistogramEndpoint
    var high: HistogramEndpoint
    if let range {
      low = HistogramEndpoint(range.0)
      high = HistogramEndpoint(range.1)
      if let a = low.integer, let b = high.integer {
        guard a <= b else { throw MediaError(.value, "range is (\(a), \(b)); pass the smaller limit first") }
      } else {
        guard low.double.isFinite, high.double.isFinite else {
          throw MediaError(.value, "range is (\(low.double), \(high.double)); pass finite limits")
        }
        guard low.double <= high.double else {
          throw MediaError(.value, "range is (\(low.double), \(high.double)); pass the smaller limit first")
        }
      }
    } else if array.count == 0 {
      low = HistogramEndpoint(.integer(0), nil)
      high = HistogramEndpoint(.integer(1), nil)
    } else {
      if let values {
        (low, high) = values.limits(as: data)
      } else {
        (low, high) = try ArrayExtrema.limits(of: array, as: data)
      }
      guard low.double.isFinite, high.double.isFinite else {
        throw MediaError(.notFinite, "array has NaN or infinity; pass finite values, a range, or have them skipped")
      }
    }
    let equal: Bool
    if let a = low.integer, let b = high.integer { equal = a == b } else { equal = low.double == high.double }
    if equal {
      low = low.moved(by: -0.5)
      high = high.moved(by: 0.5)
    }
    return (low, high)
  }

  private static func count(
    _ array: ArrayView, _ rule: HistogramRule, _ filter: HistogramFilter?
  ) throws(MediaError) -> [Int64] {
    var counter = HistogramCounter(rule: rule)
    if array.dtype == .f32, rule.edgeType == .f32 {
      // A limit that leaves the edges in single precision is exact in it.
      let limits = filter.map { (Float($0.low), Float($0.high)) }
      try array.forEachBlock(as: Float.self, limit: 8_192) { (block) throws(MediaError) in
        withKept(block, limits) { counter.add($0) }
      }
      return counter.finish()
    }
    let single = rule.edgeType != .f64
    // Blocks that stay in the first cache while they are widened and counted.
    try forEachKept(array, filter, limit: 2_048) { block in
      guard single else { return counter.add(block) }
      withUnsafeTemporaryAllocation(of: Float.self, capacity: block.count) { room in
        for at in 0..<block.count { room[at] = Float(block[at]) }
        counter.add(UnsafeBufferPointer(room))
      }
    }
    return counter.finish()
  }

  /// Calls `body` with the values inside the limits.
  @_optimize(speed) @inline(__always) private static func withKept<F: BinaryFloatingPoint & BitwiseCopyable>(
    _ block: UnsafeBufferPointer<F>, _ limits: (low: F, high: F)?, _ body: (UnsafeBufferPointer<F>) -> Void
  ) {
    guard let (low, high) = limits else { return body(block) }
    withUnsafeTemporaryAllocation(of: F.self, capacity: block.count) { room in
      var kept = 0
      for value in block {
        room[kept] = value
        kept &+= value >= low && value <= high ? 1 : 0
      }
      body(UnsafeBufferPointer(rebasing: room[..<kept]))
    }
  }

  /// Calls `body` with the values inside the limits, widened to double.
  private static func forEachKept(
    _ array: ArrayView, _ filter: HistogramFilter?, limit: Int, _ body: (UnsafeBufferPointer<Double>) -> Void
  ) throws(MediaError) {
    guard let filter, let exact = filter.integers, array.dtype.counted.isInteger else {
      let limits = filter.map { ($0.low, $0.high) }
      return try array.forEachDoubleBlock(limit: limit) { (block) throws(MediaError) in withKept(block, limits, body) }
    }
    let isUnsigned = array.dtype == .u64
    try array.forEachIntegerBlock(limit: limit) { (block) throws(MediaError) in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: block.count) { room in
        var kept = 0
        for bits in block {
          let value = isUnsigned ? Int128(UInt64(bitPattern: bits)) : Int128(bits)
          room[kept] = Double(value)
          kept &+= value >= exact.low && value <= exact.high ? 1 : 0
        }
        body(UnsafeBufferPointer(rebasing: room[..<kept]))
      }
    }
  }
}

/// Which values lie inside given limits. Plain limits adapt to the type of float data; integers beside integers
/// compare exactly.
struct HistogramFilter {
  let low: Double
  let high: Double
  let integers: (low: Int128, high: Int128)?

  init(rule: HistogramRule, data: DType) {
    func bound(_ end: HistogramEndpoint) -> Double {
      end.dtype == nil && data.isFloating ? data.rounded(end.double) : end.double
    }
    low = bound(rule.low)
    high = bound(rule.high)
    if !data.isFloating, let a = rule.low.integer, let b = rule.high.integer {
      integers = (a, b)
    } else {
      integers = nil
    }
  }

  /// - Parameter bits: the value as 64 bits when the data are integers.
  func keeps(_ value: Double, bits: Int128?) -> Bool {
    if let integers, let bits { return bits >= integers.low && bits <= integers.high }
    return value >= low && value <= high
  }
}
