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
    let key = Array(key.utf8)
    // Writer by writer, as rows of one seldom interleave.
    var collectors: [BucketCollector] = []
    for writer in writers.indices {
      let own = parts.filter { $0.writer == writer }
      var collector = BucketCollector(low...high, count, isOnly: writers.count == 1)
      var readers = [NumberReader?](repeating: nil, count: own.count)
      var cursor = try RowCursor(own, steps: low...high)
      while let run = try cursor.next() {
        if readers[run.part] == nil { readers[run.part] = try NumberReader(own[run.part].layout, key) }
        guard let reader = readers[run.part] else { continue }
        if run.isLast { readers[run.part] = nil }
        try collector.add(reader, run.rows)
      }
      collectors.append(collector)
    }
    return collectors.count == 1 ? collectors[0].sums.map(\.bucket) : BucketCollector.combine(collectors)
  }
}

/// A bucket that is being filled.
private struct BucketSum {
  /// The mean comes with the end.
  private var result: HistoryBucket
  private var sum: Double
  /// Steps of the first and the last number.
  private var firstAt: Int64
  private var lastAt: Int64

  init(_ range: (first: Int64, last: Int64), _ numbers: Numbers) {
    result = HistoryBucket(
      firstStep: range.first, lastStep: range.last, count: numbers.count, min: numbers.minimum, max: numbers.maximum,
      mean: 0, first: numbers.first, last: numbers.last)
    sum = numbers.sum
    firstAt = numbers.firstAt
    lastAt = numbers.lastAt
  }

  var firstStep: Int64 { result.firstStep }

  var bucket: HistoryBucket {
    var bucket = result
    bucket.mean = sum / Double(bucket.count)
    return bucket
  }

  /// - Parameter numbers: of a later writer, or of later steps.
  mutating func add(_ numbers: Numbers) {
    result.count += numbers.count
    result.min = min(result.min, numbers.minimum)
    result.max = max(result.max, numbers.maximum)
    sum += numbers.sum
    if numbers.firstAt < firstAt {
      result.first = numbers.first
      firstAt = numbers.firstAt
    }
    if numbers.lastAt >= lastAt {
      result.last = numbers.last
      lastAt = numbers.lastAt
    }
  }

  var numbers: Numbers {
    Numbers(
      count: result.count, minimum: result.min, maximum: result.max, sum: sum, first: result.first, last: result.last,
      firstAt: firstAt, lastAt: lastAt)
  }
}

/// Numbers at consecutive rows; NaN is not among them.
private struct Numbers {
  var count: Int
  var minimum: Double
  var maximum: Double
  var sum: Double
  var first: Double
  var last: Double
  /// Steps of the first and the last one.
  var firstAt: Int64
  var lastAt: Int64
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
  /// Whether there is no other writer, whose numbers may lie between these.
  private let isOnly: Bool
  private(set) var sums: [BucketSum] = []

  init(_ steps: ClosedRange<Int64>, _ count: Int, isOnly: Bool) {
    first = steps.lowerBound
    span = UInt128(UInt64(bitPattern: steps.upperBound &- steps.lowerBound)) + 1
    self.count = min(UInt128(count), span)
    self.isOnly = isOnly
  }

  /// The buckets of several writers, in their order, as one list.
  static func combine(_ collectors: [BucketCollector]) -> [HistoryBucket] {
    var sums: [Int64: BucketSum] = [:]
    for collector in collectors {
      for sum in collector.sums {
        var all = sums[sum.firstStep] ?? sum
        if sums[sum.firstStep] != nil { all.add(sum.numbers) }
        sums[sum.firstStep] = all
      }
    }
    return sums.values.map(\.bucket).sorted { $0.firstStep < $1.firstStep }
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
      // Which step has the first number is known if all rows have one.
      if steps.last <= range.last && (isOnly || entry.numbers == rows.count) {
        take(
          range,
          Numbers(
            count: entry.numbers, minimum: entry.double(entry.minimum), maximum: entry.double(entry.maximum),
            sum: entry.sum, first: entry.double(entry.first), last: entry.double(entry.last), firstAt: steps.first,
            lastAt: steps.last))
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
      let known = range.map { $0.first <= step && step <= $0.last ? $0 : bucket(step) } ?? bucket(step)
      range = known
      take(
        known,
        Numbers(
          count: 1, minimum: number, maximum: number, sum: number, first: number, last: number, firstAt: step,
          lastAt: step))
    }
  }

  private mutating func take(_ range: (first: Int64, last: Int64), _ numbers: Numbers) {
    if let last = sums.last, last.firstStep == range.first {
      sums[sums.count - 1].add(numbers)
    } else {
      sums.append(BucketSum(range, numbers))
    }
  }
}
