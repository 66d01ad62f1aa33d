import QuipuBase

/// Access tokens that a server gives for an identity token, and the file where they are kept between processes.
///
/// Threads: the loop's thread.
///
/// Source: http.md, section 2.3.
final class AccessTokens {
  private let server: String
  private let file: String
  private let cache: String
  private let wallSeconds: () -> Int64
  private var token: String?
  /// CLOCK_MONOTONIC in nanoseconds.
  private var goodUntil: Int64 = 0
  private var mayUseCache = true
  private var waiting: [(Result<String, RequestError>) -> Void] = []

  /// A token with less left is exchanged.
  private static let reserveSeconds: Int64 = 300

  init(server: String, file: String, cache: String, wallSeconds: @escaping () -> Int64) {
    self.server = server
    self.file = file
    self.cache = cache
    self.wallSeconds = wallSeconds
  }

  /// The present token; nil: there is none, or it is too old.
  func valid(now: Int64) -> String? { now < goodUntil ? token : nil }

  /// The server did not take it, so the file's is no better.
  func forget() {
    token = nil
    goodUntil = 0
    mayUseCache = false
  }

  /// Another process's token.
  func cached(now: Int64) -> String? {
    guard mayUseCache, case .object(let entry) = entries()[Key(server)], case .string(let found) = entry["access_token"],
      !found.isEmpty, case .string(let end) = entry["expires_at"], let seconds = CivilTime.seconds(end)
    else { return nil }
    let left = seconds - wallSeconds() - Self.reserveSeconds
    guard left > 0 else { return nil }
    token = found
    goodUntil = now &+ Int64(clamping: min(left, 86_400)) &* 1_000_000_000
    return found
  }

  /// - Returns: whether this is the first that waits, so that an exchange has to be started.
  func wait(_ done: @escaping (Result<String, RequestError>) -> Void) -> Bool {
    waiting.append(done)
    return waiting.count == 1
  }

  func finish(_ result: Result<String, RequestError>) {
    let all = waiting
    waiting = []
    for done in all { done(result) }
  }

  /// The identity token is read anew each time.
  func request() -> Result<HTTPRequest, RequestError> {
    let identity: [UInt8]
    switch SmallFile.read(file, limit: 1 << 20) {
    case .failure(let problem):
      return .failure(.failure(HTTPFailure(.bodyUnavailable, "the identity token: \(problem.message)")))
    case .success(let bytes): identity = bytes
    }
    var text = identity[...]
    while let first = text.first, first <= 0x20 { text = text.dropFirst() }
    while let last = text.last, last <= 0x20 { text = text.dropLast() }
    let isToken = !text.isEmpty && text.allSatisfy {
      ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || "-_.=".utf8.contains($0)
    }
    guard isToken else {
      return .failure(.failure(HTTPFailure(.bodyUnavailable, "\(file) does not hold an identity token (a JWT)")))
    }
    let body = Array("grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=".utf8) + text
    return .success(
      HTTPRequest(
        .post, server + "/oidc/token", headers: [HTTPHeader("Content-Type", "application/x-www-form-urlencoded")],
        body: .bytes(body), answerLimit: 1 << 20))
  }

  static func problem(_ answer: HTTPAnswer) -> RequestError? {
    parse(answer) == nil ? .malformed("the exchange of the identity token brought no access token") : nil
  }

  private static func parse(_ answer: HTTPAnswer) -> (token: String, seconds: Int64)? {
    guard let json = try? JSON(parsing: answer.body), case .object(let object) = json,
      case .string(let token) = object["access_token"], !token.isEmpty, HTTPHeader("a", token).isSendable
    else { return nil }
    switch object["expires_in"] {
    case .int(let seconds): return (token, min(max(seconds, 0), 1 << 31))
    case .double(let seconds): return seconds.isFinite ? (token, Int64(min(max(seconds, 0), 1e9))) : nil
    default: return nil
    }
  }

  func take(_ answer: HTTPAnswer, now: Int64) -> Result<String, RequestError> {
    guard let (fresh, seconds) = Self.parse(answer) else {
      return .failure(Self.problem(answer) ?? .malformed("no access token"))
    }
    token = fresh
    mayUseCache = true
    // A token that lives shortly must still be used more than once.
    goodUntil = now &+ (seconds - min(Self.reserveSeconds, seconds / 2)) &* 1_000_000_000
    store(fresh, expires: wallSeconds() &+ seconds)
    return .success(fresh)
  }

  // MARK: The file

  private func whole() -> JSONObject {
    guard case .success(let bytes) = SmallFile.read(cache, limit: 4 << 20), let json = try? JSON(parsing: bytes),
      case .object(let object) = json
    else { return [:] }
    return object
  }

  private func entries() -> JSONObject {
    if case .object(let entries) = whole()["credentials"] { return entries }
    return [:]
  }

  /// Without the file each process exchanges for itself; so a failure here is none.
  private func store(_ token: String, expires: Int64) {
    guard !cache.isEmpty else { return }
    var object = whole()
    var entries = entries()
    entries[Key(server)] = .object([
      "access_token": .string(token), "expires_at": .string(CivilTime.text(expires)),
    ])
    object["credentials"] = .object(entries)
    _ = SmallFile.replace(cache, Array(JSON.object(object).text(style: .core).utf8), makesDirectory: true)
  }
}
