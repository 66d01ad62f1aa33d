/// Edges given by the caller, and the search of values among them.
struct HistogramEdges {
  /// In the edges' own type, widened.
  private let doubles: [Double]
  /// The same exactly, when data and edges are integers that meet in an integer type.
  private let integers: [Int128]?
  var count: Int { doubles.count }

  /// - Throws: `.value` for edges that are not one axis or descend, `.type` for complex edges.
  init(_ edges: ArrayView, data: DType) throws(MediaError) {
    guard edges.shape.count == 1 else {
      throw MediaError(.value, "edges have \(edges.shape.count) axes; pass one axis of edges")
    }
    let list = try NumberList(edges)
    switch list {
    case .integers(let values, let type):
      let exact = values.map { type == .u64 ? Int128(UInt64(bitPattern: $0)) : Int128($0) }
      for (a, b) in zip(exact, exact.dropFirst()) where a > b { throw Self.descending }
      let meets = data.isInteger && DType.common(data, type).isInteger
      integers = meets ? exact : nil
      doubles = exact.map { Double($0) }
    case .floats(let values, _):
      for (a, b) in zip(values, values.dropFirst()) where a > b { throw Self.descending }
      integers = nil
      doubles = values
    default:
      throw MediaError(.type, "edges are complex; pass real numbers")
    }
  }

  private static var descending: MediaError { MediaError(.value, "edges descend; pass them in ascending order") }

  /// Counts every value into its bin.
  func count(_ array: ArrayView) throws(MediaError) -> [Int64] {
    guard count >= 2 else { return [] }
    var before = [Int64](repeating: 0, count: count)  // values whose last edge not above them is k
    if let integers {
      let isUnsigned = array.dtype == .u64
      let last = integers.count - 1
      try array.forEachIntegerBlock { (block) throws(MediaError) in
        for bits in block {
          let value = isUnsigned ? Int128(UInt64(bitPattern: bits)) : Int128(bits)
          let edge = Self.lastNotAbove(value, integers)
          if edge >= 0 { before[edge == last && value == integers[last] ? last - 1 : edge] &+= 1 }
        }
      }
    } else {
      try array.forEachDoubleBlock(limit: 2_048) { (block) throws(MediaError) in count(block, into: &before) }
    }
    before.removeLast()  // above the last edge
    return before
  }

  /// Without branches: which way the search goes is random.
  @_optimize(speed) private func count(_ block: UnsafeBufferPointer<Double>, into before: inout [Int64]) {
    doubles.withUnsafeBufferPointer { edges in
      before.withUnsafeMutableBufferPointer { before in
        let last = edges.count &- 1
        for value in block where value >= edges[0] {
          var found = 0
          var left = edges.count
          while left > 1 {
            let half = left / 2
            found = edges[found &+ half] <= value ? found &+ half : found
            left &-= half
          }
          before[found == last && value == edges[last] ? last &- 1 : found] &+= 1
        }
      }
    }
  }

  /// The last edge that is not above `value`, -1 if there is none.
  private static func lastNotAbove<T: Comparable>(_ value: T, _ edges: [T]) -> Int {
    var low = 0
    var high = edges.count
    while low < high {
      let middle = (low &+ high) / 2
      if edges[middle] <= value { low = middle &+ 1 } else { high = middle }
    }
    return low &- 1
  }

  /// For each edge the number of sorted values before it; for the last edge, those up to and including it.
  func positions(_ sorted: [Double], _ exact: [Int128]?) -> [Int] {
    var result: [Int] = []
    let last = doubles.count - 1
    for edge in doubles.indices {
      var low = 0
      var high = sorted.count
      while low < high {
        let middle = (low &+ high) / 2
        let before: Bool
        if let integers, let exact {
          before = exact[middle] < integers[edge] || (edge == last && exact[middle] == integers[edge])
        } else {
          before = sorted[middle] < doubles[edge] || (edge == last && sorted[middle] == doubles[edge])
        }
        if before { low = middle &+ 1 } else { high = middle }
      }
      result.append(low)
    }
    return result
  }
}

extension Histogram {
  /// Counts an array between explicit edges, as `numpy.histogram(array, edges, weights=…, density=…)` does.
  ///
  /// - Parameters:
  ///   - edges: one axis of any real type, ascending, equal neighbours allowed; kept as given. Fewer than two give no
  ///     bins.
  /// - Throws: as `init(array:bins:…)`, and `.value` for edges that descend or are not one axis. NaN among the data is
  ///   never counted and no error.
  /// - Complexity: O(n log edges); with weights O(n log n).
  public init(
    array: ArrayView, edges: ArrayView, weights: ArrayView? = nil, density: Bool = false
  ) throws(MediaError) {
    let data = try Self.countedType(of: array)
    try Self.checkShape(of: weights, against: array)
    let search = try HistogramEdges(edges, data: data)
    let counts: NumberList
    if let weights {
      counts = try HistogramWeights.explicitEdges(search, array, weights)
    } else {
      counts = .integers(try search.count(array), .i64)
    }
    let list = try NumberList(edges)
    self.init(unchecked: density ? try HistogramDensity.densities(counts, list) : counts, list)
  }
}
