import QuipuBase
import QuipuRecords

/// Lines ready for a request's body.
package struct ReplayLines {
  package struct Block {
    /// Index of the first line within this log (bases are the uploader's affair).
    package var first: Int64 = 0
    package var count: Int64 = 0
    /// JSON string literals separated by commas.
    package var text: [UInt8] = []
  }
  package var history = Block()
  package var events = Block()
  /// One contiguous block; others wait for the next call.
  package var console = Block()
  /// When these lines are acknowledged, so many console lines are known to the server and final.
  package var finalConsoleLines: Int64 = 0
  package init() {}
  package var isEmpty: Bool { history.count == 0 && events.count == 0 && console.count == 0 }
  package var byteCount: Int { history.text.count + events.text.count + console.text.count }
}

extension LogReplay {
  /// What is known before a log is replayed: what the server has of it already, and where the run goes on.
  package struct Start: Sendable {
    /// Rows that the server has acknowledged: they are counted, not given out again. The same for the next three.
    package var rows: Int64 = 0
    package var events: Int64 = 0
    package var alerts: Int64 = 0
    package var artifacts: Int64 = 0
    /// The first so many console lines are known to the server and cannot change.
    package var consoleLines: Int64 = 0
    /// First step of the rows; lower steps are raised unless `keepsSteps`.
    package var startingStep: Int64 = 0
    /// Seconds that a run had spent which was resumed when its log was sent, not when it was written.
    package var startingRuntime = 0.0
    /// Steps are sent as written, also those that go back.
    package var keepsSteps = false
    /// Several processes write the run: `label` goes into console lines and the keys of system metrics.
    package var isShared = false
    package var label: String?
    /// Longer lines are left out. Units: bytes.
    package var lineLimit = 10_383_360
    /// Of a run that was resumed when its log was sent: what it had. The config without its `{"value": …}` and without
    /// `_wandb`; of `_wandb` the members that stay.
    package var config = JSONObject()
    package var internalConfig = JSONObject()
    package var summary = JSONObject()

    package init() {}
  }

  /// How far a call of ``readOn(limit:)`` came.
  package enum Progress: Sendable, Equatable {
    /// A turn's worth was read; there is more.
    case more
    /// `limit` bytes of lines wait to be taken.
    case full
    /// The end of what is there; the next call looks for more.
    case caughtUp
    /// The exit record was read; what follows it does not count.
    case exit
    /// The next call tries again.
    case unreadable(LogFileError)
  }

  /// What was left out.
  package struct Counters: Sendable, Equatable {
    /// Damaged places in the log.
    package var damage: Int64 = 0
    /// Records with a good checksum that are none.
    package var undecodable: Int64 = 0
    /// Records of an unknown type.
    package var unknown: Int64 = 0
    /// Lines that are longer than a server takes.
    package var longLines: Int64 = 0
    /// Values without a key, or that are not JSON.
    package var droppedItems: Int64 = 0
    /// Stats records without a time.
    package var eventsWithoutTime: Int64 = 0

    package init() {}
  }
}
