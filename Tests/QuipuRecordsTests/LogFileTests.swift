import Glibc
import QuipuBase
import Testing

@testable import QuipuRecords

@Suite struct LogFileTests {
  @Test func createsExclusively() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a.wandb"
    _ = try LogFile.create(path: path)
    let failure = #expect(throws: LogFileError.self) { _ = try LogFile.create(path: path) }
    #expect(failure == LogFileError(.create, code: EEXIST))
  }

  @Test func refusesAPathWithANul() throws {
    let folder = try TemporaryFolder()
    let failure = #expect(throws: LogFileError.self) { _ = try LogFile.create(path: folder.path + "/a\0b") }
    #expect(failure?.code == EINVAL)
  }

  @Test func closesTheDescriptorOnExec() throws {
    let folder = try TemporaryFolder()
    let file = try LogFile.create(path: folder.path + "/a")
    #expect(fcntl(file.descriptor, F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func appendsTruncatesAndReadsBack() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a"
    var file = try LogFile.create(path: path)
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(file.failure(appending: bytes) == nil)
    #expect(file.position == 100_000)
    try file.truncate(to: 10)
    let more: [UInt8] = [1, 2, 3]
    #expect(file.failure(appending: more) == nil)
    try file.sync()
    #expect(try file.size() == 13)
    #expect(readFile(path) == Array(bytes[..<10]) + more)
    let again = try LogFile.openForAppending(path: path)
    #expect(again.position == 13)
  }

  @Test func reportsAFullDisk() throws {
    var file = try LogFile.openForAppending(path: "/dev/full")
    let bytes: [UInt8] = [1, 2, 3]
    let failure = file.failure(appending: bytes)
    #expect(failure == LogFileError(.write, code: ENOSPC))
    #expect(file.position == 0)
  }

  /// In a process of its own, because the file size limit is the process's.
  @Test func keepsThePositionOfTheLastWrittenByteWhenAWriteStopsShort() async {
    await #expect(processExitsWith: .success) {
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 5000, rlim_max: 5000)
      guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(2) }
      let folder = try TemporaryFolder()
      var file = try LogFile.create(path: folder.path + "/a")
      let bytes = [UInt8](repeating: 7, count: 3000)
      #expect(file.failure(appending: bytes) == nil)
      let failure = file.failure(appending: bytes)
      #expect(failure == LogFileError(.write, code: EFBIG))
      #expect(file.position == 5000)
      try file.truncate(to: 3000)
      #expect(try file.size() == 3000)
      #expect(file.position == 3000)
    }
  }

  @Test func lockHasOneHolderAndIsGivenBackWithTheFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a"
    do {
      let first = try LogFile.create(path: path)
      let second = try LogFile.openForAppending(path: path)
      #expect(try first.lockIfFree())
      #expect(try !second.lockIfFree())
      _ = consume first
    }
    let third = try LogFile.openForAppending(path: path)
    #expect(try third.lockIfFree())
  }

  @Test func readerReadsFromAFile() throws {
    let file = try LogFile.openForReading(path: Vectors.folder + "/multi_block.wandb")
    var reader = LogReader(file)
    var count = 0
    while case .record = try reader.next() { count += 1 }
    #expect(count == 36)
    #expect(try reader.next() == .endOfFile)
  }
}

extension LogFile {
  // Not a throwing closure: the compiler (6.3.1) fails on one with a typed error here.
  fileprivate mutating func failure(appending bytes: [UInt8]) -> LogFileError? {
    bytes.withUnsafeBytes { bytes in
      do throws(LogFileError) { try append(bytes) } catch { return error }
      return nil
    }
  }
}
