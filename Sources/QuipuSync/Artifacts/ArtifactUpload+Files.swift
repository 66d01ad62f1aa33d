import QuipuBase

/// The files of an artifact: URLs in batches, bytes if the server does not have them.
extension ArtifactUpload {
  private static let largestBatch = 1000

  /// Where the bytes of one file go.
  private struct Place {
    var url: String
    var headers: [HTTPHeader]
    var storagePath: String
    var ownerID: String
    var uploadID = ""
    /// By part number less one.
    var partURLs: [String] = []
  }

  /// Asks for more URLs when the transfers run dry; goes on when everything has arrived.
  func sendFiles() {
    guard !isOver, asking == 0 else { return }
    if asked == fileIndices.count {
      if openFiles == 0 { filesAreSent() }
      return
    }
    // URLs run out, so they are not taken long before they are used.
    guard openFiles < context.requester.settings.concurrentTransfers else { return }
    let batch = Array(fileIndices[asked...].prefix(batchSize))
    asked += batch.count
    batchSize = min(batchSize * 2, Self.largestBatch)
    asking += 1
    hashParts(batch[...]) { [weak self] in self?.askForURLs(batch) }
  }

  /// The server wants to know the digest of each part of a large file before it is sent.
  private func hashParts(_ batch: ArraySlice<Int>, _ then: @escaping () -> Void) {
    guard let at = batch.firstIndex(where: {
      context.parts.partSize(plan.entries[$0].size) > 0 && partDigests[$0] == nil
    }) else {
      then()
      return
    }
    let index = batch[at]
    check(index) { [weak self] in self?.hashParts(batch[at...], then) }
  }

  /// Makes sure that the file is the one that was logged: nothing else may become public by its path.
  private func check(_ index: Int, _ then: @escaping () -> Void) {
    let entry = plan.entries[index]
    context.hasher.hash(entry.localPath, partSize: context.parts.partSize(entry.size)) { [weak self] result in
      guard let self, !isOver else { return }
      switch result {
      case .failure(let problem): fail(ArtifactProblem("\(entry.localPath) \(problem.text)"))
      case .success(let outcome):
        guard outcome.facts.size == entry.size, outcome.digest.base64 == entry.digest else {
          fail(ArtifactProblem("\(entry.localPath) has changed since it was logged"))
          return
        }
        partDigests[index] = outcome.parts
        then()
      }
    }
  }

  private func askForURLs(_ batch: [Int]) {
    guard !isOver else { return }
    let specs = batch.map { index -> JSON in
      let entry = plan.entries[index]
      var parts = JSON.null
      if let digests = partDigests[index], !digests.isEmpty {
        parts = .array(
          digests.enumerated().map { .object(["partNumber": .int(Int64($0) + 1), "hexMD5": .string($1.hex)]) })
      }
      return .object([
        "artifactID": .string(artifactID), "artifactManifestID": .string(manifestID), "name": .string(entry.path),
        "md5": .string(entry.digest), "mimetype": .null, "uploadPartsInput": parts,
      ])
    }
    let input: JSONObject = [
      "artifactFiles": .array(specs), "storageLayout": "V2", "cloudRegionID": .null, "clientMutationId": .null,
    ]
    ask("CreateArtifactFiles", ArtifactOperations.createArtifactFiles, ["input": .object(input)]) { [weak self] result in
      guard let self else { return }
      asking -= 1
      switch result {
      case .failure(let error): fail("CreateArtifactFiles", error)
      case .success(let data):
        let edges = data["createArtifactFiles"]?.objectValue?["files"]?.objectValue?["edges"]?.arrayValue ?? []
        guard edges.count == batch.count else {
          fail("CreateArtifactFiles", .malformed("the answer names \(edges.count) files, not \(batch.count)"))
          return
        }
        openFiles += batch.count
        for (index, edge) in zip(batch, edges) where !isOver {
          place(index, edge.objectValue?["node"]?.objectValue ?? JSONObject())
        }
        sendFiles()
      }
    }
  }

  private func place(_ index: Int, _ node: JSONObject) {
    let owner = node["artifact"]?.objectValue?["id"]?.stringValue ?? artifactID
    plan.entries[index].birthID = owner
    guard let url = node["uploadUrl"]?.stringValue else {
      // Its bytes are in the storage already.
      openFiles -= 1
      return
    }
    var place = Place(
      url: url, headers: SignedUpload.headers(node["uploadHeaders"]?.arrayValue),
      storagePath: node["storagePath"]?.stringValue ?? "", ownerID: owner)
    let count = partDigests[index]?.count ?? 0
    if count > 0, let multipart = node["uploadMultipartUrls"]?.objectValue,
      let parts = multipart["uploadUrlParts"]?.arrayValue, let id = multipart["uploadID"]?.stringValue
    {
      var urls: [Int64: String] = [:]
      for part in parts {
        guard let part = part.objectValue, let number = part["partNumber"]?.intValue else { continue }
        urls[number] = part["uploadUrl"]?.stringValue
      }
      place.partURLs = (1...Int64(count)).compactMap { urls[$0] }
      place.uploadID = id
      guard place.partURLs.count == count else {
        fail("CreateArtifactFiles", .malformed("the answer has no URL for some part of \(plan.entries[index].path)"))
        return
      }
    }
    if partDigests[index] != nil {
      send(index, to: place)
    } else {
      check(index) { [weak self] in self?.send(index, to: place) }
    }
  }

  private func send(_ index: Int, to place: Place) {
    if place.partURLs.isEmpty {
      let entry = plan.entries[index]
      put(.file(path: entry.localPath, offset: 0, size: entry.size), to: place.url, place.headers) { [weak self] result in
        switch result {
        case .success: self?.arrived()
        case .failure(let error): self?.notSent(index, error)
        }
      }
    } else {
      sendParts(index, to: place)
    }
  }

  private func arrived() {
    openFiles -= 1
    sendFiles()
  }

  private func notSent(_ index: Int, _ error: RequestError) {
    guard !isOver else { return }
    if case .status(let status, _) = error, Self.mayBeExpired(status), freshURLs.insert(index).inserted {
      // Its URL has run out while it waited.
      openFiles -= 1
      asking += 1
      askForURLs([index])
    } else if case .failure(let failure) = error, failure.kind == .bodyUnavailable {
      fail(ArtifactProblem("\(plan.entries[index].localPath) has changed since it was logged"))
    } else {
      fail("\(plan.entries[index].path) could not be sent", error)
    }
  }

  // MARK: Parts

  private func sendParts(_ index: Int, to place: Place) {
    let entry = plan.entries[index]
    let digests = partDigests[index] ?? []
    let partSize = context.parts.partSize(entry.size)
    var tags = [String?](repeating: nil, count: place.partURLs.count)
    var missing = tags.count
    var hasFailed = false
    for (part, url) in place.partURLs.enumerated() {
      let offset = Int64(part) * partSize
      let size = min(partSize, entry.size - offset)
      var headers = place.headers.filter { SignedUpload.same($0.name, "content-type") }
      headers.append(HTTPHeader("Content-MD5", digests[part].base64))
      put(.file(path: entry.localPath, offset: offset, size: size), to: url, headers) { [weak self] result in
        guard let self, !hasFailed else { return }
        switch result {
        case .failure(let error):
          hasFailed = true
          notSent(index, error)
        case .success(let answer):
          guard let tag = answer.header("etag") else {
            fail("\(entry.path) could not be sent", .malformed("the storage gave no ETag for part \(part + 1)"))
            return
          }
          tags[part] = tag
          missing -= 1
          if missing == 0 { complete(index, place, tags.map { $0 ?? "" }) }
        }
      }
    }
  }

  private func complete(_ index: Int, _ place: Place, _ tags: [String]) {
    let variables: JSONObject = [
      "completeMultipartAction": "Complete",
      "completedParts": .array(
        tags.enumerated().map { .object(["partNumber": .int(Int64($0) + 1), "hexMD5": .string($1)]) }),
      "artifactID": .string(place.ownerID), "storagePath": .string(place.storagePath),
      "uploadID": .string(place.uploadID),
    ]
    ask(
      "CompleteMultipartUploadArtifact", ArtifactOperations.completeMultipart, variables
    ) { [weak self] result in
      guard let self else { return }
      if case .failure(let error) = result {
        fail("CompleteMultipartUploadArtifact", error)
      } else {
        arrived()
      }
    }
  }
}
