import Glibc
import QuipuBase

/// Why a request failed for good.
package enum RequestError: Error, Sendable, Equatable {
  /// No answer, after all attempts.
  case failure(HTTPFailure)
  /// An answer that is not a success: its status, and the first message found in it (else the beginning of its body).
  case status(Int, String)
  /// Status 200 with a list of errors: the first one's message.
  case graphQL(String)
  /// An answer that is not what it should be.
  case malformed(String)

  /// One line for a person.
  package var message: String {
    switch self {
    case .failure(let failure): failure.message
    case .status(let status, let text): text.isEmpty ? "status \(status)" : "status \(status): \(text)"
    case .graphQL(let text), .malformed(let text): text
    }
  }
}

/// Sends requests of one server until they succeed or have failed for good: credentials, headers, retries, waits.
///
/// Credentials go only to URLs on the host of the base URL and below its path. Clocks that are set do no harm: waits are
/// measured with the monotonic clock.
///
/// Threads: the loop's thread only.
///
/// Source: http.md, sections 2 to 6.
package final class Requester {
  package let sender: any RequestSender
  package let settings: SyncSettings
  /// Header `X-WANDB-USER-EMAIL`; whoever learns a better one from the server sets it.
  package var userEmail: String

  private let base: HTTPURL?
  private let random: () -> Double
  private let wallSeconds: () -> Int64
  private var requests: [UInt64: Pending] = [:]
  private var lastID: UInt64 = 0
  private var secrets = Secrets()
  private var tokens: AccessTokens?

  private final class Pending {
    let id: UInt64
    let request: HTTPRequest
    let policy: RetryPolicy
    let isAuthorised: Bool
    let waiting: ((RequestError, Int64) -> Void)?
    /// Says what is wrong with an answer of a good status; nil: nothing.
    let check: ((HTTPAnswer) -> RequestError?)?
    let done: (Result<HTTPAnswer, RequestError>) -> Void
    var retries = 0
    var bent = 0
    var hasNewToken = false
    var inFlight: UInt64?
    var timer: UInt64?

    init(
      id: UInt64, _ request: HTTPRequest, _ policy: RetryPolicy, isAuthorised: Bool,
      _ waiting: ((RequestError, Int64) -> Void)?, _ check: ((HTTPAnswer) -> RequestError?)?,
      _ done: @escaping (Result<HTTPAnswer, RequestError>) -> Void
    ) {
      self.id = id
      self.request = request
      self.policy = policy
      self.isAuthorised = isAuthorised
      self.waiting = waiting
      self.check = check
      self.done = done
    }
  }

  /// - Parameters:
  ///   - random: 0..<1, for the spread of waits.
  ///   - wallSeconds: seconds since 1970; only for dates in answers of servers that do not say what time it is there.
  package init(
    sender: any RequestSender, settings: SyncSettings, random: @escaping () -> Double = { .random(in: 0..<1) },
    wallSeconds: @escaping () -> Int64 = { Clock.wall() / 1_000_000_000 }
  ) {
    self.sender = sender
    self.settings = settings
    self.random = random
    self.wallSeconds = wallSeconds
    userEmail = settings.userEmail
    base = HTTPURL(settings.server.base)
    switch settings.credentials {
    case .none: break
    case .apiKey(let key):
      secrets.add(key)
      // An error page may show the request's headers.
      secrets.add(base64(Array("api:\(key)".utf8)))
    case .identityToken(let file, let cache):
      tokens = AccessTokens(server: settings.server.base, file: file, cache: cache, wallSeconds: wallSeconds)
    }
  }

  /// Sends with credentials if the URL is the server's, again and again as `policy` says.
  ///
  /// - Parameter waiting: called before each wait with what went wrong and the wait in nanoseconds.
  /// - Returns: a number for `cancel`.
  @discardableResult
  package func send(
    _ request: HTTPRequest, _ policy: RetryPolicy, waiting: ((RequestError, Int64) -> Void)? = nil,
    _ done: @escaping (Result<HTTPAnswer, RequestError>) -> Void
  ) -> UInt64 {
    start(request, policy, waiting, check: nil, done)
  }

  /// Sends a GraphQL operation. An answer that is not JSON, as a proxy's page for instance, is asked for again twice.
  ///
  /// - Parameters:
  ///   - name: the operation's name in `text`.
  ///   - policy: nil: that of the settings.
  /// - Returns: the member `data` of the answer, as an object.
  @discardableResult
  package func graphQL(
    _ name: String, _ text: String, _ variables: JSONObject, policy: RetryPolicy? = nil,
    waiting: ((RequestError, Int64) -> Void)? = nil, _ done: @escaping (Result<JSONObject, RequestError>) -> Void
  ) -> UInt64 {
    var body: JSONObject = ["query": .string(text)]
    if !variables.isEmpty { body["variables"] = .object(variables) }
    body["operationName"] = .string(name)
    var bytes = ByteBuffer(capacity: 1024)
    JSON.object(body).write(to: &bytes, style: .core)
    var request = HTTPRequest(.post, settings.server.base + "/graphql", body: .bytes(bytes.array()))
    request.headers = [
      HTTPHeader("Content-Type", "application/json"), HTTPHeader("X-WANDB-USERNAME", settings.userName),
      HTTPHeader("X-WANDB-USER-EMAIL", userEmail),
    ]
    var data: JSONObject?
    return start(request, policy ?? settings.graphQL, waiting, check: { answer in
      guard let json = try? JSON(parsing: answer.body), case .object(let object) = json else {
        return .malformed("\(name): the answer is not JSON: \(AnswerText.message(answer.body))")
      }
      if let text = AnswerText.firstError(object) { return .graphQL(AnswerText.line(text)) }
      guard case .object(let found) = object["data"] else { return .malformed("\(name): the answer has no data") }
      data = found
      return nil
    }) { result in
      switch result {
      case .success: done(.success(data ?? [:]))
      case .failure(let error): done(.failure(error))
      }
    }
  }

  /// Gives up on a request; its `done` is called with `.cancelled`, not from inside this call.
  package func cancel(_ request: UInt64) {
    guard let pending = requests[request] else { return }
    if let inFlight = pending.inFlight { return sender.cancel(inFlight) }
    if let timer = pending.timer { sender.cancelTimer(timer) }
    requests[request] = nil
    sender.after(0) { pending.done(.failure(.failure(SyncLoop.cancelled))) }
  }

  // MARK: Attempts

  private func start(
    _ request: HTTPRequest, _ policy: RetryPolicy, _ waiting: ((RequestError, Int64) -> Void)?,
    check: ((HTTPAnswer) -> RequestError?)?, isToken: Bool = false,
    _ done: @escaping (Result<HTTPAnswer, RequestError>) -> Void
  ) -> UInt64 {
    lastID &+= 1
    // The URL of an upload carries its own permission, on the server's host too.
    let isUpload = policy.isTransfer && request.method == .put
    let isOwn = !isToken && !isUpload && isServers(request.url)
    let pending = Pending(id: lastID, request, policy, isAuthorised: isOwn, waiting, check, done)
    requests[lastID] = pending
    attempt(pending)
    return lastID
  }

  private func isServers(_ url: String) -> Bool {
    guard let base, let url = HTTPURL(url) else { return false }
    return url.isBelow(base)
  }

  private func attempt(_ pending: Pending) {
    guard pending.isAuthorised, let tokens else {
      return transmit(pending, authorization: pending.isAuthorised ? basic : nil)
    }
    if let token = tokens.valid(now: sender.now) { return transmit(pending, authorization: "Bearer " + token) }
    exchange { [weak self] result in
      // It may have been cancelled meanwhile.
      guard let self, self.requests[pending.id] != nil else { return }
      switch result {
      case .success(let token): self.transmit(pending, authorization: "Bearer " + token)
      // A server that is away when a token runs out is waited for like any other time.
      case .failure(let error): self.failed(pending, error, isPassing: RunFiles.isPassing(error))
      }
    }
  }

  private var basic: String? {
    if case .apiKey(let key) = settings.credentials { return "Basic " + base64(Array("api:\(key)".utf8)) }
    return nil
  }

  private func transmit(_ pending: Pending, authorization: String?) {
    var request = pending.request
    request.timeoutMilliseconds = pending.policy.attemptMilliseconds
    var options = settings.connection
    if pending.isAuthorised {
      request.headers += serverHeaders(request)
      if let authorization { request.headers.append(HTTPHeader("Authorization", authorization)) }
    } else {
      options.extraHeaders.removeAll { ["authorization", "cookie"].contains($0.name.lowercased()) }
    }
    pending.inFlight = sender.send(request, options) { [weak self] result in
      pending.inFlight = nil
      guard let self else { return pending.done(.failure(.failure(SyncLoop.cancelled))) }
      self.take(pending, result)
    }
  }

  /// Source: http.md, section 3.
  private func serverHeaders(_ request: HTTPRequest) -> [HTTPHeader] {
    let path = HTTPURL(request.url)?.path ?? ""
    let isGraphQL = path.utf8.suffix(8).elementsEqual("/graphql".utf8)
    let isStream = path.utf8.suffix(12).elementsEqual("/file_stream".utf8)
    guard isGraphQL || isStream else { return [] }
    var headers: [HTTPHeader] = []
    if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
      headers.append(HTTPHeader("Content-Type", "application/json"))
    }
    if let writer = settings.sharedWriter {
      headers.append(HTTPHeader("X-WANDB-USE-ASYNC-FILESTREAM", "true"))
      headers.append(HTTPHeader(isGraphQL ? "X-WANDB-CLIENT-ID" : "X-WANDB-ASYNC-CLIENT-ID", writer))
    }
    if settings.isServerSideSummary { headers.append(HTTPHeader("X-WANDB-SERVER-SIDE-DERIVED-SUMMARY", "true")) }
    return headers
  }

  private func take(_ pending: Pending, _ result: Result<HTTPAnswer, HTTPFailure>) {
    let error: RequestError
    let isPassing: Bool
    var asked: Int64?
    switch result {
    case .failure(let failure):
      error = .failure(failure)
      isPassing = failure.isPassing
    case .success(let answer):
      if answer.isSuccess {
        guard let problem = pending.check?(answer) else { return end(pending, .success(answer)) }
        error = problem
        if case .malformed = problem {
          pending.bent += 1
          isPassing = pending.bent <= 2
        } else {
          isPassing = false
        }
      } else {
        error = .status(answer.status, AnswerText.message(answer.body))
        isPassing = pending.policy.isPassing(status: answer.status)
        // An access token that the server no longer takes is exchanged once.
        if answer.status == 401, pending.isAuthorised, let tokens, !pending.hasNewToken {
          pending.hasNewToken = true
          tokens.forget()
          return attempt(pending)
        }
      }
      asked = AnswerText.retryAfter(answer, wallSeconds: wallSeconds())
    }
    failed(pending, error, isPassing: isPassing, asked: asked)
  }

  /// Tries again later, or gives up.
  private func failed(_ pending: Pending, _ error: RequestError, isPassing: Bool, asked: Int64? = nil) {
    guard isPassing, pending.retries < pending.policy.retries else { return end(pending, .failure(error)) }
    let wait = pending.policy.wait(retry: pending.retries, random: random(), asked: asked)
    pending.retries += 1
    pending.timer = sender.after(wait) { [weak self] in
      pending.timer = nil
      self?.attempt(pending)
    }
    pending.waiting?(clean(error), wait)
  }

  private func end(_ pending: Pending, _ result: Result<HTTPAnswer, RequestError>) {
    requests[pending.id] = nil
    pending.done(result.mapError { clean($0) })
  }

  private func clean(_ error: RequestError) -> RequestError {
    switch error {
    case .failure(let failure): .failure(HTTPFailure(failure.kind, secrets.removed(from: failure.message)))
    case .status(let status, let text): .status(status, secrets.removed(from: text))
    case .graphQL(let text): .graphQL(secrets.removed(from: text))
    case .malformed(let text): .malformed(secrets.removed(from: text))
    }
  }

  // MARK: Access tokens

  private func exchange(_ done: @escaping (Result<String, RequestError>) -> Void) {
    guard let tokens else { return }
    if let token = tokens.cached(now: sender.now) {
      secrets.add(token)
      return done(.success(token))
    }
    guard tokens.wait(done) else { return }
    let request: HTTPRequest
    switch tokens.request() {
    case .failure(let error):
      sender.after(0) { tokens.finish(.failure(error)) }
      return
    case .success(let made): request = made
    }
    var limit: UInt64?
    var isOver = false
    let sent = start(request, .tokenExchange, nil, check: { AccessTokens.problem($0) }, isToken: true) {
      [weak self] result in
      guard let self else { return }
      if let limit { self.sender.cancelTimer(limit) }
      switch result {
      case .success(let answer):
        let token = tokens.take(answer, now: self.sender.now)
        if case .success(let text) = token { self.secrets.add(text) }
        tokens.finish(token)
      case .failure(.failure(let failure)) where failure.kind == .cancelled && isOver:
        // To those who wait it is not they who were cancelled.
        tokens.finish(.failure(.failure(HTTPFailure(.timeout, "the exchange of the identity token took too long"))))
      case .failure(let error):
        tokens.finish(.failure(error))
      }
    }
    // All attempts together.
    limit = sender.after(60_000_000_000) { [weak self] in
      isOver = true
      self?.cancel(sent)
    }
  }
}
