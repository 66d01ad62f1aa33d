import Glibc
import QuipuBase

/// What becomes of an array that is logged without a media type around it.
public enum RawArray {
  /// Arrays up to this many elements are written out.
  public static let largestList = 32

  /// The history value of an array: one element is a number, up to 32 elements a nested list, more a histogram of 32
  /// bins.
  ///
  /// - Parameter view: any type and shape; complex numbers are refused.
  /// - Throws: `.type` for complex numbers; `.value` when an array that becomes a histogram has NaN or infinity, or too
  ///   narrow a range.
  public static func value(_ view: ArrayView) throws(MediaError) -> JSON {
    if let short = try listValue(view, scalarOfOne: true) { return short }
    return try Histogram(array: view, bins: Histogram.rawArrayBins).loggedValue
  }

  /// The summary value of an array: up to 32 elements a list (one element a number), more a set of statistics.
  ///
  /// - Parameters:
  ///   - view: any type and shape; complex numbers are refused.
  ///   - typeName: the `_type` to write; the default is NumPy's, `torch.Tensor` the other one in use.
  /// - Throws: `.type` for complex numbers, `.memory`.
  /// - Complexity: O(n) time on average and O(n) memory.
  /// - Units: variance of the population; percentiles by linear interpolation. Float arrays are measured in double and
  ///   rounded to the array's type.
  public static func summaryValue(_ view: ArrayView, typeName: String = "numpy.ndarray") throws(MediaError) -> JSON {
    if let short = try listValue(view, scalarOfOne: true) { return short }
    guard view.count <= 1 << 28 else {
      throw MediaError(.memory, "array of \(view.count) elements is too large for summary statistics")
    }
    var values = try view.doubles()
    let type = view.dtype.counted
    func stored(_ value: Double) -> JSON { .double(type.rounded(value)) }
    let count = Double(values.count)
    let mean = values.withUnsafeBufferPointer { PairwiseSum.sum($0, rounding: .f64) } / count
    let squares = values.map { ($0 - mean) * ($0 - mean) }
    let variance = squares.withUnsafeBufferPointer { PairwiseSum.sum($0, rounding: .f64) } / count
    let hasNaN = values.contains { $0.isNaN }
    let shares = [0, 0.1, 0.25, 0.75, 0.9, 1]
    let quantiles: [Double]
    if hasNaN {
      quantiles = shares.map { _ in .nan }
    } else {
      quantiles = ArrayQuantiles.interpolated(&values, shares) { a, b, g in
        g < 0.5 ? a + (b - a) * g : b - (b - a) * (1 - g)
      }
    }
    let least: JSON, greatest: JSON
    if view.dtype == .bool || type.isInteger {
      let (low, high) = try ArrayExtrema.limits(of: view, as: type)
      least = extreme(low, view.dtype)
      greatest = extreme(high, view.dtype)
    } else {
      least = .double(quantiles[0])
      greatest = .double(quantiles[5])
    }
    return .object([
      "_type": .string(typeName), "var": stored(variance), "mean": stored(mean), "min": least, "max": greatest,
      "10%": stored(quantiles[1]), "25%": stored(quantiles[2]), "75%": stored(quantiles[3]),
      "90%": stored(quantiles[4]),
      "size": .int(Int64(values.count)),
    ])
  }

  private static func extreme(_ end: HistogramEndpoint, _ type: DType) -> JSON {
    guard let value = end.integer else { return .double(end.double) }
    if type == .bool { return .bool(value != 0) }
    if let unsigned = UInt64(exactly: value) { return NumberList.json(unsigned) }
    return .int(Int64(clamping: value))
  }

  /// nil for more than 32 elements.
  private static func listValue(_ view: ArrayView, scalarOfOne: Bool) throws(MediaError) -> JSON? {
    guard !view.dtype.isComplex else {
      throw MediaError(.type, "array of \(view.dtype.name) cannot be logged; pass the real part or magnitude")
    }
    guard view.count <= largestList else { return nil }
    let flat = try NumberList(view).json
    if scalarOfOne, view.count == 1, let only = flat.first { return only }
    return nested(flat[...], view.shape[...])
  }

  private static func nested(_ flat: ArraySlice<JSON>, _ shape: ArraySlice<Int>) -> JSON {
    guard let extent = shape.first else { return flat.first ?? .array([]) }
    let rest = shape.dropFirst()
    if rest.isEmpty { return .array(Array(flat)) }
    // Extents beside a zero may be huge without any element behind them.
    guard !flat.isEmpty else { return .array(rest.contains(0) && extent <= largestList ? emptyRows(shape) : []) }
    let size = flat.count / extent
    return .array(
      (0..<extent).map { row in
        let start = flat.startIndex + row * size
        return nested(flat[start..<start + size], rest)
      })
  }

  private static func emptyRows(_ shape: ArraySlice<Int>) -> [JSON] {
    guard let extent = shape.first, extent <= largestList else { return [] }
    let rest = shape.dropFirst()
    if rest.isEmpty { return [] }
    return (0..<extent).map { _ in .array(emptyRows(rest)) }
  }
}
