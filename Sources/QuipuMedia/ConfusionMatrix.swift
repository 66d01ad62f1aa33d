import QuipuBase

/// How often each class was taken for each other.
///
/// Source: W&B's rich data types, "confusion_matrix".
public enum ConfusionMatrix {
  /// More classes make no picture and more than four million rows.
  public static let maximumClasses = 2_048

  /// The class with the greatest score for each sample, the first of equals.
  ///
  /// - Parameter scores: `[n, k]`, any real type.
  /// - Throws: `index` for another number of axes, `value` for NaN or no classes, `type` for complex numbers.
  public static func predictions(scores: ArrayView, argument: String) throws(MediaError) -> ChartLabels {
    guard scores.shape.count == 2 else {
      throw MediaError(
        .index, "\(argument): has the shape \(scores.shape); pass one row per sample and one column per class")
    }
    let width = scores.shape[1]
    guard width > 0 || scores.shape[0] == 0 else {
      throw MediaError(.value, "\(argument): has no columns; pass one per class")
    }
    guard !scores.dtype.isComplex else { throw MediaError(.type, "\(argument): complex numbers are no scores") }
    guard scores.shape[0] <= ChartLabels.maximumCount else {
      throw MediaError(.memory, "\(argument): \(scores.shape[0]) rows are more than \(ChartLabels.maximumCount)")
    }
    var result: [Int64] = []
    var column = 0, best = 0.0, place = 0
    try scores.forEachDoubleBlock { (block) throws(MediaError) in
      for score in block {
        guard !score.isNaN else { throw MediaError(.value, "\(argument): holds NaN; every score must be a number") }
        if column == 0 || score > best {
          best = score
          place = column
        }
        column &+= 1
        if column == width {
          result.append(Int64(place))
          column = 0
        }
      }
    }
    return ChartLabels(integers: result, argument: argument)
  }

  /// The chart's table: actual, predicted, and the number of samples, for every pair of classes.
  ///
  /// - Parameters:
  ///   - truth: the class of each sample.
  ///   - predictions: the class that the model chose.
  ///   - names: names of the classes 0, 1, …; nil: the classes are the labels found, named `Class_1`, `Class_2`, ….
  /// - Throws: `value` when lengths differ or there are more classes than names, `key` for a label without a name,
  ///   `type` for texts beside numbers.
  public static func table(
    truth: ChartLabels, predictions: ChartLabels, names: ChartLabels?
  ) throws(MediaError) -> Table {
    guard truth.count == predictions.count else {
      throw MediaError(
        .value,
        "\(predictions.argument): has \(predictions.count) entries for the \(truth.count) labels in \(truth.argument)")
    }
    guard truth.isText == predictions.isText || truth.count == 0 else {
      throw MediaError(.type, "\(predictions.argument): cannot be compared with \(truth.argument): one is text")
    }
    let (actual, actualRanks) = truth.ranked()
    let (predicted, predictedRanks) = predictions.ranked()
    let cells: [ChartLabels.Value]
    let actualPlaces: [Int], predictedPlaces: [Int]
    if let names {
      for (labels, classes) in [(predictions, predicted), (truth, actual)] where classes.count > names.count {
        throw MediaError(
          .value, "\(names.argument): has \(names.count) names for the \(classes.count) classes in \(labels.argument)")
      }
      actualPlaces = try places(of: actual, truth, names)
      predictedPlaces = try places(of: predicted, predictions, names)
      cells = (0..<names.count).map { names[$0] }
    } else {
      let all = merged(actual, predicted)
      actualPlaces = all.first
      predictedPlaces = all.second
      cells = (0..<all.count).map { .text(Key("Class_\($0 + 1)")) }
    }
    let size = cells.count
    guard size <= maximumClasses else {
      throw MediaError(
        .value, "\(truth.argument): \(size) classes are more than the \(maximumClasses) a confusion matrix may have")
    }
    var counts = [Double](repeating: 0, count: size &* size)
    for (actual, predicted) in zip(actualRanks, predictedRanks) {
      counts[actualPlaces[Int(actual)] &* size &+ predictedPlaces[Int(predicted)]] += 1
    }
    var rows: [ChartLabels.Value] = []
    rows.reserveCapacity(counts.count)
    for at in counts.indices { rows.append(cells[at / size]) }
    var columns: [ChartLabels.Value] = []
    columns.reserveCapacity(counts.count)
    for at in counts.indices { columns.append(cells[at % size]) }
    var table = Table(columns: ["Actual", "Predicted", "nPredictions"].map { .init($0) })
    try ChartColumn.withData(rows) { (rows) throws(MediaError) in
      try ChartColumn.withData(columns) { (columns) throws(MediaError) in
        try ChartColumn.withDoubles(counts) { (counts) throws(MediaError) in
          try table.addRows(columns: [rows, columns, counts])
        }
      }
    }
    return table
  }

  private static func places(
    of classes: [ChartLabels.Value], _ labels: ChartLabels, _ names: ChartLabels
  ) throws(MediaError) -> [Int] {
    var result: [Int] = []
    for label in classes {
      guard let number = label.whole, number >= 0, number < Int64(names.count) else {
        throw MediaError(
          .key,
          "\(labels.argument): the label \(label.description) has no name; "
            + "\(names.argument) names the classes 0 to \(names.count - 1)")
      }
      result.append(Int(number))
    }
    return result
  }

  /// Where the classes of two ascending lists stand in the list of both.
  private static func merged(
    _ one: [ChartLabels.Value], _ other: [ChartLabels.Value]
  ) -> (count: Int, first: [Int], second: [Int]) {
    var first: [Int] = [], second: [Int] = []
    var count = 0
    while first.count < one.count || second.count < other.count {
      let a = first.count < one.count ? one[first.count] : nil
      let b = second.count < other.count ? other[second.count] : nil
      if let a, let b, a.isSame(as: b) {
        first.append(count)
        second.append(count)
      } else if let a, b.map({ ChartLabels.Value.precedes(a, $0) }) ?? true {
        first.append(count)
      } else {
        second.append(count)
      }
      count += 1
    }
    return (count, first, second)
  }
}
