import Foundation
import GRDB
import Storage
import Testing

@testable import SQLiteStorage

/// What only an implementation over a directory of files can do and suffer.
@Suite struct DirectoryTests {
  /// What opening the directory fails with.
  func failure(_ directory: String) async -> StorageError? {
    do {
      try await SQLiteStorage(directory: directory).close()
      return nil
    } catch {
      return error as? StorageError ?? .failed("not a storage error: \(error)")
    }
  }

  func mode(_ path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test func findsEverythingWhenOpenedAgain() async throws {
    try await withDirectory { directory in
      var storage = try await SQLiteStorage(directory: directory)
      var run = try await storage.insertRun(RunTests.full(makeProject(storage)))
      var change = RunChange(run: run)
      change.addedSegments = [makeSegment(run)]
      change.console = [ConsoleLine(writer: "", number: 0, content: "line")]
      let ids = try await storage.commit(change)
      try await storage.objects.store([1, 2], key: "history/1")
      await storage.close()

      storage = try await SQLiteStorage(directory: directory)
      run.version = 1
      #expect(try await storage.run(id: run.id) == run)
      #expect(try await storage.segments(runID: run.id, stream: .history).map(\.id) == ids)
      #expect(try await storage.console(runID: run.id, after: nil, limit: 9) == change.console)
      #expect(try await bytes(storage, "history/1") == [1, 2])
      await storage.close()
    }
  }

  @Test func isForItsUserOnly() async throws {
    try await withDirectory { directory in
      let storage = try await SQLiteStorage(directory: directory + "/deep/er")
      _ = try await makeProject(storage)
      try await storage.objects.store([1], key: "blobs/aa/x")
      for path in ["", "/deep", "/deep/er", "/deep/er/objects/blobs/aa", "/deep/er/staging"] {
        #expect(try mode(directory + path) == 0o700, "\(path)")
      }
      for path in ["lock", "quipu.sqlite", "quipu.sqlite-wal", "quipu.sqlite-shm", "objects/blobs/aa/x"] {
        #expect(try mode("\(directory)/deep/er/\(path)") == 0o600, "\(path)")
      }
      await storage.close()
    }
  }

  @Test func refusesADirectoryInUse() async throws {
    try await withDirectory { directory in
      let storage = try await SQLiteStorage(directory: directory)
      #expect(await failure(directory) == .failed("\(directory) is in use by process \(getpid())"))
      _ = try await makeProject(storage)
      await storage.close()
      #expect(await failure(directory) == nil)
    }
  }

  @Test func failsAfterClosing() async throws {
    try await withDirectory { directory in
      let storage = try await SQLiteStorage(directory: directory)
      let project = try await makeProject(storage)
      await storage.close()
      await storage.close()
      let error = StorageError.failed("\(directory)/quipu.sqlite is closed")
      await #expect(throws: error) { _ = try await storage.project(id: project.id) }
      await #expect(throws: error) { try await storage.setSetting("a", "b") }
    }
  }

  @Test func carriesThroughWhatHasBegunWhenItIsClosed() async throws {
    try await withDirectory { directory in
      let storage = try await SQLiteStorage(directory: directory)
      let acknowledged = await withTaskGroup(of: String?.self) { group in
        for index in 0..<100 {
          group.addTask {
            if index == 50 { await storage.close() }
            let isStored: Void? = try? await storage.setSetting("\(index)", "x")
            return isStored.map { "\(index)" }
          }
        }
        return await group.reduce(into: [String]()) { if let name = $1 { $0.append(name) } }
      }
      let again = try await SQLiteStorage(directory: directory)
      for name in acknowledged { #expect(try await again.setting(name) == "x") }
      await again.close()
    }
  }

  @Test func refusesANewerSchema() async throws {
    try await withDirectory { directory in
      try await SQLiteStorage(directory: directory).close()
      let file = directory + "/quipu.sqlite"
      try await DatabaseQueue(path: file).write { try $0.execute(sql: "PRAGMA user_version = 1000") }
      let text = "its schema is 1000, this version knows \(Schema.version)"
      #expect(await failure(directory) == .failed("\(file) was written by a newer version of this program (\(text))"))
    }
  }

  @Test func refusesADatabaseOfAnotherProgramAndLeavesItAlone() async throws {
    try await withDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      let file = directory + "/quipu.sqlite"
      try await DatabaseQueue(path: file).write { try $0.execute(sql: "CREATE TABLE other (x)") }
      let before = try Data(contentsOf: URL(fileURLWithPath: file))
      #expect(await failure(directory) == .failed("\(file) is not a database of this program"))
      #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
    }
  }

  @Test func tellsOfADamagedFile() async throws {
    try await withDirectory { directory in
      let intact = try await SQLiteStorage(directory: directory)
      let run = try await makeRun(intact, makeProject(intact))
      for _ in 0..<20 {
        var change = RunChange(run: try #require(try await intact.run(id: run.id)))
        change.addedSegments = [makeSegment(run, body: .inline([UInt8](repeating: 1, count: 20_000)))]
        try await intact.commit(change)
      }
      await intact.close()

      let url = URL(fileURLWithPath: directory + "/quipu.sqlite")
      let whole = try Data(contentsOf: url)
      func damaged(fromPage page: Int) -> Data {
        whole.prefix(page * 4096) + (page * 4096..<whole.count).map { UInt8(truncatingIfNeeded: $0 &* 31 | 1) }
      }
      try damaged(fromPage: 90).write(to: url)
      let storage = try await SQLiteStorage(directory: directory)
      await #expect { _ = try await storage.segments(runID: run.id, stream: .history) } throws: { isDamage($0) }
      let other = try await makeRun(storage, makeProject(storage, "other"))
      #expect(try await storage.run(id: other.id) == other)
      await storage.close()

      for content in [damaged(fromPage: 1), Data("no database but a text, ".utf8) + whole, whole.prefix(5000)] {
        try content.write(to: url)
        let failure = await failure(directory)
        #expect(failure.map { isDamage($0) } == true, "\(String(describing: failure))")
      }
    }
  }

  private func isDamage(_ error: any Error) -> Bool { if case StorageError.damaged = error { true } else { false } }

  @Test func tellsOfValuesThatCannotBe() async throws {
    try await withDirectory { directory in
      let first = try await SQLiteStorage(directory: directory)
      let run = try await makeRun(first, makeProject(first))
      await first.close()
      for (column, value) in [("state", "'confused'"), ("tags", "'not json'"), ("tags", "x'ff00'")] {
        let file = directory + "/quipu.sqlite"
        try await DatabaseQueue(path: file).write { db in
          try db.execute(sql: "UPDATE runs SET state = 'running', tags = '[]'")
          try db.execute(sql: "UPDATE runs SET \(column) = \(value)")
        }
        let storage = try await SQLiteStorage(directory: directory)
        await #expect { _ = try await storage.run(id: run.id) } throws: { isDamage($0) }
        await storage.close()
      }
    }
  }

  @Test func readsValuesOfWrongTypesWithoutTrapping() async throws {
    try await withDirectory { directory in
      var storage = try await SQLiteStorage(directory: directory)
      let run = try await makeRun(storage, makeProject(storage))
      await storage.close()
      try await DatabaseQueue(path: directory + "/quipu.sqlite").write { db in
        try db.execute(
          sql: """
            UPDATE runs SET name = x'ff', created_at = 'soon', last_step = x'00', completed_timestamp = 'x',
              recent_requests = 'nine byte', fork_run = 1e300, display_name = 17, history_tail = x'c328', version = 1.5
            """)
      }
      storage = try await SQLiteStorage(directory: directory)
      let read = try #require(try await storage.run(id: run.id))
      #expect(read.name == "\u{fffd}" && read.createdAt.microseconds == 0 && read.displayName == "17")
      #expect(read.recentRequests.count == 1)
      await storage.close()
    }
  }

  @Test func noticesThatItsDirectoryVanished() async throws {
    try await withDirectory { directory in
      let storage = try await SQLiteStorage(directory: directory)
      let run = try await makeRun(storage, makeProject(storage))
      try FileManager.default.removeItem(atPath: directory)
      let path = "\(directory)/quipu.sqlite"
      #expect(
        await refusal(of: RunChange(run: run), by: storage)
          == .failed("\(path) was removed or replaced while the server was running"))
      await #expect(throws: StorageError.self) { try await storage.objects.store([1], key: "blobs/aa/x") }
      await storage.close()
    }
  }

  @Test func namesThePathThatCannotBeMade() async throws {
    try await withDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try Data().write(to: URL(fileURLWithPath: directory + "/file"))
      #expect(await failure(directory + "/file") == .failed("\(directory)/file is not a directory"))
      #expect(await failure(directory + "/file/below") == .failed("\(directory)/file/below: Not a directory"))
    }
  }

  @Test func emptiesTheStagingDirectoryWhenOpened() async throws {
    try await withDirectory { directory in
      var storage = try await SQLiteStorage(directory: directory)
      let leftover = try storage.objects.stagingPath()
      try Data([1]).write(to: URL(fileURLWithPath: leftover))
      await storage.close()
      storage = try await SQLiteStorage(directory: directory)
      await storage.finishOpening()
      #expect(!FileManager.default.fileExists(atPath: leftover))
      await storage.close()
    }
  }

  @Test func anObjectThatIsStoredAgainIsYoungAgain() async throws {
    try await withDirectory { directory in
      let storage = try await SQLiteStorage(directory: directory)
      let keys = ["history/again", "history/staged", "history/old"]
      for key in keys {
        try await storage.objects.store([1], key: key)
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSinceNow: -7200)], ofItemAtPath: "\(directory)/objects/\(key)")
      }
      try await storage.objects.store([1], key: keys[0])
      let staged = try storage.objects.stagingPath()
      try Data([1]).write(to: URL(fileURLWithPath: staged))
      try await storage.objects.store(stagedFile: staged, key: keys[1])
      try await storage.sweep(before: Timestamp.now.adding(seconds: -3600))
      #expect(try await storage.objects.keys(prefix: "") == [keys[0], keys[1]])
      await storage.close()
    }
  }

  @Test func manyStoreOneObjectAtATime() async throws {
    try await withDirectory { directory in
      let objects = try FileObjectStorage(root: directory + "/objects", staging: directory + "/staging")
      let content = [UInt8](repeating: 7, count: 50_000)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<20 { group.addTask { try await objects.store(content, key: "blobs/aa/x") } }
        try await group.waitForAll()
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: directory + "/objects/blobs/aa/x")) == Data(content))
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/staging") == [])
    }
  }

  @Test(arguments: ["", "/", "/etc/passwd", "..", "a/../b", "a/..", "./a", "a//b", "a/", "a\0b"])
  func refusesKeysThatLeadElsewhere(_ key: String) async throws {
    try await withDirectory { directory in
      let objects = try FileObjectStorage(root: directory + "/objects", staging: directory + "/staging")
      await #expect(throws: StorageError.self) { try await objects.store([1], key: key) }
      await #expect(throws: StorageError.self) { _ = try await objects.localFile(key: key) }
      await #expect(throws: StorageError.self) { try await objects.delete(key: key) }
      #expect(try FileManager.default.subpathsOfDirectory(atPath: directory).sorted() == ["objects", "staging"])
    }
  }

  @Test func pagesThroughRunsAndConsoleByIndex() async throws {
    try await withDirectory { directory in
      try await SQLiteStorage(directory: directory).close()
      let plans = try await DatabaseQueue(path: directory + "/quipu.sqlite").read { db in
        try [
          "SELECT id FROM runs WHERE project = 1 AND (created_at, id) > (1, 1) ORDER BY created_at, id LIMIT 9",
          "SELECT id FROM runs WHERE project = 1 AND (created_at, id) < (1, 1) ORDER BY created_at DESC, id DESC",
          "SELECT content FROM console WHERE run = 1 AND (writer, number) > ('', 1) ORDER BY writer, number LIMIT 9",
          "SELECT content FROM console WHERE run = 1 ORDER BY writer DESC, number DESC LIMIT 9",
          "SELECT id FROM segments WHERE run = 1 AND stream = 0 ORDER BY age, id",
          "SELECT id FROM files WHERE run = 1 AND name > '' ORDER BY name",
        ].map { try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + $0).map { "\($0)" }.joined() }
      }
      for plan in plans { #expect(plan.contains("SEARCH") && !plan.contains("TEMP B-TREE"), "\(plan)") }
    }
  }
}
