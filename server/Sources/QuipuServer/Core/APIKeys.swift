import QuipuBase
import Storage

/// Makes API keys. A key is shown once; the store keeps its digest.
public struct APIKeys: Sendable {
  let storage: any Storage

  public init(storage: any Storage) { self.storage = storage }

  /// 40 hexadecimal digits, 160 random bits: the form that every client accepts (protocol reference, 2.1).
  public func make(name: String, isReadOnly: Bool) async throws -> (key: APIKeyRecord, secret: String) {
    let secret = hexText(randomBytes(20))
    let record = APIKeyRecord(
      name: name, digest: hexText(SHA256.hash(Array(secret.utf8))), hint: String(secret.suffix(4)),
      isReadOnly: isReadOnly)
    return (try await storage.addKey(record), secret)
  }
}
