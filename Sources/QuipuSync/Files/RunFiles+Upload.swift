import QuipuBase

/// Names to the server, bytes to the storage.
extension RunFiles {
  static let gatherTime: Int64 = 200_000_000
  /// At the end a program waits: only what comes in the same moments goes together.
  static let finalGatherTime: Int64 = 2_000_000
  static let namesPerRequest = 500
  /// URLs that are not used yet run out; so no more are asked for.
  static let readyLimit = 500
  /// After a failure that may pass, once all retries of a request are used up.
  static let patience: Int64 = 300_000_000_000

  // MARK: Names

  /// Queues an item for the next request for URLs.
  func name(_ item: Item) {
    item.stage = .naming
    naming.append(item)
    askWhenReady()
  }

  func askWhenReady() {
    guard !isCancelled, !naming.isEmpty, namesUnderWay == 0, readyCount < Self.readyLimit else { return }
    if naming.count >= Self.namesPerRequest {
      if let namingTimer { sender.cancelTimer(namingTimer) }
      namingTimer = nil
      askForURLs()
    } else if namingTimer == nil {
      namingTimer = sender.after(isFinishing ? Self.finalGatherTime : Self.gatherTime) { [weak self] in
        self?.namingTimer = nil
        self?.askForURLs()
      }
    }
  }

  private func askForURLs() {
    guard !isCancelled, !naming.isEmpty, namesUnderWay == 0 else { return }
    let batch = Array(naming.prefix(Self.namesPerRequest))
    naming.removeFirst(batch.count)
    ask(batch, Splits())
  }

  /// How often a refused batch may be cut in two, to find the names that the server does not take.
  private final class Splits { var left = 20 }

  private func ask(_ batch: [Item], _ splits: Splits) {
    namesUnderWay += 1
    let variables: JSONObject = [
      "entity": .string(entity), "project": .string(project), "run": .string(runID),
      "files": .array(batch.map { .string($0.path) }),
    ]
    var number: UInt64?
    number = requester.graphQL("CreateRunFiles", FileOperations.createRunFiles, variables) { [weak self] result in
      guard let self else { return }
      if let number { requests.remove(number) }
      guard !isCancelled else { return }
      namesUnderWay -= 1
      answered(batch, result, splits)
      askWhenReady()
    }
    if let number { requests.insert(number) }
  }

  private func answered(_ batch: [Item], _ result: Result<JSONObject, RequestError>, _ splits: Splits) {
    switch result {
    case .success(let data):
      guard let urls = Self.urls(data, count: batch.count) else {
        for item in batch { fail(item, "has no upload URL: the server's answer to CreateRunFiles is malformed", mayWorkLater: true) }
        return
      }
      let headers = SignedUpload.headers(data["createRunFiles"]?.objectValue?["uploadHeaders"]?.arrayValue)
      var byName: [Key: String] = [:]
      for (name, url) in urls { byName[Key(name)] = url }
      for (at, item) in batch.enumerated() {
        // A server may clean names; then the order tells which is which.
        item.url = byName[Key(item.path)] ?? urls[at].url
        item.headers = headers
        ready(item)
      }
    case .failure(let error):
      if Self.isPassing(error) && !isFinishing {
        for item in batch { later(item, Self.patience) }
      } else if Self.mayBeOneName(error) && batch.count > 1 && splits.left > 0 {
        splits.left -= 1
        let half = batch.count / 2
        ask(Array(batch[..<half]), splits)
        ask(Array(batch[half...]), splits)
      } else {
        for item in batch { fail(item, "has no upload URL: \(error.message)", mayWorkLater: true) }
      }
    }
  }

  /// Name and URL of each file, in the order of the answer; nil unless there are `count` and a run.
  private static func urls(_ data: JSONObject, count: Int) -> [(name: String, url: String)]? {
    guard let made = data["createRunFiles"]?.objectValue, made["runID"]?.stringValue?.isEmpty == false,
      let files = made["files"]?.arrayValue, files.count == count
    else { return nil }
    var urls: [(String, String)] = []
    for file in files {
      guard let object = file.objectValue, let name = object["name"]?.stringValue,
        let url = object["uploadUrl"]?.stringValue
      else { return nil }
      urls.append((name, url))
    }
    return urls
  }

  /// The server refuses what the request says, not who sends it.
  private static func mayBeOneName(_ error: RequestError) -> Bool {
    switch error {
    case .graphQL: true
    case .status(let status, _): [400, 413, 422].contains(status)
    case .failure, .malformed: false
    }
  }

  /// Whether the same request may succeed later although its retries are used up.
  static func isPassing(_ error: RequestError) -> Bool {
    switch error {
    case .failure(let failure): failure.isPassing
    case .status(let status, _): status == 429 || (status >= 500 && status != 501)
    case .graphQL, .malformed: false
    }
  }

  // MARK: Bytes

  private func ready(_ item: Item) {
    item.stage = .ready
    readyCount += 1
    transfers.enqueue { [weak self] ended in
      guard let self, !isCancelled else { return ended() }
      readyCount -= 1
      send(item, ended)
      askWhenReady()
    }
  }

  private func send(_ item: Item, _ ended: @escaping () -> Void) {
    item.stage = .sending
    item.sentAt = sender.now
    let upload = SignedUpload(requester: requester)
    uploads[ObjectIdentifier(upload)] = upload
    upload.put(item.content, to: item.url, headers: item.headers) { [weak self] result in
      ended()
      guard let self, !isCancelled else { return }
      uploads[ObjectIdentifier(upload)] = nil
      item.sentFor = sender.now &- item.sentAt
      sent(item, result)
    }
  }

  private func sent(_ item: Item, _ result: Result<HTTPAnswer, RequestError>) {
    switch result {
    case .success:
      var file = UploadedFile(digest: item.digest, size: item.size, modified: 0)
      if let local = item.local {
        if LocalFile.facts(local.path) == local.facts {
          file.modified = item.timeIsSettled ? local.facts.modified : 0
        } else if !item.isLive || isFinishing, item.tries < 3 {
          // It changed while it was read: what arrived may be half of the old and half of the new.
          item.tries += 1
          later(item, 1_000_000_000)
          return
        }
      }
      uploaded[Key(item.path)] = file
      settle(item, file, sent: true)
    case .failure(.failure(let failure)) where failure.kind == .bodyUnavailable:
      troubled(item, .shrunk)
    case .failure(.status(let status, _)) where [400, 401, 403, 410].contains(status) && item.freshURLs == 0:
      // The URL has run out while it waited.
      item.freshURLs = 1
      name(item)
    case .failure(let error):
      if Self.isPassing(error) && !isFinishing {
        later(item, Self.patience)
      } else {
        fail(item, "could not be sent: \(error.message)", mayWorkLater: true)
      }
    }
  }
}
