import Storage

extension MemoryStorage {
  public func keys() -> [APIKeyRecord] { state.withLock { $0.keys } }
  public func key(digest: String) -> APIKeyRecord? { state.withLock { $0.keys.first { isSame($0.digest, digest) } } }

  public func addKey(_ key: APIKeyRecord) throws -> APIKeyRecord {
    try state.withLock { state in
      guard !state.keys.contains(where: { isSame($0.digest, key.digest) }) else { throw StorageError.exists }
      var key = key
      key.id = state.newID()
      state.keys.append(key)
      return key
    }
  }

  public func removeKey(id: Int64) -> Bool {
    state.withLock { state in
      let count = state.keys.count
      state.keys.removeAll { $0.id == id }
      return state.keys.count < count
    }
  }

  public func entities() -> [EntityRecord] { state.withLock { $0.entities } }
  public func entity(named name: String) -> EntityRecord? {
    state.withLock { $0.entities.first { isSame($0.name, name) } }
  }

  public func ensureEntity(named name: String, isTeam: Bool) -> EntityRecord {
    state.withLock { state in
      if let known = state.entities.first(where: { isSame($0.name, name) }) { return known }
      let entity = EntityRecord(id: state.newID(), name: name, isTeam: isTeam)
      state.entities.append(entity)
      return entity
    }
  }
}
