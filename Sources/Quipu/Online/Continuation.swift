import Glibc
import QuipuBase
import QuipuRecords
import QuipuSync

/// Where a run goes on that was there before: what its new log begins with.
///
/// Source: run.md, sections 2.8 and 2.9.
struct Continuation: Sendable {
  var startingStep: Int64 = 0
  /// Units: seconds that the run has spent already.
  var runtime: Double = 0
  var summary = JSONObject()
  /// Config values that count where the program sets none.
  var config = JSONObject()
  /// The same for what the client keeps under `_wandb`.
  var internalConfig = JSONObject()
  var name: String?
  var notes: String?
  var tags: [String] = []
  /// False after a rewind: that is a new beginning with an old id.
  var isResumed = true
  /// What the server said; nil if an earlier log was read instead.
  var server: ResumedRun?

  init() {}

  init(_ run: ResumedRun, isRewind: Bool) {
    startingStep = run.startingStep
    runtime = isRewind ? 0 : run.runtime
    config = run.config
    internalConfig = run.internalConfig
    name = run.displayName.isEmpty ? nil : run.displayName
    isResumed = !isRewind
    if !isRewind {
      summary = run.summary
      summary["_wandb"] = nil
      notes = run.notes.flatMap { $0.isEmpty ? nil : $0 }
      tags = run.tags
    }
    server = run
  }
}

/// The newest log of a run in a `wandb` directory, for a run that goes on without a server.
enum EarlierLog {
  /// - Parameter directory: the `wandb` directory.
  /// - Returns: its path; nil if there is none.
  static func find(_ id: String, in directory: String) -> String? {
    let file = "run-\(id).wandb"
    var newest: (order: (String, Int, String), path: String)?
    for name in FileTools.list(directory) ?? [] where name.hasPrefix("run-") || name.hasPrefix("offline-run-") {
      let path = PathTools.join(PathTools.join(directory, name), file)
      guard FileTools.kind(path) == .file else { continue }
      // run-YYYYMMDD_HHMMSS-ID, then -1, -2, ... where several runs began in one second.
      let stem = String(name.hasPrefix("offline-") ? name.dropFirst(8) : name[...])
      let order = (String(stem.prefix(19)), stem.utf8.count, stem)
      if let newest, newest.order >= order { continue }
      newest = (order, path)
    }
    return newest?.path
  }

  /// Folds an earlier log, ours or the official client's, completed from shared memory if its process had died.
  ///
  /// - Returns: nil if it holds no run.
  /// Blocking: reads the whole log.
  static func read(_ path: String) -> Continuation? {
    // Rows of a killed process may still be in its ring.
    if RunLocation.isLocked(path) != true { _ = try? Recovery.recover(path: path) }
    var view = RunView()
    guard (try? LogScan(path: path) { record, _ in view.apply(record) }) != nil, view.hasRun else { return nil }
    var result = Continuation()
    if let last = view.lastStep {
      let next = last.addingReportingOverflow(1)
      result.startingStep = next.overflow ? last : next.partialValue
    } else {
      result.startingStep = view.startingStep
    }
    let spent = max(view.runtime ?? 0, Double(view.exit?.runtime ?? 0), view.summary["_runtime"]?.doubleValue ?? 0)
    result.runtime = spent.isFinite && spent > 0 ? spent : 0
    result.summary = view.summary
    result.config = view.config
    result.name = view.displayName.isEmpty ? nil : view.displayName
    result.notes = view.notes.isEmpty ? nil : view.notes
    result.tags = view.tags
    return result
  }
}

extension ConfigStore {
  /// Takes over what the program has not set. The values are then like all others.
  mutating func goOn(with earlier: Continuation) throws(QuipuError) {
    var ignored: [Diagnostic] = []
    _ = try setDefaults(earlier.config, diagnostics: &ignored)
    for (key, value) in earlier.internalConfig.members where internalItems[key] == nil { internalItems[key] = value }
  }
}

extension SummaryRecord {
  init(setting summary: JSONObject) {
    self.init()
    for (key, value) in summary.members {
      var item = SummaryItem()
      item.key = key.string
      item.valueJSON = value.text(style: .client)
      update.append(item)
    }
  }
}
