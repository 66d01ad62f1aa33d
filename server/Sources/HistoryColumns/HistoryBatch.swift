/// Rows on their way into a segment.
public struct HistoryBatch: Sendable {
  /// - Parameter stepKey: the key that holds a row's step; nil if rows hold none (events) and every row's step is the
  ///   default that `append` is given.
  public init(stepKey: String? = "_step") {}

  public var rowCount: Int { 0 }
  /// Values of all rows, the step not counted.
  public var valueCount: Int { 0 }
  /// The rows' steps in the order in which they were appended.
  public var steps: [Int64] { [] }

  /// Appends the row that `line` holds as one JSON object.
  /// - Parameter defaultStep: the row's step if the line has none.
  /// - Returns: the row's step.
  /// - Throws: if the line is malformed; the batch is then unchanged.
  @discardableResult
  public mutating func append(line: UnsafeRawBufferPointer, defaultStep: Int64) throws(HistoryLineError) -> Int64 {
    throw HistoryLineError(offset: 0, reason: "not finished")
  }

  /// The rows as a segment, sorted by step; of rows with the same step the one appended last. Empty if there are none.
  public func encode() -> [UInt8] { [] }

  /// Splits the rows by what is stored: new ones, ones that replace a different row of the same step, and ones that are
  /// stored already (a replayed request), which are removed from the batch. Steps that occur more than once count once.
  public mutating func removeRows(
    storedIn view: HistoryView, writer: String
  ) throws(SegmentError) -> (new: Int, changed: Int, same: Int) { (0, 0, 0) }
}
