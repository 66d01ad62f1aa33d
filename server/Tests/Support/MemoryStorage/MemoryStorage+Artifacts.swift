import Storage

/// The tables of artifacts.
struct ArtifactTables {
  var types: [ArtifactTypeRecord] = []
  var collections: [ArtifactCollectionRecord] = []
  var artifacts: [ArtifactRecord] = []
  var memberships: [ArtifactMembershipRecord] = []
  var manifests: [ArtifactManifestRecord] = []
  var uploads: [(record: ArtifactUploadRecord, createdAt: Timestamp)] = []
  var files: [ArtifactFileRecord] = []
  var clientIDs: [(name: String, isSequence: Bool, artifactID: Int64)] = []
  var links: [(artifactID: Int64, runID: Int64, role: ArtifactRole)] = []

  /// SHA-256 of every blob that something here has.
  var blobs: [String] {
    files.compactMap(\.blob?.sha256) + manifests.compactMap(\.blob?.sha256)
      + uploads.flatMap { [$0.record.blob] + $0.record.parts.map(\.blob) }.compactMap(\.?.sha256)
  }
}

extension MemoryStorage {
  // MARK: Types and collections

  public func artifactTypes(projectID: Int64) -> [ArtifactTypeRecord] {
    state.withLock { state in
      let tables = state.artifacts
      let found = tables.types.filter { type in
        type.projectID == projectID
          && tables.collections.contains {
            $0.projectID == projectID && isSame($0.type, type.name) && $0.nextVersion > 0
          }
      }
      return found.sorted { isBefore($0.name, $1.name) }
    }
  }

  public func ensureArtifactCollection(_ collection: ArtifactCollectionRecord) -> ArtifactCollectionRecord {
    state.withLock { state in
      let id = collection.projectID
      if !state.artifacts.types.contains(where: { $0.projectID == id && isSame($0.name, collection.type) }) {
        state.artifacts.types.append(
          ArtifactTypeRecord(
            id: state.newID(), projectID: id, name: collection.type, createdAt: collection.createdAt))
      }
      let known = state.artifacts.collections.firstIndex { $0.projectID == id && isSame($0.name, collection.name) }
      if let known {
        let old = state.artifacts.collections[known]
        let isBegun = state.artifacts.artifacts.contains { $0.sequenceID == old.id }
        if old.nextVersion == 0, old.kind == collection.kind || !isBegun {
          state.artifacts.collections[known].kind = collection.kind
          state.artifacts.collections[known].type = collection.type
        }
        return state.artifacts.collections[known]
      }
      var made = collection
      made.id = state.newID()
      made.nextVersion = 0
      state.artifacts.collections.append(made)
      return made
    }
  }

  public func artifactCollection(id: Int64) -> ArtifactCollectionRecord? {
    state.withLock { $0.artifacts.collections.first { $0.id == id } }
  }

  public func artifactCollection(projectID: Int64, name: String) -> ArtifactCollectionRecord? {
    state.withLock { $0.artifacts.collections.first { $0.projectID == projectID && isSame($0.name, name) } }
  }

  public func artifactCollections(
    projectID: Int64, type: String?, before: Int64?, limit: Int
  ) -> [ArtifactCollectionRecord] {
    Array(visibleCollections(projectID, type).filter { $0.id < before ?? .max }.prefix(max(0, limit)))
  }

  public func countArtifactCollections(projectID: Int64, type: String?) -> Int {
    visibleCollections(projectID, type).count
  }

  private func visibleCollections(_ projectID: Int64, _ type: String?) -> [ArtifactCollectionRecord] {
    state.withLock { state in
      state.artifacts.collections.reversed().filter { collection in
        collection.projectID == projectID && collection.nextVersion > 0
          && type.map { isSame($0, collection.type) } ?? true
      }
    }
  }

  // MARK: Versions

  public func insertArtifact(_ artifact: ArtifactRecord) throws -> ArtifactRecord {
    try state.withLock { state in
      guard state.artifacts.collections.contains(where: { $0.id == artifact.sequenceID }),
        artifact.runID.map({ state.runs[$0] != nil }) ?? true
      else { throw StorageError.failed("there is no such collection or run") }
      var artifact = artifact
      artifact.id = state.newID()
      state.artifacts.artifacts.append(artifact)
      if let runID = artifact.runID { state.connect(artifact.id, runID, .output) }
      return artifact
    }
  }

  public func artifact(id: Int64) -> ArtifactRecord? { artifact { $0.id == id } }

  public func setArtifactClientID(_ clientID: String, artifactID: Int64, isSequence: Bool) {
    state.withLock { state in
      state.artifacts.clientIDs.removeAll { isSame($0.name, clientID) && $0.isSequence == isSequence }
      state.artifacts.clientIDs.append((clientID, isSequence, artifactID))
    }
  }

  public func artifact(clientID: String, isSequence: Bool) -> ArtifactRecord? {
    let id = state.withLock { state in
      state.artifacts.clientIDs.first { isSame($0.name, clientID) && $0.isSequence == isSequence }?.artifactID
    }
    return id.flatMap { artifact(id: $0) }
  }

  public func committedArtifact(sequenceID: Int64, digest: String) -> ArtifactRecord? {
    artifact { $0.sequenceID == sequenceID && $0.state == .committed && isSame($0.digest, digest) }
  }

  public func pendingArtifact(sequenceID: Int64, distributedID: String) -> ArtifactRecord? {
    artifact {
      $0.sequenceID == sequenceID && $0.state == .pending
        && $0.distributedID.map { isSame($0, distributedID) } ?? false
    }
  }

  private func artifact(where matches: (ArtifactRecord) -> Bool) -> ArtifactRecord? {
    state.withLock { state in
      guard var found = state.artifacts.artifacts.last(where: matches) else { return nil }
      if let runID = found.runID, state.runs[runID] == nil { found.runID = nil }
      return found
    }
  }

  public func updateArtifact(id: Int64, _ change: ArtifactChange) -> ArtifactRecord? {
    state.withLock { state in
      guard let index = state.artifacts.artifacts.firstIndex(where: { $0.id == id && $0.state != .deleted })
      else { return nil }
      state.artifacts.artifacts[index].apply(change)
      return state.artifacts.artifacts[index]
    }
  }

  public func commitArtifact(_ commit: ArtifactCommit) throws {
    try state.withLock { state in
      let id = commit.artifactID
      guard let index = state.artifacts.artifacts.firstIndex(where: { $0.id == id && $0.state == .pending }) else {
        throw StorageError.conflict
      }
      for blob in [commit.manifest] + commit.files.compactMap(\.blob) { try state.require(blob) }
      state.artifacts.manifests.removeAll { $0.artifactID == id }
      state.artifacts.manifests.append(
        ArtifactManifestRecord(
          id: state.newID(), artifactID: id, kind: .full, baseID: nil, digest: commit.manifest.md5,
          blob: commit.manifest))
      state.artifacts.files += commit.files
      state.artifacts.uploads.removeAll { $0.record.artifactID == id }
      state.artifacts.artifacts[index].state = .committed
      state.artifacts.artifacts[index].digest = commit.digest
      state.artifacts.artifacts[index].size = commit.size
      state.artifacts.artifacts[index].fileCount = commit.fileCount
      let artifact = state.artifacts.artifacts[index]
      state.name(state.join(artifact.sequenceID, id), artifact.requestedAliases)
    }
  }

  public func deleteArtifact(id: Int64) {
    state.withLock { state in
      for membership in state.artifacts.memberships where membership.artifactID == id { state.leave(membership) }
      state.artifacts.files.removeAll { $0.artifactID == id }
      state.artifacts.uploads.removeAll { $0.record.artifactID == id }
      state.artifacts.manifests.removeAll { $0.artifactID == id }
      state.artifacts.links.removeAll { $0.artifactID == id }
      if let index = state.artifacts.artifacts.firstIndex(where: { $0.id == id }) {
        state.artifacts.artifacts[index].state = .deleted
      }
    }
  }

  // MARK: Places and aliases

  public func artifactMembership(id: Int64) -> ArtifactMembershipRecord? { memberships { $0.id == id }.first }

  public func artifactMembership(collectionID: Int64, alias: String) -> ArtifactMembershipRecord? {
    memberships { membership in
      membership.collectionID == collectionID && membership.aliases.contains { isSame($0.name, alias) }
    }.first
  }

  public func artifactMembership(collectionID: Int64, version: Int64) -> ArtifactMembershipRecord? {
    memberships { $0.collectionID == collectionID && $0.version == version }.first
  }

  public func artifactMembership(collectionID: Int64, artifactID: Int64) -> ArtifactMembershipRecord? {
    memberships { $0.collectionID == collectionID && $0.artifactID == artifactID }.first
  }

  public func artifactMemberships(artifactID: Int64) -> [ArtifactMembershipRecord] {
    memberships { $0.artifactID == artifactID }
  }

  public func artifactMemberships(
    collectionID: Int64, beyond version: Int64?, isAscending: Bool, limit: Int
  ) -> [ArtifactMembershipRecord] {
    let all = memberships { $0.collectionID == collectionID }
    let ordered = isAscending ? all : all.reversed()
    let behind = ordered.filter { membership in
      guard let version else { return true }
      return isAscending ? membership.version > version : membership.version < version
    }
    return Array(behind.prefix(max(0, limit)))
  }

  public func countArtifactMemberships(collectionID: Int64) -> Int {
    memberships { $0.collectionID == collectionID }.count
  }

  private func memberships(where matches: (ArtifactMembershipRecord) -> Bool) -> [ArtifactMembershipRecord] {
    state.withLock { $0.artifacts.memberships.filter(matches) }
  }

  public func addArtifactMembership(
    collectionID: Int64, artifactID: Int64, aliases: [String]
  ) throws -> ArtifactMembershipRecord {
    try state.withLock { state in
      let id = state.join(collectionID, artifactID)
      state.name(id, aliases)
      guard let membership = state.artifacts.memberships.first(where: { $0.id == id }) else {
        throw StorageError.failed("the artifact could not be put into the collection")
      }
      return membership
    }
  }

  public func removeArtifactMembership(id: Int64) {
    state.withLock { state in
      if let membership = state.artifacts.memberships.first(where: { $0.id == id }) { state.leave(membership) }
    }
  }

  public func addArtifactAliases(_ names: [String], membershipID: Int64) {
    state.withLock { $0.name(membershipID, names) }
  }

  public func removeArtifactAliases(_ names: [String], membershipID: Int64) {
    state.withLock { state in
      guard let index = state.artifacts.memberships.firstIndex(where: { $0.id == membershipID }) else { return }
      state.artifacts.memberships[index].aliases.removeAll { alias in names.contains { isSame($0, alias.name) } }
    }
  }

  // MARK: Runs

  public func connectArtifact(id: Int64, runID: Int64, role: ArtifactRole) throws {
    try state.withLock { state in
      guard state.runs[runID] != nil else { throw StorageError.failed("there is no such run") }
      state.connect(id, runID, role)
    }
  }

  public func artifacts(runID: Int64, role: ArtifactRole, after: Int64?, limit: Int) -> [ArtifactRecord] {
    Array(artifacts(runID, role).filter { $0.id > after ?? 0 }.prefix(max(0, limit)))
  }

  public func countArtifacts(runID: Int64, role: ArtifactRole) -> Int { artifacts(runID, role).count }

  private func artifacts(_ runID: Int64, _ role: ArtifactRole) -> [ArtifactRecord] {
    state.withLock { state in
      guard state.runs[runID] != nil else { return [] }
      let ids = Set(state.artifacts.links.filter { $0.runID == runID && $0.role == role }.map(\.artifactID))
      return state.artifacts.artifacts.filter { ids.contains($0.id) && $0.state == .committed }
    }
  }

  public func artifactsMade(byRun runID: Int64) -> [Int64] {
    state.withLock { state in
      state.artifacts.artifacts.filter { $0.runID == runID && $0.state != .deleted }.map(\.id)
    }
  }

  public func runs(usingArtifact id: Int64) -> [Int64] {
    state.withLock { state in
      state.artifacts.links.filter { $0.artifactID == id && $0.role == .input && state.runs[$0.runID] != nil }
        .map(\.runID).sorted()
    }
  }
}

extension MemoryStorage.State {
  func require(_ blob: BlobRecord) throws(StorageError) {
    guard blobs[blob.sha256] != nil else { throw .conflict }
  }

  mutating func connect(_ id: Int64, _ runID: Int64, _ role: ArtifactRole) {
    if !artifacts.links.contains(where: { $0 == (id, runID, role) }) { artifacts.links.append((id, runID, role)) }
  }

  /// - Returns: id of the membership, old or new; a new one is `latest`.
  mutating func join(_ collectionID: Int64, _ artifactID: Int64) -> Int64 {
    if let known = artifacts.memberships.first(where: {
      $0.collectionID == collectionID && $0.artifactID == artifactID
    }) {
      return known.id
    }
    guard let index = artifacts.collections.firstIndex(where: { $0.id == collectionID }) else { return 0 }
    let id = newID()
    let now = Timestamp.now
    artifacts.memberships.append(
      ArtifactMembershipRecord(
        id: id, collectionID: collectionID, artifactID: artifactID, version: artifacts.collections[index].nextVersion,
        createdAt: now))
    artifacts.collections[index].nextVersion += 1
    artifacts.collections[index].updatedAt = now
    name(id, ["latest"])
    return id
  }

  mutating func leave(_ membership: ArtifactMembershipRecord) {
    artifacts.memberships.removeAll { $0.id == membership.id }
    guard membership.aliases.contains(where: { $0.name == "latest" }),
      let last = artifacts.memberships.last(where: { $0.collectionID == membership.collectionID })
    else { return }
    name(last.id, ["latest"])
  }

  mutating func name(_ membershipID: Int64, _ names: [String]) {
    guard let index = artifacts.memberships.firstIndex(where: { $0.id == membershipID }) else { return }
    for name in names {
      var alias = ArtifactAliasRecord(id: 0, name: name)
      for other in artifacts.memberships.indices
      where artifacts.memberships[other].collectionID == artifacts.memberships[index].collectionID {
        if let known = artifacts.memberships[other].aliases.first(where: { isSame($0.name, name) }) { alias = known }
        artifacts.memberships[other].aliases.removeAll { isSame($0.name, name) }
      }
      if alias.id == 0 { alias.id = newID() }
      artifacts.memberships[index].aliases.append(alias)
      artifacts.memberships[index].aliases.sort { $0.id < $1.id }
    }
  }
}
