public struct ProjectRecord: Sendable, Equatable {
  public var id: Int64
  public var entityID: Int64
  /// Name of the owner, kept beside its id because every answer wants it.
  public var entity: String
  public var name: String
  public var description: String?
  public var createdAt: Timestamp

  public init(
    id: Int64 = 0, entityID: Int64, entity: String, name: String, description: String? = nil,
    createdAt: Timestamp = .now
  ) {
    self.id = id
    self.entityID = entityID
    self.entity = entity
    self.name = name
    self.description = description
    self.createdAt = createdAt
  }
}

public protocol ProjectStorage: Sendable {
  func project(id: Int64) async throws -> ProjectRecord?
  func project(entity: String, name: String) async throws -> ProjectRecord?
  /// The project of this name, made now if there is none, and whether it was made.
  func ensureProject(entity: EntityRecord, name: String) async throws -> (ProjectRecord, isNew: Bool)
  /// Changes the description. Nil leaves it.
  func updateProject(id: Int64, description: String?) async throws
  /// Newest first, those with an id below `before`.
  func projects(entity: String?, before: Int64?, limit: Int) async throws -> [ProjectRecord]
}
