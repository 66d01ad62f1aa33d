extension HistoryView {
  /// Statistics of a key's numbers in `count` ranges of steps of equal width.
  ///
  /// `steps` is first narrowed to the steps that the view has. Buckets without a number are left out; NaN is ignored.
  /// - Complexity: the directory of the segments, and at most one page of 512 rows for each edge between buckets.
  public func buckets(
    key: String, steps: ClosedRange<Int64>, count: Int
  ) throws(SegmentError) -> [HistoryBucket] {
    guard let firstStep, let lastStep, count > 0 else { return [] }
    let low = max(steps.lowerBound, firstStep), high = min(steps.upperBound, lastStep)
    guard low <= high else { return [] }
    var collector = BucketCollector(low...high, count)
    var readers = [NumberReader?](repeating: nil, count: parts.count)
    var cursor = try RowCursor(parts, steps: low...high)
    let key = Array(key.utf8)
    while let run = try cursor.next() {
      if readers[run.part] == nil { readers[run.part] = try NumberReader(parts[run.part].layout, key) }
      guard let reader = readers[run.part] else { continue }
      if run.isLast { readers[run.part] = nil }
      try collector.add(reader, run.rows)
    }
    return collector.buckets
  }
}

/// The numbers of one key in a segment.
private final class NumberReader {
  let steps: StepReader
  /// The columns that the key may stand for, the first that has a value counts.
  let columns: [ColumnReader]

  init(_ layout: SegmentLayout, _ key: [UInt8]) throws(SegmentError) {
    steps = try StepReader(layout)
    if key == layout.stepKey {
      columns = [steps.column]
      return
    }
    var columns: [ColumnReader] = []
    for column in layout.match(key).leaves { columns.append(try ColumnReader(layout, column)) }
    self.columns = columns
  }
}

private struct BucketCollector {
  private let first: Int64
  /// Steps in the range; one more than fits at most.
  private let span: UInt128
  private let count: UInt128
  private(set) var buckets: [HistoryBucket] = []
  /// The last bucket's range and sum; its `mean` is kept up to date.
  private var sum = 0.0

  init(_ steps: ClosedRange<Int64>, _ count: Int) {
    first = steps.lowerBound
    span = UInt128(UInt64(bitPattern: steps.upperBound &- steps.lowerBound)) + 1
    self.count = min(UInt128(count), span)
  }

  /// The range of the bucket that `step`, which is within the steps, falls into.
  private func bucket(_ step: Int64) -> (first: Int64, last: Int64) {
    let offset = UInt128(UInt64(bitPattern: step &- first))
    // Bucket i begins at ceil(i · span / count).
    let index = offset * count / span
    let start = (index * span + count - 1) / count
    let end = ((index + 1) * span + count - 1) / count
    return (
      first &+ Int64(truncatingIfNeeded: start), first &+ Int64(truncatingIfNeeded: end) &- 1
    )
  }

  /// - Parameter rows: their steps are not below any that were added before.
  mutating func add(_ reader: NumberReader, _ rows: Range<Int>) throws(SegmentError) {
    guard !reader.columns.isEmpty else { return }
    let layout = reader.steps.layout
    var at = rows.lowerBound
    while at < rows.upperBound {
      let page = at / layout.pageRows
      let pageRows = layout.rows(ofPage: page)
      let end = min(rows.upperBound, pageRows.upperBound)
      try add(reader, page, at..<end, isWhole: at == pageRows.lowerBound && end == pageRows.upperBound)
      at = end
    }
  }

  private mutating func add(
    _ reader: NumberReader, _ page: Int, _ rows: Range<Int>, isWhole: Bool
  ) throws(SegmentError) {
    let present = reader.columns.filter { $0.entries[page].encoding != .absent }
    guard let column = present.first else { return }
    let entry = column.entries[page]
    if isWhole && present.count == 1 && entry.hasStatistics {
      let steps = reader.steps.range(ofPage: page)
      let range = bucket(steps.first)
      if steps.last <= range.last {
        take(
          range, numbers: entry.numbers, minimum: entry.double(entry.minimum), maximum: entry.double(entry.maximum),
          sum: entry.sum, first: entry.double(entry.first), last: entry.double(entry.last))
        return
      }
    }
    for column in present { try column.load(page) }
    let steps = reader.steps.column
    try steps.load(page)
    let start = page * reader.steps.layout.pageRows
    var range: (first: Int64, last: Int64)?
    for row in rows.lowerBound - start..<rows.upperBound - start {
      guard let column = present.first(where: { $0.values.has(row) }) else { continue }
      let number = column.values.number(row)
      if number.isNaN { continue }
      let step = steps.values.integer(row)
      if let known = range, step <= known.last {
      } else {
        range = bucket(step)
      }
      if let range {
        take(range, numbers: 1, minimum: number, maximum: number, sum: number, first: number, last: number)
      }
    }
  }

  private mutating func take(
    _ range: (first: Int64, last: Int64), numbers: Int, minimum: Double, maximum: Double, sum: Double, first: Double,
    last: Double
  ) {
    let at = buckets.count - 1
    if at < 0 || buckets[at].firstStep != range.first {
      self.sum = sum
      buckets.append(
        HistoryBucket(
          firstStep: range.first, lastStep: range.last, count: numbers, min: minimum, max: maximum,
          mean: sum / Double(numbers), first: first, last: last))
      return
    }
    self.sum += sum
    buckets[at].count += numbers
    buckets[at].min = min(buckets[at].min, minimum)
    buckets[at].max = max(buckets[at].max, maximum)
    buckets[at].mean = self.sum / Double(buckets[at].count)
    buckets[at].last = last
  }
}
