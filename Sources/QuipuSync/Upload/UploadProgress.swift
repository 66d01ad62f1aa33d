/// How far an upload is. All counts are of this log.
package struct UploadProgress: Sendable, Equatable {
  package enum State: Int32, Sendable {
    /// Nothing goes anywhere.
    case off = 0
    /// The server has not taken up the run yet.
    case connecting = 1
    case streaming = 2
    /// The last attempt failed; the next one follows.
    case waiting = 3
    /// The log has ended; the last lines and files are on their way.
    case finishing = 4
    case done = 5
    /// The server refused for good, or nothing can be read: the rest stays on disk.
    case failed = 6
  }

  package var state = State.off
  /// History rows that the server has acknowledged.
  package var rows: Int64 = 0
  /// Rows that have been read from the log and are not acknowledged.
  package var rowsPending: Int64 = 0
  package var filesDone: Int64 = 0
  package var filesPending: Int64 = 0
  /// Files, artifacts, alerts and changes of the run that the server did not take; another upload of the log tries
  /// again.
  package var leftBehind: Int64 = 0
  /// Units: bytes. Bodies of requests and files that the server has taken.
  package var bytesSent: Int64 = 0
  /// Units: bytes. Position in the log up to which it has been read, and its size.
  package var logRead: Int64 = 0
  package var logSize: Int64 = 0
  /// Attempts that failed and were or will be repeated.
  package var retries: Int64 = 0
  /// File stream requests that were answered.
  package var requests: Int64 = 0
  /// CLOCK_MONOTONIC in nanoseconds of the next attempt while waiting, else 0.
  package var nextAttempt: Int64 = 0

  package init() {}
}

/// How an upload ended.
package enum UploadEnd: Sendable, Equatable {
  /// Everything is on the server, the end of the run included.
  case complete
  /// It was there before: nothing was sent.
  case alreadyComplete
  /// Everything in the log is on the server; the log has no end and nobody asked to end the run.
  case caughtUp
  /// Another upload of this log is under way.
  case busy
  /// The server does not take the run or its lines. The log stays.
  case refused(String)
  /// The log cannot be read, or its side files cannot be written.
  case unusable(String)
  case cancelled
}

/// The run as the server names it.
package struct UploadIdentity: Sendable, Equatable {
  package var entity: String
  package var project: String
  package var run: String
  package var displayName: String
  package var sweep: String
  package var isResumed: Bool

  package init(
    entity: String, project: String, run: String, displayName: String, sweep: String = "", isResumed: Bool = false
  ) {
    self.entity = entity
    self.project = project
    self.run = run
    self.displayName = displayName
    self.sweep = sweep
    self.isResumed = isResumed
  }
}
