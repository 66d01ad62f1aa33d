import QuipuBase
import Synchronization

/// A precision-recall or ROC chart to be computed: scores and labels are copied and checked, nothing is sorted yet.
///
/// Sendable, so that a worker can do the work: `table()` may be called on any thread, any number of times.
///
/// Source: W&B's rich data types, "Curves".
public final class CurveJob: Sendable {
  public enum Kind: Sendable, Equatable {
    case roc
    /// Precision at `points` recalls from 1 down to 0.
    case precisionRecall(points: Int)
  }

  /// Rows that a chart's table has at most; longer curves are thinned out.
  public static let maximumRows = 10_000

  private struct Entry: Sendable {
    var cell: ChartLabels.Value
    var keys: CurveKeys
  }

  private enum State: Sendable {
    case input([Entry])
    case result(Table)
  }

  private let kind: Kind
  // Not held while computing: a fork would leave it locked.
  private let state: Mutex<State>
  /// About how many bytes the copies take.
  public let byteCount: Int

  /// - Parameters:
  ///   - truth: the class of each sample.
  ///   - scores: `[n, k]`, any real type; class number i in ascending order of labels is scored by column i.
  ///   - names: names of the classes by their label, used where labels are integers.
  ///   - plotted: labels of the classes to show; nil means all.
  /// - Throws: `value` when lengths, classes and columns do not agree, for scores that are not finite, for fractional
  ///   labels, when no class is left, or when a class has no name; `index` for scores without columns.
  /// - Complexity: O(n) for each class shown: reads and copies.
  public init(
    _ kind: Kind, truth: ChartLabels, scores: ArrayView, scoresArgument: String, names: ChartLabels? = nil,
    plotted: ChartLabels? = nil
  ) throws(MediaError) {
    if case .precisionRecall(let points) = kind {
      guard points >= 0, points <= 1_000_000 else {
        throw MediaError(.value, "interp_size: \(points) is not between 0 and 1000000")
      }
    }
    guard scores.shape.count == 2 else {
      throw MediaError(
        kind == .roc ? .type : .index,
        "\(scoresArgument): has the shape \(scores.shape); pass one row per sample and one column per class")
    }
    guard !scores.dtype.isComplex else { throw MediaError(.type, "\(scoresArgument): complex numbers are no scores") }
    guard scores.shape[0] == truth.count else {
      throw MediaError(
        .value, "\(scoresArgument): has \(scores.shape[0]) rows for the \(truth.count) labels in \(truth.argument)")
    }
    let (classes, ranks) = truth.ranked()
    if let odd = classes.first(where: { if case .float = $0 { $0.whole == nil } else { false } }) {
      throw MediaError(
        .value, "\(truth.argument): the label \(odd.description) is no class; pass whole numbers or texts")
    }
    var entries: [Entry] = []
    for (number, label) in classes.enumerated() {
      if let plotted, !(0..<plotted.count).contains(where: { plotted[$0].isSame(as: label) }) { continue }
      guard number < scores.shape[1] else {
        throw MediaError(
          .index,
          "\(scoresArgument): has \(scores.shape[1]) columns for \(classes.count) classes; pass one per class")
      }
      let cell = try Self.cell(label, names)
      let column = ArrayView(
        unchecked: scores.base.map { $0 + number &* scores.strides[1] }, scores.dtype, [scores.shape[0]],
        [scores.strides[0]], scores.byteSwapped)
      let keys = try CurveKeys(column, ranks: ranks, own: Int32(number), argument: scoresArgument)
      // Of two classes with one name the later takes the earlier's place.
      if let earlier = entries.firstIndex(where: { $0.cell == cell }) {
        entries[earlier].keys = keys
      } else {
        entries.append(Entry(cell: cell, keys: keys))
      }
    }
    guard !entries.isEmpty else {
      if let plotted, !classes.isEmpty {
        throw MediaError(.value, "\(plotted.argument): none of these classes is in \(truth.argument)")
      }
      throw MediaError(.value, "\(truth.argument): holds no labels, so there is nothing to plot")
    }
    self.kind = kind
    byteCount = entries.reduce(0) { $0 &+ $1.keys.count &* 8 }
    state = Mutex(.input(entries))
  }

  private static func cell(_ label: ChartLabels.Value, _ names: ChartLabels?) throws(MediaError) -> ChartLabels.Value {
    guard let names, case .integer(let number) = label else { return label }
    guard number >= 0, number < Int64(names.count) else {
      throw MediaError(
        .index, "\(names.argument): has \(names.count) names, so there is none for the class \(number)")
    }
    return names[Int(number)]
  }

  /// The chart's table, computed at the first call.
  /// - Throws: `memory`.
  /// - Complexity: O(n) for each class: a radix sort and one walk.
  public func table() throws(MediaError) -> Table {
    switch state.withLock({ $0 }) {
    case .result(let table): return table
    case .input(let entries):
      let table = try table(entries)
      state.withLock { $0 = .result(table) }
      return table
    }
  }

  private func table(_ entries: [Entry]) throws(MediaError) -> Table {
    var curves = CurveRows()
    for (number, entry) in entries.enumerated() {
      let keys = try entry.keys.sorted()
      switch kind {
      case .roc: curves.addROC(keys, curve: number)
      case .precisionRecall(let points): curves.addPrecisionRecall(keys, curve: number, points: points)
      }
    }
    let order = Self.order(of: entries.map(\.cell))
    let isROC = kind == .roc
    curves.limit(to: Self.maximumRows) { a, b in
      isROC ? (a.x, a.y, order[Int(a.curve)]) < (b.x, b.y, order[Int(b.curve)])
        : (a.y, a.x, order[Int(a.curve)]) < (b.y, b.x, order[Int(b.curve)])
    }
    var table = Table(columns: (isROC ? ["class", "fpr", "tpr"] : ["class", "precision", "recall"]).map { .init($0) })
    let cells = curves.rows.map { entries[Int($0.curve)].cell }
    let first = curves.rows.map { isROC ? $0.x : $0.y }
    let second = curves.rows.map { isROC ? $0.y : $0.x }
    try ChartColumn.withData(cells) { (labels) throws(MediaError) in
      try ChartColumn.withDoubles(first) { (first) throws(MediaError) in
        try ChartColumn.withDoubles(second) { (second) throws(MediaError) in
          try table.addRows(columns: [labels, first, second])
        }
      }
    }
    return table
  }

  private static func order(of cells: [ChartLabels.Value]) -> [Int] {
    var order = [Int](repeating: 0, count: cells.count)
    let sorted = cells.indices.sorted { ChartLabels.Value.precedes(cells[$0], cells[$1]) }
    for (place, at) in sorted.enumerated() { order[at] = place }
    return order
  }
}
