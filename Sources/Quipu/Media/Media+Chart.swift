import QuipuBase
import QuipuMedia

/// Charts: a table under a key beside the chart's own, and an entry in the config that says how to draw it.
///
/// Charts are logged by themselves or inside dictionaries; lists, cells and summaries cannot hold them.
extension Media {
  /// A chart over a table.
  ///
  /// - Parameters:
  ///   - table: rows that are added later are part of what is logged later.
  ///   - panel: what is drawn; column names are not compared with the table.
  /// - Throws: `handle` if the medium is not a table.
  public static func chart(_ table: Media, _ panel: ChartPanel) throws(QuipuError) -> Media {
    guard table.kind == .table else {
      throw QuipuError(.handle, kind: "not_a_table", "table: is a media handle, but not of a table")
    }
    return Media(.chart, .chart(ChartValue(table: table, panel: panel)))
  }

  /// A precision-recall or ROC curve for each class.
  ///
  /// - Parameters:
  ///   - kind: `.roc`, or `.precisionRecall(points: 21)` as W&B draws it.
  ///   - truth: the class of each of n samples: integers, booleans, whole floats or texts.
  ///   - scores: `[n, k]`, any real element type, any strides. In ascending order of labels, class number i is scored
  ///     by column i.
  ///   - names: names of the classes 0, 1, …, used where labels are integers.
  ///   - plotted: labels of the classes to show; nil means all.
  ///   - title: nil means W&B's.
  ///   - splitTable: the table is logged below `Custom Chart Tables/`.
  /// - Throws: `value` errors that name the argument.
  /// - Complexity: O(n) per class at the call, which copies and checks; sorting is left to a library thread.
  ///
  /// At most 10,000 rows are kept: longer curves are thinned out, each by the same share, at even distances.
  public static func curve(
    _ kind: CurveJob.Kind, truth: ChartLabels, scores: ArrayView, scoresArgument: String = "scores",
    names: ChartLabels? = nil, plotted: ChartLabels? = nil, title: String? = nil, splitTable: Bool = false
  ) throws(QuipuError) -> Media {
    let job = try refuse { () throws(MediaError) in
      try CurveJob(
        kind, truth: truth, scores: scores, scoresArgument: scoresArgument, names: names, plotted: plotted)
    }
    return try chart(Media(.table, .curve(job)), .curve(kind, title: title, splitTable: splitTable))
  }

  /// How often each class was taken for each other.
  ///
  /// - Parameters:
  ///   - truth: the class of each sample.
  ///   - predictions: the class that the model chose; see `ConfusionMatrix.predictions` for scores.
  ///   - names: names of the classes 0, 1, …; nil: the classes are the labels found, named `Class_1`, `Class_2`, ….
  /// - Throws: `value` errors that name the argument.
  public static func confusionMatrix(
    truth: ChartLabels, predictions: ChartLabels, names: ChartLabels? = nil, title: String? = nil,
    splitTable: Bool = false
  ) throws(QuipuError) -> Media {
    let table = try refuse { () throws(MediaError) in
      try ConfusionMatrix.table(truth: truth, predictions: predictions, names: names)
    }
    return try chart(.table(table), .confusionMatrix(title: title, splitTable: splitTable))
  }

  /// Several lines in one chart.
  ///
  /// - Parameters:
  ///   - xs: one array for each line, or a single one that all share.
  ///   - ys: one array for each line; the longer of x and y is cut.
  ///   - keys: names of the lines; nil: `line_0`, `line_1`, ….
  ///   - xName: what the x axis is called.
  /// - Throws: `value` errors that name the argument.
  public static func lineSeries(
    xs: [ArrayView], ys: [ArrayView], keys: ChartLabels? = nil, title: String = "", xName: String = "x",
    splitTable: Bool = false
  ) throws(QuipuError) -> Media {
    let table = try refuse { () throws(MediaError) in
      try LineSeries.table(xs: xs, ys: ys, keys: keys)
    }
    return try chart(.table(table), .lineSeries(title: title, xName: xName, splitTable: splitTable))
  }

  /// A chart leaves the row for a key of its own, which the places of a list do not have.
  static func refuseCharts(in list: JSON, _ media: [Media], _ argument: String) throws(QuipuError) {
    switch list {
    case .array(let elements):
      for element in elements { try refuseCharts(in: element, media, argument) }
    case .object(let object):
      for (key, value) in object.members {
        if key == MediaBinder.placeholder, let at = value.intValue, at >= 0, at < Int64(media.count) {
          try refuseCharts([media[Int(at)]], argument)
        } else {
          try refuseCharts(in: value, media, argument)
        }
      }
    default: break
    }
  }

  /// For places where a chart cannot stand.
  package static func refuseCharts(_ media: [Media], _ argument: String) throws(QuipuError) {
    guard !media.contains(where: { $0.kind == .chart }) else {
      throw QuipuError(
        .value, kind: "chart_misplaced", "\(argument): a chart is logged by itself or as a member of a dictionary")
    }
  }
}
