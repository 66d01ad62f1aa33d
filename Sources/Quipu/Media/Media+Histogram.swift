import QuipuBase
import QuipuMedia

/// Histograms, and arrays as values.
extension Media {
  /// Counts of an array's values, as `np.histogram` makes them.
  ///
  /// - Parameters:
  ///   - array: any real type and shape.
  ///   - options: bins (64 equal ones by default), range, weights, density, what to do with NaN and infinities.
  /// - Throws: `value` for NaN and infinities that are not skipped, a range too narrow for the bins, more than 512 bins,
  ///   weights of another shape, edges that descend, an unknown estimator, complex values.
  /// - Complexity: two passes over the array at the call; nothing of it is copied or kept.
  public static func histogram(
    _ array: ArrayView, _ options: HistogramOptions = HistogramOptions()
  ) throws(QuipuError) -> Media {
    if case .count(let bins) = options.bins, bins > Histogram.maximumBins { throw tooManyBins(bins) }
    let made = try refuse { () throws(MediaError) in try Histogram(array: array, options: options) }
    guard made.counts.count <= Histogram.maximumBins else { throw tooManyBins(made.counts.count) }
    return try histogram(checked: made)
  }

  /// The same with equal bins between minimum and maximum.
  /// - Parameter bins: 1...512.
  public static func histogram(_ array: ArrayView, bins: Int) throws(QuipuError) -> Media {
    try histogram(array, HistogramOptions(bins: .count(bins)))
  }

  private static func tooManyBins(_ count: Int) -> QuipuError {
    QuipuError(
      .value, kind: "histogram_too_many_bins",
      "bins: \(count) is more than the \(Histogram.maximumBins) that can be logged; pass fewer")
  }

  /// A ready-made histogram; one edge more than counts, at most 512 counts.
  public static func histogram(counts: ArrayView, edges: ArrayView) throws(QuipuError) -> Media {
    try histogram(
      checked: try refuse(.shape) { () throws(MediaError) in
        try Histogram(counts: NumberList(counts), edges: NumberList(edges))
      })
  }

  public static func histogram(counts: [JSON], edges: [JSON]) throws(QuipuError) -> Media {
    try histogram(checked: try refuse(.shape) { () throws(MediaError) in try Histogram(counts: counts, edges: edges) })
  }

  private static func histogram(checked value: Histogram) throws(QuipuError) -> Media {
    try refuse { () throws(MediaError) in try value.checkLoggable() }
    return inline(.histogram, value.loggedValue)
  }

  /// An array as a plain value: one element a scalar, up to 32 a nested list, more a histogram of 32 bins.
  public static func array(_ array: ArrayView) throws(QuipuError) -> Media {
    inline(.array, try refuse { () throws(MediaError) in try RawArray.value(array) })
  }

  /// An array as a summary keeps it: up to 32 elements as `array(_:)`, more as statistics.
  ///
  /// - Parameter typeName: the `_type` of the statistics: "numpy.ndarray" or "torch.Tensor".
  public static func arrayStatistics(
    _ array: ArrayView, typeName: String = "numpy.ndarray"
  ) throws(QuipuError) -> Media {
    inline(.array, try refuse { () throws(MediaError) in try RawArray.summaryValue(array, typeName: typeName) })
  }

  private static func inline(_ kind: Kind, _ value: JSON) -> Media { Media(kind, .inline(row: value, summary: value)) }
}
