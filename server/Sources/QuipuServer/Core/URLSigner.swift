import QuipuBase
import Storage

/// Signs URLs that carry their own permission: a PUT or GET of one thing until a moment.
///
/// HMAC-SHA-256 (RFC 2104) over method, path and expiry with a secret of this server.
struct URLSigner: Sendable {
  private let secret: [UInt8]

  init(secret: [UInt8]) { self.secret = secret }

  /// `PATH?expires=SECONDS&signature=...`; the path as it will stand in the request, percent-encoded.
  func sign(_ method: String, path: String, lifetime: Double, now: Timestamp = .now) -> String {
    let expires = now.adding(seconds: lifetime).microseconds / 1_000_000
    return "\(path)?expires=\(expires)&signature=\(signature(method, path, expires))"
  }

  /// - Throws: 403 if the signature is not ours, or the URL has expired (a client then asks for a new one).
  func check(
    _ method: String, path: String, expires: String?, signature given: String?, now: Timestamp = .now
  ) throws(ServerFault) {
    guard let expires = expires.flatMap(Int64.init), let given else {
      throw ServerFault(403, "this URL needs its signature: ask the server for a new one")
    }
    guard equalInConstantTime(Array(given.utf8), Array(signature(method, path, expires).utf8)) else {
      throw ServerFault(403, "the signature of this URL is not valid for \(method)")
    }
    guard now.microseconds / 1_000_000 <= expires else {
      throw ServerFault(403, "this URL has expired: ask the server for a new one")
    }
  }

  private func signature(_ method: String, _ path: String, _ expires: Int64) -> String {
    base64(hmac(Array("\(method)\n\(path)\n\(expires)".utf8)), urlSafe: true, padding: false)
  }

  private func hmac(_ message: [UInt8]) -> [UInt8] {
    let block = 64
    var key = secret.count > block ? SHA256.hash(secret) : secret
    key += [UInt8](repeating: 0, count: block - key.count)
    let inner = SHA256.hash(key.map { $0 ^ 0x36 } + message)
    return SHA256.hash(key.map { $0 ^ 0x5c } + inner)
  }
}

/// Takes the same time wherever the texts differ.
func equalInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
  guard a.count == b.count else { return false }
  return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}
