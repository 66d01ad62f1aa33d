/// Where a run's data goes.
public enum Mode: String, Sendable, CaseIterable {
  /// Written to the log and uploaded while the run is active.
  case online
  /// Written to the log only; it can be uploaded later.
  case offline
  /// Nothing is written; every call is accepted and does nothing.
  case disabled
  /// Several processes write to one run and the server orders the rows.
  case shared

  /// Reads a mode's name. `dryrun` is an older name of `offline`, `run` of `online`.
  public init?(name: String) {
    switch name {
    case "dryrun": self = .offline
    case "run": self = .online
    default: self.init(rawValue: name)
    }
  }
}
