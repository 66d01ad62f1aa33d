import Storage

extension MemoryStorage {
  // MARK: Manifests

  public func putArtifactManifest(_ manifest: ArtifactManifestRecord) throws -> ArtifactManifestRecord {
    try state.withLock { state in
      if let blob = manifest.blob { try state.require(blob) }
      var manifest = manifest
      let known = state.artifacts.manifests.firstIndex {
        manifest.kind != .patch && $0.artifactID == manifest.artifactID && $0.kind == manifest.kind
      }
      if let known {
        manifest.id = state.artifacts.manifests[known].id
        state.artifacts.manifests[known] = manifest
      } else {
        manifest.id = state.newID()
        state.artifacts.manifests.append(manifest)
      }
      return manifest
    }
  }

  public func artifactManifest(id: Int64) -> ArtifactManifestRecord? {
    state.withLock { $0.artifacts.manifests.first { $0.id == id } }
  }

  public func artifactManifests(artifactID: Int64) -> [ArtifactManifestRecord] {
    state.withLock { $0.artifacts.manifests.filter { $0.artifactID == artifactID } }
  }

  public func updateArtifactManifest(_ manifest: ArtifactManifestRecord) throws {
    try state.withLock { state in
      if let blob = manifest.blob { try state.require(blob) }
      if let index = state.artifacts.manifests.firstIndex(where: { $0.id == manifest.id }) {
        state.artifacts.manifests[index] = manifest
      }
    }
  }

  // MARK: Uploads

  public func blobs(md5s: [String]) -> [BlobRecord] { md5s.compactMap { blob(md5: $0) } }

  public func announceArtifactFiles(_ uploads: [ArtifactUploadRecord]) throws -> [ArtifactUploadRecord] {
    try state.withLock { state in
      for blob in uploads.compactMap(\.blob) { try state.require(blob) }
      return uploads.map { state.announce($0) }
    }
  }

  public func artifactUpload(id: Int64) -> ArtifactUploadRecord? {
    state.withLock { $0.artifacts.uploads.first { $0.record.id == id }?.record }
  }

  public func artifactUploads(artifactID: Int64) -> [ArtifactUploadRecord] {
    state.withLock { state in
      state.artifacts.uploads.map(\.record).filter { $0.artifactID == artifactID }.map { upload in
        var upload = upload
        upload.parts = []
        return upload
      }
    }
  }

  public func storeArtifactUpload(id: Int64, blob: BlobRecord) throws {
    try change(id, with: blob) { upload in
      upload.blob = blob
      upload.parts = []
    }
  }

  public func storeArtifactPart(uploadID: Int64, number: Int64, blob: BlobRecord) throws {
    try change(uploadID, with: blob) { upload in
      guard let index = upload.parts.firstIndex(where: { $0.number == number }) else { return }
      upload.parts[index].blob = blob
    }
  }

  private func change(
    _ id: Int64, with blob: BlobRecord, _ body: (inout ArtifactUploadRecord) -> Void
  ) throws {
    try state.withLock { state in
      try state.require(blob)
      guard let index = state.artifacts.uploads.firstIndex(where: { $0.record.id == id }) else { return }
      body(&state.artifacts.uploads[index].record)
    }
  }

  public func forgetArtifactUploads(before moment: Timestamp) {
    state.withLock { $0.artifacts.uploads.removeAll { $0.createdAt < moment } }
  }

  // MARK: Files

  public func artifactFiles(
    artifactID: Int64, names: [String], after: String?, limit: Int
  ) -> [ArtifactFileRecord] {
    let found = state.withLock { state in
      state.artifacts.files.filter { file in
        file.artifactID == artifactID && (names.isEmpty || names.contains { isSame($0, file.name) })
          && after.map { isBefore($0, file.name) } ?? true
      }
    }
    return Array(found.sorted { isBefore($0.name, $1.name) }.prefix(max(0, limit)))
  }

  public func artifactFile(artifactID: Int64, digest: String) -> ArtifactFileRecord? {
    state.withLock { $0.artifacts.files.first { $0.artifactID == artifactID && isSame($0.digest, digest) } }
  }

  public func artifactFiles(sequenceID: Int64, digests: [String]) -> [ArtifactFileRecord] {
    state.withLock { state in
      let versions = Set(state.artifacts.artifacts.filter { $0.sequenceID == sequenceID }.map(\.id))
      let files = state.artifacts.files.filter { versions.contains($0.artifactID) }
      return digests.compactMap { digest in
        files.filter { isSame($0.digest, digest) }.max { $0.artifactID < $1.artifactID }
      }
    }
  }

  public func hasArtifactFile(blob sha256: String, digest: String) -> Bool {
    state.withLock { $0.artifacts.files.contains { $0.blob?.sha256 == sha256 && isSame($0.digest, digest) } }
  }

  public func countArtifactFiles(artifactID: Int64) -> Int {
    state.withLock { $0.artifacts.files.count { $0.artifactID == artifactID } }
  }

  public func firstArtifact(withBlob sha256: String) -> Int64? {
    state.withLock { $0.artifacts.files.filter { $0.blob?.sha256 == sha256 }.map(\.artifactID).min() }
  }
}

extension MemoryStorage.State {
  mutating func announce(_ upload: ArtifactUploadRecord) -> ArtifactUploadRecord {
    let known = artifacts.uploads.firstIndex {
      $0.record.artifactID == upload.artifactID && isSame($0.record.name, upload.name)
    }
    if let known {
      let old = artifacts.uploads[known].record
      let isSameFile = isSame(old.md5, upload.md5) && isSame(old.digest, upload.digest)
      if isSameFile, old.blob != nil || (upload.blob == nil && old.parts.map(\.md5) == upload.parts.map(\.md5)) {
        return old
      }
      artifacts.uploads.remove(at: known)
    }
    var upload = upload
    upload.id = newID()
    if upload.blob != nil { upload.parts = [] }
    artifacts.uploads.append((upload, .now))
    return upload
  }
}
