import QuipuBase
import QuipuRecords

/// Everything of a log that goes into a run's config: config records, metric definitions, telemetry, environment.
///
/// Source: http.md, 9.2; transaction-log.md, 8.5 and 8.7.
struct ConfigFold {
  private var tree = ValueTree(mergesObjects: true)
  private var previous = JSONObject()
  private(set) var telemetry = TelemetryRecord()
  private(set) var environment: EnvironmentRecord?
  private var metrics = MetricList()
  private var branch: (run: String, step: Double)?
  /// Items without a key or with a value that is not JSON.
  private(set) var droppedItems = 0

  /// Takes the config that a resumed run has on the server: what this log does not set stays.
  mutating func load(_ config: JSONObject) { previous = config }

  mutating func add(_ config: ConfigRecord) {
    for item in config.update {
      guard let path = Self.path(item), let value = try? JSON(parsing: item.valueJSON) else {
        droppedItems += 1
        continue
      }
      tree.set(path, value)
    }
    for item in config.remove {
      if let path = Self.path(item) { tree.remove(path) } else { droppedItems += 1 }
    }
  }

  mutating func add(_ run: RunRecord) {
    if let config = run.config { add(config) }
    if let telemetry = run.telemetry { add(telemetry) }
    if let point = run.branchPoint, !point.run.isEmpty { branch = (point.run, point.value) }
  }

  mutating func add(_ telemetry: TelemetryRecord) { self.telemetry.add(telemetry) }

  mutating func add(_ environment: EnvironmentRecord) {
    if self.environment == nil { self.environment = environment } else { self.environment?.add(environment) }
  }

  mutating func add(_ metric: MetricRecord) -> Bool { metrics.add(metric) }

  private static func path(_ item: ConfigItem) -> [String]? {
    item.nestedKey.isEmpty ? (item.key.isEmpty ? nil : [item.key]) : item.nestedKey
  }

  /// The whole config as it goes to the server: `{"key": {"value": …}, "_wandb": {"value": {…}}}`.
  ///
  /// - Parameters:
  ///   - client: version of the uploading program.
  ///   - writer: name of the environment if the log has none.
  func object(client: String, writer: String) -> JSONObject {
    var object = JSONObject()
    var inner = JSONObject()
    for (key, value) in tree.object.members {
      if key == "_wandb" {
        inner = value.objectValue ?? JSONObject()
      } else {
        object[key] = .object(["value": value])
      }
    }
    for (key, value) in previous.members where key != "_wandb" && object[key] == nil {
      // Data of old servers have a description beside the value.
      guard let old = value.objectValue?["value"] else { continue }
      object[key] = .object(["value": old])
    }
    if let old = previous["_wandb"]?.objectValue?["value"]?.objectValue {
      for key: Key in ["visualize", "viz", "mask/class_labels"] {
        guard let kept = old[key]?.objectValue else { continue }
        var merged = kept
        for member in inner[key]?.objectValue?.members ?? [] { merged[member.key] = member.value }
        inner[key] = .object(merged)
      }
    }
    if let branch, inner["branch_point"] == nil {
      let step = Int64(exactly: branch.step.rounded(.towardZero)).map { JSON.int($0) } ?? .double(branch.step)
      inner["branch_point"] = ["run_id": .string(branch.run), "step": step]
    }
    inner["cli_version"] = .string(telemetry.cliVersion.isEmpty ? client : telemetry.cliVersion)
    if !telemetry.pythonVersion.isEmpty { inner["python_version"] = .string(telemetry.pythonVersion) }
    var sent = telemetry
    // Without versions a server takes the run for one that never started.
    if sent.cliVersion.isEmpty { sent.cliVersion = client }
    sent.coreVersion = client
    inner["t"] = sent.numberJSON
    inner["m"] = metrics.json
    if let metadata {
      let id = environment?.writerID ?? ""
      inner["e"] = .object([Key(id.isEmpty ? writer : id): .object(metadata)])
    }
    object["_wandb"] = .object(["value": .object(inner)])
    return object
  }

  /// The content of `wandb-metadata.json`; nil if the log has no environment.
  var metadata: JSONObject? {
    guard let environment, case .object(let fields) = environment.fieldJSON else { return nil }
    var object = JSONObject()
    for (key, value) in fields.members where key != "_info" {
      object[Key(Self.metadataName(key))] = Self.renamed(key, value)
    }
    return object
  }

  /// Names that are not camel case, or not the field's.
  private static func metadataName(_ key: Key) -> String {
    switch key {
    case "cpu_count", "cpu_count_logical", "gpu_count", "gpu_nvidia", "gpu_amd": key.string
    case "gpu_type": "gpu"
    default: camelCase(key.string)
    }
  }

  private static func renamed(_ field: Key, _ value: JSON) -> JSON {
    switch field {
    // Their keys are the user's, and what is below has one word.
    case "disk", "slurm": return value
    case "git":
      var git = JSONObject()
      for (key, value) in value.objectValue?.members ?? [] { git[key == "remote_url" ? "remote" : key] = value }
      return .object(git)
    default: return camelCased(value)
    }
  }

  private static func camelCased(_ value: JSON) -> JSON {
    switch value {
    case .array(let elements): return .array(elements.map(camelCased))
    case .object(let object):
      var out = JSONObject()
      for (key, value) in object.members { out[Key(camelCase(key.string))] = camelCased(value) }
      return .object(out)
    default: return value
    }
  }

  private static func camelCase(_ name: String) -> String {
    var out = ""
    var isUpper = false
    for character in name {
      if character == "_" {
        isUpper = !out.isEmpty
      } else {
        out += isUpper ? character.uppercased() : String(character)
        isUpper = false
      }
    }
    return out
  }
}
