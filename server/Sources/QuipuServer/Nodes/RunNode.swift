import GraphQL
import HistoryColumns
import QuipuBase
import RunFilters
import Storage

struct RunNode: GraphQLObject {
  let graph: GraphContext
  let project: ProjectRecord
  let run: RunRecord
  var typeName: String { "Run" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": .string(GlobalID.make("Run", run.id))
    case "name": .string(run.name)
    case "displayName": .string(run.displayName)
    case "description": .text(run.description)
    case "notes": .text(run.notes)
    case "tags": .texts(run.tags)
    case "group": .text(run.group)
    case "jobType": .text(run.jobType)
    case "commit": .text(run.commit)
    case "repo": .text(run.repo)
    case "program": .text(run.program)
    case "host": .text(run.host)
    case "sweepName": .text(run.sweep)
    case "state": .string(graph.state(of: run).rawValue)
    case "exitcode": run.exitCode.map { .int($0) } ?? .null
    case "readOnly": .bool(graph.scope.key.isReadOnly)
    case "createdAt": .time(run.createdAt)
    case "updatedAt", "heartbeatAt": .time(run.heartbeatAt)
    case "projectId": .string("\(project.id)")
    case "project": .object(ProjectNode(graph: graph, project: project))
    case "user": .object(UserNode(graph: graph))
    case "config": .string(run.config)
    case "summaryMetrics": .string(run.summary)
    case "systemMetrics": .text(run.eventsTail)
    case "wandbConfig": .string(wandbConfig(field.arguments.strings("keys")))
    case "historyLineCount": .int(run.historyLineCount)
    case "eventsLineCount": .int(run.eventsLineCount)
    case "logLineCount": .int(run.logLineCount)
    case "historyTail": .string(Self.tail(run.historyTail))
    case "eventsTail": .string(Self.tail(run.eventsTail))
    case "stopped", "shouldStop": .bool(run.isStopRequested)
    case "running": .bool([.running, .preempting].contains(graph.state(of: run)))
    case "failed": .bool([.failed, .crashed].contains(graph.state(of: run)))
    case "alerts": try await alerts(field.arguments)
    case "fileCount": .int(Int64(try await graph.storage.countFiles(runID: run.id)))
    case "files": try await files(field.arguments)
    case "logLines": try await logLines(field.arguments)
    case "outputArtifacts", "inputArtifacts": try await ArtifactQueries(graph: graph).resolve(field, of: run)
    case "historyKeys", "history", "events", "sampledHistory", "bucketedHistory", "parquetHistory":
      try await rows(field)
    default: .null
    }
  }

  private static func tail(_ line: String?) -> String {
    JSON.array(line.map { [.string($0)] } ?? []).text(style: .core)
  }

  /// The asked keys of `_wandb` in the config.
  private func wandbConfig(_ keys: [String]?) -> String {
    let config = (try? JSON(parsing: run.config))?.objectValue ?? [:]
    let wandb = config["_wandb"]?.objectValue?["value"]?.objectValue ?? [:]
    guard let keys else { return JSON.object(wandb).text(style: .core) }
    var chosen = JSONObject()
    for key in keys { chosen[Key(key)] = wandb[Key(key)] }
    return JSON.object(chosen).text(style: .core)
  }

  private func alerts(_ arguments: GraphQLArguments) async throws -> GraphQLValue {
    let alerts = try await graph.storage.alerts(runID: run.id, limit: try graph.pageSize(arguments, default: 100))
    return .list(
      alerts.map {
        .object(
          RecordNode(
            "Alert",
            [
              "id": .string(GlobalID.make("Alert", $0.id)), "title": .string($0.title), "text": .string($0.text),
              "severity": .string($0.severity), "createdAt": .time($0.createdAt),
            ]))
      })
  }

  // MARK: Files

  private func files(_ arguments: GraphQLArguments) async throws -> GraphQLValue {
    let limit = try graph.pageSize(arguments, default: 50)
    let names = arguments.strings("names") ?? []
    let found = try await graph.storage.files(
      runID: run.id, names: names, pattern: arguments.string("pattern"),
      after: RunService.given(arguments.string("after")), limit: limit + 1)
    var nodes: [(node: any GraphQLObject, cursor: String)] = found.prefix(limit).map {
      (RunFileNode(graph: graph, project: project, run: run, name: $0.name, file: $0), $0.name)
    }
    // A client that asks for one file by name takes the first answer unseen: one that is not there is an empty file to
    // it (protocol reference, 15.4).
    if found.isEmpty, names.count == 1, let name = names.first, arguments.string("after") ?? "" == "", limit > 0 {
      nodes = [(RunFileNode(graph: graph, project: project, run: run, name: name, file: nil), name)]
    }
    let storage = graph.storage
    let id = run.id
    return .object(
      ConnectionNode(
        "FileConnection", nodes, hasNextPage: found.count > limit,
        totalCount: { try await storage.countFiles(runID: id) }))
  }

  // MARK: Console

  private func logLines(_ arguments: GraphQLArguments) async throws -> GraphQLValue {
    if let last = arguments.int("last") {
      let limit = Int(max(0, min(last, Int64(graph.server.configuration.limits.pageSize))))
      let lines = try await graph.storage.consoleTail(runID: run.id, limit: limit)
      return connection(lines, hasNextPage: false)
    }
    let limit = try graph.pageSize(arguments, default: 1000)
    let after = RunService.given(arguments.string("after")).flatMap(ConsoleCursor.init(text:))
    let lines = try await graph.storage.console(
      runID: run.id, after: after.map { ($0.writer, $0.number) }, limit: limit + 1)
    return connection(Array(lines.prefix(limit)), hasNextPage: lines.count > limit)
  }

  private func connection(_ lines: [ConsoleLine], hasNextPage: Bool) -> GraphQLValue {
    .object(
      ConnectionNode(
        "LogLineConnection",
        lines.map { line in
          let text = ConsoleText(line.content)
          let node = RecordNode(
            "LogLine",
            [
              "number": .int(line.number), "timestamp": .text(text.timestamp), "level": .string(text.level),
              "label": .string(text.label), "line": .string(text.text),
            ])
          return (node, ConsoleCursor(writer: line.writer, number: line.number).text)
        }, hasNextPage: hasNextPage))
  }

  // MARK: Rows

  private func rows(_ field: GraphQLField) async throws -> GraphQLValue {
    let rows = RunRows(histories: graph.server.histories, runID: run.id)
    let arguments = field.arguments
    switch field.name {
    case "historyKeys": return .raw(try await rows.keys())
    case "history":
      let sampled = arguments.int("minStep") == nil && arguments.int("maxStep") == nil
      let range = RunRows.range(arguments.int("minStep"), upTo: arguments.int("maxStep"))
      let samples = arguments.int("samples").map { Int(clamping: $0) }
      return .raw(try await rows.texts(.history, steps: range, samples: sampled ? samples ?? 500 : nil))
    case "events":
      let samples = arguments.int("samples").map { Int(clamping: $0) } ?? 500
      return .raw(try await rows.texts(.events, steps: RunRows.range(nil, upTo: nil), samples: samples))
    case "sampledHistory":
      return .raw(try await rows.sampled(specs: try specs(arguments)))
    case "bucketedHistory":
      return .raw(try await rows.buckets(specs: try specs(arguments)))
    case "parquetHistory":
      // No steps at all lets a client page through everything (15.3).
      return .object(RecordNode("ParquetHistory", ["parquetUrls": .list([]), "liveData": .list([])]))
    default: return .null
    }
  }

  private func specs(_ arguments: GraphQLArguments) throws -> [JSONObject] {
    try (arguments.strings("specs") ?? []).map { text in
      guard let json = try? JSON(parsing: text), case .object(let spec) = json else {
        throw GraphQLError("a spec must hold a JSON object")
      }
      return spec
    }
  }
}

/// A file of a run, stored or only asked for.
struct RunFileNode: GraphQLObject {
  let graph: GraphContext
  let project: ProjectRecord
  let run: RunRecord
  let name: String
  let file: FileRecord?
  var typeName: String { "File" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": .string(file.map { GlobalID.make("File", $0.id) } ?? base64Text("File:0"))
    case "name", "displayName": .string(name)
    case "url":
      .string(
        field.arguments.bool("upload") == true
          ? graph.links.upload(runID: run.id, name: name)
          : graph.links.plain(project: project, run: run.name, name: name))
    case "directUrl": .string(graph.links.download(runID: run.id, name: name))
    case "uploadUrl": .string(graph.links.upload(runID: run.id, name: name))
    case "uploadHeaders": .list([])
    case "sizeBytes": .int(file?.blob.size ?? 0)
    case "storagePath": .text(file?.blob.objectKey)
    case "mimetype": .string(MediaType.guess(name))
    case "updatedAt": .time(file?.updatedAt)
    case "digest", "md5": .text(file?.blob.md5)
    default: .null
    }
  }
}
