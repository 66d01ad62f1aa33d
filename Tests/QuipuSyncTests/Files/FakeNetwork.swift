import Glibc
import QuipuBase

@testable import QuipuSync

/// A network without wires: requests are answered by a closure, on a clock that jumps from event to event.
final class FakeNetwork: RequestSender {
  struct Sent {
    var request: HTTPRequest
    /// Body as it arrived; of a file what was in it when the transfer ended.
    var body: [UInt8]
    var time: Int64
  }

  /// What comes back; nil: the connection is lost.
  var answer: (Sent) -> HTTPAnswer? = { _ in HTTPAnswer(status: 404) }
  /// Called when a request leaves.
  var onSend: (HTTPRequest) -> Void = { _ in }
  /// Units: nanoseconds.
  var latency: Int64 = 1_000_000
  private(set) var sent: [Sent] = []
  private(set) var now: Int64 = 1_000_000_000
  private(set) var timerCount = 0
  private(set) var open = 0
  private(set) var mostOpen = 0

  private var events: [UInt64: (time: Int64, work: () -> Void)] = [:]
  private var running: [UInt64: (Result<HTTPAnswer, HTTPFailure>) -> Void] = [:]
  private var last: UInt64 = 0

  func send(
    _ request: HTTPRequest, _ options: ConnectionOptions, _ done: @escaping (Result<HTTPAnswer, HTTPFailure>) -> Void
  ) -> UInt64 {
    onSend(request)
    let id = schedule(latency) {}
    running[id] = done
    if request.method == .put {
      open += 1
      mostOpen = max(mostOpen, open)
    }
    events[id]?.work = { [unowned self] in
      guard let done = running.removeValue(forKey: id) else { return }
      if request.method == .put { open -= 1 }
      guard let body = Self.bytes(request.body) else {
        done(.failure(HTTPFailure(.bodyUnavailable, "the file has become shorter")))
        return
      }
      let sent = Sent(request: request, body: body, time: now)
      self.sent.append(sent)
      if let answer = answer(sent) {
        done(.success(answer))
      } else {
        done(.failure(HTTPFailure(.reset, "connection to server lost")))
      }
    }
    return id
  }

  func cancel(_ request: UInt64) {
    guard let done = running.removeValue(forKey: request) else { return }
    events[request] = nil
    schedule(0) { done(.failure(HTTPFailure(.cancelled, "cancelled"))) }
  }

  func after(_ nanoseconds: Int64, _ work: @escaping () -> Void) -> UInt64 {
    timerCount += 1
    return schedule(nanoseconds, work)
  }

  func cancelTimer(_ timer: UInt64) { events[timer] = nil }

  /// The process dies: nothing that was due happens, nobody is called.
  func forgetAll() {
    running = [:]
    events = [:]
  }

  @discardableResult
  private func schedule(_ wait: Int64, _ work: @escaping () -> Void) -> UInt64 {
    last += 1
    events[last] = (now + max(0, wait), work)
    return last
  }

  /// Lets everything happen that is due within `seconds`; returns early when `condition` holds.
  func run(seconds: Double = 3600, until condition: () -> Bool = { false }) {
    let end = now + Int64(seconds * 1e9)
    while !condition() {
      guard let next = events.min(by: { ($0.value.time, $0.key) < ($1.value.time, $1.key) }), next.value.time <= end
      else {
        now = end
        return
      }
      now = max(now, next.value.time)
      events[next.key] = nil
      next.value.work()
    }
  }

  private static func bytes(_ body: HTTPRequest.Body) -> [UInt8]? {
    switch body {
    case .none, .download: return []
    case .bytes(let bytes): return bytes
    case .file(let path, let offset, let size):
      let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var info = stat()
      guard fstat(descriptor, &info) == 0, UInt64(info.st_size) >= offset + size else { return nil }
      // Large ones are holes; nobody looks at them.
      if size > 32 << 20 { return [] }
      var bytes = [UInt8](repeating: 0, count: Int(size))
      let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
      return count == bytes.count ? bytes : nil
    }
  }
}

/// The part of a server that files and artifacts need.
final class FakeServer {
  var network = FakeNetwork() { didSet { attach() } }
  private(set) var puts: [(path: String, headers: [HTTPHeader], body: [UInt8])] = []
  private(set) var operations: [(name: String, variables: JSONObject)] = []
  /// Answers that come before the usual ones.
  var onGraphQL: (_ name: String, _ variables: JSONObject) -> HTTPAnswer? = { _, _ in nil }
  var onPut: (_ path: String) -> HTTPAnswer? = { _ in nil }
  var isGone = false
  var uploadHeaders: [String] = []
  /// Base64 MD5 of artifact files that are in the storage.
  var stored: Set<String> = []
  private var artifacts = 0
  private var urls = 0

  init() { attach() }

  private func attach() { network.answer = { [unowned self] in isGone ? nil : answer($0) } }

  func names(_ operation: String) -> [[String]] {
    operations.filter { $0.name == operation }
      .map { $0.variables["files"]?.arrayValue?.compactMap(\.stringValue) ?? [] }
  }

  func body(_ path: String) -> [UInt8]? { puts.last { $0.path == path }?.body }

  static func json(_ value: JSON) -> HTTPAnswer {
    HTTPAnswer(status: 200, body: Array(value.text(style: .core).utf8))
  }

  static func error(_ text: String) -> HTTPAnswer {
    json(["errors": [["message": .string(text)]], "data": nil])
  }

  func answer(_ sent: FakeNetwork.Sent) -> HTTPAnswer {
    guard sent.request.method == .post else {
      var path = sent.request.url
      if let cut = path.range(of: "/storage/") { path = String(path[cut.upperBound...]) }
      if let cut = path.firstIndex(of: "?") { path = String(path[..<cut]) }
      if let answer = onPut(path) { return answer }
      puts.append((path, sent.request.headers, sent.body))
      return HTTPAnswer(status: 200, headers: [HTTPHeader("etag", "\"\(path)\"")])
    }
    guard let object = (try? JSON(parsing: sent.body))?.objectValue, let name = object["operationName"]?.stringValue
    else { return HTTPAnswer(status: 400) }
    let variables = object["variables"]?.objectValue ?? [:]
    operations.append((name, variables))
    if let answer = onGraphQL(name, variables) { return answer }
    return Self.json(["data": data(name, variables)])
  }

  private func url(_ path: String) -> JSON {
    urls += 1
    return .string("http://storage.test/storage/\(path)?sig=\(urls)")
  }

  private func data(_ name: String, _ variables: JSONObject) -> JSON {
    let input = variables["input"]?.objectValue ?? [:]
    switch name {
    case "CreateRunFiles":
      let files = variables["files"]?.arrayValue ?? []
      return [
        "createRunFiles": [
          "runID": "UnVuOjE=", "uploadHeaders": .array(uploadHeaders.map { .string($0) }),
          "files": .array(files.map { ["name": $0, "uploadUrl": url($0.stringValue ?? "")] }),
        ]
      ]
    case "CreateArtifact":
      artifacts += 1
      return [
        "createArtifact": [
          "artifact": [
            "id": .string(base64(Array("Artifact:\(artifacts)".utf8))), "state": "PENDING",
            "artifactSequence": ["latestArtifact": nil],
          ]
        ]
      ]
    case "CreateArtifactManifest", "UpdateArtifactManifest":
      let file: JSON =
        variables["includeUpload"] == true
        ? ["id": "f", "uploadUrl": url("manifest-\(artifacts)"), "uploadHeaders": ["Content-Type:application/json"]]
        : ["id": "f"]
      let field: Key = name == "CreateArtifactManifest" ? "createArtifactManifest" : "updateArtifactManifest"
      return .object([field: ["artifactManifest": ["id": "bWFuaWZlc3Q=", "file": file]]])
    case "CreateArtifactFiles":
      let files = (input["artifactFiles"]?.arrayValue ?? []).compactMap(\.objectValue)
      return ["createArtifactFiles": ["files": ["edges": .array(files.map { ["node": node($0)] })]]]
    case "ClientIDMapping": return ["clientIDMapping": ["serverID": .string(base64(Array("Artifact:77".utf8)))]]
    case "CommitArtifact": return ["commitArtifact": ["artifact": ["id": variables["artifactID"] ?? nil, "digest": ""]]]
    case "CompleteMultipartUploadArtifact": return ["completeMultipartUploadArtifact": ["digest": ""]]
    case "UseArtifact": return ["useArtifact": ["artifact": ["id": input["artifactID"] ?? nil]]]
    default: return nil
    }
  }

  private func node(_ file: JSONObject) -> JSON {
    let path = "artifact/" + (file["name"]?.stringValue ?? "")
    let md5 = file["md5"]?.stringValue ?? ""
    if stored.contains(md5) {
      return [
        "storagePath": .string(path), "uploadUrl": nil, "uploadHeaders": [], "uploadMultipartUrls": nil,
        "artifact": ["id": "b2xk"],
      ]
    }
    var multipart = JSON.null
    if let parts = file["uploadPartsInput"]?.arrayValue {
      multipart = [
        "uploadID": "up",
        "uploadUrlParts": .array(
          parts.indices.map { ["partNumber": .int(Int64($0) + 1), "uploadUrl": url("\(path)/\($0 + 1)")] }),
      ]
    }
    return [
      "storagePath": .string(path), "uploadUrl": url(path),
      "uploadHeaders": [.string("Content-MD5:" + md5), "Content-Type:application/octet-stream"],
      "uploadMultipartUrls": multipart, "artifact": ["id": file["artifactID"] ?? nil],
    ]
  }
}

extension String {
  fileprivate func range(of text: String) -> Range<Index>? {
    var at = startIndex
    while at < endIndex {
      if self[at...].hasPrefix(text) { return at..<index(at, offsetBy: text.count) }
      at = index(after: at)
    }
    return nil
  }
}

/// A directory that is gone after the test.
final class FileTree {
  let path: String

  init() {
    var template = Array("/tmp/quipu-sync-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }
    path = made.map { String(cString: $0) } ?? "/nonexistent"
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    var info = stat()
    guard lstat(path, &info) == 0 else { return }
    if info.st_mode & S_IFMT == S_IFDIR {
      chmod(path, 0o700)
      if let directory = opendir(path) {
        while let entry = readdir(directory) {
          let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
          if name != ".", name != ".." { remove(path + "/" + name) }
        }
        closedir(directory)
      }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  /// Writes a file, with a time of change in the past unless it shall be fresh.
  @discardableResult
  func write(_ name: String, _ text: String, fresh: Bool = false) -> String {
    let whole = path + "/" + name
    var at = whole.startIndex
    while let slash = whole[at...].dropFirst().firstIndex(of: "/") {
      mkdir(String(whole[..<slash]), 0o777)
      at = slash
    }
    let descriptor = open(whole, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    _ = Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    if !fresh { age(name, 100) }
    return whole
  }

  /// Moves the time of the last change into the past.
  func age(_ name: String, _ seconds: Int) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    now.tv_sec -= seconds
    let times = [now, now]
    utimensat(AT_FDCWD, path + "/" + name, times, 0)
  }
}

extension SyncSettings {
  static func test() -> SyncSettings {
    // Cannot fail: the text is a constant.
    let server = try! ServerAddress("http://server.test:8080")
    return SyncSettings(server: server, credentials: .apiKey("local" + String(repeating: "0", count: 40)))
  }
}
