import GraphQL
import QuipuBase
import Storage

/// A file of an artifact that was announced.
struct AnnouncedFile: Sendable {
  var upload: ArtifactUploadRecord
  var mediaType: String
  /// The artifact in which these bytes were stored first.
  var birthID: Int64
}

extension ArtifactService {
  /// Parts of one file at most. Source: protocol reference, 12.5.
  private static let partLimit = 10_000

  // MARK: Manifests

  func createManifest(_ input: GraphQLArguments) async throws -> ArtifactManifestRecord {
    let artifact = try await pending(globalID: input.string("artifactID") ?? "")
    let kind = input.string("type").flatMap { ArtifactManifestRecord.Kind(rawValue: $0) } ?? .full
    return try await storage.putArtifactManifest(
      ArtifactManifestRecord(
        artifactID: artifact.id, kind: kind, baseID: try base(input), digest: try Self.manifestDigest(input)))
  }

  func updateManifest(_ input: GraphQLArguments) async throws -> ArtifactManifestRecord {
    let id = input.string("artifactManifestID") ?? ""
    guard let number = GlobalID.parse(id, kind: "ArtifactManifest"),
      var manifest = try await storage.artifactManifest(id: number)
    else { throw ServerFault(404, "there is no artifact manifest with the id '\(id)'") }
    _ = try await pending(globalID: GlobalID.make("Artifact", manifest.artifactID))
    if input.string("digest") != nil {
      manifest.digest = try Self.manifestDigest(input)
      manifest.blob = nil
    }
    if let base = try base(input) { manifest.baseID = base }
    try await storage.updateArtifactManifest(manifest)
    return manifest
  }

  private func base(_ input: GraphQLArguments) throws -> Int64? {
    guard let text = RunService.given(input.string("baseArtifactID")) else { return nil }
    guard let id = GlobalID.parse(text, kind: "Artifact") else {
      throw ServerFault(400, "'\(text)' is not the id of an artifact")
    }
    return id
  }

  private static func manifestDigest(_ input: GraphQLArguments) throws -> String {
    let digest = input.string("digest") ?? ""
    guard digest.isEmpty || ArtifactDigest.isBase64(digest) else {
      throw ServerFault(400, "a manifest's digest is the base64 of its file's MD5")
    }
    return digest
  }

  private func pending(globalID: String) async throws -> ArtifactRecord {
    let artifact = try await artifact(globalID: globalID)
    guard artifact.state == .pending else { throw ServerFault(400, "artifact '\(globalID)' is committed already") }
    return artifact
  }

  // MARK: Announcing

  /// - Returns: one for each input, in their order.
  func announce(_ inputs: [GraphQLArguments]) async throws -> [AnnouncedFile] {
    guard inputs.count <= 10_000 else { throw ServerFault(400, "announce at most 10000 files at once") }
    var known: [String: ArtifactRecord] = [:]
    var wanted: [AnnouncedFile] = []
    for input in inputs {
      let id = input.string("artifactID") ?? ""
      let artifact: ArtifactRecord
      if let found = known[id] {
        artifact = found
      } else {
        artifact = try await pending(globalID: id)
        known[id] = artifact
      }
      wanted.append(try Self.announced(input, artifact))
    }
    for _ in 0..<3 {
      do {
        var files = wanted
        try await recognise(&files)
        let uploads = try await storage.announceArtifactFiles(files.map(\.upload))
        for (index, upload) in uploads.enumerated() where index < files.count { files[index].upload = upload }
        return files
      } catch StorageError.conflict { continue }
    }
    throw ServerFault(503, "files are being removed from the store; try again")
  }

  private static func announced(_ input: GraphQLArguments, _ artifact: ArtifactRecord) throws -> AnnouncedFile {
    let name = input.string("name") ?? ""
    try Names.checkFile(name)
    let md5 = input.string("md5") ?? ""
    let digest = RunService.given(input.string("digest")) ?? md5
    guard ArtifactDigest.isBase64(md5), ArtifactDigest.isBase64(digest) else {
      throw ServerFault(400, "md5 and digest of '\(name)' must be base64 of 16 bytes")
    }
    guard artifact.digestAlgorithm == "MANIFEST_XXH128" || digest == md5 else {
      throw ServerFault(400, "the digest of '\(name)' must be its MD5 in an artifact of digest algorithm MANIFEST_MD5")
    }
    var parts: [ArtifactPartRecord] = []
    for part in input.objects("uploadPartsInput") ?? [] {
      guard part.int("partNumber") == Int64(parts.count + 1), parts.count < partLimit,
        let md5 = ArtifactDigest.base64(hex: part.string("hexMD5") ?? "")
      else {
        throw ServerFault(400, "the parts of '\(name)' must be numbered 1 to at most \(partLimit), each with its MD5")
      }
      parts.append(ArtifactPartRecord(number: Int64(parts.count + 1), md5: md5))
    }
    let mediaType = RunService.given(input.string("mimetype")) ?? "application/octet-stream"
    guard mediaType.utf8.count <= 256, mediaType.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else {
      throw ServerFault(400, "'mimetype' of '\(name)' is not a media type")
    }
    let upload = ArtifactUploadRecord(artifactID: artifact.id, name: name, md5: md5, digest: digest, parts: parts)
    return AnnouncedFile(upload: upload, mediaType: mediaType, birthID: artifact.id)
  }

  /// Gives those files their bytes that are stored already, whoever uploaded them.
  private func recognise(_ files: inout [AnnouncedFile]) async throws {
    let md5s = Set(files.map(\.upload.md5))
    let blobs = try await storage.blobs(md5s: Array(md5s)).map { ($0.md5, $0) }
    let stored = Dictionary(blobs, uniquingKeysWith: { first, _ in first })
    for index in files.indices {
      let upload = files[index].upload
      guard let blob = stored[upload.md5] else { continue }
      if upload.digest != upload.md5 {
        // The bytes are known by MD5 only, unless a digest of this kind was checked before.
        guard try await storage.hasArtifactFile(blob: blob.sha256, digest: upload.digest) else { continue }
      }
      // A blob is known before its bytes are there.
      guard try await storage.objects.localFile(key: blob.objectKey) != nil else { continue }
      files[index].upload.blob = blob
      if let birth = try await storage.firstArtifact(withBlob: blob.sha256) { files[index].birthID = birth }
    }
  }

  // MARK: Parts

  /// Puts a file together from its parts and answers its digest. What takes longer than a client waits goes on
  /// meanwhile, and the client's next try finds it done.
  func completeMultipart(_ input: GraphQLArguments) async throws -> String {
    let id = input.string("uploadID") ?? ""
    guard let number = Int64(id), let upload = try await storage.artifactUpload(id: number),
      GlobalID.parse(input.string("artifactID") ?? "", kind: "Artifact") == upload.artifactID,
      input.string("storagePath") == Self.storagePath(upload)
    else { throw ServerFault(404, "there is no upload '\(id)' for this artifact and storage path") }
    if upload.blob != nil { return upload.digest }
    let claimed = input.objects("completedParts") ?? []
    guard claimed.count == upload.parts.count else {
      throw ServerFault(400, "'\(upload.name)' has \(upload.parts.count) parts, not \(claimed.count)")
    }
    let byNumber = Dictionary(
      claimed.map { ($0.int("partNumber") ?? 0, $0.string("hexMD5") ?? "") }, uniquingKeysWith: { first, _ in first })
    for part in upload.parts {
      guard part.blob != nil else { throw ServerFault(400, "part \(part.number) of '\(upload.name)' was not uploaded") }
      guard byNumber[part.number].flatMap({ ArtifactDigest.base64(hex: $0) }) == part.md5 else {
        throw ServerFault(400, "the MD5 of part \(part.number) of '\(upload.name)' is not the one announced")
      }
    }
    let task = joins.withLock { running in
      if let known = running[upload.id] { return known }
      let task = Task.detached { [self] in
        defer { _ = joins.withLock { $0.removeValue(forKey: upload.id) } }
        let blob = try await join(upload)
        try await storage.storeArtifactUpload(id: upload.id, blob: blob)
        return blob
      }
      running[upload.id] = task
      return task
    }
    _ = try await task.value
    return upload.digest
  }

  private func join(_ upload: ArtifactUploadRecord) async throws -> BlobRecord {
    let staged = try StagedFile(path: storage.objects.stagingPath())
    var digests = UploadDigests(xxh128: upload.digest != upload.md5)
    for part in upload.parts {
      guard let blob = part.blob, let path = try await storage.objects.localFile(key: blob.objectKey) else {
        throw StorageError.damaged("the bytes of part \(part.number) of '\(upload.name)' are missing")
      }
      let reader = try FileDescriptorReader(path: path)
      var offset = 0
      while true {
        let chunk = try await reader.read(at: offset, count: 1 << 20)
        guard chunk.readableBytes > 0 else { break }
        try chunk.withUnsafeReadableBytes { bytes in
          digests.update(bytes)
          try staged.append(bytes)
        }
        offset += chunk.readableBytes
      }
    }
    let blob = digests.finish(size: staged.size)
    try ExpectedDigests(upload).check(blob.record, xxh128: blob.xxh128)
    try await storage.addBlob(blob.record)
    try await storage.objects.store(stagedFile: staged.path, key: blob.record.objectKey)
    return blob.record
  }

  /// How the client calls the place of the bytes.
  static func storagePath(_ upload: ArtifactUploadRecord) -> String { "artifact/\(upload.artifactID)/\(upload.id)" }
}
