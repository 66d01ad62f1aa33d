import QuipuBase

/// What is known before a log is replayed: what the server has of it already, and where the run goes on.
package struct ReplayStart: Sendable {
  /// Rows that the server has acknowledged: they are counted, not given out again. The same for the next three.
  package var rows = 0
  package var events = 0
  package var alerts = 0
  package var artifacts = 0
  /// The first so many console lines are known to the server and cannot change.
  package var consoleLines = 0
  /// First step of the rows; nil: what the run record says.
  package var startingStep: Int64?
  /// The run was resumed when the log was sent, not when it was written: steps below `startingStep` are raised, whoever
  /// wrote them.
  package var isResumed = false
  /// The summary and the config (`{"key": {"value": …}}`) of a run that was resumed when the log was sent.
  package var summary = JSONObject()
  package var config = JSONObject()
  /// Name of the writer in shared mode, part of console lines and of the keys of system metrics.
  package var label = ""
  /// The run has several writers: its rows carry the label as `_label`.
  package var labelsRows = false
  /// Longer lines of history and events are left out. Units: bytes.
  package var lineBytes = 10_383_360

  package init() {}
}
