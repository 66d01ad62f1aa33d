import QuipuBase

/// A column's page index, read.
struct ColumnIndex {
  struct Summary {
    var isMonotonic = false
    var values = 0
    var firstNumber = Double.nan
    var lastNumber = Double.nan
    /// Empty if all values are numbers.
    var types: [(name: UnsafeRawBufferPointer, count: Int)] = []
  }

  private(set) var entries: [PageEntry] = []
  /// Of segments of more than one page of rows, except for the step column.
  private(set) var summary: Summary?

  init() {}

  /// - Parameter number: the column; nil for the step column.
  mutating func read(_ layout: SegmentLayout, _ number: Int?) throws(SegmentError) {
    let column = number.map { layout.columns[$0] } ?? layout.stepColumn
    var reader = ByteReader(layout.bytes, column.index)
    if !layout.isCheckedWhole {
      let check = try reader.uint32()
      guard crc32(UnsafeRawBufferPointer(rebasing: layout.bytes[reader.at..<reader.end])) == check else {
        throw SegmentError("page index is damaged")
      }
    }
    entries.removeAll(keepingCapacity: true)
    summary = nil
    let pages = layout.pageCount
    if pages > 1 && number != nil { summary = try Self.readSummary(&reader, layout) }
    guard pages <= reader.remaining else { throw ByteReader.cut }
    entries.reserveCapacity(pages)
    var offset = column.pages.lowerBound
    for page in 0..<pages {
      entries.append(
        try PageEntry(
          &reader, rows: layout.rows(ofPage: page).count, isCheckedWhole: layout.isCheckedWhole, offset: &offset,
          end: column.pages.upperBound))
    }
    guard reader.remaining == 0, offset == column.pages.upperBound else {
      throw SegmentError("page index does not fit the column")
    }
    if number == nil {
      for entry in entries {
        guard entry.encoding.isInteger, entry.shape == .dense, pages == 1 || entry.hasStatistics else {
          throw SegmentError("steps are not integers")
        }
      }
    }
  }

  private static func readSummary(
    _ reader: inout ByteReader, _ layout: SegmentLayout
  ) throws(SegmentError) -> Summary {
    var summary = Summary()
    let flags = try reader.byte()
    summary.isMonotonic = flags & 1 != 0
    summary.values = try reader.count(layout.rowCount)
    summary.firstNumber = Double(bitPattern: try reader.uint64())
    summary.lastNumber = Double(bitPattern: try reader.uint64())
    if flags & 2 != 0 {
      for _ in 0..<(try reader.count(reader.remaining)) {
        let name = try reader.bytes(try reader.count(reader.remaining))
        summary.types.append((name, try reader.count(layout.rowCount)))
      }
    }
    return summary
  }
}
