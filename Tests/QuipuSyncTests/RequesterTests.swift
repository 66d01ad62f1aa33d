import QuipuBase
import Synchronization
import Testing

@testable import QuipuSync

/// A sender without a network: answers from a script, time that jumps to the next timer.
final class ScriptedSender: RequestSender {
  var script: [Result<HTTPAnswer, HTTPFailure>]
  var requests: [(request: HTTPRequest, options: ConnectionOptions)] = []
  var waits: [Int64] = []
  /// Requests that get no answer until they are cancelled.
  var isSilent = false
  private(set) var now: Int64 = 1_000
  private var lastID: UInt64 = 0
  private var timers = TimerQueue()
  private var open: [UInt64: (Result<HTTPAnswer, HTTPFailure>) -> Void] = [:]

  init(_ script: [Result<HTTPAnswer, HTTPFailure>]) { self.script = script }

  func send(
    _ request: HTTPRequest, _ options: ConnectionOptions, _ done: @escaping (Result<HTTPAnswer, HTTPFailure>) -> Void
  ) -> UInt64 {
    lastID += 1
    let id = lastID
    requests.append((request, options))
    open[id] = done
    if !isSilent {
      let next = script.isEmpty ? .success(HTTPAnswer(status: 200)) : script.removeFirst()
      timers.add(due: now, id: id) { [self] in open.removeValue(forKey: id)?(next) }
    }
    return id
  }

  func cancel(_ request: UInt64) {
    guard let done = open.removeValue(forKey: request) else { return }
    after(0) { done(.failure(SyncLoop.cancelled)) }
    waits.removeLast()
  }

  func after(_ nanoseconds: Int64, _ work: @escaping () -> Void) -> UInt64 {
    lastID += 1
    waits.append(nanoseconds)
    timers.add(due: now + nanoseconds, id: lastID, work)
    return lastID
  }

  func cancelTimer(_ timer: UInt64) { timers.remove(timer) }

  func runAll(limit: Int = 100_000) {
    for _ in 0..<limit {
      guard let due = timers.nextDue else { return }
      now = max(now, due)
      timers.takeDue(now)?.work()
    }
    Issue.record("the work does not end")
  }
}

func status(_ number: Int, _ headers: [HTTPHeader] = [], _ body: String = "") -> Result<HTTPAnswer, HTTPFailure> {
  .success(HTTPAnswer(status: number, headers: headers, body: Array(body.utf8)))
}

@Suite struct RequesterTests {
  let key = "0123456789012345678901234567890123456789"

  func settings(_ base: String = "http://server:8080/prefix") throws -> SyncSettings {
    SyncSettings(server: try ServerAddress(base), credentials: .apiKey(key))
  }

  func requester(_ sender: ScriptedSender, _ change: (inout SyncSettings) -> Void = { _ in }) throws -> Requester {
    var settings = try settings()
    change(&settings)
    return Requester(sender: sender, settings: settings, random: { 0.5 }, wallSeconds: { 1_000_000 })
  }

  func result(_ sender: ScriptedSender, _ policy: RetryPolicy = .graphQL, url: String = "http://server:8080/prefix/x") throws
    -> Result<HTTPAnswer, RequestError>?
  {
    var result: Result<HTTPAnswer, RequestError>?
    let requester = try requester(sender)
    requester.send(HTTPRequest(.post, url), policy) { result = $0 }
    sender.runAll()
    withExtendedLifetime(requester) {}
    return result
  }

  @Test func triesAgainWithGrowingWaitsUntilItSucceeds() throws {
    // The recorded course of a file stream: 500, 429 with Retry-After, two resets, 503.
    let sender = ScriptedSender([
      status(500), status(429, [HTTPHeader("retry-after", "2")]), .failure(HTTPFailure(.reset, "x")),
      .failure(HTTPFailure(.reset, "x")), status(503), status(200),
    ])
    #expect(try result(sender)?.get().status == 200)
    #expect(sender.waits == [2_250_000_000, 2_000_000_000, 9_000_000_000, 18_000_000_000, 36_000_000_000])
  }

  @Test func givesUpAfterTheLastRetry() throws {
    let sender = ScriptedSender(Array(repeating: status(503, [], "{\"error\":\"busy\"}"), count: 100))
    guard case .failure(.status(503, "busy")) = try #require(try result(sender)) else {
      Issue.record("it did not fail with the last status")
      return
    }
    #expect(sender.requests.count == 21)
    #expect(sender.waits.allSatisfy { $0 <= 60_000_000_000 })
  }

  @Test func doesNotTryAgainWhatIsFinal() throws {
    for number in [400, 401, 402, 403, 404, 409, 410, 413, 422, 501, 302] {
      let sender = ScriptedSender([status(number)])
      _ = try result(sender)
      #expect(sender.requests.count == 1)
    }
    for kind in [HTTPFailure.Kind.tls, .redirects, .badURL, .noLibrary, .bodyUnavailable, .answerTooLarge] {
      let sender = ScriptedSender([.failure(HTTPFailure(kind, "no"))])
      _ = try result(sender)
      #expect(sender.requests.count == 1)
    }
    for kind in [HTTPFailure.Kind.nameNotFound, .connect, .reset, .timeout, .proxy, .other] {
      let sender = ScriptedSender([.failure(HTTPFailure(kind, "no"))])
      _ = try result(sender)
      #expect(sender.requests.count == 2)
    }
  }

  @Test func obeysADateByTheServersClock() throws {
    let sender = ScriptedSender([
      status(
        503,
        [
          HTTPHeader("date", "Tue, 01 Jan 2030 00:00:00 GMT"), HTTPHeader("retry-after", "Tue, 01 Jan 2030 00:00:20 GMT"),
        ])
    ])
    _ = try result(sender)
    #expect(sender.waits == [20_000_000_000])
  }

  @Test func tellsAboutEachWait() throws {
    let sender = ScriptedSender([status(500, [], "oops"), status(502)])
    let requester = try requester(sender)
    var told: [String] = []
    requester.send(HTTPRequest(.get, "http://server:8080/prefix/x"), .graphQL, waiting: { told.append("\($0.message) \($1)") }) { _ in }
    sender.runAll()
    #expect(told == ["status 500: oops 2250000000", "status 502 4500000000"])
  }

  @Test func sendsCredentialsToTheServerOnly() throws {
    let basic = "Basic " + base64(Array("api:\(key)".utf8))
    for (url, isOwn) in [
      ("http://server:8080/prefix/graphql", true), ("http://server:8080/prefix/files/a/b/c/file_stream", true),
      ("http://server:8080/other", false), ("http://server:8081/prefix/x", false), ("https://server:8080/prefix/x", false),
      ("http://storage/prefix/x?X-Signature=abc", false), ("http://server:8080@evil/prefix/x", false),
      ("http://server:8080/prefix/../x", false), ("http://server.evil:8080/prefix/x", false),
    ] {
      let sender = ScriptedSender([])
      let requester = try requester(sender) {
        $0.connection.extraHeaders = [HTTPHeader("Authorization", "Basic abc"), HTTPHeader("X-Mine", "1")]
      }
      requester.send(HTTPRequest(.post, url), .graphQL) { _ in }
      sender.runAll()
      let sent = try #require(sender.requests.first)
      let values = sent.request.headers.filter { $0.name == "Authorization" }.map(\.value)
      #expect(values == (isOwn ? [basic] : []), "\(url)")
      #expect(sent.options.extraHeaders.contains { $0.name == "Authorization" } == isOwn)
      #expect(sent.options.extraHeaders.contains { $0.name == "X-Mine" })
    }
  }

  @Test func sendsNoCredentialsWithUploads() throws {
    let sender = ScriptedSender([])
    let requester = try requester(sender)
    requester.send(HTTPRequest(.put, "http://server:8080/prefix/storage/x?token=1"), .transfer) { _ in }
    sender.runAll()
    #expect(sender.requests[0].request.headers.isEmpty)
    #expect(sender.requests[0].request.timeoutMilliseconds == 0)
  }

  @Test func wrapsGraphQLWithItsHeaders() throws {
    let sender = ScriptedSender([status(200, [], "{\"data\":{\"viewer\":null}}")])
    let requester = try requester(sender) { $0.sharedWriter = "w-1" }
    requester.userEmail = "a@example.com"
    var result: Result<JSONObject, RequestError>?
    requester.graphQL("Viewer", "query Viewer { viewer { id } }", [:]) { result = $0 }
    sender.runAll()
    #expect(try result?.get() == ["viewer": .null])
    let request = try #require(sender.requests.first?.request)
    #expect(request.url == "http://server:8080/prefix/graphql")
    guard case .bytes(let bytes) = request.body else { return }
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == #"{"query":"query Viewer { viewer { id } }","operationName":"Viewer"}"#)
    let headers = Dictionary(request.headers.map { ($0.name, $0.value) }) { a, _ in a }
    #expect(headers["Content-Type"] == "application/json")
    #expect(headers["X-WANDB-USERNAME"] == "")
    #expect(headers["X-WANDB-USER-EMAIL"] == "a@example.com")
    #expect(headers["X-WANDB-USE-ASYNC-FILESTREAM"] == "true")
    #expect(headers["X-WANDB-CLIENT-ID"] == "w-1")
    requester.send(HTTPRequest(.post, "http://server:8080/prefix/files/a/b/c/file_stream", body: .bytes([])), .fileStream) { _ in }
    sender.runAll()
    let stream = Dictionary(sender.requests[1].request.headers.map { ($0.name, $0.value) }) { a, _ in a }
    #expect(stream["X-WANDB-ASYNC-CLIENT-ID"] == "w-1")
    #expect(stream["X-WANDB-CLIENT-ID"] == nil)
    #expect(stream["X-WANDB-USERNAME"] == nil)
    #expect(stream["Content-Type"] == "application/json")
    #expect(sender.requests[1].request.timeoutMilliseconds == 180_000)
  }

  @Test func tellsErrorsInAnswersApart() throws {
    func run(_ answers: [Result<HTTPAnswer, HTTPFailure>]) throws -> (Result<JSONObject, RequestError>?, Int) {
      let sender = ScriptedSender(answers)
      let requester = try requester(sender)
      var result: Result<JSONObject, RequestError>?
      requester.graphQL("Op", "query Op { a }", ["x": .int(1)]) { result = $0 }
      sender.runAll()
      return (result, sender.requests.count)
    }
    var (outcome, count) = try run([status(200, [], #"{"errors":[{"message":"no\nsuch run","path":["a"]}],"data":null}"#)])
    #expect(outcome?.failureValue == .graphQL("no such run"))
    #expect(count == 1)
    (outcome, count) = try run([status(403, [], #"{"error":{"message":"not yours"}}"#)])
    #expect(outcome?.failureValue == .status(403, "not yours"))
    (outcome, count) = try run([status(401, [], #"{"errors":[{"message":"who are you"}]}"#)])
    #expect(outcome?.failureValue == .status(401, "who are you"))
    (outcome, count) = try run([status(404, [], "<html>nothing here</html>")])
    #expect(outcome?.failureValue == .status(404, ""))
    (outcome, count) = try run(Array(repeating: status(200, [], "<html>log in</html>"), count: 9))
    #expect(count == 3)
    if case .malformed = outcome?.failureValue {} else { Issue.record("not malformed") }
    (outcome, count) = try run([status(200, [], "{\"data\":{\"a"), status(200, [], "{\"data\":{\"a\":1}}")])
    #expect(try outcome?.get() == ["a": .int(1)])
    #expect(count == 2)
    (outcome, count) = try run([status(200, [], #"{"errors":[],"data":{"a":2}}"#)])
    #expect(try outcome?.get() == ["a": .int(2)])
  }

  @Test func neverShowsTheKey() throws {
    let sender = ScriptedSender([status(403, [], "the key \(key) is unknown")])
    #expect(try result(sender)?.failureValue == .status(403, "the key *** is unknown"))
  }

  @Test func cancelsInEveryState() throws {
    // On the wire.
    let silent = ScriptedSender([])
    silent.isSilent = true
    var requester = try requester(silent)
    var result: Result<HTTPAnswer, RequestError>?
    var id = requester.send(HTTPRequest(.get, "http://server:8080/prefix/x"), .graphQL) { result = $0 }
    silent.waits.append(0)
    requester.cancel(id)
    #expect(result == nil)
    silent.runAll()
    #expect(result?.failureValue == .failure(SyncLoop.cancelled))
    // Waiting for the next attempt.
    let failing = ScriptedSender([status(500)])
    requester = try self.requester(failing)
    result = nil
    var waiting = false
    id = requester.send(HTTPRequest(.get, "http://server:8080/prefix/x"), .graphQL, waiting: { _, _ in waiting = true }) { result = $0 }
    failing.after(1) { if waiting { requester.cancel(id) } }
    failing.runAll()
    #expect(result?.failureValue == .failure(SyncLoop.cancelled))
    #expect(failing.requests.count == 1)
    requester.cancel(id)
    requester.cancel(999)
  }

  @Test func exchangesAnIdentityTokenAndKeepsTheAccessToken() throws {
    let folder = TemporaryFolder()
    let file = folder.file("identity", Array("  aaa.bbb.ccc\n".utf8))
    let cache = folder.path + "/new.json"
    func make(_ sender: ScriptedSender, wall: Int64) throws -> Requester {
      var settings = try settings("http://server:8080")
      settings.credentials = .identityToken(file: file, cache: cache)
      return Requester(sender: sender, settings: settings, random: { 0 }, wallSeconds: { wall })
    }
    let token = status(200, [], #"{"access_token":"tok-1","expires_in":3600}"#)
    var sender = ScriptedSender([status(500), token, status(200), status(200)])
    var requester = try make(sender, wall: 1_000_000)
    var answers = 0
    for _ in 0..<2 {
      requester.send(HTTPRequest(.post, "http://server:8080/graphql"), .graphQL) { if (try? $0.get()) != nil { answers += 1 } }
    }
    sender.runAll()
    #expect(answers == 2)
    #expect(sender.requests.map(\.request.url).filter { $0.hasSuffix("/oidc/token") }.count == 2)
    let exchange = sender.requests[0].request
    guard case .bytes(let body) = exchange.body else { return }
    #expect(
      String(decoding: body, as: UTF8.self)
        == "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=aaa.bbb.ccc")
    #expect(!exchange.headers.contains { $0.name == "Authorization" })
    #expect(exchange.headers.contains(HTTPHeader("Content-Type", "application/x-www-form-urlencoded")))
    #expect(sender.requests[3].request.headers.contains(HTTPHeader("Authorization", "Bearer tok-1")))
    // Another process finds it in the file.
    sender = ScriptedSender([])
    requester = try make(sender, wall: 1_000_000 + 3000)
    requester.send(HTTPRequest(.post, "http://server:8080/graphql"), .graphQL) { _ in }
    sender.runAll()
    #expect(sender.requests.count == 1)
    #expect(sender.requests[0].request.headers.contains(HTTPHeader("Authorization", "Bearer tok-1")))
    // With five minutes left it is exchanged again; a refusal is final.
    sender = ScriptedSender([status(403, [], "no")])
    requester = try make(sender, wall: 1_000_000 + 3300)
    var result: Result<HTTPAnswer, RequestError>?
    requester.send(HTTPRequest(.post, "http://server:8080/graphql"), .graphQL) { result = $0 }
    sender.runAll()
    #expect(result?.failureValue == .status(403, "no"))
    #expect(sender.requests.count == 1)
    // A token that is refused is exchanged once.
    sender = ScriptedSender([
      status(401), status(200, [], #"{"access_token":"tok-2","expires_in":3600}"#), status(200),
    ])
    requester = try make(sender, wall: 1_000_000)
    requester.send(HTTPRequest(.post, "http://server:8080/graphql"), .graphQL) { result = $0 }
    sender.runAll()
    #expect(result?.failureValue == nil)
    #expect(sender.requests.last?.request.headers.contains(HTTPHeader("Authorization", "Bearer tok-2")) == true)
    if case .success(let stored) = SmallFile.read(cache, limit: 9999) {
      #expect(String(decoding: stored, as: UTF8.self).contains(#""expires_at":"1970-01-12 14:46:40""#))
    } else {
      Issue.record("no file")
    }
  }

  @Test func saysWhenTheIdentityTokenIsMissing() throws {
    var settings = try settings()
    settings.credentials = .identityToken(file: "/nonexistent/token", cache: "")
    let sender = ScriptedSender([])
    let requester = Requester(sender: sender, settings: settings)
    var result: Result<HTTPAnswer, RequestError>?
    requester.send(HTTPRequest(.post, "http://server:8080/prefix/graphql"), .graphQL) { result = $0 }
    sender.runAll()
    #expect(result?.failureValue?.message.contains("/nonexistent/token") == true)
    #expect(sender.requests.isEmpty)
  }
}

extension Result {
  var failureValue: Failure? {
    if case .failure(let failure) = self { return failure }
    return nil
  }
}
