import QuipuBase

/// Combines the sources of the settings; used once.
struct SettingsResolver {
  private let context: ProcessContext
  private var settings = Settings()
  private var diagnostics: [Diagnostic] = []

  init(context: ProcessContext) { self.context = context }

  mutating func resolve(options: RunOptions, setup: JSONObject) throws(QuipuError) -> (Settings, [Diagnostic]) {
    let environment = try environmentLayer()
    let process = try layer(setup, origin: .program, source: "settings")
    let files = try fileLayer(below: environment.merging(process) { $1 })
    var start = try layer(options.settings, origin: .program, source: "settings")
    let arguments = try argumentLayer(options)
    if options.anonymous != nil || options.settings["anonymous"] != nil || setup["anonymous"] != nil {
      diagnostics.append(anonymousWarning)
    }
    start.merge(arguments) { $1 }

    settings.values = files.merging(environment) { $1 }.merging(process) { $1 }
    dropArgumentsOfSweep(&start)
    settings.values.merge(start) { $1 }
    settings.givenAPIKey = (start["api_key"] ?? process["api_key"])?.stringValue

    try settleBranching()
    settlePlaces()
    settleProgram(options)
    settleProject()
    try settleRest(options)
    return (settings, diagnostics)
  }

  private var anonymousWarning: Diagnostic {
    Diagnostic(.warning, kind: "anonymous_ignored", "'anonymous' has no effect any more and is ignored")
  }

  // MARK: Sources

  /// A value of one source, converted and checked.
  private func convert(
    _ setting: Setting, _ value: JSON, origin: Setting.Origin, source: String
  ) throws(QuipuError) -> JSON? {
    guard let value = try setting.convert(value, origin: origin, source: source, home: context.homeDirectory) else {
      return nil
    }
    return try setting.check(value, source: source)
  }

  /// `_name` is an older spelling of `x_name`.
  private static func canonical(_ name: String) -> String {
    name.utf8.first == UInt8(ascii: "_") ? "x" + name : name
  }

  private func layer(
    _ object: JSONObject, origin: Setting.Origin, source: String
  ) throws(QuipuError) -> [String: JSON] {
    var result: [String: JSON] = [:]
    for (key, value) in object.members {
      guard let setting = Setting.named(Self.canonical(key.string)) else {
        throw QuipuError(.setting, kind: "setting_unknown", "\(source): there is no setting '\(key)'")
      }
      if let value = try convert(setting, value, origin: origin, source: "\(source): \(setting.name)") {
        result[setting.name] = value
      }
    }
    return result
  }

  /// Names of variables that are not the setting's name.
  private static let variableNames: [String: String] = [
    "APP_URL": "app_url_override", "DIR": "root_dir", "NAME": "run_name", "NOTES": "run_notes", "TAGS": "run_tags",
    "JOB_TYPE": "run_job_type", "HTTP_TIMEOUT": "x_graphql_timeout_seconds",
    "FILE_PUSHER_TIMEOUT": "x_file_transfer_timeout_seconds", "USER_EMAIL": "email",
    "INIT_TIMEOUT": "init_timeout", "SERVICE_TRANSPORT": "x_service_transport", "EXECUTABLE": "x_executable",
  ]

  private func environmentLayer() throws(QuipuError) -> [String: JSON] {
    // In order of the names, so that of two spellings the same one wins each time; QUIPU_ comes last and wins.
    var found: [String: (variable: String, text: String)] = [:]
    for prefix in ["WANDB_", "QUIPU_"] {
      for name in context.environment.keys.sorted() where name.hasPrefix(prefix) {
        let rest = String(name.dropFirst(prefix.count))
        let setting: String
        if let special = Self.variableNames[rest] {
          setting = special
        } else if rest.hasPrefix("_") {
          setting = Self.variableNames[String(rest.dropFirst())].flatMap { $0.hasPrefix("x_") ? $0 : nil }
            ?? "x" + rest.lowercased()
        } else {
          setting = rest.lowercased()
        }
        found[setting] = (name, context.environment[name] ?? "")
      }
    }
    var result: [String: JSON] = [:]
    for (name, (variable, text)) in found.sorted(by: { $0.key < $1.key }) {
      guard let setting = Setting.named(name) else { continue }
      if name == "disable_git" {
        result[name] = .bool(text.lowercased() != "false")
      } else if let value = try convert(setting, .string(text), origin: .environment, source: variable) {
        result[name] = value
      }
    }
    return result
  }

  /// Both settings files. A bad key or value in either makes both be ignored, as W&B's client has it: the same files
  /// then mean the same under both clients.
  private mutating func fileLayer(below stronger: [String: JSON]) throws(QuipuError) -> [String: JSON] {
    let root = context.absolutePath(stronger["root_dir"]?.stringValue ?? "")
    let workspace = wandbDirectory(root: root, useDot: stronger["use_dot_wandb"]?.boolValue)
    let user =
      stronger["settings_system"]?.stringValue
      ?? PathTools.join(
        context.environment["QUIPU_CONFIG_DIR"] ?? context.environment["WANDB_CONFIG_DIR"] ?? "~/.config/wandb",
        "settings")
    var result: [String: JSON] = [:]
    var bad: Diagnostic?
    for path in [context.absolutePath(user), PathTools.join(workspace, "settings")] {
      guard let file = readFile(path) else { continue }
      for (key, raw) in file.entries {
        guard let text = file.resolved(raw) else {
          throw QuipuError(
            .setting, kind: "settings_file_percent", "\(path): \(key): a percent sign must be written %%")
        }
        let name = Self.canonical(key)
        if name == "root_dir" || name == "settings_system" {
          diagnostics.append(
            Diagnostic(
              .warning, kind: "setting_not_in_file", "\(path): \(name) is not allowed in a settings file; ignored"))
        } else if name == "anonymous" {
          diagnostics.append(anonymousWarning)
        } else if let setting = Setting.named(name) {
          do throws(QuipuError) {
            if let value = try convert(setting, .string(text), origin: .file, source: "\(path): \(name)") {
              result[name] = value
            }
          } catch {
            bad = bad ?? Diagnostic(.error, kind: error.kind, error.message + "; both settings files are ignored")
          }
        } else {
          bad = bad
            ?? Diagnostic(
              .error, kind: "setting_unknown",
              "\(path): there is no setting '\(key)'; both settings files are ignored")
        }
      }
    }
    guard let bad else { return result }
    diagnostics.append(bad)
    return [:]
  }

  private mutating func readFile(_ path: String) -> SettingsFile? {
    guard context.files.kind(path) == .file else { return nil }
    do throws(SettingsFile.Unreadable) {
      guard let bytes = context.files.read(path) else {
        throw SettingsFile.Unreadable(line: 0, reason: "it cannot be opened")
      }
      return try SettingsFile(parsing: bytes)
    } catch {
      let place = error.line > 0 ? "\(path):\(error.line)" : path
      diagnostics.append(
        Diagnostic(
          .warning, kind: "settings_file_unreadable", "\(place): the settings file is ignored: \(error.reason)"))
      return nil
    }
  }

  private func argumentLayer(_ options: RunOptions) throws(QuipuError) -> [String: JSON] {
    let given: [(argument: String, setting: String, value: JSON?)] = [
      ("project", "project", options.project.map(JSON.string)),
      ("entity", "entity", options.entity.map(JSON.string)),
      ("id", "run_id", options.id.map(JSON.string)),
      ("name", "run_name", options.name.map(JSON.string)),
      ("notes", "run_notes", options.notes.map(JSON.string)),
      ("tags", "run_tags", options.tags.map { .array($0.map(JSON.string)) }),
      ("group", "run_group", options.group.map(JSON.string)),
      ("job_type", "run_job_type", options.jobType.map(JSON.string)),
      ("mode", "mode", options.mode.map { .string($0.rawValue) }),
      ("dir", "root_dir", options.dir.map(JSON.string)),
      ("resume", "resume", options.resume.map { .string($0.rawValue) }),
      ("resume_from", "resume_from", options.resumeFrom.map(JSON.string)),
      ("fork_from", "fork_from", options.forkFrom.map(JSON.string)),
      ("reinit", "reinit", options.reinit.map { .string($0.rawValue) }),
      ("save_code", "save_code", options.saveCode.map(JSON.bool)),
      ("sweep_id", "sweep_id", options.sweepID.map(JSON.string)),
      ("force", "force", options.force.map(JSON.bool)),
      ("allow_val_change", "allow_val_change", options.allowValChange.map(JSON.bool)),
      ("low_steps", "low_steps", options.lowSteps.map { .string($0.rawValue) }),
      ("ring_bytes", "ring_bytes", options.ringBytes.map(JSON.int)),
      ("full_wait_ms", "full_wait_milliseconds", options.fullWaitMilliseconds.map(JSON.int)),
    ]
    var result: [String: JSON] = [:]
    for (argument, name, value) in given {
      guard let value, let setting = Setting.named(name) else { continue }
      result[name] = try convert(setting, value, origin: .program, source: argument)
    }
    return result
  }

  // MARK: Settling

  /// Within a sweep the environment says which run this is.
  private mutating func dropArgumentsOfSweep(_ start: inout [String: JSON]) {
    guard settings.values["sweep_id"] != nil else { return }
    for name in ["project", "entity", "run_id"] where start.removeValue(forKey: name) != nil {
      diagnostics.append(
        Diagnostic(.warning, kind: "sweep_ignores", "The argument \(name) is ignored within a sweep"))
    }
  }

  private mutating func settleBranching() throws(QuipuError) {
    let resume = settings.resume
    let rewind = settings.resumeFrom
    let fork = settings.forkFrom
    if [resume != nil, rewind != nil, fork != nil].count(where: { $0 }) > 1 {
      throw QuipuError(
        .options, kind: "branch_args_exclusive", "resume, resume_from and fork_from exclude each other: give one")
    }
    if let fork, let id = settings.runID, Key(id) == Key(fork.runID) {
      throw QuipuError(
        .options, kind: "fork_same_run", "fork_from names this run itself; to cut a run short use resume_from")
    }
    guard let rewind else { return }
    if let id = settings.runID, Key(id) != Key(rewind.runID) {
      throw QuipuError(
        .options, kind: "resume_from_other_run", "resume_from names another run than id; leave id out")
    }
    let setting = Setting.named("run_id")
    settings.values["run_id"] = try setting?.check(.string(rewind.runID), source: "resume_from")
  }

  private func wandbDirectory(root: String, useDot: Bool?) -> String {
    let dotted = PathTools.join(root, ".wandb")
    if useDot ?? (context.files.kind(dotted) == .directory) { return dotted }
    return PathTools.join(root, "wandb")
  }

  private mutating func settlePlaces() {
    let root = context.absolutePath(settings.text("root_dir") ?? "")
    settings.rootDirectory = root
    settings.values["root_dir"] = .string(root)
    settings.wandbDirectory = wandbDirectory(root: root, useDot: settings.optionalFlag("use_dot_wandb"))
    if let path = settings.text("sweep_param_path") {
      settings.values["sweep_param_path"] = .string(context.absolutePath(path))
    }
    if let given = settings.text("git_root") {
      settings.gitRoot = context.absolutePath(given)
    } else if !settings.disableGit, !settings.isDisabled {
      if context.files.kind(root) == .directory {
        settings.gitRoot = findGitRoot(from: root, files: context.files)
        settings.values["git_root"] = settings.gitRoot.map(JSON.string)
      } else {
        diagnostics.append(
          Diagnostic(
            .warning, kind: "git_root_missing",
            "The directory \(root) does not exist yet, so no git repository is looked for there"))
      }
    }
  }

  private mutating func settleProgram(_ options: RunOptions) {
    var found = options.program ?? context.programPath
    if found.isEmpty { found = context.programPath }
    if settings.text("program") == nil, !found.isEmpty { settings.values["program"] = .string(found) }
    if let program = settings.text("program"), !program.isEmpty {
      let path = context.absolutePath(program)
      let exists = context.files.kind(path) == .file
      if exists, settings.text("program") == options.program {
        // A script is given as its caller typed it; the metadata shows where it is.
        settings.values["program"] = .string(path)
      }
      if settings.text("program_relpath") == nil, exists {
        let relative = PathTools.pathBelow(path, settings.gitRoot ?? context.currentDirectory)
        settings.values["program_relpath"] = relative.map(JSON.string)
      }
      if settings.text("program_abspath") == nil, exists { settings.values["program_abspath"] = .string(path) }
    }
    if settings.text("host") == nil { settings.values["host"] = .string(context.hostName) }
    if settings.text("x_executable") == nil, !context.programPath.isEmpty {
      settings.values["x_executable"] = .string(context.programPath)
    }
    settings.arguments = settings.texts("x_args") ?? context.arguments
    settings.language = options.language ?? ""
  }

  private mutating func settleProject() {
    guard settings.text("project") == nil else { return }
    settings.isProjectDefault = true
    guard let root = findGitRoot(from: context.currentDirectory, files: context.files) else {
      settings.values["project"] = "uncategorized"
      return
    }
    var name = PathTools.parts(root).last ?? ""
    if let program = settings.program,
      let below = PathTools.pathBelow(PathTools.directory(context.absolutePath(program)), root), below != "."
    {
      name += "-" + below
    }
    // A directory may be called what a project may not.
    var scalars = String.UnicodeScalarView()
    for scalar in name.unicodeScalars.prefix(128) {
      scalars.append("/\\#?%:".unicodeScalars.contains(scalar) ? "_" : scalar)
    }
    settings.values["project"] = .string(scalars.isEmpty ? "uncategorized" : String(scalars))
  }

  private mutating func settleRest(_ options: RunOptions) throws(QuipuError) {
    if settings.disableCode { settings.values["save_code"] = false }
    if settings.flag("x_skip_transaction_log"), settings.mode == .offline {
      throw QuipuError(
        .setting, kind: "setting_conflict", "x_skip_transaction_log cannot be set offline: nothing would be kept")
    }
    if case .bool(let flag)? = settings.values["reinit"] {
      settings.values["reinit"] = flag ? "finish_previous" : "return_previous"
      diagnostics.append(
        Diagnostic(
          .warning, kind: "reinit_bool_deprecated",
          "A bool for reinit is deprecated: use \(flag ? "finish_previous" : "return_previous")"))
    }
    if settings.values["console"] == nil { settings.values["console"] = "wrap" }
    if options.configIncludeKeys?.isEmpty == false, options.configExcludeKeys?.isEmpty == false {
      throw QuipuError(
        .options, kind: "config_include_and_exclude",
        "config_include_keys and config_exclude_keys exclude each other: give one")
    }
  }
}
