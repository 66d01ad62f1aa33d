import GraphQL
import QuipuBase
import RunFilters
import Storage

/// A sequence or a portfolio.
struct ArtifactCollectionNode: GraphQLObject {
  let graph: GraphContext
  let collection: ArtifactCollectionRecord
  var typeName: String { ArtifactCollectionID.typeName(collection) }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    let arguments = field.arguments
    switch field.name {
    case "id": return .string(ArtifactCollectionID.make(collection))
    case "name": return .string(collection.name)
    case "state": return .string("READY")
    case "createdAt": return .time(collection.createdAt)
    case "updatedAt": return .time(collection.updatedAt)
    case "project":
      return .node(
        try await graph.storage.project(id: collection.projectID).map { ProjectNode(graph: graph, project: $0) })
    case "defaultArtifactType":
      return .object(
        RecordNode(
          "ArtifactType",
          [
            "id": .string(base64Text("ArtifactType:\(collection.projectID):\(collection.type)")),
            "name": .string(collection.type), "createdAt": .time(collection.createdAt),
          ]))
    case "tags": return .object(ConnectionNode("TagConnection", []))
    case "aliases": return try await aliases(arguments)
    case "artifacts": return try await versions(arguments)
    case "artifactMembership":
      return .node(
        try await graph.artifacts.membership(
          collectionID: collection.id, alias: arguments.string("aliasName") ?? ""
        ).map { ArtifactMembershipNode(graph: graph, membership: $0) })
    case "latestArtifact":
      return .node(
        try await graph.artifacts.latest(sequenceID: collection.id).map { ArtifactNode(graph: graph, artifact: $0) })
    case "digestAlgorithm":
      return .text(try await graph.artifacts.latest(sequenceID: collection.id)?.digestAlgorithm)
    default: return .null
    }
  }

  private func aliases(_ arguments: GraphQLArguments) async throws -> GraphQLValue {
    let all = try await memberships().flatMap(\.aliases).sorted { $0.id < $1.id }
    let after = arguments.string("after").flatMap { Int64($0) } ?? 0
    let rest = all.filter { $0.id > after }
    let limit = try graph.pageSize(arguments, default: 1000)
    return .object(
      ConnectionNode(
        "ArtifactAliasConnection",
        rest.prefix(limit).map { alias in
          (ArtifactAliasNode(graph: graph, alias: alias, collectionID: collection.id), "\(alias.id)")
        },
        hasNextPage: rest.count > limit, totalCount: { all.count }))
  }

  private func memberships() async throws -> [ArtifactMembershipRecord] {
    try await graph.storage.artifactMemberships(
      collectionID: collection.id, beyond: nil, isAscending: false, limit: .max)
  }

  // MARK: Versions

  private typealias Version = (membership: ArtifactMembershipRecord, artifact: ArtifactRecord)

  /// Newest first, unless another order is asked for. The cursor is the version's number.
  private func versions(_ arguments: GraphQLArguments) async throws -> GraphQLValue {
    let limit = try graph.pageSize(arguments, default: 50)
    let after = arguments.string("after").flatMap { Int64($0) }
    let (filter, order) = try selection(arguments)
    let storage = graph.storage
    let id = collection.id
    if filter == nil, order == nil {
      let found = try await storage.artifactMemberships(
        collectionID: id, beyond: after, isAscending: false, limit: limit + 1)
      return .object(
        connection(try await load(Array(found.prefix(limit))), found.count > limit) {
          try await storage.countArtifactMemberships(collectionID: id)
        })
    }
    var all = try await load(try await memberships()).map { (version: $0, view: ArtifactView(artifact: $0.artifact)) }
    if let filter { all = all.filter { filter.matches($0.view) } }
    if let order {
      let keyed = all.map { (element: $0, key: order.key(of: $0.view)) }
      all = keyed.sorted { a, b in
        let comparison = order.compare(a.key, b.key)
        guard comparison == 0 else { return comparison < 0 }
        let (first, second) = (a.element.version.membership.version, b.element.version.membership.version)
        return order.isDescending ? first > second : first < second
      }.map(\.element)
    }
    var rest = all.map(\.version)[...]
    if let after {
      guard let index = rest.firstIndex(where: { $0.membership.version == after }) else {
        throw GraphQLError("the cursor does not come from this listing")
      }
      rest = rest[(index + 1)...]
    }
    let count = all.count
    return .object(connection(Array(rest.prefix(limit)), rest.count > limit) { count })
  }

  private func connection(
    _ versions: [Version], _ hasNextPage: Bool, _ count: @escaping @Sendable () async throws -> Int
  ) -> ConnectionNode {
    ConnectionNode(
      "VersionedArtifactConnection",
      edges: versions.map { version in
        (
          ArtifactNode(graph: graph, artifact: version.artifact), "\(version.membership.version)",
          ["version": .string("v\(version.membership.version)")]
        )
      },
      hasNextPage: hasNextPage, totalCount: count)
  }

  private func load(_ memberships: [ArtifactMembershipRecord]) async throws -> [Version] {
    var versions: [Version] = []
    for membership in memberships {
      guard let artifact = try await graph.storage.artifact(id: membership.artifactID) else { continue }
      versions.append((membership, artifact))
    }
    return versions
  }

  /// Nil for what says nothing: every version is committed, and the newest come first anyway.
  private func selection(_ arguments: GraphQLArguments) throws -> (RunFilter?, RunOrder?) {
    do {
      var filter: RunFilter?
      if let text = RunService.given(arguments.string("filters")) {
        let json = try JSON(parsing: text)
        if json != ["state": "COMMITTED"], json != [:], json != .null { filter = try RunFilter(json: json) }
      }
      let order = try RunService.given(arguments.string("order")).map { try RunOrder($0) }
      return (filter, order)
    } catch let error as FilterError {
      throw GraphQLError(error.message)
    } catch let error as JSONError {
      throw GraphQLError("'filters' is not JSON: \(error)")
    }
  }
}

/// An artifact as filters and orders see it: its state, tags, description and moments.
struct ArtifactView: RunFields {
  let artifact: ArtifactRecord

  func field(_ field: RunField) -> FieldValue {
    switch field {
    case .createdAt: .number(artifact.createdAt.seconds)
    case .heartbeatAt: .number((artifact.updatedAt ?? artifact.createdAt).seconds)
    case .description: artifact.description.map { .string($0) } ?? .missing
    case .state: .string(artifact.state.rawValue)
    case .tags: .list(artifact.tags.map { .string($0) })
    default: .missing
    }
  }

  func config(_ path: [String]) -> FieldValue { .missing }
  func summary(_ path: [String]) -> FieldValue { .missing }
}
