/// The numbers of one key within a range of steps.
public struct HistoryBucket: Equatable, Sendable {
  /// The range of the bucket, not of the rows in it.
  public var firstStep: Int64
  public var lastStep: Int64
  /// How many numbers, NaN not counted; never 0.
  public var count: Int
  public var min: Double
  public var max: Double
  public var mean: Double
  /// The number at the lowest step.
  public var first: Double
  /// The number at the highest step.
  public var last: Double
}
