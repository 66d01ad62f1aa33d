import Storage
import Testing

@Suite struct AccountTests {
  @Test(arguments: Backend.allCases) func keepsAndRemovesKeys(_ backend: Backend) async throws {
    try await backend.run { storage in
      let first = try await storage.addKey(
        APIKeyRecord(name: "laptop", digest: "d1", hint: "abcd", isReadOnly: false, createdAt: .init(microseconds: 5)))
      let second = try await storage.addKey(APIKeyRecord(name: "ci", digest: "d2", hint: "ef", isReadOnly: true))
      #expect(first.id != 0 && first.id != second.id)
      #expect(try await storage.keys() == [first, second])
      #expect(try await storage.key(digest: "d2") == second)
      #expect(try await storage.key(digest: "D2") == nil)
      await #expect(throws: StorageError.exists) { _ = try await storage.addKey(first) }

      #expect(try await storage.removeKey(id: first.id))
      #expect(try await !storage.removeKey(id: first.id))
      #expect(try await storage.keys() == [second])
    }
  }

  @Test(arguments: Backend.allCases) func makesAnEntityOnce(_ backend: Backend) async throws {
    try await backend.run { storage in
      let user = try await storage.ensureEntity(named: "user", isTeam: false)
      let team = try await storage.ensureEntity(named: "team", isTeam: true)
      #expect(try await storage.ensureEntity(named: "user", isTeam: true) == user)
      #expect(try await storage.entities() == [user, team])
      #expect(try await storage.entity(named: "team")?.isTeam == true)
      #expect(try await storage.entity(named: "User") == nil)
    }
  }

  @Test(arguments: Backend.allCases) func makesAProjectOnceForManyAtATime(_ backend: Backend) async throws {
    try await backend.run { storage in
      let entity = try await storage.ensureEntity(named: "user", isTeam: false)
      let made = try await withThrowingTaskGroup(of: (ProjectRecord, isNew: Bool).self) { group in
        for _ in 0..<20 { group.addTask { try await storage.ensureProject(entity: entity, name: "p") } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(made.count { $0.isNew } == 1)
      #expect(Set(made.map(\.0.id)).count == 1)
    }
  }

  @Test(arguments: Backend.allCases) func listsProjectsNewestFirst(_ backend: Backend) async throws {
    try await backend.run { storage in
      let a = try await storage.ensureEntity(named: "a", isTeam: false)
      let b = try await storage.ensureEntity(named: "b", isTeam: true)
      var made: [ProjectRecord] = []
      for (entity, name) in [(a, "1"), (b, "2"), (a, "3"), (a, "4")] {
        made.append(try await storage.ensureProject(entity: entity, name: name).0)
      }
      #expect(made[1].entity == "b")
      #expect(try await storage.projects(entity: nil, before: nil, limit: 10) == made.reversed())
      #expect(try await storage.projects(entity: "a", before: nil, limit: 2) == [made[3], made[2]])
      #expect(try await storage.projects(entity: "a", before: made[2].id, limit: 2) == [made[0]])
      #expect(try await storage.projects(entity: nil, before: nil, limit: 0) == [])
      #expect(try await storage.projects(entity: "c", before: nil, limit: 2) == [])
    }
  }

  @Test(arguments: Backend.allCases) func changesADescriptionAndNothingElse(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      try await storage.updateProject(id: project.id, description: "text")
      try await storage.updateProject(id: project.id, description: nil)
      var expected = project
      expected.description = "text"
      #expect(try await storage.project(id: project.id) == expected)
      #expect(try await storage.project(entity: "owner", name: "project") == expected)
      #expect(try await storage.project(entity: "other", name: "project") == nil)
    }
  }

  @Test(arguments: Backend.allCases) func refusesAProjectOfNobody(_ backend: Backend) async throws {
    try await backend.run { storage in
      await #expect(throws: StorageError.self) {
        _ = try await storage.ensureProject(entity: EntityRecord(id: 99, name: "ghost", isTeam: false), name: "p")
      }
    }
  }

  @Test(arguments: Backend.allCases) func keepsSettings(_ backend: Backend) async throws {
    try await backend.run { storage in
      #expect(try await storage.setting("secret") == nil)
      try await storage.setSetting("secret", "one")
      try await storage.setSetting("secret", "two\0three")
      #expect(try await storage.setting("secret") == "two\0three")
    }
  }
}
