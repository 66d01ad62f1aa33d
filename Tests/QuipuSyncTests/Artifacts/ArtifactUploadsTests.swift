import CZlib
import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import QuipuSync

private final class Fixture {
  let folder = FileTree()
  let server = FakeServer()
  let uploads: ArtifactUploads
  private(set) var notices: [UploadNotice] = []
  private(set) var done = 0
  private(set) var idle = 0

  init(concurrent: Int = 16, parts: PartRule = PartRule()) {
    var settings = SyncSettings.test()
    settings.concurrentTransfers = concurrent
    uploads = ArtifactUploads(
      requester: Requester(sender: server.network, settings: settings), entity: "team", project: "demo", runID: "r1",
      settings: settings)
    uploads.context.parts = parts
    uploads.onNotice = { [unowned self] in notices.append($0) }
    uploads.onDone = { [unowned self] in done += 1 }
    uploads.onIdle = { [unowned self] in idle += 1 }
  }

  func run(seconds: Double = 7200) { server.network.run(seconds: seconds) { uploads.isIdle } }

  /// A record as the log has it, its files in `folder`.
  func record(_ name: String, files: [String: String], references: [String: String] = [:]) -> ArtifactRecord {
    var record = ArtifactRecord()
    record.type = "dataset"
    record.name = name
    record.aliases = ["latest"]
    record.finalize = true
    record.clientID = "client-" + name
    record.sequenceClientID = "sequence-" + name
    record.digestAlgorithm = "MANIFEST_MD5"
    var manifest = ArtifactManifest()
    manifest.version = 1
    manifest.storagePolicy = "wandb-storage-policy-v1"
    for (path, content) in files {
      var entry = ArtifactManifestEntry()
      entry.path = path
      entry.digest = base64(MD5.hash(Array(content.utf8)))
      entry.size = Int64(content.utf8.count)
      entry.localPath = folder.write("staging-\(name)/" + path, content)
      manifest.contents.append(entry)
    }
    for (path, ref) in references {
      var entry = ArtifactManifestEntry()
      entry.path = path
      entry.digest = ref
      entry.ref = ref
      manifest.contents.append(entry)
    }
    record.manifest = manifest
    return record
  }

  var operations: [String] { server.operations.map(\.name) }

  func variables(_ name: String, _ number: Int = 0) -> JSONObject {
    let found = server.operations.filter { $0.name == name }
    return number < found.count ? found[number].variables : [:]
  }

  /// The manifest that arrived last.
  var manifest: JSONObject {
    let bytes = server.puts.last { $0.path.hasPrefix("manifest") }?.body ?? []
    return (try? JSON(parsing: bytes))?.objectValue ?? [:]
  }

  func entry(_ path: String) -> JSONObject? { manifest["contents"]?.objectValue?[Key(path)]?.objectValue }
}

private let steps = [
  "CreateArtifact", "CreateArtifactManifest", "CreateArtifactFiles", "CreateArtifactManifest", "CommitArtifact",
]

@Suite struct ArtifactUploadsTests {
  @Test func aVersionIsMadeStepByStep() {
    let run = Fixture()
    var record = run.record(
      "data-set", files: ["dir/b.bin": "bravo", "a.txt": "alpha\n", "empty": ""],
      references: ["ref.csv": "https://example.invalid/object.csv"])
    record.aliases = ["latest", "best"]
    record.tags = ["tag one"]
    record.description = "first"
    record.metadata = "{\"rows\":3}"
    record.ttlDurationSeconds = 3600
    run.uploads.add(record, historyStep: 4)
    run.run()
    #expect(run.operations == steps)
    let input = run.variables("CreateArtifact")["input"]?.objectValue ?? [:]
    #expect(
      input == [
        "entityName": "team", "projectName": "demo", "runName": "r1", "artifactTypeName": "dataset",
        "artifactCollectionName": "data-set", "artifactCollectionNames": nil,
        "digest": .string(
          IndependentDigest.of([
            ("a.txt", "alpha\n"), ("dir/b.bin", "bravo"), ("empty", ""),
          ], reference: ("ref.csv", "https://example.invalid/object.csv"))),
        "digestAlgorithm": "MANIFEST_MD5", "description": "first", "labels": nil, "metadata": "{\"rows\":3}",
        "aliases": [
          ["artifactCollectionName": "data-set", "alias": "latest"],
          ["artifactCollectionName": "data-set", "alias": "best"],
        ],
        "tags": [["tagName": "tag one", "tagCategoryName": nil, "attributes": nil]],
        "clientID": "client-data-set", "sequenceClientID": "sequence-data-set", "enableDigestDeduplication": true,
        "distributedID": nil, "historyStep": 4, "ttlDurationSeconds": 3600, "storageRegion": nil,
        "clientMutationId": nil,
      ])
    let first = run.variables("CreateArtifactManifest")
    #expect(
      first == [
        "artifactID": "QXJ0aWZhY3Q6MQ==", "baseArtifactID": nil, "name": "wandb_manifest.json", "digest": "",
        "entityName": "team", "projectName": "demo", "runName": "r1", "manifestType": "FULL", "includeUpload": false,
      ])
    let files = run.variables("CreateArtifactFiles")["input"]?.objectValue ?? [:]
    #expect(files["storageLayout"] == "V2" && files["cloudRegionID"] == JSON.null)
    #expect(
      files["artifactFiles"]?.arrayValue?.first == [
        "artifactID": "QXJ0aWZhY3Q6MQ==", "artifactManifestID": "bWFuaWZlc3Q=", "name": "a.txt",
        "md5": .string(base64(MD5.hash(Array("alpha\n".utf8)))), "mimetype": nil, "uploadPartsInput": nil,
      ])
    #expect(
      Set(run.server.puts.map(\.path))
        == ["artifact/a.txt", "artifact/dir/b.bin", "artifact/empty", "manifest-1"])
    #expect(
      run.server.puts.first { $0.path == "artifact/empty" }?.headers == [
        HTTPHeader("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="), HTTPHeader("Content-Type", "application/octet-stream"),
      ])
    let second = run.variables("CreateArtifactManifest", 1)
    #expect(second["includeUpload"] == true)
    #expect(second["digest"] == .string(base64(MD5.hash(run.server.body("manifest-1") ?? []))))
    #expect(run.variables("CommitArtifact") == ["artifactID": "QXJ0aWZhY3Q6MQ=="])
    #expect(run.manifest["version"] == 1 && run.manifest["storagePolicyConfig"] == ["storageLayout": "V2"])
    #expect(
      run.entry("a.txt") == [
        "digest": .string(base64(MD5.hash(Array("alpha\n".utf8)))), "size": 6,
        "birthArtifactID": "QXJ0aWZhY3Q6MQ==", "skip_cache": false,
      ])
    #expect(
      run.entry("ref.csv") == [
        "digest": "https://example.invalid/object.csv", "ref": "https://example.invalid/object.csv", "size": 0,
        "skip_cache": false,
      ])
    #expect(run.done == 1 && run.idle == 1 && run.notices.isEmpty)
  }

  @Test func emptyFieldsAreNull() {
    let run = Fixture()
    var record = run.record("plain", files: [:])
    record.userCreated = true
    run.uploads.add(record)
    run.run()
    let input = run.variables("CreateArtifact")["input"]?.objectValue ?? [:]
    for name: Key in ["runName", "description", "metadata", "historyStep", "ttlDurationSeconds", "distributedID"] {
      #expect(input[name] == JSON.null, "\(name)")
    }
    #expect(input["tags"] == nil)
    #expect(run.operations == steps.filter { $0 != "CreateArtifactFiles" })
  }

  @Test func contentThatTheServerHasIsDoneAtOnce() {
    let run = Fixture()
    run.server.onGraphQL = { name, _ in
      name == "CreateArtifact"
        ? FakeServer.json(["data": ["createArtifact": ["artifact": ["id": "QQ==", "state": "COMMITTED"]]]]) : nil
    }
    var record = run.record("a", files: ["x": "x"])
    record.manifest?.contents[0].localPath = "/nonexistent"
    record.useAfterCommit = true
    run.uploads.add(record)
    run.run()
    #expect(run.operations == ["CreateArtifact", "UseArtifact"] && run.done == 1 && run.notices.isEmpty)
    #expect(
      run.variables("UseArtifact")["input"]
        == ["entityName": "team", "projectName": "demo", "runName": "r1", "artifactID": "QQ=="])
  }

  @Test func storedFilesAreNotSent() {
    let run = Fixture()
    run.server.stored = [base64(MD5.hash(Array("old".utf8)))]
    run.uploads.add(run.record("a", files: ["new": "new", "old": "old"]))
    run.run()
    #expect(run.server.puts.map(\.path).filter { $0.hasPrefix("artifact") } == ["artifact/new"])
    #expect(run.entry("old")?["birthArtifactID"] == "b2xk")
  }

  @Test func theLatestVersionIsTheBase() {
    let run = Fixture()
    run.server.onGraphQL = { name, _ in
      name == "CreateArtifact"
        ? FakeServer.json([
          "data": [
            "createArtifact": [
              "artifact": ["id": "QQ==", "state": "PENDING", "artifactSequence": ["latestArtifact": ["id": "Qg=="]]]
            ]
          ]
        ]) : nil
    }
    run.uploads.add(run.record("a", files: [:]))
    run.run()
    #expect(run.variables("CreateArtifactManifest")["baseArtifactID"] == "Qg==")
  }

  @Test func manyFilesAreAskedForInGrowingBatches() {
    let run = Fixture(concurrent: 5)
    var files: [String: String] = [:]
    for at in 0..<400 { files["f\(at)"] = "\(at)" }
    run.uploads.add(run.record("many", files: files))
    run.run()
    let sizes = run.server.operations.filter { $0.name == "CreateArtifactFiles" }.map {
      $0.variables["input"]?.objectValue?["artifactFiles"]?.arrayValue?.count ?? 0
    }
    #expect(sizes == [25, 50, 100, 200, 25])
    #expect(run.server.network.mostOpen == 5 && run.server.puts.count == 401 && run.done == 1)
    #expect(run.manifest["contents"]?.objectValue?.count == 400)
  }

  // MARK: Other kinds

  @Test func incrementalAndDistributedArtifactsUpdateTheirManifest() {
    let run = Fixture()
    var incremental = run.record("inc", files: ["x": "x"])
    incremental.incrementalBeta1 = true
    incremental.baseID = "QmFzZQ=="
    run.uploads.add(incremental)
    run.run()
    #expect(
      run.operations == [
        "CreateArtifact", "CreateArtifactManifest", "CreateArtifactFiles", "UpdateArtifactManifest", "CommitArtifact",
      ])
    #expect(run.variables("CreateArtifactManifest")["name"] == "wandb_manifest.incremental.json")
    #expect(run.variables("CreateArtifactManifest")["manifestType"] == "INCREMENTAL")
    let update = run.variables("UpdateArtifactManifest")
    #expect(update["baseArtifactID"] == "QmFzZQ==" && update["artifactManifestID"] == "bWFuaWZlc3Q=")

    var part = run.record("shared", files: ["y": "y"])
    part.distributedID = "group"
    part.finalize = false
    run.uploads.add(part)
    run.run()
    #expect(run.variables("CreateArtifactManifest", 1)["name"] == "wandb_manifest.patch.json")
    #expect(run.variables("CreateArtifactManifest", 1)["manifestType"] == "PATCH")
    #expect(run.operations.filter { $0 == "CommitArtifact" }.count == 1 && run.done == 2)
  }

  @Test func largeFilesGoInParts() {
    let run = Fixture(parts: PartRule(from: 10, usual: 4, mostParts: 100))
    run.uploads.add(run.record("big", files: ["large": "0123456789a", "small": "x"]))
    run.run()
    let specs = run.variables("CreateArtifactFiles")["input"]?.objectValue?["artifactFiles"]?.arrayValue ?? []
    let parts = specs.first?.objectValue?["uploadPartsInput"]?.arrayValue ?? []
    #expect(
      parts == ["0123", "4567", "89a"].enumerated().map {
        ["partNumber": .int(Int64($0) + 1), "hexMD5": .string(hexText(MD5.hash(Array($1.utf8))))]
      })
    #expect(run.server.body("artifact/large/3") == Array("89a".utf8))
    #expect(
      run.server.puts.first { $0.path == "artifact/large/1" }?.headers == [
        HTTPHeader("Content-Type", "application/octet-stream"),
        HTTPHeader("Content-MD5", base64(MD5.hash(Array("0123".utf8)))),
      ])
    let complete = run.variables("CompleteMultipartUploadArtifact")
    #expect(complete["uploadID"] == "up" && complete["completeMultipartAction"] == "Complete")
    #expect(
      complete["completedParts"]?.arrayValue?.last == ["partNumber": 3, "hexMD5": "\"artifact/large/3\""])
    #expect(run.done == 1)
  }

  @Test func partsGrowWithTheFile() {
    let rule = PartRule()
    #expect(rule.partSize((2 << 30) - 1) == 0)
    #expect(rule.partSize(2 << 30) == 100 << 20)
    #expect(rule.partSize(100 << 20 * 10_000) == 100 << 20)
    let size: Int64 = 5 << 40
    let part = rule.partSize(size)
    #expect(part % 4096 == 0 && (size + part - 1) / part <= 10_000)
  }

  @Test func referencesToOtherArtifactsOfTheRunAreResolved() {
    let run = Fixture()
    run.uploads.add(run.record("first", files: ["x": "x"]))
    run.uploads.add(
      run.record(
        "second", files: [:],
        references: [
          "own": "wandb-client-artifact://client-first/x", "foreign": "wandb-client-artifact://unknown/dir/y",
        ]))
    run.run()
    #expect(run.operations.filter { $0 == "ClientIDMapping" }.count == 1)
    #expect(run.variables("ClientIDMapping") == ["clientID": "unknown"])
    #expect(run.entry("own")?["ref"] == .string("wandb-artifact://" + hexText(Array("Artifact:1".utf8)) + "/x"))
    #expect(run.entry("foreign")?["ref"] == .string("wandb-artifact://" + hexText(Array("Artifact:77".utf8)) + "/dir/y"))
  }

  @Test func aListOfFilesBesideTheLogIsRead() throws {
    let run = Fixture()
    var record = run.record("listed", files: ["b": "bravo", "a": "alpha"])
    let contents = record.manifest?.contents ?? []
    let lines = contents.map { entry in
      JSON.object([
        "path": .string(entry.path), "digest": .string(entry.digest), "size": .int(entry.size), "skip_cache": true,
        "local_path": .string(entry.localPath), "extra": [:],
      ]).text(style: .core) + "\n"
    }.joined()
    let path = run.folder.path + "/list.jl.gz"
    let file = gzopen(path, "wb")
    _ = lines.withCString { gzputs(file, $0) }
    gzclose(file)
    record.manifest?.contents = []
    record.manifest?.manifestFilePath = path
    run.uploads.add(record)
    run.run()
    #expect(run.done == 1 && run.server.body("artifact/a") == Array("alpha".utf8))
    #expect(run.entry("b")?["skip_cache"] == true)
    #expect(run.manifest["contents"]?.objectValue?.keys == ["a", "b"])
  }

  @Test func usedArtifactsAreNamed() {
    let run = Fixture()
    var record = UseArtifactRecord()
    record.id = "QXJ0aWZhY3Q6OQ=="
    run.uploads.use(record)
    run.uploads.use(UseArtifactRecord())
    run.run()
    #expect(run.operations == ["UseArtifact"] && run.done == 0 && run.idle == 1)
  }

  @Test func digestsAreThoseOfTheOfficialClient() throws {
    for record in try Self.officialRecords() {
      let plan = try ArtifactPlan(record)
      #expect(plan.digest == record.digest, "\(record.name)")
    }
  }

  private static func officialRecords() throws -> [ArtifactRecord] {
    let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    var found: [ArtifactRecord] = []
    for name in ["artifact", "media"] {
      var reader = LogReader(try LogFile.openForReading(path: folder + "/Vectors/transaction-log/\(name).wandb"))
      while case .record = try reader.next() {
        if case .artifact(let artifact) = try Record(decoding: reader.payload).payload { found.append(artifact) }
      }
    }
    return found
  }

  // MARK: Trouble

  @Test func aMissingFileFailsItsArtifactOnly() {
    let run = Fixture()
    let record = run.record("gone", files: ["x": "x"])
    unlink(record.manifest?.contents.first?.localPath ?? "")
    run.uploads.add(record)
    run.uploads.add(run.record("fine", files: ["y": "y"]))
    run.run()
    #expect(run.notices.map(\.kind) == ["artifact_not_uploaded"])
    #expect(run.notices.first?.message.contains("gone") == true)
    #expect(run.operations.filter { $0 == "CommitArtifact" }.count == 1 && run.done == 2 && run.uploads.isIdle)
  }

  @Test func aFileThatIsNotWhatWasLoggedIsNotSent() {
    let run = Fixture()
    var record = run.record("a", files: ["x": "logged"])
    run.folder.write("staging-a/x", "other!")
    run.uploads.add(record)
    // Whoever writes a log cannot publish a file by its path alone.
    record = run.record("b", files: ["y": "guess"])
    record.manifest?.contents[0].localPath = "/etc/passwd"
    run.uploads.add(record)
    record.name = "c"
    var fact = ExtraItem()
    fact.key = "alg"
    fact.valueJSON = "\"XXH128\""
    record.manifest?.contents[0].extra = [fact]
    run.uploads.add(record)
    run.run()
    #expect(run.server.puts.isEmpty && run.notices.count == 3 && run.done == 3)
  }

  @Test func filesWithAnotherDigestAreTakenByMD5() {
    let run = Fixture()
    var record = run.record("xx", files: [:])
    var entry = ArtifactManifestEntry()
    entry.path = "a"
    entry.digest = "PJ4QJiiZf0Ssh7CxMcaZLQ=="
    entry.size = 6
    entry.localPath = run.folder.write("artifacts/staging/tmp1", "foobar")
    var fact = ExtraItem()
    fact.key = "alg"
    fact.valueJSON = "\"XXH128\""
    entry.extra = [fact]
    record.digestAlgorithm = "MANIFEST_XXH128"
    record.manifest?.contents = [entry]
    run.uploads.add(record)
    run.run()
    let md5 = base64(MD5.hash(Array("foobar".utf8)))
    #expect(run.done == 1 && run.entry("a")?["digest"] == .string(md5) && run.entry("a")?["extra"] == nil)
    #expect(run.variables("CreateArtifact")["input"]?.objectValue?["digestAlgorithm"] == "MANIFEST_MD5")
  }

  @Test(arguments: [
    "CreateArtifact", "CreateArtifactManifest", "CreateArtifactFiles", "ClientIDMapping", "CommitArtifact",
  ])
  func aStepThatIsRefusedFailsTheArtifact(step: String) {
    let run = Fixture()
    run.server.onGraphQL = { name, variables in
      name == step && variables["input"]?.objectValue?["artifactCollectionName"] != "fine"
        && run.done == 0 ? FakeServer.error("not allowed") : nil
    }
    run.uploads.add(
      run.record("bad", files: ["x": "x"], references: ["r": "wandb-client-artifact://unknown/y"]))
    run.run()
    #expect(run.notices.count == 1 && run.done == 1)
    #expect(run.notices.first?.message.contains(step) == true)
    #expect(run.notices.first?.message.contains("not allowed") == true)
    run.uploads.add(run.record("fine", files: ["y": "y"]))
    run.run()
    #expect(run.done == 2 && run.notices.count == 1)
  }

  @Test(arguments: [
    "CreateArtifact", "CreateArtifactManifest", "CreateArtifactFiles", "ClientIDMapping", "CommitArtifact",
  ])
  func malformedAnswersFailTheArtifact(step: String) {
    let run = Fixture()
    run.server.onGraphQL = { name, _ in
      name == step && step != "CommitArtifact" ? FakeServer.json(["data": [:]]) : nil
    }
    run.uploads.add(
      run.record("bad", files: ["x": "x"], references: ["r": "wandb-client-artifact://unknown/y"]))
    run.run()
    // What CommitArtifact says beside its status does not matter.
    #expect(run.notices.count == (step == "CommitArtifact" ? 0 : 1) && run.done == 1 && run.uploads.isIdle)
  }

  @Test func expiredURLsAreReplacedOnce() {
    let run = Fixture()
    var refused: Set<String> = []
    run.server.onPut = { path in refused.insert(path).inserted ? HTTPAnswer(status: 403) : nil }
    run.uploads.add(run.record("a", files: ["x": "x", "y": "y"]))
    run.run()
    #expect(run.done == 1 && run.notices.isEmpty && run.server.puts.count == 3)
    #expect(run.operations.filter { $0 == "CreateArtifactFiles" }.count == 3)
    run.server.onPut = { _ in HTTPAnswer(status: 403) }
    run.uploads.add(run.record("b", files: ["x": "z"]))
    run.run()
    #expect(run.done == 2 && run.notices.count == 1)
  }

  @Test func partsWhoseURLsHaveExpiredAreSentAgain() {
    let run = Fixture(parts: PartRule(from: 10, usual: 4, mostParts: 100))
    var refused = false
    run.server.onPut = { path in
      guard path == "artifact/large/2", !refused else { return nil }
      refused = true
      return HTTPAnswer(status: 403)
    }
    run.uploads.add(run.record("big", files: ["large": "0123456789a"]))
    run.run()
    #expect(run.done == 1 && run.notices.isEmpty)
    #expect(run.operations.filter { $0 == "CompleteMultipartUploadArtifact" }.count == 1)
  }

  @Test func passingTroubleIsTriedAgain() {
    let run = Fixture()
    var trouble = 6
    run.server.onGraphQL = { _, _ in
      trouble -= 1
      return trouble > 3 ? HTTPAnswer(status: 503) : nil
    }
    run.server.onPut = { _ in
      trouble -= 1
      return trouble > 0 ? HTTPAnswer(status: 500) : nil
    }
    run.uploads.add(run.record("a", files: ["x": "x", "y": "y"]))
    run.run()
    #expect(run.done == 1 && run.notices.isEmpty)
  }

  @Test func anArtifactWaitsForAServerThatIsAwayForHours() {
    let run = Fixture()
    run.server.isGone = true
    run.uploads.add(run.record("a", files: ["x": "x"]))
    run.run(seconds: 3 * 3600)
    #expect(!run.uploads.isIdle && run.done == 0)
    #expect(run.server.network.sent.count < 300)
    run.server.isGone = false
    run.run()
    #expect(run.done == 1 && run.uploads.isIdle)
  }

  @Test func whatTheServerCouldNotTakeAtTheEndStaysToBeDone() {
    let run = Fixture()
    run.server.onGraphQL = { _, variables in
      variables["input"]?.objectValue?["artifactCollectionName"] == "second" ? HTTPAnswer(status: 503) : nil
    }
    for name in ["first", "second", "third"] { run.uploads.add(run.record(name, files: [name: name])) }
    run.uploads.finish()
    run.run()
    // The third is on the server, but only the first need not be looked at again.
    #expect(run.operations.filter { $0 == "CommitArtifact" }.count == 2)
    #expect(run.done == 1 && run.uploads.isIdle && run.notices.count == 1 && run.idle == 1)
  }

  @Test func versionsAreMadeInTheirOrder() {
    let run = Fixture()
    for at in 0..<5 {
      run.uploads.add(run.record("same", files: ["x": "\(at)"]))
      // Each writes the same file: wait for this one before the next is written.
      run.run()
    }
    run.uploads.add(run.record("other", files: ["a": "a"]))
    run.uploads.add(run.record("other", files: ["b": "b"]))
    run.uploads.add(run.record("third", files: ["c": "c"]))
    run.run()
    #expect(run.done == 8)
    let inputs = run.server.operations.filter { $0.name == "CreateArtifact" }
      .compactMap { $0.variables["input"]?.objectValue?["artifactCollectionName"]?.stringValue }
    #expect(inputs.suffix(3) == ["other", "third", "other"])
    let last = run.operations.lastIndex(of: "CreateArtifact") ?? 0
    #expect(run.operations[..<last].filter { $0 == "CommitArtifact" }.count >= 6)
  }

  @Test func aRecordWithoutManifestIsLeftOut() {
    let run = Fixture()
    var record = run.record("a", files: [:])
    record.manifest = nil
    run.uploads.add(record)
    #expect(run.done == 0)
    run.server.network.run(seconds: 1)
    #expect(run.done == 1 && run.notices.count == 1 && run.idle == 1)
  }

  @Test func nothingIsCalledAfterCancel() {
    let run = Fixture()
    for name in ["a", "b", "c"] { run.uploads.add(run.record(name, files: ["x": name])) }
    run.server.network.run { run.operations.count > 2 }
    run.uploads.cancel()
    run.server.network.run(seconds: 3600)
    #expect(run.done == 0 && run.idle == 0 && run.notices.isEmpty)
  }

  @Test func base64IsRead() {
    for count in 0..<20 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
      #expect(Base64.bytes(base64(bytes)) == bytes)
    }
    for bad in ["a", "ab", "abc", "a===", "ab c", "ab-_"] { #expect(Base64.bytes(bad) == nil, "\(bad)") }
  }
}

/// An artifact's digest, worked out anew.
private enum IndependentDigest {
  static func of(_ files: [(String, String)], reference: (String, String)) -> String {
    var text = "wandb-artifact-manifest-v1\n"
    for (path, content) in files { text += "\(path):\(base64(MD5.hash(Array(content.utf8))))\n" }
    text += "\(reference.0):\(reference.1)\n"
    return hexText(MD5.hash(Array(text.utf8)))
  }
}
