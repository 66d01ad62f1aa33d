import GraphQL
import QuipuBase
import Storage

/// The root of mutations.
struct MutationNode: GraphQLObject {
  let graph: GraphContext
  var typeName: String { "Mutation" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    try await refusingAsGraphQL {
      try graph.scope.key.checkMayWrite()
      let input = field.arguments.object("input") ?? GraphQLArguments()
      switch field.name {
      case "upsertBucket": return try await upsertBucket(input)
      case "rewindRun": return try await rewindRun(input)
      case "deleteRun":
        let id = try await run(input).id
        if input.bool("deleteArtifacts") == true { try await graph.artifacts.deleteArtifacts(ofRun: id) }
        try await graph.runs.delete(runID: id)
        return .object(RecordNode("DeleteRunPayload", [:]))
      case "updateRunState":
        try await graph.runs.setState(runID: try await run(input).id, input.string("state") ?? "")
        return RecordNode.success()
      case "stopRun":
        try await graph.runs.stop(runID: try await run(input).id)
        return RecordNode.success()
      case "upsertModel": return try await upsertModel(input)
      case "createRunFiles": return try await createRunFiles(input)
      case "markRunFilesUploaded":
        _ = try await namedRun(input)
        return RecordNode.success()
      case "deleteFiles": return try await deleteFiles(input)
      case "notifyScriptableRunAlert": return try await alert(input)
      case "generateApiKey": return try await generateKey(input)
      case "deleteApiKey":
        guard let id = GlobalID.parse(input.string("id") ?? "", kind: "ApiKey") else {
          throw GraphQLError("there is no such API key")
        }
        return RecordNode.success(try await graph.storage.removeKey(id: id))
      case "upsertSweep", "createAgent", "agentHeartbeat":
        return try await SweepMutations(graph: graph).resolve(field.name, input)
      case "createTeam":
        let name = input.string("teamName") ?? ""
        try Names.checkEntity(name)
        let team = try await graph.storage.ensureEntity(named: name, isTeam: true)
        return .object(RecordNode("CreateTeamPayload", ["entity": .object(EntityNode(graph: graph, entity: team))]))
      default: return try await ArtifactMutations(graph: graph).resolve(field.name, input)
      }
    }
  }

  private func run(_ input: GraphQLArguments) async throws -> RunRecord {
    try await graph.runs.run(globalID: input.string("id") ?? "")
  }

  private func namedRun(_ input: GraphQLArguments) async throws -> RunRecord {
    try await graph.runs.run(
      entity: input.string("entityName"), project: input.string("projectName"), name: input.string("runName") ?? "")
  }

  private func node(_ run: RunRecord) async throws -> RunNode {
    guard let project = try await graph.storage.project(id: run.projectID) else {
      throw StorageError.damaged("run \(run.id) has no project")
    }
    return RunNode(graph: graph, project: project, run: run)
  }

  // MARK: Runs

  private func upsertBucket(_ input: GraphQLArguments) async throws -> GraphQLValue {
    let (run, inserted) = try await graph.runs.upsert(input)
    return .object(
      RecordNode("UpsertBucketPayload", ["bucket": .object(try await node(run)), "inserted": .bool(inserted)]))
  }

  private func rewindRun(_ input: GraphQLArguments) async throws -> GraphQLValue {
    let metric = input.string("metricName") ?? ""
    guard metric == "_step" else { throw GraphQLError("a run can be rewound to a '_step' only, not to '\(metric)'") }
    guard let step = input.double("metricValue").flatMap({ Int64(exactly: $0) }), step >= 0 else {
      throw GraphQLError("the step to rewind to must be a whole number from 0")
    }
    let run = try await graph.runs.rewind(runID: try await namedRun(input).id, to: step)
    return .object(RecordNode("RewindRunPayload", ["rewoundRun": .object(try await node(run))]))
  }

  private func alert(_ input: GraphQLArguments) async throws -> GraphQLValue {
    let run = try await namedRun(input)
    let title = input.string("title") ?? ""
    let text = input.string("text") ?? ""
    guard !title.isEmpty, title.utf8.count <= 1024, text.utf8.count <= 64 << 10 else {
      throw GraphQLError("an alert has a title of 1 to 1024 bytes and a text of at most 64 KiB")
    }
    let alert = AlertRecord(
      runID: run.id, title: title, text: text, severity: input.string("severity") ?? "INFO",
      waitSeconds: max(0, input.double("waitDuration") ?? 60_000) / 1000)
    if try await graph.storage.addAlert(alert), let project = try await graph.storage.project(id: run.projectID) {
      graph.server.alerts.send(alert, run: run, project: project)
    }
    return RecordNode.success()
  }

  private func upsertModel(_ input: GraphQLArguments) async throws -> GraphQLValue {
    var (project, isNew) = try await graph.runs.ensureProject(
      entity: input.string("entityName"), name: input.string("name"))
    if let description = input.string("description") {
      try await graph.storage.updateProject(id: project.id, description: description)
      project.description = description
    }
    let node = ProjectNode(graph: graph, project: project)
    return .object(
      RecordNode("UpsertModelPayload", ["project": .object(node), "model": .object(node), "inserted": .bool(isNew)]))
  }

  // MARK: Files

  private func createRunFiles(_ input: GraphQLArguments) async throws -> GraphQLValue {
    let run = try await namedRun(input)
    guard let project = try await graph.storage.project(id: run.projectID) else {
      throw StorageError.damaged("run \(run.id) has no project")
    }
    let names = input.strings("files") ?? []
    for name in names { try Names.checkFile(name) }
    return .object(
      RecordNode(
        "CreateRunFilesPayload",
        [
          "runID": .string(GlobalID.make("Run", run.id)), "uploadHeaders": .list([]),
          "files": .list(
            names.map { .object(RunFileNode(graph: graph, project: project, run: run, name: $0, file: nil)) }),
        ]))
  }

  private func deleteFiles(_ input: GraphQLArguments) async throws -> GraphQLValue {
    let ids = (input.strings("files") ?? []).compactMap { GlobalID.parse($0, kind: "File") }
    try await graph.storage.deleteFiles(ids: ids)
    return RecordNode.success()
  }

  // MARK: Keys

  private func generateKey(_ input: GraphQLArguments) async throws -> GraphQLValue {
    let (key, secret) = try await APIKeys(storage: graph.storage).make(
      name: RunService.given(input.string("description")) ?? "made over the API", isReadOnly: false)
    // Here and only here the name is the key itself.
    return .object(
      RecordNode("GenerateApiKeyPayload", ["apiKey": .object(APIKeyNode(name: secret, key: key))]))
  }
}
