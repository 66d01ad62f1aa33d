/// Pages of one column, decoded one at a time.
final class ColumnReader {
  let layout: SegmentLayout
  /// nil: the step column.
  private(set) var column: Int?
  private(set) var index = ColumnIndex()
  /// The page loaded last.
  let values: PageValues
  private var loaded = -1

  init(_ layout: SegmentLayout, _ column: Int?) throws(SegmentError) {
    self.layout = layout
    self.column = column
    values = PageValues(capacity: min(layout.pageRows, layout.rowCount))
    try index.read(layout, column)
  }

  /// Turns to another column of the same segment.
  func move(to column: Int) throws(SegmentError) {
    self.column = column
    loaded = -1
    try index.read(layout, column)
  }

  var entries: [PageEntry] { index.entries }

  /// Decodes a page into `values` unless it is there.
  @inline(__always)
  func load(_ page: Int) throws(SegmentError) {
    if page != loaded { try decode(page) }
  }

  private func decode(_ page: Int) throws(SegmentError) {
    loaded = -1
    guard page >= 0, page < index.entries.count else { throw SegmentError("no such page") }
    try values.decode(index.entries[page], rows: layout.rows(ofPage: page).count, of: layout)
    loaded = page
  }
}
