/// A kind of artifact within a project, such as `dataset` or `model`.
public struct ArtifactTypeRecord: Sendable, Equatable {
  public var id: Int64
  public var projectID: Int64
  public var name: String
  public var createdAt: Timestamp

  public init(id: Int64 = 0, projectID: Int64, name: String, createdAt: Timestamp = .now) {
    self.id = id
    self.projectID = projectID
    self.name = name
    self.createdAt = createdAt
  }
}

/// A named row of versions: the sequence in which artifacts are made, or a portfolio into which they are linked.
public struct ArtifactCollectionRecord: Sendable, Equatable {
  public enum Kind: Int64, Sendable {
    case sequence = 0
    case portfolio = 1
  }

  public var id: Int64
  public var projectID: Int64
  public var kind: Kind
  public var name: String
  /// Name of the type that all its versions have.
  public var type: String
  /// Number of the next version; 0 while nobody can see the collection, because nothing was ever committed to it.
  public var nextVersion: Int64
  public var createdAt: Timestamp
  /// When its newest version joined.
  public var updatedAt: Timestamp

  public init(
    id: Int64 = 0, projectID: Int64, kind: Kind, name: String, type: String, nextVersion: Int64 = 0,
    createdAt: Timestamp = .now
  ) {
    self.id = id
    self.projectID = projectID
    self.kind = kind
    self.name = name
    self.type = type
    self.nextVersion = nextVersion
    self.createdAt = createdAt
    updatedAt = createdAt
  }
}

public enum ArtifactState: String, Sendable {
  case pending = "PENDING"
  case committed = "COMMITTED"
  case deleted = "DELETED"
}

/// One version of something, wherever it is linked.
public struct ArtifactRecord: Sendable, Equatable {
  public var id: Int64 = 0
  /// The sequence in which it was made.
  public var sequenceID: Int64
  /// The run that made it, while that exists.
  public var runID: Int64?
  public var state: ArtifactState = .pending
  /// Lower-case hex over the manifest (protocol reference, 12.3).
  public var digest: String
  /// MANIFEST_MD5 or MANIFEST_XXH128.
  public var digestAlgorithm: String
  public var description: String?
  /// JSON text of an object.
  public var metadata: String?
  public var tags: [String] = []
  /// What it shall be called once it is committed.
  public var requestedAliases: [String] = []
  /// Writers that give the same one write one artifact together.
  public var distributedID: String?
  public var historyStep: Int64?
  public var ttlSeconds: Int64?
  /// Bytes of everything the manifest names.
  public var size: Int64 = 0
  public var fileCount: Int64 = 0
  public var createdAt: Timestamp
  public var updatedAt: Timestamp?

  public init(sequenceID: Int64, digest: String, digestAlgorithm: String, createdAt: Timestamp = .now) {
    self.sequenceID = sequenceID
    self.digest = digest
    self.digestAlgorithm = digestAlgorithm
    self.createdAt = createdAt
  }
}

/// What `updateArtifact` changes; nil leaves a value as it is.
public struct ArtifactChange: Sendable {
  public var description: String?
  public var metadata: String?
  public var ttlSeconds: Int64?
  public var addedTags: [String] = []
  public var removedTags: [String] = []

  public init() {}
}

public struct ArtifactAliasRecord: Sendable, Equatable {
  public var id: Int64
  public var name: String

  public init(id: Int64, name: String) {
    self.id = id
    self.name = name
  }
}

/// An artifact's place in a collection.
public struct ArtifactMembershipRecord: Sendable, Equatable {
  public var id: Int64
  public var collectionID: Int64
  public var artifactID: Int64
  /// From 0, in the order of joining; never used twice.
  public var version: Int64
  public var createdAt: Timestamp
  /// In the order in which the names came up in the collection.
  public var aliases: [ArtifactAliasRecord]

  public init(
    id: Int64, collectionID: Int64, artifactID: Int64, version: Int64, createdAt: Timestamp,
    aliases: [ArtifactAliasRecord] = []
  ) {
    self.id = id
    self.collectionID = collectionID
    self.artifactID = artifactID
    self.version = version
    self.createdAt = createdAt
    self.aliases = aliases
  }
}

/// A manifest that was announced; a committed artifact has exactly one, the one that holds.
public struct ArtifactManifestRecord: Sendable, Equatable {
  public enum Kind: String, Sendable {
    case full = "FULL"
    case patch = "PATCH"
    case incremental = "INCREMENTAL"
  }

  public var id: Int64
  public var artifactID: Int64
  public var kind: Kind
  /// The artifact on which an incremental one builds.
  public var baseID: Int64?
  /// Base64 MD5 of the file; empty while it is not known.
  public var digest: String
  public var blob: BlobRecord?

  public init(
    id: Int64 = 0, artifactID: Int64, kind: Kind, baseID: Int64?, digest: String, blob: BlobRecord? = nil
  ) {
    self.id = id
    self.artifactID = artifactID
    self.kind = kind
    self.baseID = baseID
    self.digest = digest
    self.blob = blob
  }
}

/// A piece of a large file, announced or stored.
public struct ArtifactPartRecord: Sendable, Equatable {
  /// From 1.
  public var number: Int64
  /// Standard base64.
  public var md5: String
  public var blob: BlobRecord?

  public init(number: Int64, md5: String, blob: BlobRecord? = nil) {
    self.number = number
    self.md5 = md5
    self.blob = blob
  }
}

/// A file that was announced for an artifact that is not committed yet.
public struct ArtifactUploadRecord: Sendable, Equatable {
  public var id: Int64
  public var artifactID: Int64
  /// Path in the artifact.
  public var name: String
  /// Of the bytes, standard base64.
  public var md5: String
  /// What the manifest will call the bytes: `md5`, or their XXH128.
  public var digest: String
  /// Nil until the bytes are stored.
  public var blob: BlobRecord?
  /// In the order of their numbers; none for a file that comes in one piece, and none once the whole is stored.
  public var parts: [ArtifactPartRecord]

  public init(
    id: Int64 = 0, artifactID: Int64, name: String, md5: String, digest: String, blob: BlobRecord? = nil,
    parts: [ArtifactPartRecord] = []
  ) {
    self.id = id
    self.artifactID = artifactID
    self.name = name
    self.md5 = md5
    self.digest = digest
    self.blob = blob
    self.parts = parts
  }
}

/// A file of a committed artifact, or a reference to one that lies elsewhere.
public struct ArtifactFileRecord: Sendable, Equatable {
  public enum Content: Sendable, Equatable {
    case blob(BlobRecord)
    case reference(url: String, size: Int64)
  }

  public var artifactID: Int64
  public var name: String
  /// As the manifest has it.
  public var digest: String
  public var content: Content

  public init(artifactID: Int64, name: String, digest: String, content: Content) {
    self.artifactID = artifactID
    self.name = name
    self.digest = digest
    self.content = content
  }

  public var blob: BlobRecord? { if case .blob(let blob) = content { blob } else { nil } }

  /// Bytes.
  public var size: Int64 {
    switch content {
    case .blob(let blob): blob.size
    case .reference(_, let size): size
    }
  }
}

/// Everything that becomes true of an artifact when it is committed.
public struct ArtifactCommit: Sendable {
  public var artifactID: Int64
  public var digest: String
  public var size: Int64
  public var fileCount: Int64
  public var manifest: BlobRecord
  public var files: [ArtifactFileRecord]

  public init(
    artifactID: Int64, digest: String, size: Int64, fileCount: Int64, manifest: BlobRecord, files: [ArtifactFileRecord]
  ) {
    self.artifactID = artifactID
    self.digest = digest
    self.size = size
    self.fileCount = fileCount
    self.manifest = manifest
    self.files = files
  }
}

/// How a run and an artifact belong together.
public enum ArtifactRole: Int64, Sendable {
  case output = 0
  case input = 1
}

/// Artifacts. A blob that any manifest, upload, part or file of an artifact has is in use.
///
/// Wherever a blob is handed over, `conflict` is thrown if it is not known: it was forgotten since it was found.
/// In every collection the storage keeps the alias `latest` on the version that joined last; it can be moved.
public protocol ArtifactStorage: Sendable {
  // MARK: Types and collections

  /// Types of which there is a version, by name.
  func artifactTypes(projectID: Int64) async throws -> [ArtifactTypeRecord]
  /// The collection of this name, made now if there is none. One without versions takes over the type, and the kind
  /// too if no artifact was begun in it; of any other the caller has to look at both.
  func ensureArtifactCollection(_ collection: ArtifactCollectionRecord) async throws -> ArtifactCollectionRecord
  func artifactCollection(id: Int64) async throws -> ArtifactCollectionRecord?
  func artifactCollection(projectID: Int64, name: String) async throws -> ArtifactCollectionRecord?
  /// Those that have or had versions, newest first, with an id below `before`; of one type, if it is given.
  func artifactCollections(
    projectID: Int64, type: String?, before: Int64?, limit: Int
  ) async throws -> [ArtifactCollectionRecord]
  func countArtifactCollections(projectID: Int64, type: String?) async throws -> Int

  // MARK: Versions

  /// Stores a new artifact and gives it its id; its run has it as output from then on.
  func insertArtifact(_ artifact: ArtifactRecord) async throws -> ArtifactRecord
  func artifact(id: Int64) async throws -> ArtifactRecord?
  /// Remembers what a client calls an artifact, or its sequence, as long as it does not know our ids.
  func setArtifactClientID(_ clientID: String, artifactID: Int64, isSequence: Bool) async throws
  /// The artifact to which a client gave this name, or to whose sequence it did.
  func artifact(clientID: String, isSequence: Bool) async throws -> ArtifactRecord?
  /// The newest version of a sequence with this digest that is committed.
  func committedArtifact(sequenceID: Int64, digest: String) async throws -> ArtifactRecord?
  func pendingArtifact(sequenceID: Int64, distributedID: String) async throws -> ArtifactRecord?
  /// - Returns: the record as it is now; nil if there is no such artifact or it was deleted.
  func updateArtifact(id: Int64, _ change: ArtifactChange) async throws -> ArtifactRecord?
  /// Makes a pending artifact a version of its sequence and gives it its aliases, all or nothing. Throws `conflict` if
  /// it is not pending.
  func commitArtifact(_ commit: ArtifactCommit) async throws
  /// Takes the artifact out of all collections and forgets its files; the record stays, as deleted. Where it was
  /// `latest`, the version before it becomes that.
  func deleteArtifact(id: Int64) async throws

  // MARK: Manifests

  /// Stores a new manifest and gives it its id. Only a patch can be there more than once in an artifact: the others
  /// take the place of their kind, under the same id.
  func putArtifactManifest(_ manifest: ArtifactManifestRecord) async throws -> ArtifactManifestRecord
  func artifactManifest(id: Int64) async throws -> ArtifactManifestRecord?
  /// In the order of their ids.
  func artifactManifests(artifactID: Int64) async throws -> [ArtifactManifestRecord]
  /// Writes back what was read, if it is still there.
  func updateArtifactManifest(_ manifest: ArtifactManifestRecord) async throws

  // MARK: Files

  /// The blobs with these MD5s, at most one for each.
  func blobs(md5s: [String]) async throws -> [BlobRecord]
  /// Stores what was announced, each in place of the one of the same name. One that was announced before with the
  /// same bytes stays what it is, stored parts included.
  /// - Returns: the records in the order in which they were given.
  func announceArtifactFiles(_ uploads: [ArtifactUploadRecord]) async throws -> [ArtifactUploadRecord]
  func artifactUpload(id: Int64) async throws -> ArtifactUploadRecord?
  /// Without their parts.
  func artifactUploads(artifactID: Int64) async throws -> [ArtifactUploadRecord]
  /// The bytes have come; the parts are forgotten. Nothing happens if the upload is gone.
  func storeArtifactUpload(id: Int64, blob: BlobRecord) async throws
  func storeArtifactPart(uploadID: Int64, number: Int64, blob: BlobRecord) async throws
  /// Gives up what was announced before `moment` for artifacts that are still pending.
  func forgetArtifactUploads(before moment: Timestamp) async throws

  /// Files of a committed artifact by the bytes of their names, behind `after`; `names` empty means all.
  func artifactFiles(
    artifactID: Int64, names: [String], after: String?, limit: Int
  ) async throws -> [ArtifactFileRecord]
  func artifactFile(artifactID: Int64, digest: String) async throws -> ArtifactFileRecord?
  /// Files of a sequence's versions that have these digests, at most one for each.
  func artifactFiles(sequenceID: Int64, digests: [String]) async throws -> [ArtifactFileRecord]
  /// Whether an artifact has a file with these bytes under this digest.
  func hasArtifactFile(blob sha256: String, digest: String) async throws -> Bool
  func countArtifactFiles(artifactID: Int64) async throws -> Int
  /// The oldest artifact that has a file with these bytes.
  func firstArtifact(withBlob sha256: String) async throws -> Int64?

  // MARK: Places and aliases

  func artifactMembership(id: Int64) async throws -> ArtifactMembershipRecord?
  func artifactMembership(collectionID: Int64, alias: String) async throws -> ArtifactMembershipRecord?
  func artifactMembership(collectionID: Int64, version: Int64) async throws -> ArtifactMembershipRecord?
  func artifactMembership(collectionID: Int64, artifactID: Int64) async throws -> ArtifactMembershipRecord?
  /// All places of an artifact, oldest first.
  func artifactMemberships(artifactID: Int64) async throws -> [ArtifactMembershipRecord]
  /// Versions of a collection, newest first below `version` or oldest first above it.
  func artifactMemberships(
    collectionID: Int64, beyond version: Int64?, isAscending: Bool, limit: Int
  ) async throws -> [ArtifactMembershipRecord]
  func countArtifactMemberships(collectionID: Int64) async throws -> Int
  /// Makes the artifact a version of the collection, if it is none yet, and gives it the aliases.
  func addArtifactMembership(
    collectionID: Int64, artifactID: Int64, aliases: [String]
  ) async throws -> ArtifactMembershipRecord
  func removeArtifactMembership(id: Int64) async throws
  /// Aliases that other versions of the collection have move.
  func addArtifactAliases(_ names: [String], membershipID: Int64) async throws
  func removeArtifactAliases(_ names: [String], membershipID: Int64) async throws

  // MARK: Runs

  func connectArtifact(id: Int64, runID: Int64, role: ArtifactRole) async throws
  /// Committed artifacts of a run in the order of their ids, behind `after`.
  func artifacts(runID: Int64, role: ArtifactRole, after: Int64?, limit: Int) async throws -> [ArtifactRecord]
  func countArtifacts(runID: Int64, role: ArtifactRole) async throws -> Int
  /// Every artifact that the run made and that is not deleted, pending ones too.
  func artifactsMade(byRun runID: Int64) async throws -> [Int64]
  /// Runs that use the artifact, oldest first.
  func runs(usingArtifact id: Int64) async throws -> [Int64]
}

extension ArtifactRecord {
  /// For implementations of the storage: tags keep their order and are there once.
  public mutating func apply(_ change: ArtifactChange, at now: Timestamp = .now) {
    if let description = change.description { self.description = description }
    if let metadata = change.metadata { self.metadata = metadata }
    if let ttl = change.ttlSeconds { ttlSeconds = ttl }
    tags.removeAll { tag in change.removedTags.contains { $0.utf8.elementsEqual(tag.utf8) } }
    for tag in change.addedTags where !tags.contains(where: { $0.utf8.elementsEqual(tag.utf8) }) { tags.append(tag) }
    updatedAt = now
  }
}
