import Glibc
import QuipuBase

@testable import Quipu

/// Runs the parts of a recorded scenario that settings and config decide: which calls fail and how, what is warned of,
/// what the settings and the config say.
struct SettingsScenario {
  let name: String
  private let spec: JSONObject

  private static let working = "/top/work"
  private static let home = "/top/home"

  init?(_ value: JSON) {
    guard let spec = value.objectValue, let name = spec["name"]?.stringValue else { return nil }
    self.name = name
    self.spec = spec
  }

  /// The scenarios of `run/FILE.json`.
  static func load(_ file: String) throws -> [SettingsScenario] {
    let here = #filePath
    let up = here.utf8.lastIndex(of: UInt8(ascii: "/")).map { PathTools.directory(String(here[..<$0])) } ?? "."
    var folder = up + "/Vectors"
    if let given = getenv("QUIPU_VECTORS") { folder = String(cString: given) }
    let bytes = FileAccess.readAll("\(folder)/run/\(file).json", limit: 64 << 20) ?? []
    let scenarios = try JSON(parsing: bytes).objectValue?["scenarios"]?.arrayValue ?? []
    return scenarios.compactMap(SettingsScenario.init)
  }

  /// Why the scenario is left to other tests; nil: it is run here.
  var reasonToSkip: String? {
    if spec["server"] != nil { return "needs a server" }
    for call in calls {
      switch call["op"]?.stringValue {
      case "set": return "changes a started run"
      default: break
      }
      if Self.holdsPythonObject(.object(call)) { return "needs Python objects" }
    }
    if spec["files"]?.objectValue?["wandb/wandb-resume.json"] != nil { return "reads the file of resume=auto" }
    return nil
  }

  private var calls: [JSONObject] { spec["calls"]?.arrayValue?.compactMap(\.objectValue) ?? [] }

  private static func holdsPythonObject(_ value: JSON) -> Bool {
    switch value {
    case .array(let elements): elements.contains(where: holdsPythonObject)
    case .object(let object):
      object.members.contains { key, member in
        let known = ["$float", "$int", "$tuple", "$set", "$range", "$namespace", "$repeat"]
        return (key.string.hasPrefix("$") && !known.contains(key.string)) || holdsPythonObject(member)
      }
    default: false
    }
  }

  private static func decode(_ value: JSON) -> JSON {
    switch value {
    case .array(let elements): return .array(elements.map(decode))
    case .object(let object):
      if object.count == 1, let (key, inner) = object.members.first {
        switch key.string {
        case "$float": return .double(Double(inner.stringValue ?? "") ?? .nan)
        case "$int": return (try? JSON(parsing: inner.stringValue ?? "")) ?? .null
        case "$tuple", "$set", "$namespace": return decode(inner)
        case "$range":
          let ends = inner.arrayValue?.compactMap(\.intValue) ?? []
          return .array((ends[0]..<ends[1]).map(JSON.int))
        case "$repeat":
          return .string(
            String(repeating: inner.objectValue?["text"]?.stringValue ?? "",
              count: Int(inner.objectValue?["times"]?.intValue ?? 0)))
        default: break
        }
      }
      var result = JSONObject()
      for (key, member) in object.members { result[key] = decode(member) }
      return .object(result)
    default: return value
    }
  }

  private var context: ProcessContext {
    var context = ProcessContext()
    context.currentDirectory = Self.working
    context.homeDirectory = Self.home
    context.programPath = "/usr/bin/host"
    context.environment = ["WANDB_MODE": "offline", "HOME": Self.home]
    for (key, value) in spec["env"]?.objectValue?.members ?? [] {
      context.environment[key.string] = value.stringValue.map(Self.placed)
    }
    context.arguments = spec["argv"]?.arrayValue?.compactMap(\.stringValue) ?? []
    var files = ["\(Self.working)/train.py": ""]
    for (path, text) in spec["files"]?.objectValue?.members ?? [] {
      files[PathTools.join(Self.working, Self.placed(path.string))] = text.stringValue ?? ""
    }
    for command in spec["shell"]?.arrayValue?.compactMap(\.stringValue) ?? [] where command.hasPrefix("git init") {
      files["\(Self.working)/.git/HEAD"] = ""
    }
    context.files = .memory(files, directories: [Self.working, Self.home])
    return context
  }

  private static func placed(_ text: String) -> String {
    text.replacing("<cwd>", with: working).replacing("<home>", with: home)
  }

  private struct Active {
    var settings: Settings
    var config: ConfigStore
    var isFinished = false
  }

  /// What differs from the recording, one line each.
  func differences() -> [String] {
    var found: [String] = []
    var setup = JSONObject()
    let first = context
    var present = first
    var runs: [String: Active] = [:]
    var order: [String] = []
    var errors: [(Int, String)] = []
    var warnings: [String] = []
    var results: [(Int, JSON)] = []

    for (index, call) in calls.enumerated() {
      let handle = call["run"]?.stringValue ?? "run"
      var diagnostics: [Diagnostic] = []
      do throws(QuipuError) {
        switch call["op"]?.stringValue {
        case "setup": setup = Self.decode(call["settings"] ?? [:]).objectValue ?? JSONObject()
        case "setenv": present.environment[call["name"]?.stringValue ?? ""] = call["value"]?.stringValue
        case "init":
          let options = try Self.options(Self.decode(call["args"] ?? [:]).objectValue ?? JSONObject())
          let (settings, said) = try Settings.resolve(options: options, setup: setup, context: first)
          diagnostics += said
          if !present.changedVariables(since: first).isEmpty {
            diagnostics.append(Diagnostic(.warning, kind: "env_changed", ""))
          }
          let (config, alsoSaid) = try ConfigStore.build(options: options, settings: settings, context: first)
          diagnostics += alsoSaid
          let name = call["as"]?.stringValue ?? "run"
          // An active run is returned as it is.
          if settings.reinit == .default, runs[name]?.isFinished == false { break }
          runs[name] = Active(settings: settings, config: config)
          order.append(name)
        case "finish": runs[handle]?.isFinished = true
        case "config_set", "config_attr":
          _ = try runs[handle]?.config.set(
            Key(call["key"]?.stringValue ?? ""), Self.decode(call["value"] ?? .null), diagnostics: &diagnostics)
          if runs[handle]?.isFinished == true { throw QuipuError(.finished, kind: "run_finished", "") }
        case "config_update":
          _ = try runs[handle]?.config.update(
            Self.decode(call["data"] ?? [:]).objectValue ?? JSONObject(),
            allowValChange: call["allow_val_change"]?.boolValue ?? false, diagnostics: &diagnostics)
        case "config_setdefaults":
          _ = try runs[handle]?.config.setDefaults(
            Self.decode(call["data"] ?? [:]).objectValue ?? JSONObject(), diagnostics: &diagnostics)
        case "config_lock":
          _ = try runs[handle]?.config.lock(
            Self.decode(call["data"] ?? [:]).objectValue ?? JSONObject(), owner: call["user"]?.stringValue ?? "user")
        case "config_static_set": throw QuipuError(.state, kind: "config_readonly", "")
        case "config_get":
          guard let run = runs[handle] else { break }
          if let value = run.config[Key(call["key"]?.stringValue ?? "")] {
            results.append((index, value))
          } else if let fallback = call["default"] {
            results.append((index, fallback))
          } else {
            throw QuipuError(
              .notFound, kind: call["attr"] == true ? "missing_attribute" : "missing_key", "")
          }
        case "config_has":
          guard let run = runs[handle] else { break }
          results.append((index, .bool(run.config[Key(call["key"]?.stringValue ?? "")] != nil)))
        case "config_keys":
          guard let run = runs[handle] else { break }
          results.append((index, .array(run.config.visibleKeys.sorted().map { .string($0.string) })))
        case "get":
          guard let run = runs[handle], let value = Self.property(call, of: run.settings) else { break }
          results.append((index, value))
        default: break
        }
      } catch {
        errors.append((index, error.kind))
      }
      warnings += diagnostics.map(\.kind)
    }

    let expect = spec["expect"]?.objectValue ?? JSONObject()
    compare(results, with: expect, &found)
    var ours: Set<Int> = []
    for (index, call) in calls.enumerated() where Self.isDecidedHere(call["op"]?.stringValue ?? "") {
      ours.insert(index)
    }
    let wantedErrors = (expect["errors"]?.arrayValue ?? []).compactMap(\.objectValue)
      .filter { ours.contains(Int($0["call"]?.intValue ?? -1)) }
      .map { "\($0["call"]?.intValue ?? -1) \($0["kind"]?.stringValue ?? "")" }
    let errorTexts = errors.map { "\($0.0) \($0.1)" }
    if errorTexts != wantedErrors { found.append("errors \(errorTexts), recorded \(wantedErrors)") }
    let foreign = ["url_offline", "step_too_low"]
    let wantedWarnings = (expect["warnings"]?.arrayValue ?? []).compactMap { $0.objectValue?["kind"]?.stringValue }
      .filter { !foreign.contains($0) }
    if warnings.sorted() != wantedWarnings.sorted() && spec["env"]?.objectValue?["WANDB_SILENT"] == nil {
      found.append("warnings \(warnings.sorted()), recorded \(wantedWarnings.sorted())")
    }
    compare(runs, order, with: expect, &found)
    return found
  }

  private static func isDecidedHere(_ op: String) -> Bool { op == "init" || op == "setup" || op.hasPrefix("config_") }

  private func compare(_ results: [(Int, JSON)], with expect: JSONObject, _ found: inout [String]) {
    for entry in expect["results"]?.arrayValue?.compactMap(\.objectValue) ?? [] {
      guard let index = entry["call"]?.intValue, let wanted = entry["value"] else { continue }
      let call = calls[Int(index)]
      guard let given = results.first(where: { $0.0 == Int(index) }) else {
        if !Self.isLeftToTheRun(call) { found.append("call \(index): no result") }
        continue
      }
      var value = given.1
      if let text = value.stringValue { value = .string(text.replacing(Self.working, with: "<cwd>")) }
      if !Self.areSame(value, Self.decode(wanted)) {
        found.append("call \(index): \(value.text(style: .core)), recorded \(wanted.text(style: .core))")
      }
    }
  }

  private func compare(_ runs: [String: Active], _ order: [String], with expect: JSONObject, _ found: inout [String]) {
    let recorded = expect["runs"]?.arrayValue?.compactMap(\.objectValue) ?? []
    if recorded.count != order.count { found.append("\(order.count) runs, recorded \(recorded.count)") }
    for (name, wanted) in zip(order, recorded) {
      guard let run = runs[name] else { continue }
      var shown = run.config.asJSON
      shown["_wandb"] = nil
      if let config = wanted["config_client"], !Self.areSame(.object(shown), Self.decode(config)) {
        found.append("config \(JSON.object(shown).text(style: .core)), recorded \(config.text(style: .core))")
      }
      var stored = run.config.storedJSON
      stored["_wandb"] = nil
      // A rewound run's config comes from the server; what is set after the end is not stored.
      let isOwn = run.settings.resumeFrom == nil && !name.isEmpty && self.name != "config/after-finish"
      if isOwn, let config = wanted["config"], !Self.areSame(.object(stored), Self.decode(config)) {
        found.append("stored \(JSON.object(stored).text(style: .core)), recorded \(config.text(style: .core))")
      }
    }
  }

  /// Equal by value; unlike the config's rule, booleans are not numbers.
  private static func areSame(_ a: JSON, _ b: JSON) -> Bool {
    switch (a, b) {
    case (.bool(let x), .bool(let y)): x == y
    case (.bool, _), (_, .bool): false
    case (.array(let x), .array(let y)): x.count == y.count && zip(x, y).allSatisfy(areSame)
    case (.object(let x), .object(let y)):
      x.count == y.count && x.members.allSatisfy { key, value in y[key].map { areSame(value, $0) } ?? false }
    case (.double(let x), .double(let y)): x == y || (x.isNaN && y.isNaN)
    default: ConfigStore.areEqual(a, b)
    }
  }

  private static let runProperties: Set<String> = [
    "path", "url", "project_url", "sweep_url", "dir", "sync_dir", "resumed", "starting_step", "step",
  ]

  private static func isLeftToTheRun(_ call: JSONObject) -> Bool {
    let op = call["op"]?.stringValue ?? ""
    if op == "get" { return runProperties.contains(call["name"]?.stringValue ?? "") }
    return !op.hasPrefix("config_")
  }

  private static func property(_ call: JSONObject, of settings: Settings) -> JSON? {
    switch call["name"]?.stringValue {
    case "project": .string(settings.project)
    case "entity": .string(settings.entity ?? "")
    case "name": settings.runName.map(JSON.string) ?? .null
    case "notes": settings.runNotes.map(JSON.string) ?? .null
    case "tags": .array((settings.runTags ?? []).map(JSON.string))
    case "group": .string(settings.runGroup ?? "")
    case "job_type": .string(settings.runJobType ?? "")
    case "id": settings.runID.map(JSON.string)
    case "sweep_id": settings.sweepID.map(JSON.string) ?? .null
    case "offline": .bool(settings.isOffline && !settings.isDisabled)
    case "disabled": .bool(settings.isDisabled)
    case "settings": settings.settingsJSON[Key(call["field"]?.stringValue ?? "")]
    default: nil
    }
  }

  /// `init`'s keyword arguments, as a binding would hand them over: what an option's type cannot hold goes by its
  /// setting.
  private static func options(_ arguments: JSONObject) throws(QuipuError) -> RunOptions {
    var options = RunOptions(settings: arguments["settings"]?.objectValue ?? JSONObject(), program: "train.py")
    for (key, value) in arguments.members {
      switch key.string {
      case "project": options.project = value.stringValue
      case "entity": options.entity = value.stringValue
      case "id": options.id = value.stringValue
      case "name": options.name = value.stringValue
      case "notes": options.notes = value.stringValue
      case "tags": options.tags = value.arrayValue?.compactMap(\.stringValue) ?? value.stringValue.map { [$0] }
      case "group": options.group = value.stringValue
      case "job_type": options.jobType = value.stringValue
      case "dir": options.dir = value.stringValue
      case "config": options.config = value
      case "config_include_keys": options.configIncludeKeys = value.arrayValue?.compactMap(\.stringValue)
      case "config_exclude_keys": options.configExcludeKeys = value.arrayValue?.compactMap(\.stringValue)
      case "allow_val_change": options.allowValChange = value.boolValue
      case "resume_from": options.resumeFrom = value.stringValue
      case "fork_from": options.forkFrom = value.stringValue
      case "save_code": options.saveCode = value.boolValue
      case "anonymous": options.anonymous = value.stringValue
      case "mode", "resume", "reinit": options.settings[key] = value
      case "settings": break
      default: throw QuipuError(.internal, kind: "unknown_argument", "the test does not know \(key)")
      }
    }
    return options
  }
}
