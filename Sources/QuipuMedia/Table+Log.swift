import QuipuBase

/// What a table remembers about having been logged.
public struct TableLogState: Sendable {
  /// Where the present content was written; nil if the next log has to write.
  public var binding: TableBinding?
  /// Incremental tables: the number that the next increment gets.
  public internal(set) var nextIncrement: Int64 = 0
  /// Incremental tables: whether the next increment is the table's first of all, on a run that was not resumed.
  public internal(set) var isFirstIncrement = true
  /// Incremental tables: the artifact paths of all increments so far.
  public internal(set) var incrementPaths: [String] = []
  /// Incremental tables: rows that are written already.
  public var writtenRows = 0
  /// Incremental tables: the run that the increments went to.
  public internal(set) var runID: String?

  /// A table that was never logged.
  public init() {}
}

/// The files of one log of a table.
public struct TableBinding: Sendable, Equatable {
  /// Hexadecimal SHA-256 of the run file.
  public var sha256: String
  /// Bytes of the run file.
  public var size: Int
  /// Path of the run file relative to the run directory, as the logged value shows it.
  public var path: String
  /// `wandb-client-artifact://<client id>/<entry>`; nil when no artifact was made.
  public var artifactPath: String?
  /// `wandb-client-artifact://<sequence id>:latest/<entry>`; nil when no artifact was made.
  public var latestArtifactPath: String?
  var incrementNumber: Int64?
  var previousIncrementPaths: [String] = []

  public init(sha256: String, size: Int, path: String, artifactPath: String?, latestArtifactPath: String?) {
    self.sha256 = sha256
    self.size = size
    self.path = path
    self.artifactPath = artifactPath
    self.latestArtifactPath = latestArtifactPath
  }
}

/// What the next log of a table has to do.
public struct TableLogPlan: Sendable {
  /// False: nothing is written and `Table.loggedValue` repeats what the last log said.
  public let mustWrite: Bool
  /// The rows to write, before the limits of the files.
  public let rows: Range<Int>
  /// The number of the increment; nil unless the table is incremental.
  public let incrementNumber: Int64?
  public let previousIncrementPaths: [String]
  /// Whether the number of increments is beyond what the client warns about.
  public var hasManyIncrements: Bool { (incrementNumber ?? 0) >= 100 }
  let isFirstIncrement: Bool

  /// The artifact's type.
  public var artifactType: String { incrementNumber == nil ? "run_table" : "wandb-run-incremental-table" }

  /// The artifact's name for a run and a key.
  public func artifactName(runID: String, key: String) -> String {
    MediaNames.tableArtifactName(runID: runID, key: key, incremental: incrementNumber != nil)
  }

  /// The path of the table's entry in its artifact.
  ///
  /// - Parameters:
  ///   - key: the logged key.
  ///   - epochMilliseconds: the time, used by increments only.
  /// - Throws: `value` for a key that starts with a slash or has a `..` component.
  public func entryPath(key: String, epochMilliseconds: Int64) throws(MediaError) -> String {
    guard let incrementNumber else { return try MediaNames.artifactEntryPath(key + ".table.json") }
    let number = isFirstIncrement ? "None" : String(incrementNumber)
    return try MediaNames.artifactEntryPath("\(number)-\(epochMilliseconds).\(key).table.json")
  }
}

extension Table {
  /// What a log has to do now. Changes nothing: call `didLog` once everything has been written.
  ///
  /// - Throws: `assertion` when an incremental table was logged to another run before.
  public func prepareLog(runID: String) throws(MediaError) -> TableLogPlan {
    guard logMode == .incremental else {
      return TableLogPlan(
        mustWrite: log.binding == nil, rows: 0..<rowCount, incrementNumber: nil, previousIncrementPaths: [],
        isFirstIncrement: false)
    }
    if let bound = log.runID, Key(bound) != Key(runID) {
      throw MediaError(.assertion, "table: logged to run '\(bound)' before; an incremental table belongs to one run")
    }
    return TableLogPlan(
      mustWrite: log.binding == nil, rows: log.writtenRows..<rowCount, incrementNumber: log.nextIncrement,
      previousIncrementPaths: log.incrementPaths, isFirstIncrement: log.isFirstIncrement)
  }

  /// Remembers that a plan was carried out.
  public mutating func didLog(_ plan: TableLogPlan, runID: String, binding: TableBinding) {
    var binding = binding
    if let number = plan.incrementNumber {
      binding.incrementNumber = number
      binding.previousIncrementPaths = plan.previousIncrementPaths
      log.runID = runID
      log.nextIncrement = number &+ 1
      log.isFirstIncrement = false
      log.writtenRows = plan.rows.upperBound
      log.incrementPaths = plan.previousIncrementPaths
      if let path = binding.artifactPath { log.incrementPaths.append(path) }
      // Rows that came while the files were written still have to be.
      log.binding = binding
      if plan.rows.upperBound < rowCount { log.binding = nil }
    } else {
      log.binding = binding
    }
  }

  /// Continues the increments of a resumed run.
  ///
  /// - Parameter summary: the run's summary value under the key; anything but an incremental table's value is ignored.
  public mutating func resumeIncrements(summary: JSON) {
    guard logMode == .incremental, log.runID == nil, let value = summary.objectValue,
      value["_type"]?.stringValue == "incremental-table-file", let number = value["increment_num"]?.intValue
    else { return }
    log.nextIncrement = number &+ 1
    log.isFirstIncrement = false
    log.incrementPaths = (value["previous_increments_paths"]?.arrayValue ?? []).compactMap(\.stringValue)
    if let path = value["artifact_path"]?.stringValue { log.incrementPaths.append(path) }
  }

  /// The JSON value under the user's key, nil before the first log. Sizes are those of the table now.
  public var loggedValue: JSON? {
    guard let binding = log.binding else { return nil }
    return loggedValue(for: binding)
  }

  /// The JSON value for a binding that need not be the present one.
  public func loggedValue(for binding: TableBinding) -> JSON {
    var value = JSONObject()
    value["_type"] = .string(logMode == .incremental ? "incremental-table-file" : "table-file")
    value["sha256"] = .string(binding.sha256)
    value["size"] = .int(Int64(binding.size))
    if let path = binding.artifactPath { value["artifact_path"] = .string(path) }
    if let path = binding.latestArtifactPath { value["_latest_artifact_path"] = .string(path) }
    value["path"] = .string(binding.path)
    if let number = binding.incrementNumber {
      value["increment_num"] = .int(number)
      value["previous_increments_paths"] = .array(binding.previousIncrementPaths.map { .string($0) })
    }
    value["ncols"] = .int(Int64(columnCount))
    value["nrows"] = .int(Int64(rowCount))
    value["log_mode"] = .string(logMode.rawValue)
    return .object(value)
  }
}
