import GraphQL
import QuipuBase
import Storage

/// The server's user. There is one; keys are told apart by name only.
struct UserNode: GraphQLObject {
  let graph: GraphContext
  var typeName: String { "User" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": return .string(GlobalID.make("User", 1))
    case "name", "username", "entity": return .string(graph.user)
    case "email": return .string("")
    case "admin": return .bool(!graph.scope.key.isReadOnly)
    case "flags": return .string(#"{"code_saving_enabled":true}"#)
    case "apiKeys":
      let keys = try await graph.storage.keys()
      return .object(
        ConnectionNode("ApiKeyConnection", keys.map { (APIKeyNode(name: "…\($0.hint)", key: $0), "\($0.id)") }))
    case "teams":
      let entities = try await graph.storage.entities()
      return .object(
        ConnectionNode("EntityConnection", entities.map { (EntityNode(graph: graph, entity: $0), "\($0.id)") }))
    case "organizations": return .list([])
    default: return .null
    }
  }
}

/// The secret is shown once, when a key is made; afterwards `name` tells its last characters only.
struct APIKeyNode: GraphQLObject {
  let name: String
  let key: APIKeyRecord
  var typeName: String { "ApiKey" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": .string(GlobalID.make("ApiKey", key.id))
    case "name": .string(name)
    case "description": .string(key.name)
    default: .null
    }
  }
}

struct EntityNode: GraphQLObject {
  let graph: GraphContext
  let entity: EntityRecord
  var typeName: String { "Entity" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": return .string(GlobalID.make("Entity", entity.id))
    case "name": return .string(entity.name)
    case "available": return .bool(false)
    case "readOnly": return .bool(graph.scope.key.isReadOnly)
    case "readOnlyAdmin", "privateOnly", "isPaid": return .bool(false)
    case "xxhashDigestsEnabled": return .bool(true)
    case "isTeam": return .bool(entity.isTeam)
    case "entityType": return .string(entity.isTeam ? "team" : "user")
    case "storageBytes": return .int(0)
    case "codeSavingEnabled": return .bool(true)
    case "defaultAccess": return .string("USER_WRITE")
    case "members":
      let member = RecordNode(
        "Member",
        [
          "id": .string(GlobalID.make("User", 1)), "admin": .bool(true), "role": .string("admin"),
          "pending": .bool(false), "email": .string(""), "username": .string(graph.user), "name": .string(graph.user),
          "accountType": .string("MEMBER"),
        ])
      return .list([.object(member)])
    case "projects": return try await projectConnection(field, graph: graph, entity: entity.name)
    case "project":
      guard let name = field.arguments.string("name"),
        let project = try await graph.storage.project(entity: entity.name, name: name)
      else { return .null }
      return .object(ProjectNode(graph: graph, project: project))
    default: return .null
    }
  }
}

func projectConnection(_ field: GraphQLField, graph: GraphContext, entity: String?) async throws -> GraphQLValue {
  let limit = try graph.pageSize(field.arguments, default: 50)
  let after = field.arguments.string("after").flatMap { Int64($0) }
  let projects = try await graph.storage.projects(entity: entity, before: after, limit: limit + 1)
  return .object(
    ConnectionNode(
      "ProjectConnection",
      projects.prefix(limit).map { (ProjectNode(graph: graph, project: $0), "\($0.id)") },
      hasNextPage: projects.count > limit))
}
