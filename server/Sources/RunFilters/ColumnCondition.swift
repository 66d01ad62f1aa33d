/// A condition on one plain column that holds for every run that a filter matches, so that a store can narrow its
/// search by it. A store may use any of them, and may return more runs than hold to it; never fewer.
public struct ColumnCondition: Sendable {
  public enum Test: Sendable {
    /// The column is one of these, compared byte by byte; never empty.
    case isIn([FieldValue])
    case isAbove(FieldValue, orEqual: Bool)
    case isBelow(FieldValue, orEqual: Bool)
  }

  /// Never `tags` or `duration`.
  public var field: RunField
  /// Values are strings, booleans and finite numbers; of an instant, seconds since 1970.
  public var test: Test
}
