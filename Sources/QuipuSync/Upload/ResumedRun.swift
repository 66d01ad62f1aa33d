import QuipuBase

/// What a server knows of a run that is to go on.
///
/// Source: http.md, sections 9.3 and 9.4; run.md, section 2.8.
package struct ResumedRun: Sendable, Equatable {
  package var storageID = ""
  package var entity = ""
  package var project = ""
  package var displayName = ""
  package var notes: String?
  package var tags: [String] = []
  /// The config as the server has it.
  package var storedConfig = JSONObject()
  /// The stored config without its `{"value": ...}` wrapping and without `_wandb`.
  package var config = JSONObject()
  /// Those members of `_wandb` that a resumed run keeps: visualize, viz, mask/class_labels.
  package var internalConfig = JSONObject()
  package var summary = JSONObject()
  /// Lines that the server has: where the files of the stream go on.
  package var historyLines: Int64 = 0
  package var eventLines: Int64 = 0
  package var consoleLines: Int64 = 0
  /// The first step of the rows to come.
  package var startingStep: Int64 = 0
  /// Seconds the run has spent already.
  package var runtime: Double = 0

  package init() {}

  /// Reads the answer to `RunResumeStatus`.
  ///
  /// - Returns: nil if there is no such run, or one that was created but never started.
  /// - Throws: a text if the run exists and the answer lacks what resuming needs.
  package static func read(_ data: JSONObject) throws(ServerAnswerError) -> ResumedRun? {
    guard let model = data["model"]?.objectValue, let bucket = model["bucket"]?.objectValue else { return nil }
    // A run that was created but never started has no telemetry.
    guard let known = bucket["wandbConfig"]?.stringValue.flatMap({ try? JSON(parsing: $0) })?.objectValue,
      known["t"] != nil
    else { return nil }
    var run = ResumedRun()
    run.entity = model["entity"]?.objectValue?["name"]?.stringValue ?? ""
    run.project = model["name"]?.stringValue ?? ""
    guard let id = bucket["id"]?.stringValue else { throw ServerAnswerError("the run to resume has no id") }
    run.storageID = id
    run.displayName = bucket["displayName"]?.stringValue ?? ""
    run.notes = bucket["notes"]?.stringValue
    run.tags = bucket["tags"]?.arrayValue?.compactMap(\.stringValue) ?? []
    guard let history = bucket["historyLineCount"]?.intValue, let events = bucket["eventsLineCount"]?.intValue,
      let console = bucket["logLineCount"]?.intValue, history >= 0, events >= 0, console >= 0
    else { throw ServerAnswerError("the server does not say how many lines the run to resume has") }
    run.historyLines = history
    run.eventLines = events
    run.consoleLines = console
    run.takeConfig(bucket["config"]?.stringValue)
    if let text = bucket["summaryMetrics"]?.stringValue, let stored = (try? JSON(parsing: text))?.objectValue {
      run.summary = stored
    }
    let row = lastLine(bucket["historyTail"])
    let event = lastLine(bucket["eventsTail"])
    if history > 0 {
      let candidates = [run.summary["_step"]?.wholeNumber, row["_step"]?.wholeNumber, history - 1]
      run.startingStep = (candidates.compactMap { $0 }.max() ?? -1) &+ 1
    }
    let spent = run.summary["_wandb"]?.objectValue?["runtime"]?.doubleValue ?? run.summary["_runtime"]?.doubleValue
    run.runtime = [event["_runtime"]?.doubleValue, row["_runtime"]?.doubleValue, spent].compactMap { $0 }
      .filter(\.isFinite).max() ?? 0
    return run
  }

  /// Reads the answer to `RewindRun`.
  package static func readRewound(_ data: JSONObject, step: Int64) throws(ServerAnswerError) -> ResumedRun {
    guard let bucket = data["rewindRun"]?.objectValue?["rewoundRun"]?.objectValue,
      let id = bucket["id"]?.stringValue
    else { throw ServerAnswerError("the server does not name the rewound run") }
    var run = ResumedRun()
    run.storageID = id
    let project = bucket["project"]?.objectValue
    run.project = project?["name"]?.stringValue ?? ""
    run.entity = project?["entity"]?.objectValue?["name"]?.stringValue ?? ""
    run.displayName = bucket["displayName"]?.stringValue ?? ""
    // Events and console start anew.
    run.historyLines = max(bucket["historyLineCount"]?.intValue ?? 0, 0)
    run.takeConfig(bucket["config"]?.stringValue)
    run.startingStep = step &+ 1
    return run
  }

  private mutating func takeConfig(_ text: String?) {
    guard let text, let stored = (try? JSON(parsing: text))?.objectValue else { return }
    storedConfig = stored
    for (key, entry) in stored.members {
      let value = entry.objectValue?["value"] ?? entry
      if key.string == "_wandb" {
        for (name, kept) in value.objectValue?.members ?? []
        where ["visualize", "viz", "mask/class_labels"].contains(name.string) { internalConfig[name] = kept }
      } else {
        config[key] = value
      }
    }
  }

  /// The last of a JSON list of lines, as an object.
  private static func lastLine(_ tail: JSON?) -> JSONObject {
    guard let text = tail?.stringValue, let lines = (try? JSON(parsing: text))?.arrayValue,
      let line = lines.last?.stringValue
    else { return JSONObject() }
    return (try? JSON(parsing: line))?.objectValue ?? JSONObject()
  }
}

/// An answer that cannot be used, in one line.
package struct ServerAnswerError: Error, Sendable, Equatable {
  package var message: String
  package init(_ message: String) { self.message = message }
}

extension JSON {
  /// A number without a fraction, however it is written.
  var wholeNumber: Int64? {
    if case .int(let value) = self { return value }
    return doubleValue.flatMap { Int64(exactly: $0) }
  }
}
