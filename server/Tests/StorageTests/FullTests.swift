import Foundation
import GRDB
import Storage
import Testing

@testable import SQLiteStorage

@Suite struct FullTests {
  static func isFull(_ error: (any Error)?) -> Bool { if case .full? = error as? StorageError { true } else { false } }

  @Test func refusesAChangeForWhichThereIsNoRoomAndGoesOnWhenThereIs() async throws {
    try await withDirectory { directory in
      let storage = try await SQLiteStorage(directory: directory)
      let run = try await makeRun(storage, makeProject(storage))
      var change = RunChange(run: run)
      change.run.notes = "new"
      change.addedSegments = [makeSegment(run, body: .inline([UInt8](repeating: 1, count: 1_000_000)))]
      let pages = try await storage.limit(pages: 1)
      #expect(Self.isFull(await refusal(of: change, by: storage)))
      #expect(try await storage.run(id: run.id) == run)
      #expect(try await storage.segments(runID: run.id, stream: .history) == [])

      _ = try await storage.limit(pages: pages)
      #expect(await refusal(of: change, by: storage) == nil)
      #expect(try await storage.run(id: run.id)?.notes == "new")
      await storage.close()
    }
  }

  /// The same by the system's refusal to let a file grow, which takes the ways of a used up quota.
  @Test func takesALimitOnFilesForAFullDisk() async throws {
    try await withDirectory { directory in
      await #expect(processExitsWith: .success) { [directory = directory as String] in
        signal(SIGXFSZ, SIG_IGN)
        let storage = try await SQLiteStorage(directory: directory)
        let run = try await makeRun(storage, makeProject(storage))
        var old = rlimit()
        try #require(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old) == 0)
        var new = rlimit(rlim_cur: 300_000, rlim_max: old.rlim_max)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &new) == 0)

        let large = [UInt8](repeating: 1, count: 1_000_000)
        var change = RunChange(run: run)
        change.addedSegments = [makeSegment(run, body: .inline(large))]
        let refused = await refusal(of: change, by: storage)
        try #require(FullTests.isFull(refused))
        var error: (any Error)?
        do { try await storage.objects.store(large, key: "blobs/aa/x") } catch let thrown { error = thrown }
        try #require(FullTests.isFull(error))
        try #require(try await storage.objects.keys(prefix: "") == [])
        try #require(try FileManager.default.contentsOfDirectory(atPath: directory + "/staging") == [])
        try #require(try await storage.run(id: run.id) == run)

        try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old) == 0)
        try #require(await refusal(of: change, by: storage) == nil)
        try await storage.objects.store(large, key: "blobs/aa/x")
        await storage.close()
      }
    }
  }

  @Test func knowsTheErrorsOfAFullDisk() {
    for code in [ENOSPC, EDQUOT, EFBIG] { #expect(Self.isFull(StorageError(errno: code, path: "p"))) }
    #expect(StorageError(errno: EACCES, path: "p") == .failed("p: Permission denied"))
    for code in [ENOSPC, EDQUOT, EFBIG] {
      let error = DatabaseError(resultCode: .SQLITE_IOERR_WRITE, message: "disk I/O error")
      #expect(Self.isFull(StorageError(error, path: "p", systemError: code)))
      #expect(StorageError(error, path: "p") == .failed("p: disk I/O error"))
    }
  }
}

extension SQLiteStorage {
  /// - Returns: the limit that was.
  fileprivate func limit(pages: Int) async throws -> Int {
    try await write { db in
      let old = try Int.fetchOne(db, sql: "PRAGMA max_page_count") ?? 0
      // SQLite never sets less than there is.
      try db.execute(sql: "PRAGMA max_page_count = \(pages)")
      return old
    }
  }
}
