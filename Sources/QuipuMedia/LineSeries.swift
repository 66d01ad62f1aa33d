import QuipuBase

/// Several lines in one chart.
///
/// Source: W&B's rich data types, "line_series".
public enum LineSeries {
  /// The chart's table: step, name of the line, value, line by line.
  ///
  /// - Parameters:
  ///   - xs: one array `[m]` for each line, or a single one for all.
  ///   - ys: one array `[m]` for each line; what is longer of x and y is cut.
  ///   - keys: names of the lines; nil: `line_0`, `line_1`, ….
  /// - Throws: `value` when the numbers of arrays or names do not agree or an array is not `[m]`; `type` for arrays
  ///   whose elements do not share a column.
  public static func table(
    xs: [ArrayView], ys: [ArrayView], keys: ChartLabels? = nil
  ) throws(MediaError) -> Table {
    guard !ys.isEmpty else { throw MediaError(.value, "ys: is empty; pass one array per line") }
    let sharesX = xs.count == 1
    guard sharesX || xs.count == ys.count else {
      throw MediaError(.value, "xs: has \(xs.count) arrays for \(ys.count) lines; pass one, or one per line")
    }
    if let keys, keys.count != ys.count {
      throw MediaError(.value, "\(keys.argument): has \(keys.count) names for \(ys.count) lines; pass one per line")
    }
    var table = Table(columns: ["step", "lineKey", "lineVal"].map { .init($0) })
    for (at, y) in ys.enumerated() {
      let x = xs[sharesX ? 0 : at]
      let length = min(try self.length(x, "xs", sharesX ? 0 : at), try self.length(y, "ys", at))
      let key = keys.map { $0[at] } ?? .text(Key("line_\(at)"))
      try ChartColumn.withData([ChartLabels.Value](repeating: key, count: length)) { (names) throws(MediaError) in
        try table.addRows(columns: [.array(x.prefix(length)), names, .array(y.prefix(length))])
      }
    }
    return table
  }

  private static func length(_ view: ArrayView, _ argument: String, _ at: Int) throws(MediaError) -> Int {
    guard view.shape.count == 1, !view.dtype.isComplex else {
      throw MediaError(
        .value, "\(argument)[\(at)]: must be an array of numbers with one axis, not \(view.dtype.name) \(view.shape)")
    }
    guard view.count <= ChartLabels.maximumCount else {
      throw MediaError(.memory, "\(argument)[\(at)]: \(view.count) values are more than \(ChartLabels.maximumCount)")
    }
    return view.count
  }
}

extension ArrayView {
  /// The first elements of an array with one axis.
  func prefix(_ count: Int) -> ArrayView {
    ArrayView(unchecked: base, dtype, [min(count, self.count)], strides, byteSwapped)
  }
}
