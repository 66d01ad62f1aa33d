import Storage

extension MemoryStorage {
  public func project(id: Int64) -> ProjectRecord? { state.withLock { $0.projects.first { $0.id == id } } }

  public func project(entity: String, name: String) -> ProjectRecord? {
    state.withLock { $0.projects.first { isSame($0.entity, entity) && isSame($0.name, name) } }
  }

  public func ensureProject(entity: EntityRecord, name: String) throws -> (ProjectRecord, isNew: Bool) {
    try state.withLock { state in
      if let known = state.projects.first(where: { $0.entityID == entity.id && isSame($0.name, name) }) {
        return (known, false)
      }
      guard state.entities.contains(where: { $0.id == entity.id }) else {
        throw StorageError.failed("there is no such entity")
      }
      let project = ProjectRecord(id: state.newID(), entityID: entity.id, entity: entity.name, name: name)
      state.projects.append(project)
      return (project, true)
    }
  }

  public func updateProject(id: Int64, description: String?) {
    guard let description else { return }
    state.withLock { state in
      guard let index = state.projects.firstIndex(where: { $0.id == id }) else { return }
      state.projects[index].description = description
    }
  }

  public func projects(entity: String?, before: Int64?, limit: Int) -> [ProjectRecord] {
    state.withLock { state in
      let found = state.projects.reversed().filter { project in
        project.id < before ?? .max && entity.map { isSame($0, project.entity) } ?? true
      }
      return Array(found.prefix(max(0, limit)))
    }
  }
}
