import GRDB
import Storage

extension SQLiteStorage {
  // MARK: Types and collections

  public func artifactTypes(projectID: Int64) async throws -> [ArtifactTypeRecord] {
    try await read { db in
      try db.all(
        """
        SELECT t.id, t.project, t.name, t.created_at FROM artifact_types t
        WHERE t.project = ? AND EXISTS (SELECT 1 FROM artifact_collections c WHERE c.type = t.id AND c.next_version > 0)
        ORDER BY t.name
        """, [projectID]
      ) { ArtifactTypeRecord(id: $0.int(), projectID: $0.int(), name: $0.text(), createdAt: $0.timestamp()) }
    }
  }

  public func ensureArtifactCollection(
    _ collection: ArtifactCollectionRecord
  ) async throws -> ArtifactCollectionRecord {
    if let known = try await artifactCollection(projectID: collection.projectID, name: collection.name),
      known.nextVersion > 0 || (known.kind == collection.kind && known.type.utf8.elementsEqual(collection.type.utf8))
    {
      return known
    }
    return try await write { db in
      try db.run(
        "INSERT INTO artifact_types (project, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [collection.projectID, collection.type, collection.createdAt])
      try db.run(
        """
        INSERT INTO artifact_collections (project, kind, name, type, next_version, created_at, updated_at)
        SELECT project, ?, ?, id, 0, ?, ? FROM artifact_types WHERE project = ? AND name = ?
        ON CONFLICT (project, name) DO UPDATE SET kind = excluded.kind, type = excluded.type
        WHERE next_version = 0 AND NOT EXISTS (
          SELECT 1 FROM artifacts
          WHERE sequence = artifact_collections.id AND excluded.kind <> artifact_collections.kind)
        """,
        [
          collection.kind.rawValue, collection.name, collection.createdAt, collection.updatedAt, collection.projectID,
          collection.type,
        ])
      guard let made = try Self.collection(projectID: collection.projectID, name: collection.name, db) else {
        throw StorageError.failed("the artifact collection could not be made")
      }
      return made
    }
  }

  private static func collection(
    projectID: Int64, name: String, _ db: Database
  ) throws -> ArtifactCollectionRecord? {
    try db.one(
      "\(ArtifactColumns.collection) WHERE c.project = ? AND c.name = ?", [projectID, name],
      read: ArtifactColumns.collection)
  }

  public func artifactCollection(id: Int64) async throws -> ArtifactCollectionRecord? {
    try await read { db in
      try db.one("\(ArtifactColumns.collection) WHERE c.id = ?", [id], read: ArtifactColumns.collection)
    }
  }

  public func artifactCollection(projectID: Int64, name: String) async throws -> ArtifactCollectionRecord? {
    try await read { try Self.collection(projectID: projectID, name: name, $0) }
  }

  public func artifactCollections(
    projectID: Int64, type: String?, before: Int64?, limit: Int
  ) async throws -> [ArtifactCollectionRecord] {
    try await read { db in
      let typed = type == nil ? "" : "AND t.name = ?"
      let values: [any Bindable] = [projectID, before ?? .max] + (type.map { [$0] } ?? []) + [max(0, limit)]
      return try db.all(
        """
        \(ArtifactColumns.collection)
        WHERE c.project = ? AND c.next_version > 0 AND c.id < ? \(typed) ORDER BY c.id DESC LIMIT ?
        """, values, read: ArtifactColumns.collection)
    }
  }

  public func countArtifactCollections(projectID: Int64, type: String?) async throws -> Int {
    try await read { db in
      let typed = type == nil ? "" : "AND t.name = ?"
      let count = try db.one(
        """
        SELECT count(*) FROM artifact_collections c JOIN artifact_types t ON t.id = c.type
        WHERE c.project = ? AND c.next_version > 0 \(typed)
        """, [projectID] + (type.map { [$0] } ?? [])
      ) { $0.int() }
      return Int(count ?? 0)
    }
  }

  // MARK: Versions

  public func insertArtifact(_ artifact: ArtifactRecord) async throws -> ArtifactRecord {
    try await write { db in
      var artifact = artifact
      try db.run(
        """
        INSERT INTO artifacts (
          sequence, run, state, digest, digest_algorithm, size, file_count, created_at, updated_at, history_step,
          ttl_seconds, distributed_id, tags, requested_aliases, description, metadata
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          artifact.sequenceID, artifact.runID, artifact.state.rawValue, artifact.digest, artifact.digestAlgorithm,
          artifact.size, artifact.fileCount, artifact.createdAt, artifact.updatedAt, artifact.historyStep,
          artifact.ttlSeconds, artifact.distributedID, ArtifactColumns.text(artifact.tags),
          ArtifactColumns.text(artifact.requestedAliases), artifact.description, artifact.metadata,
        ])
      artifact.id = db.lastInsertedRowID
      if let runID = artifact.runID { try Self.connect(artifact.id, runID, .output, db) }
      return artifact
    }
  }

  public func artifact(id: Int64) async throws -> ArtifactRecord? {
    try await read { try Self.artifact("WHERE a.id = ?", [id], $0) }
  }

  public func setArtifactClientID(_ clientID: String, artifactID: Int64, isSequence: Bool) async throws {
    try await write { db in
      _ = try db.run(
        """
        INSERT INTO artifact_client_ids (name, is_sequence, artifact) VALUES (?, ?, ?)
        ON CONFLICT (name, is_sequence) DO UPDATE SET artifact = excluded.artifact
        """, [clientID, isSequence, artifactID])
    }
  }

  public func artifact(clientID: String, isSequence: Bool) async throws -> ArtifactRecord? {
    try await read { db in
      try Self.artifact(
        "WHERE a.id = (SELECT artifact FROM artifact_client_ids WHERE name = ? AND is_sequence = ?)",
        [clientID, isSequence], db)
    }
  }

  public func committedArtifact(sequenceID: Int64, digest: String) async throws -> ArtifactRecord? {
    try await read { db in
      try Self.artifact(
        "WHERE a.sequence = ? AND a.digest = ? AND a.state = ? ORDER BY a.id DESC",
        [sequenceID, digest, ArtifactState.committed.rawValue], db)
    }
  }

  public func pendingArtifact(sequenceID: Int64, distributedID: String) async throws -> ArtifactRecord? {
    try await read { db in
      try Self.artifact(
        "WHERE a.sequence = ? AND a.distributed_id = ? AND a.state = ? ORDER BY a.id DESC",
        [sequenceID, distributedID, ArtifactState.pending.rawValue], db)
    }
  }

  private static func artifact(
    _ condition: String, _ values: [any Bindable], _ db: Database
  ) throws -> ArtifactRecord? {
    try db.one("\(ArtifactColumns.artifact) \(condition) LIMIT 1", values, read: ArtifactColumns.artifact)
  }

  public func updateArtifact(id: Int64, _ change: ArtifactChange) async throws -> ArtifactRecord? {
    try await write { db in
      guard var artifact = try Self.artifact("WHERE a.id = ?", [id], db), artifact.state != .deleted else { return nil }
      artifact.apply(change)
      try db.run(
        "UPDATE artifacts SET description = ?, metadata = ?, ttl_seconds = ?, tags = ?, updated_at = ? WHERE id = ?",
        [
          artifact.description, artifact.metadata, artifact.ttlSeconds, ArtifactColumns.text(artifact.tags),
          artifact.updatedAt, id,
        ])
      return artifact
    }
  }

  public func commitArtifact(_ commit: ArtifactCommit) async throws {
    try await write { db in
      let id = commit.artifactID
      guard let artifact = try Self.artifact("WHERE a.id = ?", [id], db), artifact.state == .pending else {
        throw StorageError.conflict
      }
      try ArtifactColumns.require(commit.manifest, db)
      try db.run("DELETE FROM artifact_manifests WHERE artifact = ?", [id])
      try db.run(
        "INSERT INTO artifact_manifests (artifact, kind, digest, blob) VALUES (?, ?, ?, ?)",
        [id, ArtifactManifestRecord.Kind.full.rawValue, commit.manifest.md5, commit.manifest.sha256])
      for file in commit.files {
        switch file.content {
        case .blob(let blob):
          try ArtifactColumns.require(blob, db)
          try db.run(
            "INSERT INTO artifact_files (artifact, name, digest, blob) VALUES (?, ?, ?, ?)",
            [id, file.name, file.digest, blob.sha256])
        case .reference(let url, let size):
          try db.run(
            "INSERT INTO artifact_files (artifact, name, digest, reference, reference_size) VALUES (?, ?, ?, ?, ?)",
            [id, file.name, file.digest, url, size])
        }
      }
      try db.run("DELETE FROM artifact_uploads WHERE artifact = ?", [id])
      try db.run(
        "UPDATE artifacts SET state = ?, digest = ?, size = ?, file_count = ? WHERE id = ?",
        [ArtifactState.committed.rawValue, commit.digest, commit.size, commit.fileCount, id])
      let membershipID = try Self.join(artifact.sequenceID, id, db)
      try Self.name(membershipID, artifact.requestedAliases, db)
    }
  }

  public func deleteArtifact(id: Int64) async throws {
    try await write { db in
      for membership in try ArtifactColumns.memberships("WHERE m.artifact = ?", [id], db) {
        try Self.leave(membership, db)
      }
      for table in ["artifact_files", "artifact_uploads", "artifact_manifests", "artifact_runs"] {
        try db.run("DELETE FROM \(table) WHERE artifact = ?", [id])
      }
      try db.run("UPDATE artifacts SET state = ? WHERE id = ?", [ArtifactState.deleted.rawValue, id])
    }
  }

  // MARK: Places and aliases

  public func artifactMembership(id: Int64) async throws -> ArtifactMembershipRecord? {
    try await read { try ArtifactColumns.memberships("WHERE m.id = ?", [id], $0).first }
  }

  public func artifactMembership(collectionID: Int64, alias: String) async throws -> ArtifactMembershipRecord? {
    try await read { db in
      try ArtifactColumns.memberships(
        "WHERE m.id = (SELECT membership FROM artifact_aliases WHERE collection = ? AND name = ?)",
        [collectionID, alias], db
      ).first
    }
  }

  public func artifactMembership(collectionID: Int64, version: Int64) async throws -> ArtifactMembershipRecord? {
    try await read { db in
      try ArtifactColumns.memberships("WHERE m.collection = ? AND m.version = ?", [collectionID, version], db).first
    }
  }

  public func artifactMembership(collectionID: Int64, artifactID: Int64) async throws -> ArtifactMembershipRecord? {
    try await read { db in
      try ArtifactColumns.memberships("WHERE m.artifact = ? AND m.collection = ?", [artifactID, collectionID], db).first
    }
  }

  public func artifactMemberships(artifactID: Int64) async throws -> [ArtifactMembershipRecord] {
    try await read { try ArtifactColumns.memberships("WHERE m.artifact = ? ORDER BY m.id", [artifactID], $0) }
  }

  public func artifactMemberships(
    collectionID: Int64, beyond version: Int64?, isAscending: Bool, limit: Int
  ) async throws -> [ArtifactMembershipRecord] {
    try await read { db in
      try ArtifactColumns.memberships(
        isAscending
          ? "WHERE m.collection = ? AND m.version > ? ORDER BY m.version LIMIT ?"
          : "WHERE m.collection = ? AND m.version < ? ORDER BY m.version DESC LIMIT ?",
        [collectionID, version ?? (isAscending ? -1 : .max), max(0, limit)], db)
    }
  }

  public func countArtifactMemberships(collectionID: Int64) async throws -> Int {
    try await read { db in
      let count = try db.one(
        "SELECT count(*) FROM artifact_memberships WHERE collection = ?", [collectionID]
      ) { $0.int() }
      return Int(count ?? 0)
    }
  }

  public func addArtifactMembership(
    collectionID: Int64, artifactID: Int64, aliases: [String]
  ) async throws -> ArtifactMembershipRecord {
    try await write { db in
      let membershipID = try Self.join(collectionID, artifactID, db)
      try Self.name(membershipID, aliases, db)
      guard let membership = try ArtifactColumns.memberships("WHERE m.id = ?", [membershipID], db).first else {
        throw StorageError.failed("the artifact could not be put into the collection")
      }
      return membership
    }
  }

  public func removeArtifactMembership(id: Int64) async throws {
    try await write { db in
      guard let membership = try ArtifactColumns.memberships("WHERE m.id = ?", [id], db).first else { return }
      try Self.leave(membership, db)
    }
  }

  public func addArtifactAliases(_ names: [String], membershipID: Int64) async throws {
    try await write { try Self.name(membershipID, names, $0) }
  }

  public func removeArtifactAliases(_ names: [String], membershipID: Int64) async throws {
    try await write { db in
      for name in names {
        try db.run("DELETE FROM artifact_aliases WHERE membership = ? AND name = ?", [membershipID, name])
      }
    }
  }

  /// - Returns: id of the membership, old or new; a new one is `latest`.
  private static func join(_ collectionID: Int64, _ artifactID: Int64, _ db: Database) throws -> Int64 {
    let known = try ArtifactColumns.memberships(
      "WHERE m.artifact = ? AND m.collection = ?", [artifactID, collectionID], db)
    if let known = known.first { return known.id }
    let now = Timestamp.now
    try db.run(
      """
      INSERT INTO artifact_memberships (collection, artifact, version, created_at)
      SELECT id, ?, next_version, ? FROM artifact_collections WHERE id = ?
      """, [artifactID, now, collectionID])
    let id = db.lastInsertedRowID
    try db.run(
      "UPDATE artifact_collections SET next_version = next_version + 1, updated_at = ? WHERE id = ?",
      [now, collectionID])
    try name(id, ["latest"], db)
    return id
  }

  private static func leave(_ membership: ArtifactMembershipRecord, _ db: Database) throws {
    try db.run("DELETE FROM artifact_memberships WHERE id = ?", [membership.id])
    guard membership.aliases.contains(where: { $0.name == "latest" }) else { return }
    let last = try db.one(
      "SELECT id FROM artifact_memberships WHERE collection = ? ORDER BY version DESC LIMIT 1",
      [membership.collectionID]
    ) { $0.int() }
    if let last { try name(last, ["latest"], db) }
  }

  private static func name(_ membershipID: Int64, _ names: [String], _ db: Database) throws {
    for name in names {
      try db.run(
        """
        INSERT INTO artifact_aliases (collection, membership, name)
        SELECT collection, id, ? FROM artifact_memberships WHERE id = ?
        ON CONFLICT (collection, name) DO UPDATE SET membership = excluded.membership
        """, [name, membershipID])
    }
  }

  // MARK: Runs

  public func connectArtifact(id: Int64, runID: Int64, role: ArtifactRole) async throws {
    try await write { try Self.connect(id, runID, role, $0) }
  }

  private static func connect(_ id: Int64, _ runID: Int64, _ role: ArtifactRole, _ db: Database) throws {
    try db.run(
      "INSERT INTO artifact_runs (run, role, artifact) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      [runID, role.rawValue, id])
  }

  public func artifacts(
    runID: Int64, role: ArtifactRole, after: Int64?, limit: Int
  ) async throws -> [ArtifactRecord] {
    try await read { db in
      try db.all(
        """
        \(ArtifactColumns.artifact) JOIN artifact_runs r ON r.artifact = a.id
        WHERE r.run = ? AND r.role = ? AND r.artifact > ? AND a.state = ? ORDER BY r.artifact LIMIT ?
        """, [runID, role.rawValue, after ?? 0, ArtifactState.committed.rawValue, max(0, limit)],
        read: ArtifactColumns.artifact)
    }
  }

  public func countArtifacts(runID: Int64, role: ArtifactRole) async throws -> Int {
    try await read { db in
      let count = try db.one(
        """
        SELECT count(*) FROM artifact_runs r JOIN artifacts a ON a.id = r.artifact
        WHERE r.run = ? AND r.role = ? AND a.state = ?
        """, [runID, role.rawValue, ArtifactState.committed.rawValue]
      ) { $0.int() }
      return Int(count ?? 0)
    }
  }

  public func artifactsMade(byRun runID: Int64) async throws -> [Int64] {
    try await read { db in
      try db.all(
        "SELECT id FROM artifacts WHERE run = ? AND state <> ? ORDER BY id",
        [runID, ArtifactState.deleted.rawValue]
      ) { $0.int() }
    }
  }

  public func runs(usingArtifact id: Int64) async throws -> [Int64] {
    try await read { db in
      try db.all(
        "SELECT run FROM artifact_runs WHERE artifact = ? AND role = ? ORDER BY run",
        [id, ArtifactRole.input.rawValue]
      ) { $0.int() }
    }
  }
}
