/// What to do if the run's id is known already.
public enum Resume: String, Sendable, CaseIterable {
  /// Go on with the run if there is one, else start it.
  case allow
  /// Go on with the run; refuse if there is none.
  case must
  /// Refuse if there is one.
  case never
  /// Go on with the last run of this directory if it did not end with exit code 0.
  case auto

  public init?(name: String) { self.init(rawValue: name) }
}
