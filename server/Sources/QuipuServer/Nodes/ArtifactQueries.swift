import GraphQL
import QuipuBase
import Storage

/// The fields of other nodes that lead to artifacts. Source: protocol reference, 12.6 and 12.9.
struct ArtifactQueries: Sendable {
  let graph: GraphContext

  private var storage: any Storage { graph.storage }

  // MARK: The root

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    let arguments = field.arguments
    switch field.name {
    case "artifact":
      guard let id = GlobalID.parse(arguments.string("id") ?? "", kind: "Artifact") else { return .null }
      return .node(try await storage.artifact(id: id).map { ArtifactNode(graph: graph, artifact: $0) })
    case "artifactCollection":
      guard let id = ArtifactCollectionID.parse(arguments.string("id") ?? "") else { return .null }
      return node(try await storage.artifactCollection(id: id))
    case "clientIDMapping":
      let clientID = arguments.string("clientID") ?? ""
      if let artifact = try await storage.artifact(clientID: clientID, isSequence: false) {
        return mapping(GlobalID.make("Artifact", artifact.id))
      }
      guard let artifact = try await storage.artifact(clientID: clientID, isSequence: true) else { return .null }
      return mapping(GlobalID.make("ArtifactSequence", artifact.sequenceID))
    default: return .null
    }
  }

  private func mapping(_ id: String) -> GraphQLValue {
    .object(RecordNode("ClientIDMapping", ["serverID": .string(id)]))
  }

  /// A collection to which nothing was ever committed is nobody's business.
  private func node(_ collection: ArtifactCollectionRecord?) -> GraphQLValue {
    guard let collection, collection.nextVersion > 0 else { return .null }
    return .object(ArtifactCollectionNode(graph: graph, collection: collection))
  }

  // MARK: A project

  func resolve(_ field: GraphQLField, in project: ProjectRecord) async throws -> GraphQLValue {
    let name = field.arguments.string("name") ?? ""
    switch field.name {
    case "artifact":
      guard let membership = try await graph.artifacts.membership(projectID: project.id, name: name) else {
        return .null
      }
      return .node(
        try await storage.artifact(id: membership.artifactID).map { ArtifactNode(graph: graph, artifact: $0) })
    case "artifactCollectionMembership":
      return .node(
        try await graph.artifacts.membership(projectID: project.id, name: name)
          .map { ArtifactMembershipNode(graph: graph, membership: $0) })
    case "artifactCollection":
      return node(try await storage.artifactCollection(projectID: project.id, name: name))
    case "artifactCollections":
      return try await collections(field.arguments, projectID: project.id, type: nil)
    case "artifactType":
      return .node(
        try await storage.artifactTypes(projectID: project.id).first { $0.name.utf8.elementsEqual(name.utf8) }
          .map { ArtifactTypeNode(graph: graph, type: $0) })
    case "artifactTypes":
      let types = try await storage.artifactTypes(projectID: project.id)
      let after = RunService.given(field.arguments.string("after"))
      let rest = types.filter { type in after.map { $0.utf8.lexicographicallyPrecedes(type.name.utf8) } ?? true }
      let limit = try graph.pageSize(field.arguments, default: 50)
      return .object(
        ConnectionNode(
          "ArtifactTypeConnection",
          rest.prefix(limit).map { (ArtifactTypeNode(graph: graph, type: $0), $0.name) },
          hasNextPage: rest.count > limit, totalCount: { types.count }))
    default: return .null
    }
  }

  func collection(_ name: String, type: ArtifactTypeRecord) async throws -> GraphQLValue {
    let found = try await storage.artifactCollection(projectID: type.projectID, name: name)
    return node(found?.type.utf8.elementsEqual(type.name.utf8) == true ? found : nil)
  }

  func collections(_ arguments: GraphQLArguments, projectID: Int64, type: String?) async throws -> GraphQLValue {
    for name in ["filters", "order"] {
      let text = arguments.string(name) ?? ""
      guard ["", "{}", "null"].contains(text) else {
        throw GraphQLError("'\(name)' of artifact collections is not supported here")
      }
    }
    let limit = try graph.pageSize(arguments, default: 50)
    let found = try await storage.artifactCollections(
      projectID: projectID, type: type, before: arguments.string("after").flatMap { Int64($0) }, limit: limit + 1)
    let storage = storage
    return .object(
      ConnectionNode(
        "ArtifactCollectionConnection",
        found.prefix(limit).map { (ArtifactCollectionNode(graph: graph, collection: $0), "\($0.id)") },
        hasNextPage: found.count > limit,
        totalCount: { try await storage.countArtifactCollections(projectID: projectID, type: type) }))
  }

  // MARK: A run

  func resolve(_ field: GraphQLField, of run: RunRecord) async throws -> GraphQLValue {
    let role: ArtifactRole = field.name == "outputArtifacts" ? .output : .input
    let limit = try graph.pageSize(field.arguments, default: 50)
    let found = try await storage.artifacts(
      runID: run.id, role: role, after: field.arguments.string("after").flatMap { Int64($0) }, limit: limit + 1)
    let storage = storage
    return .object(
      ConnectionNode(
        "ArtifactConnection", found.prefix(limit).map { (ArtifactNode(graph: graph, artifact: $0), "\($0.id)") },
        hasNextPage: found.count > limit,
        totalCount: { try await storage.countArtifacts(runID: run.id, role: role) }))
  }

  // MARK: Files

  func files(_ arguments: GraphQLArguments, artifactID: Int64) async throws -> GraphQLValue {
    let limit = try graph.pageSize(arguments, default: 50)
    let names = arguments.strings("names") ?? []
    let found = try await storage.artifactFiles(
      artifactID: artifactID, names: names, after: RunService.given(arguments.string("after")), limit: limit + 1)
    let storage = storage
    return .object(
      ConnectionNode(
        "FileConnection", found.prefix(limit).map { (ArtifactFileNode(graph: graph, file: $0), $0.name) },
        hasNextPage: found.count > limit,
        totalCount: { try await storage.countArtifactFiles(artifactID: artifactID) }))
  }

  /// Those of the entries that are files here, in the order of the entries.
  func files(ofEntries arguments: GraphQLArguments, artifactID: Int64) async throws -> GraphQLValue {
    let names = arguments.objects("entries")?.compactMap { $0.string("name") } ?? []
    let files = names.isEmpty
      ? [] : try await storage.artifactFiles(artifactID: artifactID, names: names, after: nil, limit: names.count)
    let byName = Dictionary(files.map { (Key($0.name), $0) }, uniquingKeysWith: { first, _ in first })
    return .object(
      ConnectionNode(
        "FileConnection",
        names.compactMap { name in
          byName[Key(name)].map { (ArtifactFileNode(graph: graph, file: $0), $0.name) }
        }))
  }
}
