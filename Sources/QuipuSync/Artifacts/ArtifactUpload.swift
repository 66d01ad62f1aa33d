import QuipuBase
import QuipuRecords

/// One artifact on its way to the server.
///
/// Doing it again after it was cut off at any point ends in the same version: the server knows the artifact by its
/// digest and its client id.
///
/// Source: http.md, section 12.4.
///
/// Threads: the loop's thread only.
final class ArtifactUpload {
  /// What uploads of a run share.
  struct Context {
    var requester: Requester
    var entity: String
    var project: String
    var run: String
    var transfers: TransferQueue
    var hasher: FileHasher
    var parts = PartRule()
  }

  let context: Context
  var plan: ArtifactPlan
  let historyStep: Int64
  /// Server ids of artifacts that this process has saved, by client id.
  let savedIDs: [Key: String]
  private var done: (Result<String, ArtifactProblem>) -> Void
  private(set) var isOver = false

  var artifactID = ""
  var manifestID = ""
  var baseID = ""
  private var manifestAttempts = 0
  var requests: Set<UInt64> = []
  var uploads: [ObjectIdentifier: SignedUpload] = [:]

  // Files
  var fileIndices: [Int] = []
  /// How many of them the server was asked about.
  var asked = 0
  var batchSize = 25
  /// Requests for URLs that are under way or prepared.
  var asking = 0
  /// Files whose URL is known and whose bytes have not arrived yet.
  var openFiles = 0
  var freshURLs: Set<Int> = []
  var partDigests: [Int: [ContentDigest]] = [:]
  var bytesSent: Int64 = 0

  /// - Parameter done: called once, with the artifact's id on the server.
  init(
    _ plan: ArtifactPlan, _ context: Context, historyStep: Int64, savedIDs: [Key: String],
    done: @escaping (Result<String, ArtifactProblem>) -> Void
  ) {
    self.plan = plan
    self.context = context
    self.historyStep = historyStep
    self.savedIDs = savedIDs
    self.done = done
  }

  func start() { takeMissingDigests(from: 0) }

  /// Gives up; `done` is not called.
  func cancel() {
    isOver = true
    done = { _ in }
    for request in requests { context.requester.cancel(request) }
    for upload in uploads.values { upload.cancel() }
  }

  func fail(_ problem: ArtifactProblem) {
    guard !isOver else { return }
    let done = done
    cancel()
    done(.failure(problem))
  }

  func fail(_ step: String, _ error: RequestError) {
    fail(ArtifactProblem("\(step): \(error.message)", isPassing: RunFiles.isPassing(error)))
  }

  private func succeed() {
    guard !isOver else { return }
    let done = done
    cancel()
    done(.success(artifactID))
  }

  /// A GraphQL operation; what follows is only called while the upload is still wanted.
  func ask(
    _ name: String, _ text: String, _ variables: JSONObject, _ then: @escaping (Result<JSONObject, RequestError>) -> Void
  ) {
    var number: UInt64?
    number = context.requester.graphQL(name, text, variables) { [weak self] result in
      guard let self, !isOver else { return }
      if let number { requests.remove(number) }
      then(result)
    }
    if let number { requests.insert(number) }
  }

  // MARK: Before

  /// Whether a path has the steps `artifacts/staging` on its way.
  private static func isStaged(_ path: String) -> Bool {
    let parts = path.utf8.split(separator: UInt8(ascii: "/"))
    return zip(parts, parts.dropFirst()).contains { $0.elementsEqual("artifacts".utf8) && $1.elementsEqual("staging".utf8) }
  }

  /// MD5 of files that the log knows by another digest.
  private func takeMissingDigests(from start: Int) {
    guard let at = plan.entries[start...].firstIndex(where: \.needsDigest) else {
      create()
      return
    }
    let entry = plan.entries[at]
    // Its digest cannot be checked, so whatever path a log names here would be published.
    guard entry.localPath.utf8.starts(with: "/".utf8), Self.isStaged(entry.localPath),
      LocalFile.isSafe(String(entry.localPath.dropFirst()))
    else {
      fail(ArtifactProblem("\(entry.path) has an XXH128 digest and does not lie in a staging directory"))
      return
    }
    context.hasher.hash(entry.localPath) { [weak self] result in
      guard let self, !isOver else { return }
      switch result {
      case .failure(let problem): fail(ArtifactProblem("\(entry.localPath) \(problem.text)"))
      case .success(let outcome):
        guard outcome.facts.size == entry.size else {
          fail(ArtifactProblem("\(entry.localPath) has changed since it was logged"))
          return
        }
        plan.entries[at].digest = outcome.digest.base64
        plan.entries[at].needsDigest = false
        takeMissingDigests(from: at + 1)
      }
    }
  }

  private func create() {
    let input = plan.creation(
      entity: context.entity, project: context.project, run: context.run, historyStep: historyStep)
    ask("CreateArtifact", ArtifactOperations.createArtifact, ["input": .object(input)]) { [weak self] result in
      guard let self else { return }
      switch result {
      case .failure(let error): fail("CreateArtifact", error)
      case .success(let data):
        let artifact = data["createArtifact"]?.objectValue?["artifact"]?.objectValue
        guard let artifact, let id = artifact["id"]?.stringValue, !id.isEmpty else {
          fail("CreateArtifact", .malformed("the answer has no artifact"))
          return
        }
        artifactID = id
        if artifact["state"]?.stringValue == "COMMITTED" {
          use()
          return
        }
        let latest = artifact["artifactSequence"]?.objectValue?["latestArtifact"]?.objectValue?["id"]?.stringValue
        baseID = plan.record.baseID.isEmpty ? latest ?? "" : plan.record.baseID
        createManifest()
      }
    }
  }

  private func createManifest() {
    ask(
      "CreateArtifactManifest", ArtifactOperations.createArtifactManifest, manifestVariables(digest: "", upload: false)
    ) { [weak self] result in
      guard let self else { return }
      switch result {
      case .failure(let error): fail("CreateArtifactManifest", error)
      case .success(let data):
        guard let id = Self.manifest(data, "createArtifactManifest")?["id"]?.stringValue else {
          fail("CreateArtifactManifest", .malformed("the answer has no manifest"))
          return
        }
        manifestID = id
        fileIndices = plan.entries.indices.filter { plan.entries[$0].isFile }
        sendFiles()
      }
    }
  }

  private func manifestVariables(digest: String, upload: Bool) -> JSONObject {
    [
      "artifactID": .string(artifactID), "baseArtifactID": baseID.isEmpty ? .null : .string(baseID),
      "name": .string(plan.kind.manifestName), "digest": .string(digest), "entityName": .string(context.entity),
      "projectName": .string(context.project), "runName": .string(context.run),
      "manifestType": .string(plan.kind.rawValue), "includeUpload": .bool(upload),
    ]
  }

  private static func manifest(_ data: JSONObject, _ field: Key) -> JSONObject? {
    data[field]?.objectValue?["artifactManifest"]?.objectValue
  }

  // MARK: After the files

  func filesAreSent() {
    let unknown = plan.foreignClientIDs
    guard !unknown.isEmpty else {
      sendManifest()
      return
    }
    resolve(unknown[...], [:])
  }

  private func resolve(_ clientIDs: ArraySlice<String>, _ hexIDs: [Key: String]) {
    guard let clientID = clientIDs.first else {
      plan.resolve(hexIDs)
      sendManifest()
      return
    }
    func found(_ serverID: String) {
      guard let bytes = Base64.bytes(serverID) else {
        fail("ClientIDMapping", .malformed("the id of an artifact is not base64"))
        return
      }
      var hexIDs = hexIDs
      hexIDs[Key(clientID)] = hexText(bytes)
      resolve(clientIDs.dropFirst(), hexIDs)
    }
    if let id = savedIDs[Key(clientID)] {
      found(id)
      return
    }
    let variables: JSONObject = ["clientID": .string(clientID)]
    ask("ClientIDMapping", ArtifactOperations.clientIDMapping, variables) { [weak self] result in
      guard let self else { return }
      switch result {
      case .failure(let error): fail("ClientIDMapping", error)
      case .success(let data):
        guard let id = data["clientIDMapping"]?.objectValue?["serverID"]?.stringValue else {
          fail(ArtifactProblem("it refers to an artifact that the server does not have"))
          return
        }
        found(id)
      }
    }
  }

  private func sendManifest() {
    manifestAttempts += 1
    let text = plan.manifestText()
    let digest = ContentDigest(MD5.hash(text)).base64
    let name: String, operation: String, variables: JSONObject, field: Key
    if plan.kind == .full {
      (name, operation, field) =
        ("CreateArtifactManifest", ArtifactOperations.createArtifactManifest, "createArtifactManifest")
      variables = manifestVariables(digest: digest, upload: true)
    } else {
      (name, operation, field) =
        ("UpdateArtifactManifest", ArtifactOperations.updateArtifactManifest, "updateArtifactManifest")
      variables = [
        "artifactManifestID": .string(manifestID), "digest": .string(digest),
        "baseArtifactID": baseID.isEmpty ? .null : .string(baseID), "includeUpload": true,
      ]
    }
    ask(name, operation, variables) { [weak self] result in
      guard let self else { return }
      switch result {
      case .failure(let error): fail(name, error)
      case .success(let data):
        let file = Self.manifest(data, field)?["file"]?.objectValue
        guard let url = file?["uploadUrl"]?.stringValue else {
          fail(name, .malformed("the answer has no URL for the manifest"))
          return
        }
        putManifest(text, url, SignedUpload.headers(file?["uploadHeaders"]?.arrayValue))
      }
    }
  }

  private func putManifest(_ text: [UInt8], _ url: String, _ headers: [HTTPHeader]) {
    put(.bytes(text), to: url, headers) { [weak self] result in
      guard let self else { return }
      switch result {
      case .success: finalize()
      case .failure(.status(let status, _)) where Self.mayBeExpired(status) && manifestAttempts < 2: sendManifest()
      case .failure(let error): fail("the manifest could not be sent", error)
      }
    }
  }

  private func finalize() {
    guard plan.record.finalize else {
      // Others add to it before one of them commits it.
      succeed()
      return
    }
    let variables: JSONObject = ["artifactID": .string(artifactID)]
    ask("CommitArtifact", ArtifactOperations.commitArtifact, variables) { [weak self] result in
      guard let self else { return }
      switch result {
      case .failure(let error): fail("CommitArtifact", error)
      case .success: use()
      }
    }
  }

  private func use() {
    guard plan.record.useAfterCommit else {
      succeed()
      return
    }
    ask("UseArtifact", ArtifactOperations.useArtifact, Self.useVariables(context, artifactID)) { [weak self] result in
      guard let self else { return }
      if case .failure(let error) = result {
        fail("UseArtifact", error)
      } else {
        succeed()
      }
    }
  }

  static func useVariables(_ context: Context, _ id: String) -> JSONObject {
    [
      "input": .object([
        "entityName": .string(context.entity), "projectName": .string(context.project),
        "runName": .string(context.run), "artifactID": .string(id),
      ])
    ]
  }

  // MARK: Bytes

  /// Takes a place among the run's transfers.
  func put(
    _ content: SignedUpload.Content, to url: String, _ headers: [HTTPHeader],
    _ then: @escaping (Result<HTTPAnswer, RequestError>) -> Void
  ) {
    context.transfers.enqueue { [weak self] ended in
      guard let self, !isOver else { return ended() }
      let upload = SignedUpload(requester: context.requester)
      uploads[ObjectIdentifier(upload)] = upload
      upload.put(content, to: url, headers: headers) { [weak self] result in
        ended()
        guard let self, !isOver else { return }
        uploads[ObjectIdentifier(upload)] = nil
        if case .success = result { bytesSent &+= content.size }
        then(result)
      }
    }
  }

  static func mayBeExpired(_ status: Int) -> Bool { [401, 403, 410].contains(status) }
}
