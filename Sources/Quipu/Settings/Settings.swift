import QuipuBase

/// The settings of a run, settled from all their sources.
///
/// Weakest to strongest: defaults, the user's settings file, the workspace's settings file, environment variables
/// (`QUIPU_X` before `WANDB_X`), process-wide settings, the settings given at the start, the arguments of the start.
///
/// Source: W&B's settings as of client 0.31.0, by the same names.
public struct Settings: Sendable {
  // By setting name; a missing one has its default. `settle` checked the type of each.
  var values: [String: JSON] = [:]

  /// Absolute path of the directory that holds ``wandbDirectory``.
  public internal(set) var rootDirectory = "/"
  /// Absolute path of `wandb/` (or `.wandb/`), the parent of the run's directory. It need not exist yet.
  public internal(set) var wandbDirectory = "/wandb"
  /// The directory of `.git`, nil outside of a repository or with git turned off.
  public internal(set) var gitRoot: String?
  /// No source named the project: ``project`` comes from the git directory or is `uncategorized`.
  public internal(set) var isProjectDefault = false
  /// Arguments of the program, without the program.
  public internal(set) var arguments: [String] = []
  /// An API key that the program gave, not the environment or a file.
  var givenAPIKey: String?
  /// The language and version of the program that started the run, "" if it did not say.
  public internal(set) var language = ""

  /// All defaults; ``resolve(options:setup:context:)`` makes the settings of a run.
  public init() {}

  /// Combines all sources.
  ///
  /// - Parameters:
  ///   - options: the arguments of the start.
  ///   - setup: process-wide settings by name, between the environment and the options' settings.
  ///   - context: the process.
  /// - Returns: the settings, and what the user should hear about (bad settings files, ignored arguments).
  /// - Throws: `setting` or `name` errors for the first bad value. Nothing was created.
  static func resolve(
    options: RunOptions, setup: JSONObject = JSONObject(), context: ProcessContext
  ) throws(QuipuError) -> (Settings, [Diagnostic]) {
    var resolver = SettingsResolver(context: context)
    return try resolver.resolve(options: options, setup: setup)
  }

  func value(_ name: String) -> JSON? { values[name] ?? Setting.named(name)?.fallback }
  func text(_ name: String) -> String? { value(name)?.stringValue }
  func flag(_ name: String) -> Bool { value(name)?.boolValue ?? false }
  func optionalFlag(_ name: String) -> Bool? { value(name)?.boolValue }
  func integer(_ name: String) -> Int64? { value(name)?.intValue }
  func number(_ name: String) -> Double? { value(name)?.doubleValue }
  func texts(_ name: String) -> [String]? { value(name)?.arrayValue?.compactMap(\.stringValue) }

  /// Replaces a value that was settled after ``resolve(options:setup:context:)``: the generated id, a new name.
  mutating func set(_ name: String, _ value: JSON?) { values[name] = value }
}
