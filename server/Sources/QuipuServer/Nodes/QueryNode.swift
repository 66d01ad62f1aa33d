import GraphQL
import QuipuBase
import Storage

/// The root of queries.
struct QueryNode: GraphQLObject {
  let graph: GraphContext
  var typeName: String { "Query" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    let arguments = field.arguments
    switch field.name {
    case "viewer": return .object(UserNode(graph: graph))
    case "serverInfo": return .object(ServerInfoNode())
    case "entity":
      guard let name = arguments.string("name") else { return .null }
      return .node(try await graph.storage.entity(named: name).map { EntityNode(graph: graph, entity: $0) })
    case "organization": return .null
    case "users":
      let query = arguments.string("query") ?? ""
      let found = query.isEmpty || query == graph.user ? [(UserNode(graph: graph), "1")] : []
      return .object(ConnectionNode("UserConnection", found))
    case "models":
      let entity = RunService.given(arguments.string("entityName")) ?? graph.user
      return try await projectConnection(field, graph: graph, entity: entity)
    case "model", "project":
      let project = try await graph.runs.project(
        entity: arguments.string("entityName"), name: arguments.string("name"))
      return .node(project.map { ProjectNode(graph: graph, project: $0) })
    case "artifact", "artifactCollection", "clientIDMapping":
      return try await ArtifactQueries(graph: graph).resolve(field)
    default: return .null
    }
  }
}

struct ServerInfoNode: GraphQLObject {
  var typeName: String { "ServerInfo" }

  /// What clients change their behaviour for. Source: protocol reference, 7.1.
  static let features = [
    "STRUCTURED_CONSOLE_LOGS": false, "FILESTREAM_GZIP": true, "MARK_RUN_FILES_UPLOADED": true,
    "TOTAL_COUNT_IN_FILE_CONNECTION": true, "ARTIFACT_DIGEST_ALGORITHM": true,
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE": true,
    "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID": true,
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION": true,
  ]

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "features":
      return .list(
        Self.features.sorted { $0.key < $1.key }.map {
          .object(RecordNode("ServerFeature", ["name": .string($0.key), "isEnabled": .bool($0.value)]))
        })
    case "cliVersionInfo": return .json([:])
    case "latestLocalVersionInfo": return .null
    default: return .null
    }
  }
}
