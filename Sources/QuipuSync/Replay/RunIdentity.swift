import QuipuRecords

/// What the run records of a log say about their run.
///
/// Source: transaction-log.md, 8.4: a later record changes what it names and cannot clear anything.
package struct RunIdentity: Sendable, Equatable {
  package var runID = ""
  package var entity = ""
  package var project = ""
  package var displayName = ""
  package var notes = ""
  package var tags: [String] = []
  package var group = ""
  package var jobType = ""
  package var sweepID = ""
  package var host = ""
  package var gitRemote = ""
  package var gitCommit = ""
  /// Path of the script, from the environment.
  package var program = ""
  package var startTime: Timestamp?
  /// First step of the log's own rows.
  package var startingStep: Int64 = 0
  /// Seconds that the run had spent before this log.
  package var runtime: Int32 = 0
  /// Whether the run is to be resumed is decided when the log is sent.
  package var resumesAtUpload = false
  /// The run was resumed when the log was begun.
  package var isResumed = false
  package var isForked = false
  /// Run id and step of a fork or rewind.
  package var branchRun = ""
  package var branchStep = 0.0

  package init() {}

  init(_ run: RunRecord) {
    runID = run.runID
    entity = run.entity
    project = run.project
    sweepID = run.sweepID
    host = run.host
    startTime = run.startTime
    startingStep = run.startingStep
    runtime = run.runtime
    resumesAtUpload = run.resume
    if let point = run.branchPoint {
      branchRun = point.run
      branchStep = point.value
    }
    change(run)
  }

  mutating func change(_ run: RunRecord) {
    if !run.displayName.isEmpty { displayName = run.displayName }
    if !run.notes.isEmpty { notes = run.notes }
    if !run.tags.isEmpty { tags = run.tags }
    if !run.runGroup.isEmpty { group = run.runGroup }
    if !run.jobType.isEmpty { jobType = run.jobType }
    if let git = run.git {
      gitRemote = git.remoteURL
      gitCommit = git.commit
    }
    if run.resumed { isResumed = true }
    if run.forked { isForked = true }
  }
}
