import GraphQL
import QuipuBase
import Storage

/// `upsertBucket`: creates a run or changes it. Source: protocol reference, 9.1, 9.2 and 15.5.
extension RunService {
  func upsert(_ input: GraphQLArguments) async throws -> (run: RunRecord, inserted: Bool) {
    let config = try object(input, "config")
    let summary = try object(input, "summaryMetrics")
    // The Public API names a run by its storage id only and means every field that it gives, null too; a run's own
    // client always gives its name, and null there means "leave it".
    if let id = Self.given(input.string("id")), Self.given(input.string("name")) == nil {
      let run = try await run(globalID: id)
      let changed = try await change(runID: run.id) { change in
        try Self.replace(input, config: config, summary: summary, in: &change.run)
        return change.run
      }
      return (changed, false)
    }
    let name = Self.given(input.string("name")) ?? Self.newRunID()
    try Names.checkRun(name)
    let (project, _) = try await ensureProject(entity: input.string("entityName"), name: input.string("modelName"))
    var stored = try await storage.run(projectID: project.id, name: name)
    var inserted = false
    if stored == nil {
      let run = RunRecord(projectID: project.id, name: name, displayName: RunNames.next())
      do {
        stored = try await storage.insertRun(run)
        inserted = true
      } catch StorageError.exists {
        stored = try await storage.run(projectID: project.id, name: name)
      }
    }
    guard let stored else { throw ServerFault(503, "the run \(name) is being deleted; try again") }
    do {
      let run = try await change(runID: stored.id) { change in
        try Self.merge(input, config: config, summary: summary, into: &change.run)
        if let config, change.run.fork == nil, change.run.historyLineCount == 0 {
          try await fork(config, in: &change)
        }
        return change.run
      }
      return (run, inserted)
    } catch {
      // What is refused leaves nothing behind.
      if inserted { try? await delete(runID: stored.id) }
      throw error
    }
  }

  /// A run's own call: null leaves a field as it is.
  private static func merge(
    _ input: GraphQLArguments, config: JSONObject?, summary: JSONObject?, into run: inout RunRecord
  ) throws(ServerFault) {
    func take(_ name: String, _ field: WritableKeyPath<RunRecord, String?>) {
      if let value = input.string(name) { run[keyPath: field] = value }
    }
    take("groupName", \.group)
    take("description", \.description)
    take("notes", \.notes)
    take("commit", \.commit)
    take("host", \.host)
    take("jobProgram", \.program)
    take("jobRepo", \.repo)
    take("jobType", \.jobType)
    take("sweep", \.sweep)
    if let name = given(input.string("displayName")) { run.displayName = name }
    if let tags = input.strings("tags") { run.tags = try checked(tags) }
    if let config { run.config = JSON.object(merged(config, over: run.config)).text(style: .core) }
    if let summary { run.summary = JSON.object(summary).text(style: .core) }
    if let state = given(input.string("state")) {
      guard let state = RunState(rawValue: state) else { throw ServerFault(400, "'\(state)' is not a run state") }
      run.state = state
      run.heartbeatAt = .now
    } else if run.state == .running {
      run.heartbeatAt = .now
    } else {
      beginLife(&run)
    }
  }

  /// The Public API's call: what is given replaces, null included.
  private static func replace(
    _ input: GraphQLArguments, config: JSONObject?, summary: JSONObject?, in run: inout RunRecord
  ) throws(ServerFault) {
    func take(_ name: String, _ field: WritableKeyPath<RunRecord, String?>) {
      if input.isGiven(name) { run[keyPath: field] = input.string(name) }
    }
    take("description", \.description)
    take("notes", \.notes)
    take("groupName", \.group)
    take("jobType", \.jobType)
    if let name = given(input.string("displayName")) { run.displayName = name }
    if input.isGiven("tags") { run.tags = try checked(input.strings("tags") ?? []) }
    if let config { run.config = JSON.object(config).text(style: .core) }
    if let summary { run.summary = JSON.object(summary).text(style: .core) }
    if let text = given(input.string("state")) {
      guard let state = RunState(rawValue: text) else { throw ServerFault(400, "'\(text)' is not a run state") }
      run.state = state
    }
  }

  private static func checked(_ tags: [String]) throws(ServerFault) -> [String] {
    var unique: [String] = []
    for tag in tags where !unique.contains(tag) {
      guard !tag.isEmpty, tag.count <= 64 else { throw ServerFault(400, "a tag has 1 to 64 characters") }
      unique.append(tag)
    }
    return unique
  }

  private func object(_ input: GraphQLArguments, _ name: String) throws(ServerFault) -> JSONObject? {
    guard let text = input.string(name) else { return nil }
    do {
      guard case .object(let object) = try JSON(parsing: text) else {
        throw ServerFault(400, "'\(name)' must hold a JSON object")
      }
      return object
    } catch let error as JSONError {
      throw ServerFault(400, "'\(name)' is not JSON: \(error)")
    } catch {
      throw ServerFault(400, "'\(name)' must hold a JSON object")
    }
  }

  /// Top-level keys are replaced; under `_wandb.value.e`, where each writer of a run keeps its environment, the entries
  /// of other writers stay (9.1).
  static func merged(_ new: JSONObject, over old: String) -> JSONObject {
    var result = (try? JSON(parsing: old))?.objectValue ?? [:]
    let kept = environments(result)
    for member in new.members { result[member.key] = member.value }
    guard let kept, var wandb = result["_wandb"]?.objectValue, var value = wandb["value"]?.objectValue else {
      return result
    }
    var all = kept
    for member in value["e"]?.objectValue?.members ?? [] { all[member.key] = member.value }
    value["e"] = .object(all)
    wandb["value"] = .object(value)
    result["_wandb"] = .object(wandb)
    return result
  }

  private static func environments(_ config: JSONObject) -> JSONObject? {
    config["_wandb"]?.objectValue?["value"]?.objectValue?["e"]?.objectValue
  }

  /// A new run whose config names another run as its branch point begins with that run's rows (9.4).
  private func fork(_ config: JSONObject, in change: inout RunChange) async throws {
    let point = config["_wandb"]?.objectValue?["value"]?.objectValue?["branch_point"]?.objectValue
    guard let point, let origin = point["run_id"]?.stringValue, origin != change.run.name,
      let step = point["step"]?.doubleValue.flatMap({ Int64(exactly: $0.rounded()) })
    else { return }
    guard let from = try await storage.run(projectID: change.run.projectID, name: origin) else {
      throw ServerFault(404, "there is no run \(origin) to fork from in this project")
    }
    change.addedSegments = try await histories.copy(from: from.id, upTo: step, to: change.run.id)
    change.run.fork = ForkOrigin(runID: from.id, step: step)
    let view = try await histories.view(runID: from.id, stream: .history)
    change.run.historyTail = try await tail(of: view, upTo: step)
    if let first = view.firstStep, first <= step { change.run.lastStep = min(step, view.lastStep ?? step) }
  }

  static func newRunID() -> String {
    let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
    return String((0..<8).map { _ in letters[Int.random(in: 0..<letters.count)] })
  }
}
