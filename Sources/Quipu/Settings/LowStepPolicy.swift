/// What happens to a row whose step lies below the current one.
public enum LowStepPolicy: String, Sendable, CaseIterable {
  /// The row is dropped with a warning, as W&B's tools expect. The default.
  case drop
  /// The row is written with its own step. Rows in the log are then not ordered by step.
  case keep

  public init?(name: String) { self.init(rawValue: name) }
}
