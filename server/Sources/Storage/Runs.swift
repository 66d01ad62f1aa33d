import RunFilters

/// What is stored of a run's state; `crashed` and `preempted` follow from silence when a run is read.
public enum RunState: String, Sendable, CaseIterable {
  case pending, running, preempting, finished, failed, killed, crashed, preempted
}

/// Where a forked run's rows come from.
public struct ForkOrigin: Sendable, Equatable {
  public var runID: Int64
  /// Last step that is shown from the origin.
  public var step: Int64

  public init(runID: Int64, step: Int64) {
    self.runID = runID
    self.step = step
  }
}

public struct RunRecord: Sendable, Equatable {
  /// Storage id; 0 before the record is stored.
  public var id: Int64 = 0
  public var projectID: Int64
  /// The run id of its URL.
  public var name: String
  public var displayName: String
  public var description: String?
  public var notes: String?
  public var group: String?
  public var jobType: String?
  public var commit: String?
  public var repo: String?
  public var program: String?
  public var host: String?
  public var sweep: String?
  public var tags: [String] = []
  /// JSON text of the config in W&B's form: `{"KEY": {"value": V}}` (protocol reference, 9.2).
  public var config: String = "{}"
  /// JSON text of the summary; NaN and Infinity stand bare in it.
  public var summary: String = "{}"
  public var state: RunState = .running
  public var exitCode: Int64?
  public var createdAt: Timestamp
  public var heartbeatAt: Timestamp
  /// Someone asked the run to stop; the file stream tells it.
  public var isStopRequested = false
  public var historyLineCount: Int64 = 0
  public var eventsLineCount: Int64 = 0
  public var logLineCount: Int64 = 0
  public var lastStep: Int64?
  /// The newest history and events line, for a resuming client.
  public var historyTail: String?
  public var eventsTail: String?
  public var fork: ForkOrigin?
  /// The client's clock when it said `complete`: lines older than this that arrive late do not reopen the run.
  public var completedTimestamp: Double?
  /// Digests of the newest file stream requests, oldest first: a request that comes again byte for byte is known by it.
  public var recentRequests: [UInt64] = []
  /// Counts writes; a write on top of another version is refused (`StorageError.conflict`).
  public var version: Int64 = 0

  public init(projectID: Int64, name: String, displayName: String, createdAt: Timestamp = .now) {
    self.projectID = projectID
    self.name = name
    self.displayName = displayName
    self.createdAt = createdAt
    heartbeatAt = createdAt
  }
}

/// One page of a filtered and ordered listing.
public struct RunQuery: Sendable {
  public var projectID: Int64
  public var filter: RunFilter?
  public var order: RunOrder
  /// Continue behind this place, as the last page's cursor named it.
  public var after: String?
  public var limit: Int
  /// Applied to a record before anything looks at its state.
  public var stateNow: @Sendable (RunState, Timestamp) -> RunState
  /// Name of the user whose runs these are, for filters on `username`.
  public var username: String

  public init(
    projectID: Int64, filter: RunFilter?, order: RunOrder, after: String?, limit: Int, username: String,
    stateNow: @escaping @Sendable (RunState, Timestamp) -> RunState
  ) {
    self.projectID = projectID
    self.filter = filter
    self.order = order
    self.after = after
    self.limit = limit
    self.username = username
    self.stateNow = stateNow
  }
}

public struct RunPage: Sendable {
  /// Records with the cursor that continues behind each.
  public var runs: [(run: RunRecord, cursor: String)]
  public var hasNext: Bool

  public init(runs: [(run: RunRecord, cursor: String)], hasNext: Bool) {
    self.runs = runs
    self.hasNext = hasNext
  }
}

public protocol RunStorage: Sendable {
  func run(id: Int64) async throws -> RunRecord?
  func run(projectID: Int64, name: String) async throws -> RunRecord?
  /// Stores a new run and gives it its id. Throws `exists` if the project has a run of this name.
  func insertRun(_ run: RunRecord) async throws -> RunRecord
  /// Deletes the run and everything that hangs on it, objects of segments too; blobs of its files become unused. Its
  /// name can be used again, its id never is.
  func deleteRun(id: Int64) async throws
  /// Records come as they are stored: `stateNow` decides what filter and order see and is for the caller to apply.
  /// - Throws: `FilterError` for an `after` that is no cursor.
  func runs(_ query: RunQuery) async throws -> RunPage
  /// How many runs pass the filter, whatever the page.
  func countRuns(_ query: RunQuery) async throws -> Int

  /// Writes all of it or nothing: the one way a stored run changes. Throws `conflict` if the run was changed since
  /// `run` was read (its `version`), deleted, or no longer has a segment to be removed. Durable on return: a killed
  /// process loses nothing that was acknowledged. Objects of removed segments stay until the sweep; a reader that finds
  /// one gone reads the list again.
  /// - Returns: ids of the added segments, in their order. The stored version is `run.version + 1`.
  @discardableResult
  func commit(_ change: RunChange) async throws -> [Int64]
}

/// What one request changes of a run.
public struct RunChange: Sendable {
  public var run: RunRecord
  /// New segments, in the order of their rows' arrival.
  public var addedSegments: [SegmentRecord] = []
  /// Ids of segments that the added ones replace.
  public var removedSegments: [Int64] = []
  /// All console lines go, before `console` is written.
  public var removesConsole = false
  /// Lines of the console by writer and number; a line that is there is replaced.
  public var console: [ConsoleLine] = []

  public init(run: RunRecord) { self.run = run }
}
