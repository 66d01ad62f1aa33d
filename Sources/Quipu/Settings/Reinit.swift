/// What a start does while another run of the process is active.
public enum Reinit: String, Sendable, CaseIterable {
  /// As `returnPrevious`; notebooks ask for `finishPrevious`.
  case `default`
  /// Return the run made last; all other options are ignored.
  case returnPrevious = "return_previous"
  /// Finish all active runs, then make a new one.
  case finishPrevious = "finish_previous"
  /// Make one more run and leave the global run alone.
  case createNew = "create_new"

  public init?(name: String) { self.init(rawValue: name) }
}
