import GraphQL
import QuipuBase
import Storage

/// The mutations of artifacts. Source: protocol reference, 12.4 to 12.7.
struct ArtifactMutations: Sendable {
  let graph: GraphContext

  private var artifacts: ArtifactService { graph.artifacts }

  func resolve(_ name: String, _ input: GraphQLArguments) async throws -> GraphQLValue {
    let id = input.string("artifactID") ?? ""
    switch name {
    case "createArtifact": return payload(try await artifacts.create(input), "CreateArtifactPayload")
    case "createArtifactManifest": return payload(try await artifacts.createManifest(input))
    case "updateArtifactManifest": return payload(try await artifacts.updateManifest(input))
    case "createArtifactFiles":
      let files = try await artifacts.announce(input.objects("artifactFiles") ?? [])
      let nodes = files.map { (node: UploadFileNode(graph: graph, file: $0) as any GraphQLObject, cursor: "") }
      return .object(
        RecordNode("CreateArtifactFilesPayload", ["files": .object(ConnectionNode("UploadFileConnection", nodes))]))
    case "completeMultipartUploadArtifact":
      let digest = try await artifacts.completeMultipart(input)
      return .object(RecordNode("CompleteMultipartUploadArtifactPayload", ["digest": .string(digest)]))
    case "commitArtifact": return payload(try await artifacts.commit(globalID: id))
    case "useArtifact": return payload(try await artifacts.use(input))
    case "updateArtifact": return payload(try await artifacts.update(input))
    case "deleteArtifact": return payload(try await artifacts.delete(input))
    case "addAliases":
      try await artifacts.addAliases(input)
      return RecordNode.success()
    case "deleteAliases":
      try await artifacts.removeAliases(input)
      return RecordNode.success()
    case "linkArtifact":
      let membership = try await artifacts.link(input)
      return .object(
        RecordNode(
          "LinkArtifactPayload",
          [
            "versionIndex": .int(membership.version),
            "artifactMembership": .object(ArtifactMembershipNode(graph: graph, membership: membership)),
          ]))
    case "unlinkArtifact":
      try await artifacts.unlink(input)
      return RecordNode.success()
    default: return .null
    }
  }

  private func payload(_ artifact: ArtifactRecord, _ type: String = "ArtifactPayload") -> GraphQLValue {
    .object(RecordNode(type, ["artifact": .object(ArtifactNode(graph: graph, artifact: artifact))]))
  }

  private func payload(_ manifest: ArtifactManifestRecord) -> GraphQLValue {
    .object(
      RecordNode(
        "ArtifactManifestPayload",
        ["artifactManifest": .object(ArtifactManifestNode(graph: graph, manifest: manifest))]))
  }
}

/// A file that was announced; without an `uploadUrl` its bytes are stored already.
struct UploadFileNode: GraphQLObject {
  let graph: GraphContext
  let file: AnnouncedFile
  var typeName: String { "UploadFile" }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    let upload = file.upload
    let isStored = upload.blob != nil
    switch field.name {
    case "id": return .string(GlobalID.make("ArtifactUpload", upload.id))
    case "name": return .string(upload.name)
    case "storagePath": return .string(ArtifactService.storagePath(upload))
    case "uploadUrl": return isStored ? .null : .string(graph.links.upload(of: upload))
    case "uploadHeaders":
      // Some clients do not trim what follows the colon (12.4).
      return .texts(isStored ? [] : ["Content-MD5:\(upload.md5)", "Content-Type:\(file.mediaType)"])
    case "uploadMultipartUrls":
      guard !isStored, !upload.parts.isEmpty else { return .null }
      let parts = upload.parts.map { part -> GraphQLValue in
        let url = graph.links.upload(of: upload, part: part.number)
        return .object(RecordNode("UploadUrlPart", ["partNumber": .int(part.number), "uploadUrl": .string(url)]))
      }
      return .object(
        RecordNode("UploadMultipartUrls", ["uploadID": .string("\(upload.id)"), "uploadUrlParts": .list(parts)]))
    case "artifact":
      return .node(
        try await graph.storage.artifact(id: file.birthID).map { ArtifactNode(graph: graph, artifact: $0) })
    default: return .null
    }
  }
}
