/// Rows of one writer in columns, ascending by step, in the format that `SegmentFormat` defines.
public struct HistorySegment: Sendable {
  let layout: SegmentLayout

  /// Opens a segment: checks the header and the column table. Pages are checked when they are read.
  /// - Throws: if the bytes are foreign, damaged or cut short.
  public init(_ bytes: SegmentBytes) throws(SegmentError) {
    layout = try SegmentLayout(bytes)
  }

  public var rowCount: Int { layout.rowCount }
  /// Values of all rows, the step not counted.
  public var valueCount: Int { layout.valueCount }
  public var firstStep: Int64 { layout.firstStep }
  public var lastStep: Int64 { layout.lastStep }
  public var byteCount: Int { layout.bytes.count }
}
