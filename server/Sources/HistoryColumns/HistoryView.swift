import QuipuBase

/// All rows of a run, ascending by step.
///
/// Of rows of one writer with the same step, the one in the newest part counts. Rows of different writers never replace
/// each other; those of the same step follow each other in the order in which their writers first appear.
public struct HistoryView: Sendable {
  /// - Parameter parts: old to new.
  public init(_ parts: [(writer: String, segment: HistorySegment)]) throws(SegmentError) {}

  public var rowCount: Int { 0 }
  public var firstStep: Int64? { nil }
  public var lastStep: Int64? { nil }

  /// Appends rows as a JSON array.
  /// - Parameters:
  ///   - keys: only these; nil for all. A key is a top-level key or the dotted path of a nested one, and is spelled in
  ///     the row as it was asked for. Rows that have none of them are left out.
  ///   - requireAll: also leave out rows that lack one of `keys`.
  ///   - limit: at most so many rows, the first ones.
  /// - Returns: the number of rows.
  @discardableResult
  public func write(
    steps: Range<Int64>, keys: [String]? = nil, requireAll: Bool = false, limit: Int? = nil, as form: HistoryForm,
    to out: inout ByteBuffer
  ) throws(SegmentError) -> Int { 0 }

  /// Appends as a JSON array `samples` rows spread evenly over those that `write(steps:…)` would write, the first and
  /// the last among them; all of them if they are not more.
  /// - Returns: the number of rows.
  @discardableResult
  public func write(
    samples: Int, steps: Range<Int64>, keys: [String]? = nil, requireAll: Bool = false, as form: HistoryForm,
    to out: inout ByteBuffer
  ) throws(SegmentError) -> Int { 0 }

  /// Statistics of a key's numbers in `count` ranges of steps of equal width.
  ///
  /// `steps` is first narrowed to the steps that the view has. Buckets without a number are left out; NaN is ignored.
  /// - Complexity: the directory of the segments, and at most one page of 512 rows for each edge between buckets.
  public func buckets(
    key: String, steps: ClosedRange<Int64>, count: Int
  ) throws(SegmentError) -> [HistoryBucket] { [] }

  /// What was logged under each key, sorted by key.
  public func keySummaries() throws(SegmentError) -> [HistoryKeySummary] { [] }

  /// The row of `writer` at `step` as JSON text (NaN and the infinities bare), if there is one.
  public func rowText(step: Int64, writer: String) throws(SegmentError) -> [UInt8]? { nil }
}
