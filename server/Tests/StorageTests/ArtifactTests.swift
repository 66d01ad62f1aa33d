import Foundation
import MemoryStorage
import SQLiteStorage
import Storage
import Testing

@Suite struct ArtifactTests {
  func sequence(
    _ storage: any Storage, _ project: ProjectRecord, _ name: String = "data", type: String = "dataset",
    kind: ArtifactCollectionRecord.Kind = .sequence
  ) async throws -> ArtifactCollectionRecord {
    try await storage.ensureArtifactCollection(
      ArtifactCollectionRecord(projectID: project.id, kind: kind, name: name, type: type))
  }

  func insert(
    _ storage: any Storage, _ sequence: ArtifactCollectionRecord, digest: String = "d", run: RunRecord? = nil,
    aliases: [String] = []
  ) async throws -> ArtifactRecord {
    var artifact = ArtifactRecord(sequenceID: sequence.id, digest: digest, digestAlgorithm: "MANIFEST_MD5")
    artifact.runID = run?.id
    artifact.requestedAliases = aliases
    return try await storage.insertArtifact(artifact)
  }

  func commit(
    _ storage: any Storage, _ artifact: ArtifactRecord, files: [(name: String, digit: Character)] = []
  ) async throws {
    for digit in ["m"] + files.map(\.digit) { try await storage.addBlob(makeBlob(digit)) }
    try await storage.commitArtifact(
      ArtifactCommit(
        artifactID: artifact.id, digest: artifact.digest, size: 7, fileCount: Int64(files.count),
        manifest: makeBlob("m"),
        files: files.map {
          ArtifactFileRecord(
            artifactID: artifact.id, name: $0.name, digest: "digest-\($0.digit)", content: .blob(makeBlob($0.digit)))
        }))
  }

  func version(
    _ storage: any Storage, _ sequence: ArtifactCollectionRecord, digest: String = "d", run: RunRecord? = nil,
    aliases: [String] = [], files: [(name: String, digit: Character)] = []
  ) async throws -> ArtifactRecord {
    let artifact = try await insert(storage, sequence, digest: digest, run: run, aliases: aliases)
    try await commit(storage, artifact, files: files)
    return artifact
  }

  func names(_ storage: any Storage, _ collectionID: Int64) async throws -> [[String]] {
    try await storage.artifactMemberships(collectionID: collectionID, beyond: nil, isAscending: true, limit: 100)
      .map { $0.aliases.map(\.name) }
  }

  // MARK: Types and collections

  @Test(arguments: Backend.allCases) func keepsTheTypeOfACollectionThatHasVersions(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let made = try await sequence(storage, project)
      #expect(made.nextVersion == 0 && made.type == "dataset" && made.kind == .sequence)
      #expect(try await sequence(storage, project) == made)
      let retyped = try await sequence(storage, project, type: "model", kind: .portfolio)
      #expect(retyped.id == made.id && retyped.type == "model" && retyped.kind == .portfolio)
      let back = try await sequence(storage, project)
      let begun = try await insert(storage, back)
      #expect(try await sequence(storage, project, type: "model", kind: .portfolio) == back)
      #expect(try await sequence(storage, project, type: "model").type == "model")
      #expect(try await sequence(storage, project) == back)
      try await commit(storage, begun)
      let settled = try await sequence(storage, project, type: "model", kind: .portfolio)
      #expect(settled.id == made.id && settled.type == "dataset" && settled.kind == .sequence)
      #expect(settled.nextVersion == 1)
      #expect(try await storage.artifactCollection(id: made.id) == settled)
      #expect(try await storage.artifactCollection(projectID: project.id, name: "Data") == nil)
    }
  }

  @Test(arguments: Backend.allCases) func listsOnlyCollectionsThatEverHadAVersion(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      for (name, type) in [("a", "x"), ("b", "y"), ("c", "x")] {
        _ = try await version(storage, try await sequence(storage, project, name, type: type))
      }
      _ = try await insert(storage, try await sequence(storage, project, "pending", type: "z"))
      let other = try await makeProject(storage, "other")
      _ = try await version(storage, try await sequence(storage, other, "elsewhere"))

      func list(type: String? = nil, before: Int64? = nil, limit: Int = 10) async throws -> [String] {
        try await storage.artifactCollections(projectID: project.id, type: type, before: before, limit: limit)
          .map(\.name)
      }
      #expect(try await list() == ["c", "b", "a"])
      #expect(try await list(type: "x") == ["c", "a"])
      #expect(try await list(type: "z") == [])
      #expect(try await list(limit: 0) == [])
      let last = try #require(try await storage.artifactCollection(projectID: project.id, name: "b")?.id)
      #expect(try await list(before: last) == ["a"])
      #expect(try await storage.countArtifactCollections(projectID: project.id, type: nil) == 3)
      #expect(try await storage.countArtifactCollections(projectID: project.id, type: "x") == 2)
      #expect(try await storage.artifactTypes(projectID: project.id).map(\.name) == ["x", "y"])
    }
  }

  // MARK: Versions

  @Test(arguments: Backend.allCases) func keepsEveryValueOfAnArtifact(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      let project = try #require(try await storage.project(id: run.projectID))
      var artifact = ArtifactRecord(
        sequenceID: try await sequence(storage, project).id, digest: "d", digestAlgorithm: "MANIFEST_XXH128",
        createdAt: Timestamp(microseconds: 5))
      artifact.runID = run.id
      artifact.description = "e\u{301} \u{0}"
      artifact.metadata = #"{"a": 1}"#
      artifact.tags = ["t\"1", ""]
      artifact.requestedAliases = ["x", "y"]
      artifact.distributedID = "shared"
      artifact.historyStep = -3
      artifact.ttlSeconds = 60
      let stored = try await storage.insertArtifact(artifact)
      artifact.id = stored.id
      #expect(stored == artifact)
      #expect(try await storage.artifact(id: stored.id) == artifact)
      #expect(try await storage.artifact(id: stored.id + 1000) == nil)
      #expect(try await storage.pendingArtifact(sequenceID: artifact.sequenceID, distributedID: "shared") == artifact)
      #expect(try await storage.committedArtifact(sequenceID: artifact.sequenceID, digest: "d") == nil)

      var change = ArtifactChange()
      change.description = ""
      change.addedTags = ["new", "new", "t\"1"]
      change.removedTags = [""]
      let changed = try #require(try await storage.updateArtifact(id: stored.id, change))
      #expect(changed.description == "" && changed.metadata == artifact.metadata && changed.ttlSeconds == 60)
      #expect(changed.tags == ["t\"1", "new"])
      #expect(try #require(changed.updatedAt) > artifact.createdAt)
      #expect(try await storage.artifact(id: stored.id) == changed)
      #expect(try await storage.updateArtifact(id: 999, change) == nil)
    }
  }

  @Test(arguments: Backend.allCases) func findsArtifactsByTheClientsNames(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let first = try await version(storage, try await sequence(storage, project))
      let second = try await insert(storage, try await sequence(storage, project))
      try await storage.setArtifactClientID("c", artifactID: first.id, isSequence: false)
      try await storage.setArtifactClientID("c2", artifactID: first.id, isSequence: false)
      #expect(try await storage.artifact(clientID: "c", isSequence: false)?.id == first.id)
      #expect(try await storage.artifact(clientID: "c2", isSequence: false)?.id == first.id)
      #expect(try await storage.artifact(clientID: "c", isSequence: true) == nil)
      try await storage.setArtifactClientID("c", artifactID: second.id, isSequence: false)
      #expect(try await storage.artifact(clientID: "c", isSequence: false)?.id == second.id)
    }
  }

  @Test(arguments: Backend.allCases) func movesAliasesAtCommitAndNotBefore(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let sequence = try await sequence(storage, project)
      let first = try await version(storage, sequence, digest: "1", aliases: ["best", "latest", "one"])
      #expect(try await names(storage, sequence.id) == [["latest", "best", "one"]])
      let second = try await insert(storage, sequence, digest: "2", aliases: ["best"])
      #expect(try await names(storage, sequence.id) == [["latest", "best", "one"]])
      #expect(try await storage.artifact(id: second.id)?.state == .pending)
      try await commit(storage, second)
      #expect(try await names(storage, sequence.id) == [["one"], ["latest", "best"]])

      let membership = try #require(try await storage.artifactMembership(collectionID: sequence.id, alias: "latest"))
      #expect(membership.artifactID == second.id && membership.version == 1)
      #expect(try await storage.artifactMembership(id: membership.id) == membership)
      #expect(try await storage.artifactMembership(collectionID: sequence.id, version: 1) == membership)
      #expect(try await storage.artifactMembership(collectionID: sequence.id, artifactID: second.id) == membership)
      #expect(try await storage.artifactMembership(collectionID: sequence.id, alias: "Best") == nil)
      #expect(try await storage.artifactMembership(collectionID: sequence.id, version: 2) == nil)
      let stored = try #require(try await storage.artifact(id: second.id))
      #expect(stored.state == .committed && stored.size == 7)
      #expect(try await storage.committedArtifact(sequenceID: sequence.id, digest: "1")?.id == first.id)
    }
  }

  @Test(arguments: Backend.allCases) func commitsOnceAndOnlyWithKnownBlobs(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let sequence = try await sequence(storage, project)
      let artifact = try await insert(storage, sequence)
      try await storage.addBlob(makeBlob("m"))
      let commit = ArtifactCommit(
        artifactID: artifact.id, digest: "d", size: 0, fileCount: 1, manifest: makeBlob("m"),
        files: [ArtifactFileRecord(artifactID: artifact.id, name: "x", digest: "", content: .blob(makeBlob("f")))])
      await #expect(throws: StorageError.conflict) { try await storage.commitArtifact(commit) }
      #expect(try await storage.artifact(id: artifact.id)?.state == .pending)
      #expect(try await storage.countArtifactMemberships(collectionID: sequence.id) == 0)
      #expect(try await storage.artifactManifests(artifactID: artifact.id) == [])
      try await storage.addBlob(makeBlob("f"))
      try await storage.commitArtifact(commit)
      await #expect(throws: StorageError.conflict) { try await storage.commitArtifact(commit) }
      #expect(try await storage.countArtifactMemberships(collectionID: sequence.id) == 1)
    }
  }

  @Test(arguments: Backend.allCases) func givesLatestBackWhenAVersionIsDeleted(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      let project = try #require(try await storage.project(id: run.projectID))
      let sequence = try await sequence(storage, project)
      let first = try await version(storage, sequence, digest: "1", files: [("x", "a")])
      let second = try await version(storage, sequence, digest: "2", run: run, aliases: ["p"], files: [("x", "b")])
      let portfolio = try await self.sequence(storage, project, "linked", kind: .portfolio)
      _ = try await storage.addArtifactMembership(collectionID: portfolio.id, artifactID: second.id, aliases: ["q"])
      try await storage.deleteArtifact(id: second.id)

      #expect(try await storage.artifact(id: second.id)?.state == .deleted)
      #expect(try await names(storage, sequence.id) == [["latest"]])
      #expect(try await names(storage, portfolio.id) == [])
      #expect(try await storage.countArtifactFiles(artifactID: second.id) == 0)
      #expect(try await storage.artifactManifests(artifactID: second.id) == [])
      #expect(try await storage.countArtifacts(runID: run.id, role: .output) == 0)
      #expect(try await storage.committedArtifact(sequenceID: sequence.id, digest: "2") == nil)
      #expect(try await storage.countArtifactFiles(artifactID: first.id) == 1)
      // A number that was given is not given again.
      let third = try await version(storage, sequence, digest: "3")
      #expect(
        try await storage.artifactMembership(collectionID: sequence.id, artifactID: third.id)?.version == 2)
    }
  }

  // MARK: Places and aliases

  @Test(arguments: Backend.allCases) func linksAnArtifactOnce(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let artifact = try await version(storage, try await sequence(storage, project), aliases: ["a"])
      let portfolio = try await sequence(storage, project, "linked", kind: .portfolio)
      let first = try await storage.addArtifactMembership(
        collectionID: portfolio.id, artifactID: artifact.id, aliases: ["a", "b"])
      let again = try await storage.addArtifactMembership(
        collectionID: portfolio.id, artifactID: artifact.id, aliases: ["c"])
      #expect(first.id == again.id && again.version == 0)
      #expect(again.aliases.map(\.name) == ["latest", "a", "b", "c"])
      let all = try await storage.artifactMemberships(artifactID: artifact.id)
      #expect(all.map { $0.aliases.map(\.name) } == [["latest", "a"], ["latest", "a", "b", "c"]])
      try await storage.removeArtifactAliases(["a", "none"], membershipID: first.id)
      try await storage.addArtifactAliases(["b", "d"], membershipID: first.id)
      #expect(try await names(storage, portfolio.id) == [["latest", "b", "c", "d"]])
      try await storage.removeArtifactMembership(id: first.id)
      #expect(try await storage.artifactMemberships(artifactID: artifact.id).count == 1)
    }
  }

  @Test(arguments: Backend.allCases) func pagesThroughVersionsInBothDirections(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let sequence = try await sequence(storage, project)
      for index in 0..<5 { _ = try await version(storage, sequence, digest: "\(index)") }
      func page(_ beyond: Int64?, _ isAscending: Bool, _ limit: Int) async throws -> [Int64] {
        try await storage.artifactMemberships(
          collectionID: sequence.id, beyond: beyond, isAscending: isAscending, limit: limit
        ).map(\.version)
      }
      #expect(try await page(nil, false, 2) == [4, 3])
      #expect(try await page(3, false, 9) == [2, 1, 0])
      #expect(try await page(nil, true, 2) == [0, 1])
      #expect(try await page(1, true, 9) == [2, 3, 4])
      #expect(try await page(nil, true, 0) == [])
      #expect(try await storage.countArtifactMemberships(collectionID: sequence.id) == 5)
    }
  }

  // MARK: Manifests and files

  @Test(arguments: Backend.allCases) func replacesManifestsButKeepsPatches(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let artifact = try await insert(storage, try await sequence(storage, project))
      func put(_ kind: ArtifactManifestRecord.Kind, _ digest: String) async throws -> ArtifactManifestRecord {
        try await storage.putArtifactManifest(
          ArtifactManifestRecord(artifactID: artifact.id, kind: kind, baseID: nil, digest: digest))
      }
      var full = try await put(.full, "")
      let second = try await put(.full, "x")
      let patches = [try await put(.patch, "p"), try await put(.patch, "p")]
      #expect(second.id == full.id && patches[0].id != patches[1].id)
      full.digest = "y"
      full.baseID = 8
      full.blob = makeBlob("f")
      let unknown = full
      await #expect(throws: StorageError.conflict) { try await storage.updateArtifactManifest(unknown) }
      try await storage.addBlob(makeBlob("f"))
      try await storage.updateArtifactManifest(full)
      #expect(try await storage.artifactManifest(id: full.id) == full)
      #expect(try await storage.artifactManifests(artifactID: artifact.id) == [full] + patches)
      try await commit(storage, artifact)
      let held = try await storage.artifactManifests(artifactID: artifact.id)
      #expect(held.map(\.blob) == [makeBlob("m")] && held.map(\.kind) == [.full])
      #expect(try await storage.artifactManifest(id: patches[0].id) == nil)
    }
  }

  @Test(arguments: Backend.allCases) func keepsWhatWasUploadedWhenTheSameIsAnnouncedAgain(
    _ backend: Backend
  ) async throws {
    try await backend.withProject { storage, project in
      let artifact = try await insert(storage, try await sequence(storage, project))
      let parts = [ArtifactPartRecord(number: 1, md5: "1"), ArtifactPartRecord(number: 2, md5: "2")]
      let wanted = [
        ArtifactUploadRecord(artifactID: artifact.id, name: "a", md5: "m", digest: "m"),
        ArtifactUploadRecord(artifactID: artifact.id, name: "b", md5: "n", digest: "o", parts: parts),
      ]
      let first = try await storage.announceArtifactFiles(wanted)
      #expect(first.map(\.name) == ["a", "b"] && first[1].parts == parts)
      try await storage.addBlob(makeBlob("c"))
      try await storage.storeArtifactUpload(id: first[0].id, blob: makeBlob("c"))
      try await storage.storeArtifactPart(uploadID: first[1].id, number: 2, blob: makeBlob("c"))
      let again = try await storage.announceArtifactFiles(wanted)
      #expect(again.map(\.id) == first.map(\.id))
      #expect(again[0].blob == makeBlob("c") && again[1].parts.map(\.blob) == [nil, makeBlob("c")])
      #expect(try await storage.artifactUpload(id: again[1].id) == again[1])

      // Other bytes under the same name begin anew.
      var other = wanted[1]
      other.md5 = "z"
      let changed = try await storage.announceArtifactFiles([other])
      #expect(changed[0].id != first[1].id && changed[0].parts.allSatisfy { $0.blob == nil })
      #expect(try await storage.artifactUpload(id: first[1].id) == nil)
      // The whole takes the place of the parts.
      try await storage.storeArtifactUpload(id: changed[0].id, blob: makeBlob("c"))
      #expect(try await storage.artifactUpload(id: changed[0].id)?.parts == [])
      #expect(try await storage.artifactUploads(artifactID: artifact.id).allSatisfy { $0.blob == makeBlob("c") })

      var unknown = wanted[0]
      unknown.blob = makeBlob("9")
      let refused = unknown
      await #expect(throws: StorageError.conflict) { _ = try await storage.announceArtifactFiles([refused]) }
      try await storage.forgetArtifactUploads(before: Timestamp.now.adding(seconds: -60))
      #expect(try await storage.artifactUploads(artifactID: artifact.id).count == 2)
      try await storage.forgetArtifactUploads(before: Timestamp.now.adding(seconds: 60))
      #expect(try await storage.artifactUploads(artifactID: artifact.id) == [])
    }
  }

  @Test(arguments: Backend.allCases) func listsFilesByNameAndPage(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let sequence = try await sequence(storage, project)
      let names = ["B", "a", "a/b", "z\u{e9}", "ze\u{301}"]
      let artifact = try await version(storage, sequence, files: names.shuffled().map { ($0, "a") })
      func list(_ names: [String] = [], after: String? = nil, limit: Int = 100) async throws -> [String] {
        try await storage.artifactFiles(artifactID: artifact.id, names: names, after: after, limit: limit).map(\.name)
      }
      func bytes(_ names: [String]) -> [[UInt8]] { names.map { Array($0.utf8) } }
      let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      #expect(bytes(try await list()) == bytes(sorted))
      #expect(bytes(try await list(after: sorted[1], limit: 2)) == bytes(Array(sorted[2...3])))
      #expect(bytes(try await list(["ze\u{301}", "none", "a", "a"])) == bytes(["a", "ze\u{301}"]))
      #expect(try await list(["a", "B"], after: "B", limit: 1) == ["a"])
      #expect(try await storage.countArtifactFiles(artifactID: artifact.id) == 5)
      #expect(try await storage.artifactFile(artifactID: artifact.id, digest: "digest-a") != nil)
      #expect(try await storage.artifactFile(artifactID: artifact.id, digest: "digest-b") == nil)
      let later = try await version(storage, sequence, digest: "2", files: [("n", "b"), ("o", "a")])
      #expect(try await storage.firstArtifact(withBlob: makeBlob("a").sha256) == artifact.id)
      #expect(try await storage.firstArtifact(withBlob: makeBlob("b").sha256) == later.id)
      #expect(try await storage.firstArtifact(withBlob: makeBlob("e").sha256) == nil)
      #expect(try await storage.hasArtifactFile(blob: makeBlob("b").sha256, digest: "digest-b"))
      #expect(try await !storage.hasArtifactFile(blob: makeBlob("b").sha256, digest: "digest-a"))
      let found = try await storage.artifactFiles(sequenceID: sequence.id, digests: ["digest-b", "digest-x"])
      #expect(found.map(\.name) == ["n"])
      let known = try await storage.blobs(md5s: ["md5-a", "md5-none", "md5-b"])
      #expect(known == [makeBlob("a"), makeBlob("b")])
    }
  }

  @Test(arguments: Backend.allCases) func keepsReferencesBesideFiles(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let artifact = try await insert(storage, try await sequence(storage, project))
      for digit in "ma" as String { try await storage.addBlob(makeBlob(digit)) }
      let files = [
        ArtifactFileRecord(artifactID: artifact.id, name: "a", digest: "1", content: .blob(makeBlob("a"))),
        ArtifactFileRecord(
          artifactID: artifact.id, name: "b", digest: "2", content: .reference(url: "s3://x/y", size: 1 << 40)),
      ]
      try await storage.commitArtifact(
        ArtifactCommit(
          artifactID: artifact.id, digest: "d", size: 9, fileCount: 2, manifest: makeBlob("m"), files: files))
      #expect(try await storage.artifactFiles(artifactID: artifact.id, names: [], after: nil, limit: 9) == files)
      #expect(try await storage.artifactFile(artifactID: artifact.id, digest: "2") == files[1])
      #expect(files[1].blob == nil && files[1].size == 1 << 40)
    }
  }

  @Test(arguments: Backend.allCases) func sparesTheBytesOfArtifactsFromTheSweep(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let sequence = try await sequence(storage, project)
      let committed = try await version(storage, sequence, files: [("x", "a")])
      let pending = try await insert(storage, sequence, digest: "2")
      for digit in "bcde" as String { try await storage.addBlob(makeBlob(digit)) }
      _ = try await storage.putArtifactManifest(
        ArtifactManifestRecord(
          artifactID: pending.id, kind: .full, baseID: nil, digest: "", blob: makeBlob("b")))
      let part = ArtifactPartRecord(number: 1, md5: "1", blob: makeBlob("d"))
      _ = try await storage.announceArtifactFiles([
        ArtifactUploadRecord(artifactID: pending.id, name: "x", md5: "x", digest: "x", blob: makeBlob("c")),
        ArtifactUploadRecord(artifactID: pending.id, name: "y", md5: "y", digest: "y", parts: [part]),
      ])
      func known() async throws -> String {
        var digits = ""
        for digit in "mabcde" as String where try await storage.blob(md5: "md5-\(digit)") != nil {
          digits.append(digit)
        }
        return digits
      }
      let future = Timestamp.now.adding(seconds: 60)
      try await storage.sweep(before: future)
      #expect(try await known() == "mabcd")
      try await storage.deleteArtifact(id: pending.id)
      try await storage.sweep(before: future)
      #expect(try await known() == "ma")
      try await storage.deleteArtifact(id: committed.id)
      try await storage.sweep(before: future)
      #expect(try await known() == "")
    }
  }

  // MARK: Runs

  @Test(arguments: Backend.allCases) func tellsWhichRunsMadeAndUsedAnArtifact(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      let project = try #require(try await storage.project(id: run.projectID))
      let user = try await makeRun(storage, project, "user")
      let sequence = try await sequence(storage, project)
      let first = try await version(storage, sequence, digest: "1", run: run)
      let second = try await version(storage, sequence, digest: "2", run: run)
      let pending = try await insert(storage, sequence, digest: "3", run: run)
      for _ in 0..<2 { try await storage.connectArtifact(id: second.id, runID: user.id, role: .input) }

      func list(_ run: RunRecord, _ role: ArtifactRole, after: Int64? = nil, limit: Int = 9) async throws -> [Int64] {
        try await storage.artifacts(runID: run.id, role: role, after: after, limit: limit).map(\.id)
      }
      #expect(try await list(run, .output) == [first.id, second.id])
      #expect(try await list(run, .output, after: first.id) == [second.id])
      #expect(try await list(run, .output, limit: 1) == [first.id])
      #expect(try await list(run, .input) == [])
      #expect(try await list(user, .input) == [second.id])
      #expect(try await storage.countArtifacts(runID: run.id, role: .output) == 2)
      #expect(try await storage.artifactsMade(byRun: run.id) == [first.id, second.id, pending.id])
      #expect(try await storage.runs(usingArtifact: second.id) == [user.id])

      // An artifact outlives its runs.
      try await storage.deleteRun(id: run.id)
      try await storage.deleteRun(id: user.id)
      #expect(try await storage.artifact(id: second.id)?.runID == nil)
      #expect(try await storage.runs(usingArtifact: second.id) == [])
      #expect(try await storage.countArtifacts(runID: run.id, role: .output) == 0)
      #expect(try await storage.countArtifactMemberships(collectionID: sequence.id) == 2)
    }
  }
}
