/// One segment with the rows of several of the same writer.
/// - Parameters:
///   - segments: old to new; a row replaces those of the same step in older segments.
///   - steps: rows outside are left out.
/// - Returns: the new segment; empty if no row is left.
public func mergeSegments(
  _ segments: [HistorySegment], steps: ClosedRange<Int64>? = nil
) throws(SegmentError) -> [UInt8] { [] }
