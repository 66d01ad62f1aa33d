import Quipu
import QuipuBase
import QuipuRecords
import QuipuSync

/// `quipu export --format upload`: what a server would have of a run once its log has been sent.
enum UploadExport {
  /// Writes one JSON object; true if parts of the log could not be read.
  ///
  /// `history` and `events` hold one text a line, as they go over the wire; `console` one text per console line, after
  /// all changes.
  static func write(_ path: String, _ output: Output) throws -> Bool {
    let start = try start(path)
    let replay = try LogReplay(path: path, start: start)
    var events: [UInt8] = []
    var lines: [Int64: String] = [:]
    var files: [JSON] = []
    var alerts: [JSON] = []
    var artifacts: [JSON] = []
    var isFirst = true
    var isPreempting = false
    var isOpen = true
    output.write("{\"history\":[")
    while isOpen {
      switch replay.readOn(limit: 1 << 20) {
      case .more, .full: break
      case .caughtUp, .exit: isOpen = false
      case .unreadable(let error): throw error
      }
      if !isOpen { replay.endConsole() }
      while replay.hasLines {
        let taken = replay.takeLines()
        if taken.history.count > 0 {
          if !isFirst { output.write(",") }
          isFirst = false
          output.write(String(decoding: taken.history.text, as: UTF8.self))
        }
        if taken.events.count > 0 { events += (events.isEmpty ? [] : [UInt8(ascii: ",")]) + taken.events.text }
        let console = "[" + String(decoding: taken.console.text, as: UTF8.self) + "]"
        for (at, line) in ((try? JSON(parsing: console))?.arrayValue ?? []).enumerated() {
          lines[taken.console.first + Int64(at)] = line.stringValue
        }
      }
      for file in replay.takeFiles() {
        files.append(["path": .string(file.path), "policy": .string(file.policy.protoName ?? "NOW")])
      }
      for alert in replay.takeAlerts() {
        alerts.append([
          "title": .string(alert.title), "text": .string(alert.text), "level": .string(alert.level),
          "wait_duration": .int(alert.waitDuration),
        ])
      }
      for artifact in replay.takeArtifacts() {
        artifacts.append([
          "type": .string(artifact.type), "name": .string(artifact.name), "digest": .string(artifact.digest),
          "aliases": .array(artifact.aliases.map { .string($0) }),
        ])
      }
      if replay.takePreempting() { isPreempting = true }
    }
    output.write("],\"events\":[" + String(decoding: events, as: UTF8.self) + "],\"console\":[")
    for (at, line) in lines.sorted(by: { $0.key < $1.key }).enumerated() {
      output.write((at == 0 ? "" : ",") + JSON.string(line.value).text(style: .core))
    }
    output.write("]")
    func member(_ name: String, _ value: JSON) { output.write(",\"\(name)\":" + value.text(style: .core)) }
    member("summary", .string(replay.summaryText()))
    member("config", .string(replay.configText()))
    member("config_yaml", .string(replay.configYAML()))
    member("metadata", replay.metadataText().map { .string($0) } ?? .null)
    member("files", .array(files))
    member("alerts", .array(alerts))
    member("artifacts", .array(artifacts))
    member("run", .object(run(replay)))
    member("preempting", .bool(isPreempting))
    member("exitcode", replay.exit.map { .int(Int64($0.exitCode)) } ?? .null)
    let counters = replay.counters
    member(
      "left_out",
      [
        "damage": .int(counters.damage), "undecodable": .int(counters.undecodable),
        "unknown": .int(counters.unknown), "long_lines": .int(counters.longLines),
        "items": .int(counters.droppedItems), "events_without_time": .int(counters.eventsWithoutTime),
      ])
    output.write("}\n")
    return counters.damage + counters.undecodable > 0
  }

  /// As if the server had nothing of the run.
  private static func start(_ path: String) throws -> LogReplay.Start {
    var start = LogReplay.Start()
    let peek: LogPeek
    do throws(LogPeek.Failure) {
      peek = try LogPeek(path)
    } catch {
      switch error {
      case .file(let error): throw error
      case .badHeader: throw QuipuError(.format, kind: "not_a_log", "not a .wandb log, or one of newer software")
      case .noRun: return start
      }
    }
    start.startingStep = peek.run.startingStep
    start.keepsSteps = peek.isOurs
    return start
  }

  private static func run(_ replay: LogReplay) -> JSONObject {
    let identity = replay.identity
    var object = JSONObject()
    func set(_ key: Key, _ text: String) { if !text.isEmpty { object[key] = .string(text) } }
    set("id", identity.runID)
    set("entity", identity.entity)
    set("project", identity.project)
    set("name", identity.displayName)
    set("notes", identity.notes)
    if !identity.tags.isEmpty { object["tags"] = .array(identity.tags.map { .string($0) }) }
    set("group", identity.runGroup)
    set("job_type", identity.jobType)
    set("sweep_id", identity.sweepID)
    set("host", identity.host)
    set("program", replay.program)
    set("git_remote", identity.git?.remoteURL ?? "")
    set("git_commit", identity.git?.commit ?? "")
    if identity.startingStep != 0 { object["starting_step"] = .int(identity.startingStep) }
    if identity.resume { object["resume"] = true }
    if identity.forked { object["forked"] = true }
    return object
  }
}
