import GRDB
import QuipuBase
import Storage

/// How the records of artifacts lie in their tables.
enum ArtifactColumns {
  static let collection = """
    SELECT c.id, c.project, c.kind, c.name, t.name, c.next_version, c.created_at, c.updated_at
    FROM artifact_collections c JOIN artifact_types t ON t.id = c.type
    """

  static func collection(_ row: inout Columns) -> ArtifactCollectionRecord {
    var record = ArtifactCollectionRecord(
      id: row.int(), projectID: row.int(), kind: ArtifactCollectionRecord.Kind(rawValue: row.int()) ?? .sequence,
      name: row.text(), type: row.text(), nextVersion: row.int(), createdAt: row.timestamp())
    record.updatedAt = row.timestamp()
    return record
  }

  static let artifact = """
    SELECT a.id, a.sequence, a.digest, a.digest_algorithm, a.created_at, a.run, a.state, a.size, a.file_count,
      a.updated_at, a.history_step, a.ttl_seconds, a.distributed_id, a.tags, a.requested_aliases,
      a.description, a.metadata
    FROM artifacts a
    """

  static func artifact(_ row: inout Columns) throws -> ArtifactRecord {
    let id = row.int()
    var record = ArtifactRecord(
      sequenceID: row.int(), digest: row.text(), digestAlgorithm: row.text(), createdAt: row.timestamp())
    record.id = id
    record.runID = row.optionalInt()
    let state = row.text()
    guard let known = ArtifactState(rawValue: state) else {
      throw StorageError.damaged("artifact \(id) has the state '\(state)'")
    }
    record.state = known
    record.size = row.int()
    record.fileCount = row.int()
    record.updatedAt = row.optionalInt().map { Timestamp(microseconds: $0) }
    record.historyStep = row.optionalInt()
    record.ttlSeconds = row.optionalInt()
    record.distributedID = row.optionalText()
    record.tags = try list(row.text(), of: id)
    record.requestedAliases = try list(row.text(), of: id)
    record.description = row.optionalText()
    record.metadata = row.optionalText()
    return record
  }

  static let manifest = """
    SELECT m.id, m.artifact, m.kind, m.base, m.digest, m.blob, b.md5, b.size
    FROM artifact_manifests m LEFT JOIN blobs b ON b.sha256 = m.blob
    """

  static func manifest(_ row: inout Columns) -> ArtifactManifestRecord {
    ArtifactManifestRecord(
      id: row.int(), artifactID: row.int(), kind: ArtifactManifestRecord.Kind(rawValue: row.text()) ?? .full,
      baseID: row.optionalInt(), digest: row.text(), blob: optionalBlob(&row))
  }

  static let upload = """
    SELECT u.id, u.artifact, u.name, u.md5, u.digest, u.blob, b.md5, b.size
    FROM artifact_uploads u LEFT JOIN blobs b ON b.sha256 = u.blob
    """

  static func upload(_ row: inout Columns) -> ArtifactUploadRecord {
    ArtifactUploadRecord(
      id: row.int(), artifactID: row.int(), name: row.text(), md5: row.text(), digest: row.text(),
      blob: optionalBlob(&row))
  }

  static func parts(uploadID: Int64, _ db: Database) throws -> [ArtifactPartRecord] {
    try db.all(
      """
      SELECT p.number, p.md5, p.blob, b.md5, b.size FROM artifact_parts p LEFT JOIN blobs b ON b.sha256 = p.blob
      WHERE p.upload = ? ORDER BY p.number
      """, [uploadID]
    ) { row in
      ArtifactPartRecord(number: row.int(), md5: row.text(), blob: optionalBlob(&row))
    }
  }

  static let file = """
    SELECT f.artifact, f.name, f.digest, f.reference, f.reference_size, b.sha256, b.md5, b.size
    FROM artifact_files f LEFT JOIN blobs b ON b.sha256 = f.blob
    """

  static func file(_ row: inout Columns) -> ArtifactFileRecord {
    let (artifactID, name, digest) = (row.int(), row.text(), row.text())
    let (reference, size) = (row.optionalText(), row.int())
    return ArtifactFileRecord(
      artifactID: artifactID, name: name, digest: digest,
      content: reference.map { .reference(url: $0, size: size) } ?? .blob(SQLiteStorage.blob(&row)))
  }

  static let membership = "SELECT m.id, m.collection, m.artifact, m.version, m.created_at FROM artifact_memberships m"

  /// The memberships that `condition` finds, aliases included.
  static func memberships(
    _ condition: String, _ values: [any Bindable], _ db: Database
  ) throws -> [ArtifactMembershipRecord] {
    var found = try db.all("\(membership) \(condition)", values) { row in
      ArtifactMembershipRecord(
        id: row.int(), collectionID: row.int(), artifactID: row.int(), version: row.int(), createdAt: row.timestamp())
    }
    for index in found.indices {
      found[index].aliases = try db.all(
        "SELECT id, name FROM artifact_aliases WHERE membership = ? ORDER BY id", [found[index].id]
      ) { ArtifactAliasRecord(id: $0.int(), name: $0.text()) }
    }
    return found
  }

  private static func optionalBlob(_ row: inout Columns) -> BlobRecord? {
    guard let sha256 = row.optionalText() else { return nil }
    return BlobRecord(sha256: sha256, md5: row.text(), size: row.int())
  }

  static func text(_ list: [String]) -> String {
    list.isEmpty ? "[]" : JSON.array(list.map { .string($0) }).text(style: .core)
  }

  private static func list(_ text: String, of id: Int64) throws -> [String] {
    if text == "[]" { return [] }
    guard let list = try? JSON(parsing: text).arrayValue else {
      throw StorageError.damaged("tags or aliases of artifact \(id) are not a list")
    }
    return list.compactMap(\.stringValue)
  }

  /// A blob that was forgotten since the caller found it must not be named by anything new.
  static func require(_ blob: BlobRecord, _ db: Database) throws {
    guard try db.one("SELECT 1 FROM blobs WHERE sha256 = ?", [blob.sha256], read: { $0.int() }) != nil else {
      throw StorageError.conflict
    }
  }
}
