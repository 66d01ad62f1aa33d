import Quipu
import QuipuBase
import QuipuSync

/// `quipu export --format upload`: what a server would have of a run once its log has been sent.
enum UploadExport {
  /// Writes one JSON object; true if parts of the log could not be read.
  ///
  /// `history` and `events` hold one text a line, as they go over the wire; `console` one text per console line, after
  /// all changes.
  static func write(_ path: String, _ output: Output) throws -> Bool {
    let replay = try LogReplay(path: path)
    var events = ByteBuffer()
    var lines: [Int: [UInt8]] = [:]
    var files: [JSON] = []
    var alerts: [JSON] = []
    var artifacts: [JSON] = []
    var isFirst = true
    var isOpen = true
    output.write("{\"history\":[")
    while isOpen {
      switch replay.readOn(limit: 1 << 20) {
      case .run: replay.begin(ReplayStart())
      case .more, .full: break
      case .caughtUp, .ended: isOpen = false
      case .notALog: throw QuipuError(.format, kind: "not_a_log", "not a .wandb log, or one of newer software")
      case .unreadable(let error): throw error
      }
      if !isOpen { replay.endConsole() }
      var history = ByteBuffer()
      if replay.takeHistory(into: &history) != nil {
        if !isFirst { output.write(",") }
        isFirst = false
        output.write(history.string())
      }
      if events.count > 0 {
        let before = events.count
        events.append(UInt8(ascii: ","))
        if replay.takeEvents(into: &events) == nil { events.truncate(to: before) }
      } else {
        _ = replay.takeEvents(into: &events)
      }
      takeConsole(replay, into: &lines)
      for file in replay.takeFiles() {
        files.append(["path": .string(file.path), "policy": .string(file.policy.protoName ?? "NOW")])
      }
      for alert in replay.takeAlerts() {
        alerts.append([
          "title": .string(alert.content.title), "text": .string(alert.content.text),
          "level": .string(alert.content.level), "wait_duration": .int(alert.content.waitDuration),
        ])
      }
      for artifact in replay.takeArtifacts() {
        artifacts.append([
          "type": .string(artifact.content.type), "name": .string(artifact.content.name),
          "digest": .string(artifact.content.digest), "aliases": .array(artifact.content.aliases.map { .string($0) }),
        ])
      }
    }
    output.write("],\"events\":[" + events.string() + "],\"console\":[")
    for (at, line) in lines.sorted(by: { $0.key < $1.key }).enumerated() {
      output.write((at == 0 ? "" : ",") + String(decoding: line.value, as: UTF8.self))
    }
    output.write("]")
    func member(_ name: String, _ value: JSON) { output.write(",\"\(name)\":" + value.text(style: .core)) }
    member("summary", .string(replay.takeSummary()))
    member("config", .string(replay.takeConfig(client: QuipuVersion.text)))
    member("config_yaml", .string(replay.configYAML(client: QuipuVersion.text)))
    member("metadata", replay.takeMetadata().map { .string($0) } ?? .null)
    member("files", .array(files))
    member("alerts", .array(alerts))
    member("artifacts", .array(artifacts))
    member("run", replay.identity.map { .object(run($0)) } ?? .null)
    member("preempting", .bool(replay.isPreempting))
    member("exitcode", replay.exit.map { .int(Int64($0.exitCode)) } ?? .null)
    let counters = replay.counters
    member(
      "left_out",
      [
        "damage": .int(Int64(counters.damage)), "undecodable": .int(Int64(counters.undecodable)),
        "unknown": .int(Int64(counters.unknown)), "long_lines": .int(Int64(counters.longLines)),
        "items": .int(Int64(counters.droppedItems)), "events_without_time": .int(Int64(counters.eventsWithoutTime)),
      ])
    output.write("}\n")
    return counters.damage + counters.undecodable > 0
  }

  private static func takeConsole(_ replay: LogReplay, into lines: inout [Int: [UInt8]]) {
    while true {
      var out = ByteBuffer()
      // One line a block, so that each is found without parsing.
      guard let block = replay.takeConsole(into: &out, limit: 0) else { return }
      lines[block.first] = out.array()
      // Several lines at once are empty ones, all the same.
      if block.count > 1, let end = out.bytes.firstIndex(of: UInt8(ascii: ",")) {
        for at in 0..<block.count { lines[block.first + at] = Array(out.bytes[..<end]) }
      }
    }
  }

  private static func run(_ identity: RunIdentity) -> JSONObject {
    var object = JSONObject()
    func set(_ key: Key, _ text: String) { if !text.isEmpty { object[key] = .string(text) } }
    set("id", identity.runID)
    set("entity", identity.entity)
    set("project", identity.project)
    set("name", identity.displayName)
    set("notes", identity.notes)
    if !identity.tags.isEmpty { object["tags"] = .array(identity.tags.map { .string($0) }) }
    set("group", identity.group)
    set("job_type", identity.jobType)
    set("sweep_id", identity.sweepID)
    set("host", identity.host)
    set("program", identity.program)
    set("git_remote", identity.gitRemote)
    set("git_commit", identity.gitCommit)
    if identity.startingStep != 0 { object["starting_step"] = .int(identity.startingStep) }
    if identity.resumesAtUpload { object["resume"] = true }
    if identity.isForked { object["forked"] = true }
    return object
  }
}
