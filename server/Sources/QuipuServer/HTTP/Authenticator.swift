import HTTPTypes
import Hummingbird
import QuipuBase
import Storage
import Synchronization

/// Knows who sends a request by its API key. Source: protocol reference, 2.1.
struct Authenticator: Sendable {
  private final class Cache: Sendable {
    /// A revoked key is good for so many seconds more at most.
    static let lifetime = 5.0
    let entries = Mutex<[String: (key: APIKeyRecord, until: Timestamp)]>([:])
  }

  private let storage: any Storage
  private let cache = Cache()

  init(storage: any Storage) { self.storage = storage }

  /// - Throws: 401 without a key or with one that is not known.
  func key(of request: Request) async throws -> APIKeyRecord {
    guard let text = Self.credentials(request.headers[.authorization]) else {
      throw ServerFault(401, "user is not logged in: send the API key as Basic authorization of user 'api'")
    }
    let digest = hexText(SHA256.hash(Array(text.utf8)))
    let now = Timestamp.now
    if let known = cache.entries.withLock({ $0[digest] }), known.until > now { return known.key }
    guard let key = try await storage.key(digest: digest) else {
      throw ServerFault(401, "user is not logged in: this API key is not known here")
    }
    cache.entries.withLock { entries in
      if entries.count > 1000 { entries.removeAll() }
      entries[digest] = (key, now.adding(seconds: Cache.lifetime))
    }
    return key
  }

  /// The password of Basic, or the token of Bearer. Every key is found by its digest, so the user's name says nothing.
  static func credentials(_ header: String?) -> String? {
    guard let header else { return nil }
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[1].utf8.count <= 4096 else { return nil }
    switch parts[0].lowercased() {
    case "basic":
      guard let bytes = decodeBase64(String(parts[1])) else { return nil }
      let text = String(decoding: bytes, as: UTF8.self)
      guard let colon = text.firstIndex(of: ":") else { return nil }
      let password = text[text.index(after: colon)...]
      return password.isEmpty ? nil : String(password)
    case "bearer":
      return String(parts[1])
    default:
      return nil
    }
  }
}

extension APIKeyRecord {
  func checkMayWrite() throws(ServerFault) {
    guard !isReadOnly else { throw ServerFault(403, "the API key '\(name)' may only read") }
  }
}
