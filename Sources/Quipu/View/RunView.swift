import QuipuBase
import QuipuRecords

/// What a log says about its run: identity, config, summary, metrics, how it ended.
///
/// Fed with the records of a log in their order. Memory grows with the number of different keys, not with the number of
/// rows; beyond ``metricLimit`` metrics the values of new ones are only counted.
///
/// Source: how `wandb sync` 0.31.0 folds a transaction log.
package struct RunView: Sendable {
  package static let metricLimit = 100_000

  // Identity, as the last run record has it.
  package private(set) var runID = ""
  package private(set) var entity = ""
  package private(set) var project = ""
  package private(set) var displayName = ""
  package private(set) var notes = ""
  package private(set) var tags: [String] = []
  package private(set) var group = ""
  package private(set) var jobType = ""
  package private(set) var sweepID = ""
  package private(set) var host = ""
  package private(set) var gitRemote = ""
  package private(set) var gitCommit = ""
  package private(set) var startTime: Timestamp?
  package private(set) var startingStep: Int64 = 0
  /// `run?_step=n` of a fork or rewind.
  package private(set) var branchPoint: String?
  /// Writer of the log, from the header record.
  package private(set) var producer = ""
  package private(set) var environment = EnvironmentRecord()
  package private(set) var hasRun = false

  // Rows.
  package private(set) var rows = 0
  package private(set) var firstStep: Int64?
  package private(set) var lastStep: Int64?
  /// Seconds since the start, from the newest row.
  package private(set) var runtime: Double?
  /// Seconds since 1970, from the newest row.
  package private(set) var lastTimestamp: Double?
  /// Numeric leaves of the rows, by their joined path. Names that begin with `_` are left out.
  package private(set) var metrics: [Key: SeriesDigest] = [:]
  package private(set) var unlistedMetrics = 0

  // Other records.
  package private(set) var records = 0
  package private(set) var files = 0
  package private(set) var artifacts = 0
  package private(set) var alerts = 0
  package private(set) var consoleRecords = 0
  package private(set) var statsRecords = 0
  package private(set) var definedMetrics = 0
  package private(set) var preempting = false
  package private(set) var exit: RunExitRecord?
  /// Items whose text is not JSON; readers drop them.
  package private(set) var droppedItems = 0

  private var configTree = ValueTree(mergesObjects: true)
  private var summaryTree = ValueTree(mergesObjects: false)

  package init() {}

  /// The config, without `_wandb`.
  package var config: JSONObject {
    var object = configTree.object
    object["_wandb"] = nil
    return object
  }

  /// The summary, without `_wandb`; `_step` is that of the last row.
  package var summary: JSONObject {
    var object = summaryTree.object
    object["_wandb"] = nil
    object["_step"] = lastStep.map { .int($0) }
    return object
  }

  /// Takes the next record of the log.
  package mutating func apply(_ record: Record) {
    records += 1
    switch record.payload {
    case .history(let history): add(history)
    case .summary(let change):
      for item in change.update {
        guard let path = path(item.key, item.nestedKey), let value = value(item.valueJSON) else { continue }
        summaryTree.set(path, value)
      }
      for item in change.remove {
        if let path = path(item.key, item.nestedKey) { summaryTree.remove(path) }
      }
    case .config(let change): apply(change)
    case .run(let run): apply(run)
    case .header(let header): producer = header.versionInfo?.producer ?? producer
    case .environment(let environment): merge(environment)
    case .exit(let exit): self.exit = self.exit ?? exit
    case .files(let files): self.files += files.files.count
    case .artifact: artifacts += 1
    case .alert: alerts += 1
    case .stats: statsRecords += 1
    case .outputRaw, .output, .outputLogger: consoleRecords += 1
    case .metric: definedMetrics += 1
    case .preempting: preempting = true
    default: break
    }
  }

  private mutating func apply(_ run: RunRecord) {
    if !hasRun {
      hasRun = true
      runID = run.runID
      entity = run.entity
      project = run.project
      startTime = run.startTime
      startingStep = run.startingStep
      host = run.host
      sweepID = run.sweepID
      if let config = run.config { apply(config) }
      if let summary = run.summary {
        for item in summary.update {
          guard let path = path(item.key, item.nestedKey), let value = value(item.valueJSON) else { continue }
          summaryTree.set(path, value)
        }
      }
    }
    // A later record changes what it names and cannot clear anything.
    if !run.displayName.isEmpty { displayName = run.displayName }
    if !run.notes.isEmpty { notes = run.notes }
    if !run.tags.isEmpty { tags = run.tags }
    if !run.runGroup.isEmpty { group = run.runGroup }
    if !run.jobType.isEmpty { jobType = run.jobType }
    if let git = run.git {
      gitRemote = git.remoteURL
      gitCommit = git.commit
    }
    if let point = run.branchPoint, !point.run.isEmpty {
      let metric = point.metric.isEmpty ? "_step" : point.metric
      branchPoint = "\(point.run)?\(metric)=\(RunBlocks.text(of: .double(point.value)) ?? "")"
    }
  }

  private mutating func apply(_ change: ConfigRecord) {
    for item in change.update {
      guard let path = path(item.key, item.nestedKey), let value = value(item.valueJSON) else { continue }
      configTree.set(path, value)
    }
    for item in change.remove {
      if let path = path(item.key, item.nestedKey) { configTree.remove(path) }
    }
  }

  private mutating func merge(_ new: EnvironmentRecord) {
    if !new.program.isEmpty { environment.program = new.program }
    if !new.args.isEmpty { environment.args = new.args }
    if !new.host.isEmpty { environment.host = new.host }
    if !new.python.isEmpty { environment.python = new.python }
    if !new.os.isEmpty { environment.os = new.os }
    if !new.username.isEmpty { environment.username = new.username }
    if new.cpuCountLogical > 0 { environment.cpuCountLogical = new.cpuCountLogical }
    if new.gpuCount > 0 { environment.gpuCount = new.gpuCount }
    if !new.gpuType.isEmpty { environment.gpuType = new.gpuType }
    if let memory = new.memory { environment.memory = memory }
  }

  private mutating func add(_ history: HistoryRecord) {
    rows += 1
    var step: Int64? = nil
    // The numbers inside a picture or a table (its width, its size) are no metrics.
    let media = history.item.filter { $0.nestedKey.count > 1 && $0.nestedKey.last == "_type" }.map(\.nestedKey)
    for item in history.item {
      guard let item = RowItem(item) else {
        droppedItems += 1
        continue
      }
      if !media.isEmpty, media.contains(where: { item.path.starts(with: $0.dropLast()) }) { continue }
      let name = item.name
      if name.utf8.first == UInt8(ascii: "_"), item.path.count == 1 {
        switch name {
        case "_step": step = item.value.intValue
        case "_timestamp": lastTimestamp = item.value.doubleValue ?? lastTimestamp
        case "_runtime": runtime = item.value.doubleValue ?? runtime
        default: break
        }
        continue
      }
      guard let number = item.value.doubleValue else { continue }
      let key = Key(name)
      if metrics.count >= Self.metricLimit && metrics[key] == nil {
        unlistedMetrics += 1
      } else {
        metrics[key, default: SeriesDigest()].add(number)
      }
    }
    // Readers renumber rows without a step; in a log of its own that is the next free number.
    let effective = step ?? history.step?.num ?? (lastStep.map { $0 &+ 1 } ?? startingStep)
    if firstStep == nil { firstStep = effective }
    lastStep = max(lastStep ?? effective, effective)
  }

  private func path(_ key: String, _ nested: [String]) -> [String]? {
    if !nested.isEmpty { return nested }
    return key.isEmpty ? nil : [key]
  }

  private mutating func value(_ text: String) -> JSON? {
    guard let value = try? JSON(parsing: text) else {
      droppedItems += 1
      return nil
    }
    return value
  }
}
