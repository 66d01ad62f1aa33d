import QuipuBase
import Storage

extension ArtifactService {
  /// Bytes of a manifest at most: a million files or so.
  private static let manifestLimit: Int64 = 256 << 20

  /// One file of the artifact to be, and where its entry stands.
  private struct Item {
    var entry: Manifest.Entry
    /// Index into the manifests that were read.
    var source: Int
  }

  /// The manifests of which an artifact is made, oldest first.
  private struct Sources {
    var manifests: [Manifest] = []
    /// The artifact to which the first manifest belongs, if there is a base.
    var baseID: Int64?
    /// The manifest that holds as it is, if there is one.
    var whole: BlobRecord?
    /// What was announced is the digest of this one alone; nil if several writers announced their own.
    var announced: Int?
  }

  /// Checks what was uploaded against what was announced, and makes the artifact a version of its sequence.
  /// - Throws: 400 naming the file or digest that is not right. The artifact stays pending then.
  func commit(globalID: String) async throws -> ArtifactRecord {
    let id = try await artifact(globalID: globalID).id
    return try await locks.with(id) {
      for _ in 0..<3 {
        let artifact = try await self.artifact(globalID: globalID)
        // The same request again, because its answer was lost.
        if artifact.state == .committed { return artifact }
        let manifests = try await storage.artifactManifests(artifactID: id).filter { $0.blob != nil }
        guard !manifests.isEmpty else { throw ServerFault(400, "the artifact's manifest was not uploaded") }
        let size = manifests.reduce(0) { $0 + ($1.blob?.size ?? 0) }
        guard size <= Self.manifestLimit else {
          throw ServerFault(400, "the artifact's manifest is larger than \(Self.manifestLimit) bytes")
        }
        do {
          try await bodyBudget.with(Int(size) * 2) { try await commit(artifact, manifests) }
        } catch StorageError.conflict { continue }
      }
      let artifact = try await self.artifact(globalID: globalID)
      guard artifact.state == .committed else {
        throw ServerFault(503, "files are being removed from the store; try again")
      }
      return artifact
    }
  }

  private func commit(_ artifact: ArtifactRecord, _ manifests: [ArtifactManifestRecord]) async throws {
    let sources = try await read(manifests, of: artifact)
    let items = Self.merged(sources.manifests)
    if let announced = sources.announced {
      let digest = Manifest.digest(of: sources.manifests[announced].entries, algorithm: artifact.digestAlgorithm)
      guard digest == artifact.digest else {
        throw ServerFault(400, "the digest of the manifest is \(digest), not \(artifact.digest) as announced")
      }
    }
    let files = try await files(of: items, sources, artifact)
    let manifest: BlobRecord
    if let whole = sources.whole {
      manifest = whole
    } else {
      manifest = try await write(items, sources.manifests)
    }
    // Of what is stored here the size is known; of references the manifest is believed.
    var size: Int64 = 0
    for file in files { size &+= file.size }
    try await storage.commitArtifact(
      ArtifactCommit(
        artifactID: artifact.id,
        digest: Manifest.digest(of: items.lazy.map(\.entry), algorithm: artifact.digestAlgorithm),
        size: max(0, size), fileCount: Int64(items.count), manifest: manifest, files: files))
  }

  // MARK: Manifests

  private func read(_ manifests: [ArtifactManifestRecord], of artifact: ArtifactRecord) async throws -> Sources {
    var sources = Sources()
    if let full = manifests.first(where: { $0.kind == .full }), let blob = full.blob {
      sources.manifests = [try await read(blob)]
      sources.whole = blob
      sources.announced = 0
      return sources
    }
    if let incremental = manifests.first(where: { $0.kind == .incremental }), let blob = incremental.blob {
      if let base = try await base(of: incremental, artifact) {
        sources.baseID = base.artifactID
        if let blob = base.blob { sources.manifests.append(try await read(blob)) }
      }
      sources.manifests.append(try await read(blob))
      sources.announced = sources.manifests.count - 1
    }
    for patch in manifests where patch.kind == .patch {
      if let blob = patch.blob { sources.manifests.append(try await read(blob)) }
      sources.announced = nil
    }
    return sources
  }

  /// The manifest of the version that an incremental one adds to: the one it names, else the latest.
  private func base(
    of manifest: ArtifactManifestRecord, _ artifact: ArtifactRecord
  ) async throws -> ArtifactManifestRecord? {
    var base: ArtifactRecord?
    if let id = manifest.baseID { base = try await storage.artifact(id: id) }
    if base?.state != .committed { base = try await latest(sequenceID: artifact.sequenceID) }
    guard let base, base.state == .committed else { return nil }
    guard base.digestAlgorithm == artifact.digestAlgorithm else {
      throw ServerFault(400, "the version to add to has the digest algorithm \(base.digestAlgorithm)")
    }
    return try await storage.artifactManifests(artifactID: base.id).first
  }

  private func read(_ blob: BlobRecord) async throws -> Manifest {
    guard let path = try await storage.objects.localFile(key: blob.objectKey) else {
      throw StorageError.damaged("the bytes of a manifest are missing (\(blob.objectKey))")
    }
    let reader = try FileDescriptorReader(path: path)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(blob.size))
    while true {
      let chunk = try await reader.read(at: bytes.count, count: 1 << 20)
      guard chunk.readableBytes > 0 else { break }
      chunk.withUnsafeReadableBytes { bytes.append(contentsOf: $0) }
    }
    return try Manifest(parsing: bytes)
  }

  /// All entries by path; of equal paths the one in the newest manifest.
  private static func merged(_ manifests: [Manifest]) -> [Item] {
    var items = manifests.indices.flatMap { source in
      manifests[source].entries.map { Item(entry: $0, source: source) }
    }
    guard manifests.count > 1 else { return items }
    items.sort { a, b in
      a.entry.path.utf8.elementsEqual(b.entry.path.utf8)
        ? a.source < b.source : a.entry.path.utf8.lexicographicallyPrecedes(b.entry.path.utf8)
    }
    var kept: [Item] = []
    for item in items {
      if let last = kept.last, last.entry.path.utf8.elementsEqual(item.entry.path.utf8) { kept.removeLast() }
      kept.append(item)
    }
    return kept
  }

  /// Writes a manifest with these entries, each as its client wrote it, into the store.
  private func write(_ items: [Item], _ manifests: [Manifest]) async throws -> BlobRecord {
    let staged = try StagedFile(path: storage.objects.stagingPath())
    var digests = UploadDigests(xxh128: false)
    var out = ByteBuffer(capacity: 64 << 10)
    func flush() throws {
      digests.update(out.bytes)
      try staged.append(out.bytes)
      out.removeAll()
    }
    let header = manifests.last?.header ?? ["version": 1]
    out.append("{")
    for member in header.members {
      JSON.writeString(member.key.string, to: &out, style: .core)
      out.append(":")
      member.value.write(to: &out, style: .core)
      out.append(",")
    }
    out.append("\"contents\":{")
    var isFirst = true
    for item in items {
      if !isFirst { out.append(",") }
      isFirst = false
      JSON.writeString(item.entry.path, to: &out, style: .core)
      out.append(":")
      manifests[item.source].bytes[item.entry.text].withUnsafeBytes { out.append($0) }
      if out.count > 32 << 10 { try flush() }
    }
    out.append("}}")
    try flush()
    let blob = digests.finish(size: staged.size).record
    try await storage.addBlob(blob)
    try await storage.objects.store(stagedFile: staged.path, key: blob.objectKey)
    return blob
  }

  // MARK: Files

  /// Finds the bytes of every entry that is not a reference.
  private func files(
    of items: [Item], _ sources: Sources, _ artifact: ArtifactRecord
  ) async throws -> [ArtifactFileRecord] {
    let uploads = Dictionary(
      try await storage.artifactUploads(artifactID: artifact.id).map { (Key($0.name), $0) },
      uniquingKeysWith: { first, _ in first })
    var base: [Key: ArtifactFileRecord] = [:]
    if let baseID = sources.baseID {
      for file in try await storage.artifactFiles(artifactID: baseID, names: [], after: nil, limit: .max) {
        base[Key(file.name)] = file
      }
    }
    var files: [ArtifactFileRecord] = []
    var missing: [Manifest.Entry] = []
    func add(_ entry: Manifest.Entry, _ content: ArtifactFileRecord.Content) {
      files.append(
        ArtifactFileRecord(artifactID: artifact.id, name: entry.path, digest: entry.digest, content: content))
    }
    for item in items {
      let entry = item.entry
      if let reference = entry.reference {
        add(entry, .reference(url: reference, size: entry.size))
        continue
      }
      let known =
        sources.baseID != nil && item.source == 0
        ? base[Key(entry.path)].flatMap { file in file.blob.map { (file.digest, $0) } }
        : uploads[Key(entry.path)].flatMap { upload in upload.blob.map { (upload.digest, $0) } }
      if let (digest, blob) = known, digest == entry.digest {
        add(entry, .blob(blob))
      } else {
        missing.append(entry)
      }
    }
    return files + (try await oldFiles(missing, artifact))
  }

  /// Files that nobody announced because they come from an older artifact.
  private func oldFiles(_ entries: [Manifest.Entry], _ artifact: ArtifactRecord) async throws -> [ArtifactFileRecord] {
    guard !entries.isEmpty else { return [] }
    let digests = Array(Set(entries.map(\.digest)))
    let blobs =
      artifact.digestAlgorithm == "MANIFEST_MD5"
      ? try await storage.blobs(md5s: digests).map { ($0.md5, $0) }
      : try await storage.artifactFiles(sequenceID: artifact.sequenceID, digests: digests).compactMap { file in
        file.blob.map { (file.digest, $0) }
      }
    let stored = Dictionary(blobs, uniquingKeysWith: { first, _ in first })
    var files: [ArtifactFileRecord] = []
    for entry in entries {
      // A blob is known before its bytes are there.
      guard let blob = stored[entry.digest], try await storage.objects.localFile(key: blob.objectKey) != nil else {
        throw ServerFault(400, "the file '\(entry.path)' with the digest \(entry.digest) was not uploaded")
      }
      files.append(
        ArtifactFileRecord(artifactID: artifact.id, name: entry.path, digest: entry.digest, content: .blob(blob)))
    }
    return files
  }
}
