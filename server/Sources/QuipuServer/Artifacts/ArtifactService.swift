import GraphQL
import Logging
import QuipuBase
import Storage
import Synchronization

/// What can be done to artifacts, whoever asks for it. Source: protocol reference, section 12.
final class ArtifactService: Sendable {
  let storage: any Storage
  let runs: RunService
  let configuration: ServerConfiguration
  let bodyBudget: ByteBudget
  /// Held by whoever takes an artifact from one state to the next.
  let locks = KeyedLock<Int64>()
  /// Held by whoever makes artifacts of a sequence.
  let sequences = KeyedLock<Int64>()
  /// Files that are being put together from their parts, by upload.
  let joins = Mutex<[Int64: Task<BlobRecord, any Error>]>([:])

  init(storage: any Storage, runs: RunService, configuration: ServerConfiguration, bodyBudget: ByteBudget) {
    self.storage = storage
    self.runs = runs
    self.configuration = configuration
    self.bodyBudget = bodyBudget
  }

  static let algorithms = ["MANIFEST_MD5", "MANIFEST_XXH128"]

  // MARK: Finding

  /// - Throws: 404 unless there is an artifact of this id that was not deleted.
  func artifact(globalID: String) async throws -> ArtifactRecord {
    guard let id = GlobalID.parse(globalID, kind: "Artifact"), let artifact = try await storage.artifact(id: id),
      artifact.state != .deleted
    else { throw ServerFault(404, "there is no artifact with the id '\(globalID)'") }
    return artifact
  }

  func committed(globalID: String) async throws -> ArtifactRecord {
    let artifact = try await artifact(globalID: globalID)
    guard artifact.state == .committed else { throw ServerFault(400, "artifact '\(globalID)' is not committed yet") }
    return artifact
  }

  func collection(id: Int64) async throws -> ArtifactCollectionRecord {
    guard let collection = try await storage.artifactCollection(id: id) else {
      throw StorageError.damaged("there is no artifact collection \(id)")
    }
    return collection
  }

  /// By an alias, or by its number as `v3`.
  func membership(collectionID: Int64, alias: String) async throws -> ArtifactMembershipRecord? {
    if let version = Names.versionNumber(alias) {
      return try await storage.artifactMembership(collectionID: collectionID, version: version)
    }
    return try await storage.artifactMembership(collectionID: collectionID, alias: alias)
  }

  /// By `COLLECTION:ALIAS`.
  func membership(projectID: Int64, name: String) async throws -> ArtifactMembershipRecord? {
    let (name, alias) = Names.splitArtifact(name)
    guard let collection = try await storage.artifactCollection(projectID: projectID, name: name) else { return nil }
    return try await membership(collectionID: collection.id, alias: alias)
  }

  /// The version on which the next one may build.
  func latest(sequenceID: Int64) async throws -> ArtifactRecord? {
    var found = try await storage.artifactMembership(collectionID: sequenceID, alias: "latest")
    if found == nil {
      found = try await storage.artifactMemberships(
        collectionID: sequenceID, beyond: nil, isAscending: false, limit: 1
      ).first
    }
    guard let found else { return nil }
    return try await storage.artifact(id: found.artifactID)
  }

  private func project(_ input: GraphQLArguments) async throws -> ProjectRecord {
    let entity = input.string("entityName")
    let name = input.string("projectName")
    guard let project = try await runs.project(entity: entity, name: name) else {
      throw ServerFault(404, "project \(RunService.given(entity) ?? configuration.user)/\(name ?? "") not found")
    }
    return project
  }

  // MARK: Creating

  /// The artifact to be filled; or the committed one that has the same content already (12.4, step 2).
  func create(_ input: GraphQLArguments) async throws -> ArtifactRecord {
    let project = try await project(input)
    let name = input.string("artifactCollectionName") ?? input.strings("artifactCollectionNames")?.first ?? ""
    let type = input.string("artifactTypeName") ?? ""
    try Names.checkArtifact(name)
    try Names.checkArtifact(type, what: "artifact type")
    let wanted = try await description(input, project: project, name: name)

    let sequence = try await storage.ensureArtifactCollection(
      ArtifactCollectionRecord(projectID: project.id, kind: .sequence, name: name, type: type))
    guard sequence.kind == .sequence else {
      throw ServerFault(400, "'\(name)' is a portfolio: artifacts are linked into it, not logged to it")
    }
    guard sequence.type.utf8.elementsEqual(type.utf8) else {
      throw ServerFault(400, "artifact '\(name)' has the type '\(sequence.type)': it cannot be logged as '\(type)'")
    }
    return try await sequences.with(sequence.id) {
      try await create(wanted, in: sequence, input)
    }
  }

  private func create(
    _ wanted: ArtifactRecord, in sequence: ArtifactCollectionRecord, _ input: GraphQLArguments
  ) async throws -> ArtifactRecord {
    let clientID = RunService.given(input.string("clientID"))
    // The same request again, because its answer was lost.
    if let clientID, let known = try await storage.artifact(clientID: clientID, isSequence: false),
      known.sequenceID == sequence.id, known.state != .deleted, known.digest == wanted.digest
    {
      return known
    }
    var artifact = wanted
    artifact.sequenceID = sequence.id
    if let distributedID = artifact.distributedID,
      let shared = try await storage.pendingArtifact(sequenceID: sequence.id, distributedID: distributedID)
    {
      artifact = shared
      if let runID = wanted.runID { try await storage.connectArtifact(id: shared.id, runID: runID, role: .output) }
    } else if input.bool("enableDigestDeduplication") == true,
      let same = try await storage.committedArtifact(sequenceID: sequence.id, digest: artifact.digest),
      let membership = try await storage.artifactMembership(collectionID: sequence.id, artifactID: same.id)
    {
      try await storage.addArtifactAliases(artifact.requestedAliases, membershipID: membership.id)
      if let runID = artifact.runID { try await storage.connectArtifact(id: same.id, runID: runID, role: .output) }
      artifact = same
    } else {
      artifact = try await storage.insertArtifact(artifact)
    }
    for (key, isSequence) in [("clientID", false), ("sequenceClientID", true)] {
      guard let name = RunService.given(input.string(key)) else { continue }
      guard name.utf8.count <= 512 else { throw ServerFault(400, "'\(key)' has at most 512 bytes") }
      try await storage.setArtifactClientID(name, artifactID: artifact.id, isSequence: isSequence)
    }
    return artifact
  }

  /// The record that the input describes, but for its sequence.
  private func description(
    _ input: GraphQLArguments, project: ProjectRecord, name: String
  ) async throws -> ArtifactRecord {
    let algorithm = input.string("digestAlgorithm") ?? "MANIFEST_MD5"
    let digest = input.string("digest") ?? ""
    let distributedID = RunService.given(input.string("distributedID"))
    guard ArtifactDigest.isHex(digest) || (digest.isEmpty && distributedID != nil) else {
      throw ServerFault(400, "an artifact's digest has 32 lower-case hexadecimal digits")
    }
    guard distributedID?.utf8.count ?? 0 <= 512 else { throw ServerFault(400, "'distributedID' has at most 512 bytes") }
    var artifact = ArtifactRecord(sequenceID: 0, digest: digest, digestAlgorithm: algorithm)
    artifact.distributedID = distributedID
    if let run = RunService.given(input.string("runName")) {
      guard let run = try await storage.run(projectID: project.id, name: run) else {
        throw ServerFault(404, "run \(project.entity)/\(project.name)/\(run) not found")
      }
      artifact.runID = run.id
    }
    artifact.description = input.string("description")
    artifact.metadata = try Self.metadata(input.string("metadata"))
    artifact.historyStep = input.int("historyStep")
    artifact.ttlSeconds = input.int("ttlDurationSeconds")
    artifact.requestedAliases = try Self.aliases(input.objects("aliases") ?? [], collection: name)
    for tag in input.objects("tags")?.compactMap({ $0.string("tagName") }) ?? [] {
      try Names.checkArtifactTag(tag)
      if !artifact.tags.contains(tag) { artifact.tags.append(tag) }
    }
    return artifact
  }

  /// The names of aliases for one collection.
  private static func aliases(_ inputs: [GraphQLArguments], collection: String) throws -> [String] {
    guard inputs.count <= 1000 else { throw ServerFault(400, "these are more than 1000 aliases") }
    return try inputs.compactMap { input in
      let alias = input.string("alias") ?? ""
      try Names.checkAlias(alias)
      guard input.string("artifactCollectionName") == collection else {
        throw ServerFault(400, "the alias '\(alias)' is for another collection than '\(collection)'")
      }
      return alias
    }
  }

  /// Source: protocol reference, section 17.
  private static func metadata(_ text: String?) throws -> String? {
    guard let text else { return nil }
    guard let object = (try? JSON(parsing: text))?.objectValue else {
      throw ServerFault(400, "an artifact's metadata is a JSON object")
    }
    guard object.count <= 100 else {
      throw ServerFault(400, "an artifact's metadata has at most 100 keys, not \(object.count)")
    }
    return text
  }

  // MARK: Changing

  func update(_ input: GraphQLArguments) async throws -> ArtifactRecord {
    let artifact = try await artifact(globalID: input.string("artifactID") ?? "")
    var change = ArtifactChange()
    change.description = input.string("description")
    change.metadata = try Self.metadata(input.string("metadata"))
    change.ttlSeconds = input.int("ttlDurationSeconds")
    change.addedTags = input.objects("tagsToAdd")?.compactMap { $0.string("tagName") } ?? []
    change.removedTags = input.objects("tagsToDelete")?.compactMap { $0.string("tagName") } ?? []
    for tag in change.addedTags { try Names.checkArtifactTag(tag) }
    guard artifact.tags.count + change.addedTags.count <= 1000 else {
      throw ServerFault(400, "an artifact has at most 1000 tags")
    }
    guard let changed = try await storage.updateArtifact(id: artifact.id, change) else {
      throw ServerFault(404, "the artifact was deleted")
    }
    return changed
  }

  func addAliases(_ input: GraphQLArguments) async throws {
    try await changeAliases(input, check: Names.checkAlias) {
      try await storage.addArtifactAliases([$0], membershipID: $1)
    }
  }

  func removeAliases(_ input: GraphQLArguments) async throws {
    try await changeAliases(input, check: { _ in }) { try await storage.removeArtifactAliases([$0], membershipID: $1) }
  }

  /// Looks at all of them before it changes any.
  private func changeAliases(
    _ input: GraphQLArguments, check: (String) throws -> Void, _ body: (String, Int64) async throws -> Void
  ) async throws {
    let artifact = try await committed(globalID: input.string("artifactID") ?? "")
    var changes: [(alias: String, membershipID: Int64)] = []
    for alias in input.objects("aliases") ?? [] {
      let text = alias.string("alias") ?? ""
      try check(text)
      let name = alias.string("artifactCollectionName") ?? ""
      var project: ProjectRecord?
      if alias.string("projectName") == nil {
        project = try await storage.project(id: try await collection(id: artifact.sequenceID).projectID)
      } else {
        project = try await self.project(alias)
      }
      guard let project, let collection = try await storage.artifactCollection(projectID: project.id, name: name),
        let membership = try await storage.artifactMembership(collectionID: collection.id, artifactID: artifact.id)
      else { throw ServerFault(404, "the artifact is not in the collection '\(name)'") }
      changes.append((text, membership.id))
    }
    for change in changes { try await body(change.alias, change.membershipID) }
  }

  /// Links an artifact into a portfolio, which is made if it is not there.
  func link(_ input: GraphQLArguments) async throws -> ArtifactMembershipRecord {
    let artifact: ArtifactRecord
    if let id = RunService.given(input.string("artifactID")) {
      artifact = try await committed(globalID: id)
    } else {
      let clientID = input.string("clientID") ?? ""
      guard let found = try await storage.artifact(clientID: clientID, isSequence: false), found.state == .committed
      else { throw ServerFault(404, "there is no committed artifact with the client id '\(clientID)'") }
      artifact = found
    }
    let name = input.string("artifactPortfolioName") ?? ""
    try Names.checkArtifact(name, what: "portfolio name")
    guard input.string("projectName")?.hasPrefix("wandb-registry-") != true else {
      throw ServerFault(400, "this server has no registries: link into a portfolio of a project")
    }
    let aliases = try Self.aliases(input.objects("aliases") ?? [], collection: name)
    let project = try await project(input)
    let type = try await collection(id: artifact.sequenceID).type
    let portfolio = try await storage.ensureArtifactCollection(
      ArtifactCollectionRecord(projectID: project.id, kind: .portfolio, name: name, type: type))
    guard portfolio.kind == .portfolio else {
      throw ServerFault(400, "'\(name)' is the sequence of an artifact: nothing can be linked into it")
    }
    guard portfolio.type.utf8.elementsEqual(type.utf8) else {
      throw ServerFault(400, "the portfolio '\(name)' holds artifacts of type '\(portfolio.type)', not '\(type)'")
    }
    return try await storage.addArtifactMembership(
      collectionID: portfolio.id, artifactID: artifact.id, aliases: aliases)
  }

  func unlink(_ input: GraphQLArguments) async throws {
    let artifact = try await artifact(globalID: input.string("artifactID") ?? "")
    guard let id = ArtifactCollectionID.parse(input.string("artifactPortfolioID") ?? ""),
      let portfolio = try await storage.artifactCollection(id: id), portfolio.kind == .portfolio,
      let membership = try await storage.artifactMembership(collectionID: id, artifactID: artifact.id)
    else { throw ServerFault(404, "the artifact is not linked into this portfolio") }
    try await storage.removeArtifactMembership(id: membership.id)
  }

  func delete(_ input: GraphQLArguments) async throws -> ArtifactRecord {
    var artifact = try await artifact(globalID: input.string("artifactID") ?? "")
    if input.bool("deleteAliases") != true {
      let aliases = try await storage.artifactMemberships(artifactID: artifact.id).flatMap(\.aliases).map(\.name)
      guard aliases.isEmpty else {
        throw ServerFault(
          400, "the artifact has aliases (\(aliases.joined(separator: ", "))): delete them with it, or first")
      }
    }
    try await locks.with(artifact.id) { try await storage.deleteArtifact(id: artifact.id) }
    artifact.state = .deleted
    return artifact
  }

  func deleteArtifacts(ofRun runID: Int64) async throws {
    for id in try await storage.artifactsMade(byRun: runID) {
      try await locks.with(id) { try await storage.deleteArtifact(id: id) }
    }
  }

  func use(_ input: GraphQLArguments) async throws -> ArtifactRecord {
    let artifact = try await committed(globalID: input.string("artifactID") ?? "")
    let run = try await runs.run(
      entity: input.string("entityName"), project: input.string("projectName"), name: input.string("runName") ?? "")
    try await storage.connectArtifact(id: artifact.id, runID: run.id, role: .input)
    return artifact
  }
}

/// Ids of collections: what kind a collection is stands in its id, as clients expect it.
enum ArtifactCollectionID {
  static func make(_ collection: ArtifactCollectionRecord) -> String {
    GlobalID.make(typeName(collection), collection.id)
  }

  static func parse(_ text: String) -> Int64? {
    GlobalID.parse(text, kind: "ArtifactSequence") ?? GlobalID.parse(text, kind: "ArtifactPortfolio")
  }

  static func typeName(_ collection: ArtifactCollectionRecord) -> String {
    collection.kind == .sequence ? "ArtifactSequence" : "ArtifactPortfolio"
  }
}
