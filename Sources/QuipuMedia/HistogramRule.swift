/// Everything that decides which of n equal bins a value falls into, worked out once per histogram.
///
/// NumPy computes a bin number by floating arithmetic in types that depend on data and limits, and then repairs it
/// against the published edges. `index(of:)` is that rule, operation by operation.
struct HistogramRule {
  let bins: Int
  /// All edges, rounded to `edgeType`, widened.
  let edges: [Double]
  let edgeType: DType
  let low: HistogramEndpoint
  let high: HistogramEndpoint
  /// `low` rounded to the edges' type.
  private let start: Double
  /// `high - low`, in the limits' type, rounded to the quotient's.
  private let span: Double
  private let quotientType: DType

  /// - Parameters:
  ///   - data: the (counted) type of the data.
  ///   - low, high: outer limits, not equal.
  /// - Throws: `.value` when the edges would not ascend.
  init(data: DType, low: HistogramEndpoint, high: HistogramEndpoint, bins: Int) throws(MediaError) {
    self.bins = bins
    self.low = low
    self.high = high
    var common = data
    for end in [low, high] {
      if let type = end.dtype {
        common = DType.common(common, type)
      } else if end.integer == nil && !common.isFloating {
        common = .f64
      }
    }
    edgeType = common.isFloating ? common : .f64
    edges = try Self.edges(low, high, bins, rounding: edgeType)

    let (difference, type) = Self.difference(low, high)
    quotientType = DType.common(edgeType, type)
    span = quotientType.rounded(difference)
    start = edgeType.rounded(low.double)
  }

  private static func edges(
    _ low: HistogramEndpoint, _ high: HistogramEndpoint, _ bins: Int, rounding edgeType: DType
  ) throws(MediaError) -> [Double] {
    let type = DType.common(low.spacing, high.spacing)
    let first = type.rounded(low.double), last = type.rounded(high.double)
    let delta = type.rounded(last - first)
    let count = type.rounded(Double(bins))
    let step = type.rounded(delta / count)
    var edges = [Double](repeating: 0, count: bins + 1)
    for k in 0...bins {
      let number = type.rounded(Double(k))
      let offset: Double
      if step == 0 {
        offset = type.rounded(type.rounded(number / count) * delta)
      } else {
        offset = type.rounded(number * step)
      }
      edges[k] = edgeType.rounded(type.rounded(offset + first))
    }
    edges[bins] = edgeType.rounded(last)
    for k in 0..<bins where !(edges[k] < edges[k + 1]) {
      throw MediaError(.value, "data range is too narrow for \(bins) bins of finite size; pass fewer bins")
    }
    return edges
  }

  /// `high - low` as NumPy forms it: integers without overflow in the unsigned type, anything else in the common type,
  /// to which a plain number adapts.
  static func difference(_ low: HistogramEndpoint, _ high: HistogramEndpoint) -> (Double, DType) {
    if let a = low.integer, let b = high.integer {
      let type: DType
      switch (low.dtype, high.dtype) {
      case let (x?, y?): type = DType.common(x, y)
      case let (x?, nil), let (nil, x?): type = x
      case (nil, nil): type = .i64
      }
      if type.isInteger { return (Double(b - a), type.unsignedCounterpart) }
      return (high.double - low.double, .f64)
    }
    let type: DType
    switch (low.dtype, high.dtype) {
    case let (x?, y?): type = DType.common(x, y)
    case let (x?, nil), let (nil, x?): type = x.isFloating ? x : .f64
    case (nil, nil): type = .f64
    }
    return (type.rounded(type.rounded(high.double) - type.rounded(low.double)), type)
  }

  /// The estimate before repair. Ascends with `value`, since every operation does.
  func rawIndex(of value: Double) -> Int {
    let offset = edgeType.rounded(value - start)
    let fraction = quotientType.rounded(offset / span)
    let position = quotientType.rounded(fraction * quotientType.rounded(Double(bins)))
    // Inside the limits this is 0...bins up to rounding; the bounds only guard the conversion.
    guard position > 0 else { return 0 }
    guard position < Double(bins) else { return bins - 1 }
    return Int(position)
  }

  /// The bin of a value of the edges' type inside the limits.
  func index(of value: Double) -> Int {
    var k = rawIndex(of: value)
    if value < edges[k] { k = max(k - 1, 0) }
    if k != bins - 1 && value >= edges[k + 1] { k += 1 }
    return k
  }

  /// True when the repair always arrives at the bin between whose edges the value lies. As the estimate ascends, it is
  /// enough that it is off by at most one at each edge and just below it.
  var followsEdges: Bool {
    for k in 0...bins {
      if k < bins && abs(rawIndex(of: edges[k]) - k) > 1 { return false }
      if k > 0 {
        let below = edges[k].nextDown
        if below >= edges[k - 1] && abs(rawIndex(of: below) - (k - 1)) > 1 { return false }
      }
    }
    return abs(rawIndex(of: edges[bins]) - (bins - 1)) <= 1
  }
}
