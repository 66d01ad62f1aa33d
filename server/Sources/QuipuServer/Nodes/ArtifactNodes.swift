import GraphQL
import QuipuBase
import Storage

/// A version of an artifact.
struct ArtifactNode: GraphQLObject {
  let graph: GraphContext
  let artifact: ArtifactRecord
  var typeName: String { "Artifact" }

  private var queries: ArtifactQueries { ArtifactQueries(graph: graph) }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": return .string(GlobalID.make("Artifact", artifact.id))
    case "artifactSequence":
      return .object(ArtifactCollectionNode(graph: graph, collection: try await sequence()))
    case "versionIndex":
      let membership = try await graph.storage.artifactMembership(
        collectionID: artifact.sequenceID, artifactID: artifact.id)
      return membership.map { .int($0.version) } ?? .null
    case "artifactType":
      let sequence = try await sequence()
      return .object(
        RecordNode(
          "ArtifactType",
          [
            "id": .string(base64Text("ArtifactType:\(sequence.projectID):\(sequence.type)")),
            "name": .string(sequence.type), "createdAt": .time(sequence.createdAt),
          ]))
    case "description": return .text(artifact.description)
    case "metadata": return .text(artifact.metadata)
    // -2: it does not expire. This server keeps what it was told, and deletes nothing by itself.
    case "ttlDurationSeconds": return .int(artifact.ttlSeconds.flatMap { $0 > 0 ? $0 : nil } ?? -2)
    case "ttlIsInherited": return .bool(artifact.ttlSeconds.map { $0 == -1 } ?? true)
    case "tags":
      return .list(
        artifact.tags.map {
          .object(RecordNode("Tag", ["id": .string(base64Text("Tag:\($0)")), "name": .string($0)]))
        })
    case "historyStep": return artifact.historyStep.map { .int($0) } ?? .null
    case "state": return .string(artifact.state.rawValue)
    case "size": return .int(artifact.size)
    case "digest": return .string(artifact.digest)
    case "digestAlgorithm": return .string(artifact.digestAlgorithm)
    case "commitHash": return .string(String(artifact.digest.prefix(20)))
    case "fileCount": return .int(artifact.fileCount)
    case "createdAt": return .time(artifact.createdAt)
    case "updatedAt": return .time(artifact.updatedAt)
    case "aliases":
      return .list(
        try await graph.storage.artifactMemberships(artifactID: artifact.id).flatMap { membership in
          membership.aliases.map {
            .object(ArtifactAliasNode(graph: graph, alias: $0, collectionID: membership.collectionID))
          }
        })
    case "currentManifest":
      guard artifact.state == .committed else { return .null }
      return .node(
        try await graph.storage.artifactManifests(artifactID: artifact.id).first
          .map { ArtifactManifestNode(graph: graph, manifest: $0) })
    case "files": return try await queries.files(field.arguments, artifactID: artifact.id)
    case "filesByManifestEntries": return try await queries.files(ofEntries: field.arguments, artifactID: artifact.id)
    case "usedBy": return try await usedBy()
    case "createdBy":
      guard let id = artifact.runID, let run = try await graph.storage.run(id: id) else { return .null }
      return .object(try await node(of: run))
    case "artifactMemberships":
      let memberships = try await graph.storage.artifactMemberships(artifactID: artifact.id)
      return .object(
        ConnectionNode(
          "ArtifactCollectionMembershipConnection",
          memberships.map { (ArtifactMembershipNode(graph: graph, membership: $0), "\($0.id)") }))
    default: return .null
    }
  }

  private func sequence() async throws -> ArtifactCollectionRecord {
    try await graph.artifacts.collection(id: artifact.sequenceID)
  }

  private func usedBy() async throws -> GraphQLValue {
    var nodes: [(node: any GraphQLObject, cursor: String)] = []
    for id in try await graph.storage.runs(usingArtifact: artifact.id) {
      guard let run = try await graph.storage.run(id: id) else { continue }
      nodes.append((try await node(of: run), "\(id)"))
    }
    return .object(ConnectionNode("RunConnection", nodes))
  }

  private func node(of run: RunRecord) async throws -> RunNode {
    guard let project = try await graph.storage.project(id: run.projectID) else {
      throw StorageError.damaged("run \(run.id) has no project")
    }
    return RunNode(graph: graph, project: project, run: run)
  }
}

struct ArtifactAliasNode: GraphQLObject {
  let graph: GraphContext
  let alias: ArtifactAliasRecord
  let collectionID: Int64
  var typeName: String { "ArtifactAlias" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": return .string(GlobalID.make("ArtifactAlias", alias.id))
    case "alias": return .string(alias.name)
    case "artifactCollection":
      let collection = try await graph.artifacts.collection(id: collectionID)
      return .object(ArtifactCollectionNode(graph: graph, collection: collection))
    default: return .null
    }
  }
}

/// An artifact's place in a collection.
struct ArtifactMembershipNode: GraphQLObject {
  let graph: GraphContext
  let membership: ArtifactMembershipRecord
  var typeName: String { "ArtifactCollectionMembership" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": return .string(GlobalID.make("ArtifactCollectionMembership", membership.id))
    case "versionIndex": return .int(membership.version)
    case "createdAt": return .time(membership.createdAt)
    case "aliases":
      return .list(
        membership.aliases.map {
          .object(ArtifactAliasNode(graph: graph, alias: $0, collectionID: membership.collectionID))
        })
    case "artifactCollection":
      let collection = try await graph.artifacts.collection(id: membership.collectionID)
      return .object(ArtifactCollectionNode(graph: graph, collection: collection))
    case "artifact":
      return .node(
        try await graph.storage.artifact(id: membership.artifactID).map { ArtifactNode(graph: graph, artifact: $0) })
    case "files":
      return try await ArtifactQueries(graph: graph).files(field.arguments, artifactID: membership.artifactID)
    default: return .null
    }
  }
}

struct ArtifactTypeNode: GraphQLObject {
  let graph: GraphContext
  let type: ArtifactTypeRecord
  var typeName: String { "ArtifactType" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    let queries = ArtifactQueries(graph: graph)
    switch field.name {
    case "id": return .string(base64Text("ArtifactType:\(type.projectID):\(type.name)"))
    case "name": return .string(type.name)
    case "createdAt": return .time(type.createdAt)
    case "artifactCollection": return try await queries.collection(field.arguments.string("name") ?? "", type: type)
    case "artifactCollections":
      return try await queries.collections(field.arguments, projectID: type.projectID, type: type.name)
    default: return .null
    }
  }
}

/// The manifest of an artifact, announced or stored.
struct ArtifactManifestNode: GraphQLObject {
  let graph: GraphContext
  let manifest: ArtifactManifestRecord
  var typeName: String { "ArtifactManifest" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": .string(GlobalID.make("ArtifactManifest", manifest.id))
    case "file": .object(RecordNode("File", file))
    default: .null
    }
  }

  private var file: [String: GraphQLValue] {
    let headers = manifest.digest.isEmpty ? [] : ["Content-MD5:\(manifest.digest)", "Content-Type:application/json"]
    return [
      "id": .string(base64Text("ArtifactManifestFile:\(manifest.id)")), "name": .string("wandb_manifest.json"),
      "displayName": .string("wandb_manifest.json"), "url": .string(graph.links.download(of: manifest)),
      "directUrl": .string(graph.links.download(of: manifest)), "uploadUrl": .string(graph.links.upload(of: manifest)),
      "uploadHeaders": .texts(headers), "sizeBytes": .int(manifest.blob?.size ?? 0),
      "mimetype": .string("application/json"), "digest": .string(manifest.digest), "md5": .string(manifest.digest),
    ]
  }
}

/// A file of a committed artifact. References are in the listing too: clients fetch what is listed.
struct ArtifactFileNode: GraphQLObject {
  let graph: GraphContext
  let file: ArtifactFileRecord
  var typeName: String { "File" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "id": .string(base64Text("ArtifactFile:\(file.artifactID):\(file.name)"))
    case "name", "displayName": .string(file.name)
    case "url", "directUrl": .string(graph.links.download(of: file))
    case "sizeBytes": .int(file.size)
    case "storagePath": .text(file.blob?.objectKey)
    case "mimetype": .string(MediaType.guess(file.name))
    case "digest": .string(file.digest)
    case "md5": .text(file.blob?.md5)
    default: .null
    }
  }
}
