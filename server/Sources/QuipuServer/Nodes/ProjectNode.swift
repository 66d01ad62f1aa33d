import GraphQL
import QuipuBase
import RunFilters
import Storage

struct ProjectNode: GraphQLObject {
  let graph: GraphContext
  let project: ProjectRecord
  var typeName: String { "Project" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    let arguments = field.arguments
    switch field.name {
    case "id": return .string(GlobalID.make("Project", project.id))
    case "internalId": return .string("\(project.id)")
    case "name": return .string(project.name)
    case "entityName": return .string(project.entity)
    case "entity":
      return .node(try await graph.storage.entity(named: project.entity).map { EntityNode(graph: graph, entity: $0) })
    case "description": return .text(project.description)
    case "access": return .string("USER_WRITE")
    case "views": return .json("{}")
    case "createdAt", "updatedAt": return .time(project.createdAt)
    case "isBenchmark": return .bool(false)
    case "readOnly": return .bool(graph.scope.key.isReadOnly)
    case "user": return .object(UserNode(graph: graph))
    case "runCount": return .int(Int64(try await graph.storage.countRuns(query(arguments, limit: 0))))
    case "runs": return try await runs(arguments)
    case "run", "bucket":
      let name = arguments.string("name") ?? ""
      if let run = try await graph.storage.run(projectID: project.id, name: name) {
        return .object(RunNode(graph: graph, project: project, run: run))
      }
      guard field.name == "run" || arguments.bool("missingOk") == true else {
        throw GraphQLError("run \(project.entity)/\(project.name)/\(name) not found")
      }
      return .null
    case "sweep": return try await sweep(arguments)
    case "sweeps": return try await sweeps(arguments)
    case "totalSweeps": return .int(Int64(try await graph.storage.countSweeps(projectID: project.id)))
    case "artifact", "artifactType", "artifactTypes", "artifactCollection", "artifactCollections",
      "artifactCollectionMembership":
      return try await ArtifactQueries(graph: graph).resolve(field, in: project)
    default: return .null
    }
  }

  private func query(_ arguments: GraphQLArguments, limit: Int) throws -> RunQuery {
    do {
      var filter: RunFilter?
      if let text = arguments.string("filters"), !text.isEmpty {
        filter = try RunFilter(json: try JSON(parsing: text))
      }
      let liveness = graph.server.liveness
      return RunQuery(
        projectID: project.id, filter: filter, order: try RunOrder(arguments.string("order")),
        after: RunService.given(arguments.string("after")), limit: limit, username: graph.user
      ) { liveness.state($0, heartbeatAt: $1) }
    } catch let error as FilterError {
      throw GraphQLError(error.message)
    } catch let error as JSONError {
      throw GraphQLError("'filters' is not JSON: \(error)")
    }
  }

  private func runs(_ arguments: GraphQLArguments) async throws -> GraphQLValue {
    let query = try query(arguments, limit: try graph.pageSize(arguments, default: 50))
    let page: RunPage
    do {
      page = try await graph.storage.runs(query)
    } catch let error as FilterError {
      // A cursor from elsewhere is found out where it is read.
      throw GraphQLError(error.message)
    }
    let storage = graph.storage
    return .object(
      ConnectionNode(
        "RunConnection",
        page.runs.map { (RunNode(graph: graph, project: project, run: $0.run), $0.cursor) },
        hasNextPage: page.hasNext, totalCount: { try await storage.countRuns(query) }))
  }
}
