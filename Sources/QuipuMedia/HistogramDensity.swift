/// Counts divided by bin width and total.
enum HistogramDensity {
  /// - Throws: `.unsupported` for complex weights.
  static func densities(_ counts: NumberList, _ edges: NumberList) throws(MediaError) -> NumberList {
    guard case .complex = counts else {
      let widths = widths(edges)
      let total = sum(counts)
      let values = counts.doubles
      return .floats(values.indices.map { values[$0] / widths[$0] / total }, .f64)
    }
    throw MediaError(.unsupported, "density with complex weights is not supported; pass real weights")
  }

  /// Differences of neighbouring edges in the edges' own type.
  private static func widths(_ edges: NumberList) -> [Double] {
    switch edges {
    case .integers(let values, let type):
      return zip(values, values.dropFirst()).map { a, b in
        type == .u64 ? Double(UInt64(bitPattern: b &- a)) : Double(type.wrapped(b &- a))
      }
    default:
      let type = edges.dtype ?? .f64
      let values = edges.doubles
      return zip(values, values.dropFirst()).map { type.rounded($1 - $0) }
    }
  }

  private static func sum(_ counts: NumberList) -> Double {
    switch counts {
    case .integers(let values, .u64): return Double(UInt64(bitPattern: values.reduce(0, &+)))
    case .integers(let values, _): return Double(values.reduce(0, &+))
    default:
      let values = counts.doubles
      return values.withUnsafeBufferPointer { values in
        switch counts.dtype {
        case .f32, .bf16: PairwiseSum.sum(values, rounding: .f32)
        // Halves are summed in single precision and rounded once.
        case .f16: DType.f16.rounded(PairwiseSum.sum(values, rounding: .f32))
        default: PairwiseSum.sum(values, rounding: .f64)
        }
      }
    }
  }
}

/// The pairwise summation of NumPy's reductions, every addition rounded to one type.
enum PairwiseSum {
  static func sum(_ values: UnsafeBufferPointer<Double>, rounding type: DType) -> Double {
    let count = values.count
    if count < 8 {
      // NumPy starts from the first value or from zero alike.
      var total = 0.0
      for value in values { total = type.rounded(total + value) }
      return total
    }
    if count <= 128 {
      var lanes = [Double](values[0..<8])
      var at = 8
      while at + 8 <= count {
        for lane in 0..<8 { lanes[lane] = type.rounded(lanes[lane] + values[at + lane]) }
        at += 8
      }
      func add(_ a: Double, _ b: Double) -> Double { type.rounded(a + b) }
      var total = add(
        add(add(lanes[0], lanes[1]), add(lanes[2], lanes[3])), add(add(lanes[4], lanes[5]), add(lanes[6], lanes[7])))
      while at < count {
        total = add(total, values[at])
        at += 1
      }
      return total
    }
    var half = count / 2
    half -= half % 8
    let left = sum(UnsafeBufferPointer(rebasing: values[..<half]), rounding: type)
    let right = sum(UnsafeBufferPointer(rebasing: values[half...]), rounding: type)
    return type.rounded(left + right)
  }
}
