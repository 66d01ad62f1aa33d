import QuipuBase
import QuipuMedia

/// Histograms, raw arrays and lists.
extension Media {
  /// - Parameter code: what a refused value means here.
  static func refuse<R>(
    _ code: QuipuError.Code = .value, _ body: () throws(MediaError) -> R
  ) throws(QuipuError) -> R {
    do throws(MediaError) { return try body() } catch {
      var refused = QuipuError(error)
      if refused.code == .value { refused.code = code }
      throw refused
    }
  }

  /// What a row holds for a value without a file; nil for other media.
  public var inlineValue: JSON? {
    state.withLock { state in
      if case .inline(let row, _) = state.content { row } else { nil }
    }
  }

  /// Several media as one value.
  public static func list(_ items: [Media]) -> Media { Media(.list, .list(items)) }

  /// Counts of an array's values in equal bins between minimum and maximum, as `np.histogram` does.
  ///
  /// - Parameter bins: 1...512.
  /// - Throws: `value` for NaN, infinities, a range too narrow for the bins.
  public static func histogram(_ array: ArrayView, bins: Int = Histogram.defaultBins) throws(QuipuError) -> Media {
    guard bins <= Histogram.maximumBins else {
      throw QuipuError(
        .value, kind: "histogram_too_many_bins", "bins: \(bins) is more than the \(Histogram.maximumBins) that are kept")
    }
    return histogram(try refuse { () throws(MediaError) in try Histogram(array: array, bins: bins) })
  }

  /// A ready-made histogram; one edge more than counts, at most 512 counts.
  public static func histogram(counts: ArrayView, edges: ArrayView) throws(QuipuError) -> Media {
    histogram(
      try refuse(.shape) { () throws(MediaError) in
        try Histogram(counts: NumberList(counts), edges: NumberList(edges))
      })
  }

  public static func histogram(counts: [JSON], edges: [JSON]) throws(QuipuError) -> Media {
    histogram(try refuse(.shape) { () throws(MediaError) in try Histogram(counts: counts, edges: edges) })
  }

  private static func histogram(_ value: Histogram) -> Media {
    Media(.histogram, .inline(row: value.loggedValue, summary: value.loggedValue))
  }

  /// An array as a plain value: one element a scalar, up to 32 a nested list, more a histogram of 32 bins; in a summary
  /// statistics.
  public static func array(_ array: ArrayView) throws(QuipuError) -> Media {
    try refuse { () throws(MediaError) in
      let summary = try RawArray.summaryValue(array)
      return Media(.array, .inline(row: try RawArray.value(array), summary: summary))
    }
  }
}
