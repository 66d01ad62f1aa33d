/// What a run has logged under one key.
public struct HistoryKeySummary: Equatable, Sendable {
  /// The key; components of a nested key are joined by dots.
  public var key: String
  /// How many values there are of each type: `number`, `string`, `boolean`, `nil`, `list`, `map`, or the `_type` of
  /// media. Most frequent first.
  public var types: [(type: String, count: Int)]
  /// Whether all values are numbers that never fall. NaN is passed over.
  public var isMonotonic: Bool
  /// The value at the highest step as standard JSON text: non-finite numbers are strings.
  public var lastValue: [UInt8]

  public static func == (a: Self, b: Self) -> Bool {
    a.key == b.key && a.isMonotonic == b.isMonotonic && a.lastValue == b.lastValue
      && a.types.elementsEqual(b.types) { $0.type == $1.type && $0.count == $1.count }
  }
}
