/// Rows of one writer in columns, ascending by step, in the format that README.md of this folder defines.
public struct HistorySegment: Sendable {
  /// Opens a segment: checks the header and the directory. Pages are checked when they are read.
  /// - Throws: if the bytes are foreign, damaged or cut short.
  public init(_ bytes: SegmentBytes) throws(SegmentError) {
    throw SegmentError("not finished")
  }

  public var rowCount: Int { 0 }
  /// Values of all rows, the step not counted.
  public var valueCount: Int { 0 }
  public var firstStep: Int64 { 0 }
  public var lastStep: Int64 { 0 }
  public var byteCount: Int { 0 }
}
