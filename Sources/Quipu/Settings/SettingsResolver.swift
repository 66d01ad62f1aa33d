import QuipuBase

struct SettingsResolver {
  let context: ProcessContext
  var settings = Settings()
  var diagnostics: [Diagnostic] = []
  init(context: ProcessContext) { self.context = context }
  mutating func resolve(options: RunOptions, setup: JSONObject) throws(QuipuError) -> (Settings, [Diagnostic]) {
    (settings, diagnostics)
  }
}
extension Settings { public var settingsJSON: JSONObject { JSONObject() } }
struct Setting { var isSecret: Bool; var fallback: JSON?; static func named(_ n: String) -> Setting? { nil } }
extension RunMoment { public init?(parsing text: String) { nil } }
