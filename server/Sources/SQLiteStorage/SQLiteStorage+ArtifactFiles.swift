import GRDB
import Storage

extension SQLiteStorage {
  // MARK: Manifests

  public func putArtifactManifest(_ manifest: ArtifactManifestRecord) async throws -> ArtifactManifestRecord {
    try await write { db in
      var manifest = manifest
      if let blob = manifest.blob { try ArtifactColumns.require(blob, db) }
      let known =
        manifest.kind == .patch
        ? nil
        : try db.one(
          "SELECT id FROM artifact_manifests WHERE artifact = ? AND kind = ?",
          [manifest.artifactID, manifest.kind.rawValue]
        ) { $0.int() }
      if let known {
        manifest.id = known
        try Self.update(manifest, db)
      } else {
        try db.run(
          "INSERT INTO artifact_manifests (artifact, kind, base, digest, blob) VALUES (?, ?, ?, ?, ?)",
          [manifest.artifactID, manifest.kind.rawValue, manifest.baseID, manifest.digest, manifest.blob?.sha256])
        manifest.id = db.lastInsertedRowID
      }
      return manifest
    }
  }

  public func artifactManifest(id: Int64) async throws -> ArtifactManifestRecord? {
    try await read { db in
      try db.one("\(ArtifactColumns.manifest) WHERE m.id = ?", [id], read: ArtifactColumns.manifest)
    }
  }

  public func artifactManifests(artifactID: Int64) async throws -> [ArtifactManifestRecord] {
    try await read { db in
      try db.all(
        "\(ArtifactColumns.manifest) WHERE m.artifact = ? ORDER BY m.id", [artifactID], read: ArtifactColumns.manifest)
    }
  }

  public func updateArtifactManifest(_ manifest: ArtifactManifestRecord) async throws {
    try await write { db in
      if let blob = manifest.blob { try ArtifactColumns.require(blob, db) }
      try Self.update(manifest, db)
    }
  }

  private static func update(_ manifest: ArtifactManifestRecord, _ db: Database) throws {
    try db.run(
      "UPDATE artifact_manifests SET base = ?, digest = ?, blob = ? WHERE id = ?",
      [manifest.baseID, manifest.digest, manifest.blob?.sha256, manifest.id])
  }

  // MARK: Uploads

  public func blobs(md5s: [String]) async throws -> [BlobRecord] {
    try await read { db in
      try md5s.compactMap { md5 in
        try db.one(
          "SELECT sha256, md5, size FROM blobs WHERE md5 = ? ORDER BY sha256 LIMIT 1", [md5], read: Self.blob)
      }
    }
  }

  public func announceArtifactFiles(_ uploads: [ArtifactUploadRecord]) async throws -> [ArtifactUploadRecord] {
    try await write { db in try uploads.map { try Self.announce($0, db) } }
  }

  private static func announce(_ upload: ArtifactUploadRecord, _ db: Database) throws -> ArtifactUploadRecord {
    if let blob = upload.blob { try ArtifactColumns.require(blob, db) }
    if var known = try db.one(
      "\(ArtifactColumns.upload) WHERE u.artifact = ? AND u.name = ?", [upload.artifactID, upload.name],
      read: ArtifactColumns.upload)
    {
      known.parts = try ArtifactColumns.parts(uploadID: known.id, db)
      if known.md5 == upload.md5, known.digest == upload.digest, known.blob != nil || upload.blob == nil,
        known.blob != nil || known.parts.map(\.md5) == upload.parts.map(\.md5)
      {
        return known
      }
      try db.run("DELETE FROM artifact_uploads WHERE id = ?", [known.id])
    }
    var upload = upload
    try db.run(
      "INSERT INTO artifact_uploads (artifact, name, md5, digest, blob, created_at) VALUES (?, ?, ?, ?, ?, ?)",
      [upload.artifactID, upload.name, upload.md5, upload.digest, upload.blob?.sha256, Timestamp.now])
    upload.id = db.lastInsertedRowID
    if upload.blob != nil { upload.parts = [] }
    for part in upload.parts {
      try db.run(
        "INSERT INTO artifact_parts (upload, number, md5, blob) VALUES (?, ?, ?, ?)",
        [upload.id, part.number, part.md5, part.blob?.sha256])
    }
    return upload
  }

  public func artifactUpload(id: Int64) async throws -> ArtifactUploadRecord? {
    try await read { db in
      guard
        var upload = try db.one("\(ArtifactColumns.upload) WHERE u.id = ?", [id], read: ArtifactColumns.upload)
      else { return nil }
      upload.parts = try ArtifactColumns.parts(uploadID: id, db)
      return upload
    }
  }

  public func artifactUploads(artifactID: Int64) async throws -> [ArtifactUploadRecord] {
    try await read { db in
      try db.all("\(ArtifactColumns.upload) WHERE u.artifact = ?", [artifactID], read: ArtifactColumns.upload)
    }
  }

  public func storeArtifactUpload(id: Int64, blob: BlobRecord) async throws {
    try await write { db in
      try ArtifactColumns.require(blob, db)
      try db.run("UPDATE artifact_uploads SET blob = ? WHERE id = ?", [blob.sha256, id])
      try db.run("DELETE FROM artifact_parts WHERE upload = ?", [id])
    }
  }

  public func storeArtifactPart(uploadID: Int64, number: Int64, blob: BlobRecord) async throws {
    try await write { db in
      try ArtifactColumns.require(blob, db)
      try db.run(
        "UPDATE artifact_parts SET blob = ? WHERE upload = ? AND number = ?", [blob.sha256, uploadID, number])
    }
  }

  public func forgetArtifactUploads(before moment: Timestamp) async throws {
    try await write { db in
      _ = try db.run("DELETE FROM artifact_uploads WHERE created_at < ?", [moment])
    }
  }

  // MARK: Files

  public func artifactFiles(
    artifactID: Int64, names: [String], after: String?, limit: Int
  ) async throws -> [ArtifactFileRecord] {
    try await read { db in
      guard names.isEmpty else {
        let sorted = Set(names.map { Array($0.utf8) }).sorted { $0.lexicographicallyPrecedes($1) }
        let behind = sorted.filter { name in after.map { $0.utf8.lexicographicallyPrecedes(name) } ?? true }
        var found: [ArtifactFileRecord] = []
        for name in behind where found.count < limit {
          found += try db.all(
            "\(ArtifactColumns.file) WHERE f.artifact = ? AND f.name = ?",
            [artifactID, String(decoding: name, as: UTF8.self)], read: ArtifactColumns.file)
        }
        return found
      }
      return try db.all(
        "\(ArtifactColumns.file) WHERE f.artifact = ? AND f.name > ? ORDER BY f.name LIMIT ?",
        [artifactID, after ?? "", max(0, limit)], read: ArtifactColumns.file)
    }
  }

  public func artifactFile(artifactID: Int64, digest: String) async throws -> ArtifactFileRecord? {
    try await read { db in
      try db.one(
        "\(ArtifactColumns.file) WHERE f.artifact = ? AND f.digest = ? LIMIT 1", [artifactID, digest],
        read: ArtifactColumns.file)
    }
  }

  public func artifactFiles(sequenceID: Int64, digests: [String]) async throws -> [ArtifactFileRecord] {
    try await read { db in
      // One pass over the files, however many digests are asked for.
      var wanted = Set(digests)
      var found: [ArtifactFileRecord] = []
      try db.rows(
        "\(ArtifactColumns.file) JOIN artifacts a ON a.id = f.artifact WHERE a.sequence = ? ORDER BY f.artifact DESC",
        [sequenceID]
      ) { row in
        let file = ArtifactColumns.file(&row)
        if wanted.remove(file.digest) != nil { found.append(file) }
        return !wanted.isEmpty
      }
      return found
    }
  }

  public func hasArtifactFile(blob sha256: String, digest: String) async throws -> Bool {
    try await read { db in
      try db.one("SELECT 1 FROM artifact_files WHERE blob = ? AND digest = ? LIMIT 1", [sha256, digest]) { $0.int() }
        != nil
    }
  }

  public func countArtifactFiles(artifactID: Int64) async throws -> Int {
    try await read { db in
      Int(try db.one("SELECT count(*) FROM artifact_files WHERE artifact = ?", [artifactID]) { $0.int() } ?? 0)
    }
  }

  public func firstArtifact(withBlob sha256: String) async throws -> Int64? {
    try await read { db in
      try db.one("SELECT artifact FROM artifact_files WHERE blob = ? ORDER BY artifact LIMIT 1", [sha256]) { $0.int() }
    }
  }
}
