import QuipuBase
import QuipuRecords

// Stand-ins for parts that are being built; RunUpload is written against these shapes. Whoever lands the real type
// deletes its stand-in here (names and details may change: adapt the use in RunUpload*).

package final class LogReplay {
  package struct Start: Sendable {
    // Counts that the server has acknowledged: these are counted again, not emitted again.
    package var rows: Int64 = 0
    package var events: Int64 = 0
    package var consoleLines: Int64 = 0
    package var alerts: Int64 = 0
    package var artifacts: Int64 = 0
    package var startingStep: Int64 = 0
    package var startingRuntime = 0.0
    /// Steps are sent as written, also those that go back.
    package var keepsSteps = false
    package var isShared = false
    package var label: String?
    package var lineLimit = 10_383_360
    // Of a run that is resumed: what it had before.
    package var config = JSONObject()
    package var internalConfig = JSONObject()
    package var summary = JSONObject()
    package init() {}
  }

  package enum Progress {
    /// A turn's worth was read; there may be more.
    case more
    /// `limit` bytes of lines wait to be taken.
    case full
    case caughtUp
    case exit
    case unreadable(LogFileError)
  }

  package init(path: String, start: Start) throws(LogFileError) {}
  package func readOn(limit: Int) -> Progress { .caughtUp }

  package var pendingBytes: Int { 0 }
  package var hasLines: Bool { false }
  package func takeLines() -> ReplayLines { ReplayLines() }

  package var hasSummaryChanged: Bool { false }
  /// The summary if it has changed and is due: a large one is not sent with every request.
  package func takeSummary(now: Int64, isLast: Bool) -> String? { nil }
  package func summaryText() -> String { "{}" }

  package var hasConfigChanged: Bool { false }
  package func takeConfigChanged() -> Bool { false }
  /// The config as UpsertBucket has it.
  package func configText() -> String { "{}" }
  package func configYAML() -> String { "" }

  /// The run record, later ones folded in.
  package var identity: RunRecord { RunRecord() }
  package func identityDiffers(from other: RunRecord?) -> Bool { false }
  package var program: String { "" }

  package func takeAlerts() -> [AlertRecord] { [] }
  package func takeFiles() -> [FilesItem] { [] }
  package func takeArtifacts() -> [ArtifactRecord] { [] }
  package func takePreempting() -> Bool { false }
  package func takeMetadataChanged() -> Bool { false }
  package func metadataText() -> String? { nil }
  /// Paths in `files` of what console capture wrote: output.log, output_LABEL.log, logs/...
  package func consoleFiles(label: String?) -> [String] { [] }
  package func takeNotices() -> [UploadNotice] { [] }
  package var exit: RunExitRecord? { nil }

  /// Bytes of the log that were read.
  package var position: Int64 { 0 }
  package var fileSize: Int64 { 0 }
  /// The last read met the end of the file.
  package var isAtFileEnd: Bool { true }
  /// Rows seen, acknowledged ones included.
  package var rows: Int64 { 0 }
}

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

/// The server's wishes about the pace of the file stream (RateLimit headers).
package struct RatePace {
  package init() {}
  package mutating func took(_ answer: HTTPAnswer, now: Int64) {}
  package func earliest(now: Int64) -> Int64 { now }
}

extension ServerAddress {
  package func fileStream(entity: String, project: String, run: String) -> String {
    "\(base)/files/\(entity)/\(project)/\(run)/file_stream"
  }
}
