/// Weighted sums per bin, in the weights' type as NumPy keeps them: blocks of 65,536 elements are summed on their own.
enum HistogramWeights {
  static let blockSize = 65_536

  /// Both arrays in C order, widened, one block at a time. Integers also come exactly.
  private static func forEachBlock(
    _ array: ArrayView, _ weights: ArrayView,
    _ body: ([Double], _ exact: [Int128]?, [SIMD2<Double>], _ whole: [Int64]?) throws(MediaError) -> Void
  ) throws(MediaError) {
    // Views cut into blocks by flat position; rebuilt lists are simple and weights are rare.
    let values = try NumberList(array)
    let sums = try NumberList(weights)
    let count = array.count
    var at = 0
    while at < count {
      let end = min(at + blockSize, count)
      var doubles: [Double]
      var exact: [Int128]?
      switch values {
      case .integers(let all, let type):
        let wide = all[at..<end].map { type == .u64 ? Int128(UInt64(bitPattern: $0)) : Int128($0) }
        exact = wide
        doubles = wide.map { Double($0) }
      case .floats(let all, _): doubles = Array(all[at..<end])
      default: doubles = []
      }
      var weight: [SIMD2<Double>]
      var whole: [Int64]?
      switch sums {
      case .integers(let all, let type):
        whole = Array(all[at..<end])
        weight = all[at..<end].map { SIMD2(type == .u64 ? Double(UInt64(bitPattern: $0)) : Double($0), 0) }
      case .floats(let all, _): weight = all[at..<end].map { SIMD2($0, 0) }
      case .complex(let all, _): weight = Array(all[at..<end])
      case .json: weight = []
      }
      try body(doubles, exact, weight, whole)
      at = end
    }
  }

  /// Sums per equal bin: each block in double, then rounded to the weights' type and added in it.
  static func equalBins(
    _ rule: HistogramRule, _ array: ArrayView, _ weights: ArrayView, filtered: Bool
  ) throws(MediaError) -> NumberList {
    let filter = filtered ? HistogramFilter(rule: rule, data: array.dtype.counted) : nil
    var total = Sums(type: weights.dtype, count: rule.bins)
    if weights.dtype == .f32 || weights.dtype == .f64, filter?.integers == nil, array.count <= 1 << 28 {
      try addFloats(rule, array, weights, filter, &total)
      return total.list
    }
    try forEachBlock(array, weights) { (values, exact, weight, _) throws(MediaError) in
      var block = [SIMD2<Double>](repeating: .zero, count: rule.bins)
      for at in values.indices {
        if let filter, !filter.keeps(values[at], bits: exact?[at]) { continue }
        block[rule.index(of: rule.edgeType.rounded(values[at]))] += weight[at]
      }
      for k in 0..<rule.bins { total.addRounded(block[k], at: k) }
    }
    return total.list
  }

  /// The same for the usual weights.
  @_optimize(speed) private static func addFloats(
    _ rule: HistogramRule, _ array: ArrayView, _ weights: ArrayView, _ filter: HistogramFilter?, _ total: inout Sums
  ) throws(MediaError) {
    let values = try array.doubles(), addends = try weights.doubles()
    let low = filter?.low ?? -.infinity, high = filter?.high ?? .infinity
    var start = 0
    while start < values.count {
      let end = min(start + blockSize, values.count)
      var sums = [Double](repeating: 0, count: rule.bins)
      for at in start..<end {
        let value = values[at]
        if value >= low && value <= high { sums[rule.index(of: rule.edgeType.rounded(value))] += addends[at] }
      }
      for k in 0..<rule.bins { total.addRounded(SIMD2(sums[k], 0), at: k) }
      start = end
    }
  }

  /// Sums per explicit bin: running sums over the sorted block, picked at the edges, added per block, then differences.
  static func explicitEdges(_ search: HistogramEdges, _ array: ArrayView, _ weights: ArrayView) throws(MediaError)
    -> NumberList
  {
    guard weights.dtype != .bool else {
      throw MediaError(.type, "weights of type bool cannot be summed over explicit edges; convert them to int")
    }
    var picked = Sums(type: weights.dtype, count: search.count)
    try forEachBlock(array, weights) { (values, exact, weight, whole) throws(MediaError) in
      let order = values.indices.sorted { a, b in
        if let exact { return exact[a] < exact[b] }
        // NaN sorts last.
        return values[a] < values[b] || (values[b].isNaN && !values[a].isNaN)
      }
      var running = Sums(type: weights.dtype, count: 1)
      // positions[e]: how many sorted values lie before edge e; ascending in e.
      let positions = search.positions(order.map { values[$0] }, exact.map { all in order.map { all[$0] } })
      var done = 0
      // Edges are picked in ascending order of position.
      for edge in positions.indices.sorted(by: { positions[$0] < positions[$1] }) {
        while done < positions[edge] {
          let at = order[done]
          if let whole { running.add(whole[at], at: 0) } else { running.addRounded(weight[at], at: 0) }
          done += 1
        }
        picked.add(running, at: edge)
      }
    }
    return picked.differences
  }

  /// Totals in one element type.
  struct Sums {
    let type: DType
    private var whole: [Int64] = []
    private var real: [SIMD2<Double>] = []

    init(type: DType, count: Int) {
      self.type = type
      if type.isFloating || type.isComplex {
        real = [SIMD2<Double>](repeating: .zero, count: count)
      } else {
        whole = [Int64](repeating: 0, count: count)
      }
    }

    private func rounded(_ value: SIMD2<Double>) -> SIMD2<Double> {
      switch type {
      case .f16, .f32: SIMD2(type.rounded(value.x), 0)
      case .bf16: SIMD2(Double(Float(value.x)), 0)
      case .c64: SIMD2(Double(Float(value.x)), Double(Float(value.y)))
      default: value
      }
    }

    private func converted(_ value: Double) -> Int64 {
      if type == .bool { return value == 0 ? 0 : 1 }
      if type == .u64 && value >= 9_223_372_036_854_775_808 {
        return Int64(bitPattern: UInt64(exactly: value.rounded(.towardZero)) ?? 0)
      }
      return Int64(exactly: value.rounded(.towardZero)) ?? .min
    }

    /// Rounds `value` to the type, then adds.
    mutating func addRounded(_ value: SIMD2<Double>, at k: Int) {
      if !real.isEmpty {
        real[k] = rounded(real[k] + rounded(value))
      } else if type == .bool {
        whole[k] |= converted(value.x)
      } else {
        whole[k] = type.wrapped(whole[k] &+ type.wrapped(converted(value.x)))
      }
    }

    /// Adds in 64 bits, without wrapping to the type.
    mutating func add(_ value: Int64, at k: Int) { whole[k] &+= value }

    mutating func add(_ other: Sums, at k: Int) {
      if !real.isEmpty {
        real[k] = rounded(real[k] + other.real[0])
      } else {
        whole[k] = type.wrapped(whole[k] &+ type.wrapped(other.whole[0]))
      }
    }

    var list: NumberList {
      if !real.isEmpty || type.isFloating || type.isComplex {
        return type.isComplex ? .complex(real, type) : .floats(real.map(\.x), type)
      }
      return .integers(whole, type)
    }

    var differences: NumberList {
      var result = Sums(type: type, count: max((real.isEmpty ? whole.count : real.count) - 1, 0))
      for k in result.real.indices { result.real[k] = rounded(real[k + 1] - real[k]) }
      for k in result.whole.indices { result.whole[k] = type.wrapped(whole[k + 1] &- whole[k]) }
      return result.list
    }
  }
}
