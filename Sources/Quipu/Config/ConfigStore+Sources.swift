import QuipuBase

extension ConfigStore {
  /// The config a run starts with. Weakest to strongest: `config-defaults.yaml` in the working directory, the options'
  /// config file and config, the files of the setting `config_paths` in their order, the sweep's parameters (merged
  /// and locked). The branch point of a fork or rewind is put under `_wandb`.
  ///
  /// - Throws: `file`, `format`, `value` or `options` errors; the run must not start then.
  static func build(
    options: RunOptions, settings: Settings, context: ProcessContext
  ) throws(QuipuError) -> (ConfigStore, [Diagnostic]) {
    var store = ConfigStore()
    var diagnostics: [Diagnostic] = []

    let defaults = "config-defaults.yaml"
    if context.files.kind(context.absolutePath(defaults)) != nil {
      try store.add(file: defaults, context, &diagnostics)
    }
    let argument = try argument(options, context, &diagnostics)
    _ = try store.update(argument, allowValChange: true, diagnostics: &diagnostics)
    for path in settings.configPaths { try store.add(file: path, context, &diagnostics) }

    if let path = settings.sweepParamPath {
      let values = try ConfigFile.read(path, name: path, files: context.files) ?? JSONObject()
      _ = try store.lock(values, owner: "sweep", merging: true, allowValChange: true)
    }
    if let moment = settings.forkFrom ?? settings.resumeFrom {
      store.internalItems["branch_point"] = ["run_id": .string(moment.runID), "step": .int(moment.step)]
    }
    return (store, diagnostics)
  }

  private mutating func add(
    file name: String, _ context: ProcessContext, _ diagnostics: inout [Diagnostic]
  ) throws(QuipuError) {
    guard let values = try Self.values(of: name, context, &diagnostics) else { return }
    _ = try update(values, allowValChange: true, diagnostics: &diagnostics)
  }

  private static func values(
    of name: String, _ context: ProcessContext, _ diagnostics: inout [Diagnostic]
  ) throws(QuipuError) -> JSONObject? {
    let values = try ConfigFile.read(context.absolutePath(name), name: name, files: context.files)
    if values == nil {
      diagnostics.append(
        Diagnostic(.warning, kind: "config_file_empty", "The config file \(name) is empty; nothing is taken from it"))
    }
    return values
  }

  private static func argument(
    _ options: RunOptions, _ context: ProcessContext, _ diagnostics: inout [Diagnostic]
  ) throws(QuipuError) -> JSONObject {
    var result = JSONObject()
    if let path = options.configPath {
      result = try values(of: path, context, &diagnostics) ?? JSONObject()
    }
    switch options.config {
    case nil, .null: break
    case .object(let object): for (key, value) in object.members { result[key] = value }
    case .string(let path):
      for (key, value) in try values(of: path, context, &diagnostics)?.members ?? [] { result[key] = value }
    default:
      throw QuipuError(.value, kind: "config_not_dict", "config must be an object, or a text: the path of a YAML file")
    }
    return try filtered(result, options, &diagnostics)
  }

  private static func filtered(
    _ object: JSONObject, _ options: RunOptions, _ diagnostics: inout [Diagnostic]
  ) throws(QuipuError) -> JSONObject {
    let included = options.configIncludeKeys ?? []
    let excluded = options.configExcludeKeys ?? []
    if included.isEmpty && excluded.isEmpty { return object }
    guard included.isEmpty || excluded.isEmpty else {
      throw QuipuError(
        .options, kind: "config_include_and_exclude",
        "config_include_keys and config_exclude_keys exclude each other: give one")
    }
    let word = included.isEmpty ? "exclude" : "include"
    diagnostics.append(
      Diagnostic(
        .warning, kind: "config_\(word)_keys_deprecated",
        "config_\(word)_keys is deprecated: choose the keys before passing the config"))
    let keys = Set((included + excluded).map { Key($0) })
    var result = JSONObject()
    for (key, value) in object.members where keys.contains(key) == excluded.isEmpty { result[key] = value }
    return result
  }
}
