import HTTPTypes
import Hummingbird
import QuipuBase
import Storage

extension FileEndpoint {
  /// `/storage/KIND/...` of artifacts, behind a signature.
  func signedArtifact(_ request: Request, _ parts: [Substring]) async throws -> Response {
    let isUpload = request.method == .put
    switch (parts.first, parts.count) {
    case ("upload"?, 2) where isUpload:
      return try await receiveFile(request, id: Int64(parts[1]) ?? 0)
    case ("upload"?, 3) where isUpload:
      return try await receivePart(request, id: Int64(parts[1]) ?? 0, number: Int64(parts[2]) ?? 0)
    case ("manifest"?, 2):
      guard let manifest = try await context.storage.artifactManifest(id: Int64(parts[1]) ?? 0) else {
        throw ServerFault(404, "the manifest's artifact was committed or deleted")
      }
      if isUpload { return try await receive(request, manifest) }
      guard let blob = manifest.blob else { throw ServerFault(404, "the manifest was not uploaded yet") }
      return try await respond(to: request, with: blob, name: "manifest.json")
    case ("artifact"?, 3...) where !isUpload:
      guard let id = Int64(parts[1]), let name = percentDecoded(parts[2...].joined(separator: "/")),
        let file = try await context.storage.artifactFiles(artifactID: id, names: [name], after: nil, limit: 1).first,
        let blob = file.blob
      else { throw ServerFault(404, "the artifact was deleted or has no such file") }
      return try await respond(to: request, with: blob, name: name)
    default:
      throw ServerFault(404, "not found")
    }
  }

  /// `/artifactsV2/REGION/ENTITY/PROJECT/COLLECTION[/ARTIFACT]/BIRTH/HEX/NAME` and `/artifacts/ENTITY/HEX`, behind a
  /// key. Source: protocol reference, 12.8.
  func artifact(_ request: Request, parts: [Substring]) async throws -> Response {
    guard request.method == .get || request.method == .head else { throw ServerFault(405, "use GET for this file") }
    let parts = parts.compactMap { percentDecoded($0) }
    let digest: String?
    let birth: String?
    switch (parts.first, parts.count) {
    case ("artifacts"?, 3): (digest, birth) = (ArtifactDigest.base64(hex: parts[2]), nil)
    case ("artifactsV2"?, 8...9):
      (digest, birth) = (ArtifactDigest.base64(hex: parts[parts.count - 2]), parts[parts.count - 3])
    default: (digest, birth) = (nil, nil)
    }
    guard let digest else { throw ServerFault(404, "not found") }
    if let id = birth.flatMap({ GlobalID.parse($0, kind: "Artifact") }),
      let file = try await context.storage.artifactFile(artifactID: id, digest: digest),
      let blob = file.blob
    {
      return try await respond(to: request, with: blob, name: parts.last ?? "")
    }
    guard let blob = try await context.storage.blob(md5: digest) else {
      throw ServerFault(404, "no file with this digest is stored here")
    }
    return try await respond(to: request, with: blob, name: parts.last ?? "")
  }

  // MARK: In

  private func receiveFile(_ request: Request, id: Int64) async throws -> Response {
    guard let upload = try await context.storage.artifactUpload(id: id) else { throw Self.gone }
    return try await receive(request, expecting: ExpectedDigests(upload)) { blob in
      try await context.storage.storeArtifactUpload(id: id, blob: blob)
    }
  }

  private func receivePart(_ request: Request, id: Int64, number: Int64) async throws -> Response {
    guard let upload = try await context.storage.artifactUpload(id: id),
      let part = upload.parts.first(where: { $0.number == number })
    else { throw Self.gone }
    return try await receive(request, expecting: ExpectedDigests(md5: part.md5)) { blob in
      try await context.storage.storeArtifactPart(uploadID: id, number: number, blob: blob)
    }
  }

  private func receive(_ request: Request, _ manifest: ArtifactManifestRecord) async throws -> Response {
    let expected = ExpectedDigests(md5: manifest.digest.isEmpty ? nil : manifest.digest)
    return try await receive(request, expecting: expected) { blob in
      guard var manifest = try await context.storage.artifactManifest(id: manifest.id) else { throw Self.gone }
      manifest.blob = blob
      try await context.storage.updateArtifactManifest(manifest)
    }
  }

  private static let gone = ServerFault(404, "the artifact was committed or deleted, or the file announced anew")

  private func receive(
    _ request: Request, expecting expected: ExpectedDigests, _ keep: (BlobRecord) async throws -> Void
  ) async throws -> Response {
    switch try await uploads.receive(request, expecting: expected) {
    case .incomplete(let response): return response
    case .complete(let blob):
      try await keep(blob)
      // Clients send the tag of a part back as its MD5 (12.5).
      let md5 = ArtifactDigest.hex(base64: blob.md5) ?? ""
      return Response(status: .ok, headers: [.eTag: "\"\(md5)\""])
    }
  }
}
