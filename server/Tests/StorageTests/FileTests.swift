import Foundation
import Storage
import Testing

@Suite struct FileTests {
  func put(_ storage: any Storage, _ run: RunRecord, _ names: [String]) async throws {
    try await storage.addBlob(makeBlob("a"))
    for name in names { try await storage.putFile(FileRecord(runID: run.id, name: name, blob: makeBlob("a"))) }
  }

  @Test(arguments: Backend.allCases) func replacesAFileUnderItsID(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      for digit in "ab" { try await storage.addBlob(makeBlob(digit)) }
      try await storage.putFile(FileRecord(runID: run.id, name: "media/x.png", blob: makeBlob("a")))
      let first = try #require(try await storage.file(runID: run.id, name: "media/x.png"))
      try await storage.putFile(
        FileRecord(runID: run.id, name: "media/x.png", blob: makeBlob("b"), updatedAt: Timestamp(microseconds: 9)))
      let second = try #require(try await storage.file(id: first.id))
      #expect(first.blob == makeBlob("a") && second.blob == makeBlob("b"))
      #expect(second.updatedAt == Timestamp(microseconds: 9))
      #expect(try await storage.file(runID: run.id, name: "media/x.png") == second)
      #expect(try await storage.file(runID: run.id, name: "media/X.png") == nil)
      #expect(try await storage.countFiles(runID: run.id) == 1)

      try await storage.deleteFiles(ids: [first.id, 999])
      #expect(try await storage.file(id: first.id) == nil)
    }
  }

  @Test(arguments: Backend.allCases) func refusesAFileOfAnUnknownBlobOrRun(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      await #expect(throws: StorageError.conflict) {
        try await storage.putFile(FileRecord(runID: run.id, name: "x", blob: makeBlob("f")))
      }
      try await storage.addBlob(makeBlob("f"))
      await #expect(throws: StorageError.self) {
        try await storage.putFile(FileRecord(runID: 999, name: "x", blob: makeBlob("f")))
      }
      #expect(try await storage.countFiles(runID: run.id) == 0)
    }
  }

  @Test(arguments: Backend.allCases) func listsByNamePatternAndPage(_ backend: Backend) async throws {
    try await backend.withProject { storage, project in
      let run = try await makeRun(storage, project)
      let other = try await makeRun(storage, project, "other")
      try await put(storage, other, ["elsewhere"])
      let names = ["", "B", "a", "a/1.png", "a/2.PNG", "b_c", "bxc", "z\u{e9}", "ze\u{301}", "\u{1F600}"]
      try await put(storage, run, names.shuffled())
      let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }

      func list(
        names: [String] = [], pattern: String? = nil, after: String? = nil, limit: Int = 100
      ) async throws -> [String] {
        try await storage.files(runID: run.id, names: names, pattern: pattern, after: after, limit: limit).map(\.name)
      }
      func bytes(_ names: [String]) -> [[UInt8]] { names.map { Array($0.utf8) } }

      #expect(bytes(try await list()) == bytes(sorted))
      #expect(bytes(try await list(after: sorted[2], limit: 3)) == bytes(Array(sorted[3..<6])))
      #expect(try await list(limit: 0) == [])
      #expect(try await list(pattern: "a/%") == ["a/1.png", "a/2.PNG"])
      #expect(try await list(pattern: "%.png") == ["a/1.png"])
      #expect(try await list(pattern: "b_c") == ["b_c", "bxc"])
      #expect(try await list(pattern: "b%", after: "b_c") == ["bxc"])
      #expect(try await list(pattern: "_") == ["B", "a", "\u{1F600}"])
      #expect(try await list(pattern: "%", limit: 2) == ["", "B"])
      #expect(try await list(names: ["a", "nothing", "bxc", "a", "elsewhere"]) == ["a", "bxc"])
      #expect(bytes(try await list(names: ["ze\u{301}", "z\u{e9}"])) == bytes(["ze\u{301}", "z\u{e9}"]))
      #expect(try await list(names: ["a", "bxc", "b_c"], pattern: "b%", after: "b_c", limit: 1) == ["bxc"])
    }
  }

  @Test(arguments: Backend.allCases) func sweepsWhatNothingRefersTo(_ backend: Backend) async throws {
    try await backend.withRun { storage, run in
      for digit in "abc" {
        try await storage.addBlob(makeBlob(digit))
        try await storage.objects.store(Array("\(digit)".utf8), key: makeBlob(digit).objectKey)
      }
      try await storage.putFile(FileRecord(runID: run.id, name: "used", blob: makeBlob("a")))
      for key in ["history/kept", "history/merged", "history/stray", "blobs/dd/stray"] {
        try await storage.objects.store([1], key: key)
      }
      var change = RunChange(run: run)
      change.addedSegments = [
        makeSegment(run, body: .object(key: "history/kept")), makeSegment(run, body: .object(key: "history/merged")),
      ]
      let ids = try await storage.commit(change)
      change = RunChange(run: run)
      change.run.version = 1
      change.removedSegments = [ids[1]]
      try await storage.commit(change)
      #expect(try await bytes(storage, "history/merged") == [1])

      // Too young.
      try await storage.sweep(before: Timestamp.now.adding(seconds: -3600))
      #expect(try await storage.objects.keys(prefix: "").count == 7)
      #expect(try await storage.blob(md5: "md5-c") == makeBlob("c"))

      let moment = Timestamp.now.adding(seconds: 3600)
      try await storage.sweep(before: moment)
      #expect(try await storage.objects.keys(prefix: "") == [makeBlob("a").objectKey, "history/kept"])
      #expect(try await storage.blob(md5: "md5-a") == makeBlob("a"))
      #expect(try await storage.blob(md5: "md5-c") == nil)

      try await storage.deleteFiles(ids: [try #require(try await storage.file(runID: run.id, name: "used")).id])
      try await storage.sweep(before: moment)
      #expect(try await storage.objects.keys(prefix: "blobs/") == [])
    }
  }

  @Test(arguments: Backend.allCases) func keepsABlobThatWasAddedAgain(_ backend: Backend) async throws {
    try await backend.run { storage in
      let blob = makeBlob("a")
      try await storage.addBlob(blob)
      try await storage.objects.store([1], key: blob.objectKey)
      var moment = Timestamp.now
      while Timestamp.now == moment {}
      moment = .now
      try await storage.addBlob(blob)
      try await storage.sweep(before: moment)
      #expect(try await storage.blob(md5: blob.md5) == blob)
      #expect(try await bytes(storage, blob.objectKey) == [1])
    }
  }

  @Test(arguments: Backend.allCases) func storesAnObjectOnce(_ backend: Backend) async throws {
    try await backend.run { storage in
      let objects = storage.objects
      let path = try objects.stagingPath()
      try Data([1, 2]).write(to: URL(fileURLWithPath: path))
      try await objects.store(stagedFile: path, key: "blobs/aa/x")
      #expect(!FileManager.default.fileExists(atPath: path))
      #expect(try await bytes(storage, "blobs/aa/x") == [1, 2])

      try Data([3]).write(to: URL(fileURLWithPath: path))
      try await objects.store(stagedFile: path, key: "blobs/aa/x")
      #expect(!FileManager.default.fileExists(atPath: path))
      try await objects.store([4], key: "blobs/aa/x")
      #expect(try await bytes(storage, "blobs/aa/x") == [1, 2])

      try await objects.store([], key: "history/1")
      try await objects.store([5], key: "blobs/ab/y")
      #expect(try await bytes(storage, "history/1") == [])
      #expect(try await objects.localFile(key: "blobs/zz/x") == nil)
      await #expect(throws: (any Error).self) { try await objects.store(stagedFile: path, key: "blobs/never") }
      #expect(try await objects.localFile(key: "blobs/never") == nil)

      try await objects.delete(key: "history/1")
      try await objects.delete(key: "history/1")
      #expect(try await objects.localFile(key: "history/1") == nil)
    }
  }

  @Test(arguments: Backend.allCases) func listsKeysByPrefix(_ backend: Backend) async throws {
    try await backend.run { storage in
      let keys = ["blobs/aa/1", "blobs/aa/2", "blobs/ab/1", "blobsx", "history/7/1", "z"]
      for key in keys.reversed() { try await storage.objects.store([1], key: key) }
      for prefix in ["", "b", "blobs", "blobs/", "blobs/a", "blobs/aa/", "blobs/aa/1", "history/7/1/", "nothing/"] {
        #expect(try await storage.objects.keys(prefix: prefix) == keys.filter { $0.hasPrefix(prefix) }, "\(prefix)")
      }
    }
  }
}
