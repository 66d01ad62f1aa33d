/// A key that may talk to the server. The key itself is never stored, only its SHA-256.
public struct APIKeyRecord: Sendable, Equatable {
  public var id: Int64
  /// What the owner called it.
  public var name: String
  /// SHA-256 of the whole key, lower-case hex.
  public var digest: String
  /// The last characters of the key, to tell keys apart in a listing.
  public var hint: String
  /// May read everything and write nothing.
  public var isReadOnly: Bool
  public var createdAt: Timestamp

  public init(
    id: Int64 = 0, name: String, digest: String, hint: String, isReadOnly: Bool, createdAt: Timestamp = .now
  ) {
    self.id = id
    self.name = name
    self.digest = digest
    self.hint = hint
    self.isReadOnly = isReadOnly
    self.createdAt = createdAt
  }
}

/// A user or team that owns projects.
public struct EntityRecord: Sendable, Equatable {
  public var id: Int64
  public var name: String
  public var isTeam: Bool
  public var createdAt: Timestamp

  public init(id: Int64 = 0, name: String, isTeam: Bool, createdAt: Timestamp = .now) {
    self.id = id
    self.name = name
    self.isTeam = isTeam
    self.createdAt = createdAt
  }
}

public protocol AccountStorage: Sendable {
  func keys() async throws -> [APIKeyRecord]
  func key(digest: String) async throws -> APIKeyRecord?
  /// Stores a new key and gives it its id.
  func addKey(_ key: APIKeyRecord) async throws -> APIKeyRecord
  /// - Returns: whether there was such a key.
  func removeKey(id: Int64) async throws -> Bool

  /// Users and teams, oldest first. The first one is the server's user.
  func entities() async throws -> [EntityRecord]
  func entity(named name: String) async throws -> EntityRecord?
  /// The entity of this name, made now if there is none.
  func ensureEntity(named name: String, isTeam: Bool) async throws -> EntityRecord
}
