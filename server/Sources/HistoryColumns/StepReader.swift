/// The steps of a segment's rows.
final class StepReader {
  let layout: SegmentLayout
  let column: ColumnReader

  init(_ layout: SegmentLayout) throws(SegmentError) {
    self.layout = layout
    column = try ColumnReader(layout, nil)
  }

  /// First and last step of a page, without reading it.
  func range(ofPage page: Int) -> (first: Int64, last: Int64) {
    let entry = column.entries[page]
    return entry.hasStatistics
      ? (Int64(bitPattern: entry.first), Int64(bitPattern: entry.last)) : (layout.firstStep, layout.lastStep)
  }

  func step(_ row: Int) throws(SegmentError) -> Int64 {
    if row == 0 { return layout.firstStep }
    if row == layout.rowCount &- 1 { return layout.lastStep }
    try column.load(row / layout.pageRows)
    return column.values.integer(row % layout.pageRows)
  }

  /// The first row at or after `step`; the row count if there is none.
  func firstRow(notBefore step: Int64) throws(SegmentError) -> Int {
    if step <= layout.firstStep { return 0 }
    if step > layout.lastStep { return layout.rowCount }
    var low = 0, high = layout.pageCount
    while low < high {
      let middle = (low &+ high) / 2
      if range(ofPage: middle).last < step { low = middle &+ 1 } else { high = middle }
    }
    guard low < layout.pageCount else { return layout.rowCount }
    try column.load(low)
    let rows = layout.rows(ofPage: low)
    var first = 0, end = rows.count
    while first < end {
      let middle = (first &+ end) / 2
      if column.values.integer(middle) < step { first = middle &+ 1 } else { end = middle }
    }
    return rows.lowerBound &+ first
  }

  /// The rows whose steps are within `steps`.
  func rows(_ steps: ClosedRange<Int64>) throws(SegmentError) -> Range<Int> {
    let start = try firstRow(notBefore: steps.lowerBound)
    let (after, overflow) = steps.upperBound.addingReportingOverflow(1)
    let end = overflow ? layout.rowCount : try firstRow(notBefore: after)
    return start..<max(start, end)
  }
}
