import QuipuRecords

/// How far a call of ``LogReplay/readOn(limit:)`` came.
package enum ReplayStatus: Sendable, Equatable {
  /// The first run record was read: who the run is. Call ``LogReplay/begin(_:)`` before reading on. Returned once.
  case run
  /// The work of one call is done; there is more to read.
  case more
  /// As many bytes as asked for wait to be taken.
  case full
  /// The end of what is there for now. `isTorn`: in the middle of a record.
  case caughtUp(isTorn: Bool)
  /// The exit record was read; what follows it does not count.
  case ended
  /// Not a log of this format, or of a newer one. Nothing else will come.
  case notALog(LogHeaderProblem)
  /// The file cannot be read; the call may be tried again.
  case unreadable(LogFileError)
}

/// Lines of one file of the file stream, next to each other.
package struct ReplayBlock: Sendable, Equatable {
  /// Index of the first line, counted over the whole log.
  package var first: Int
  package var count: Int
}

/// Console lines, next to each other.
package struct ReplayConsoleBlock: Sendable, Equatable {
  package var first: Int
  package var count: Int
  /// Once this block is acknowledged, the first so many lines are known to the server and cannot change.
  package var settled: Int
}

/// What was left out, and how much was read.
package struct ReplayCounters: Sendable, Equatable {
  /// Rows and events seen so far, with those that were acknowledged before. Left out lines do not count.
  package var rows = 0
  package var events = 0
  /// Damaged places in the log.
  package var damage = 0
  /// Records with a good checksum that are none.
  package var undecodable = 0
  /// Records of an unknown type.
  package var unknown = 0
  /// Lines that are longer than a server takes.
  package var longLines = 0
  /// Values without a key, or that are not JSON.
  package var droppedItems = 0
  /// Stats records without a time.
  package var eventsWithoutTime = 0

  package init() {}
}

/// An alert or artifact record with its index among those of its kind.
package struct ReplayItem<Content: Sendable>: Sendable {
  package var index: Int
  /// The step of the row that was open when it was recorded.
  package var step: Int64
  package var content: Content
}
