import QuipuBase
import Testing

@testable import QuipuRecords

@Suite struct LogReaderTests {
  @Test func findsTheVectors() { #expect(Vectors.all.count > 60) }

  /// Framing only: the records that do not decode are the business of `LogScan`.
  @Test(arguments: Vectors.all) func reportsWhatTheOfficialReaderReports(_ expected: Vectors.Expected) throws {
    let log = Vectors.log(expected.name)
    try #require(log.count == expected.size)
    let reading = try Reading(log)
    #expect(reading.endName == expected.end)
    let corrupt = expected.events.filter { $0["event"] == "corrupt" }
    #expect(reading.damage.map { Int64($0.offset) } == corrupt.map { $0["offset"]?.intValue })
    #expect(reading.damage.map { Int64($0.resumesAt) } == corrupt.map { $0["resume"]?.intValue })
    let ends = expected.events.filter { $0["event"] == "unexpected_eof" }
    if case .unexpectedEnd(let offset) = reading.end {
      #expect(ends.map { $0["offset"]?.intValue } == [Int64(offset)])
    } else {
      #expect(ends.isEmpty)
    }
    let undecodable = expected.events.count { $0["event"] == "bad_protobuf" }
    #expect(reading.payloads.count == expected.records + undecodable)
  }

  @Test(arguments: [
    ("header_bad_ident", LogHeaderProblem.identifier), ("no_header", .identifier), ("header_bad_magic", .magic),
    ("header_version_1", .version(1)),
  ])
  func namesTheHeaderProblem(name: String, problem: LogHeaderProblem) throws {
    #expect(try Reading(Vectors.log(name)).end == .badHeader(problem))
  }

  @Test func repeatsTheEndUntilAskedToLookAgain() throws {
    var reader = LogReader(MemoryLogSource([]))
    for _ in 0..<3 { #expect(try reader.next() == .endOfFile) }
  }

  /// Gives the file to the reader in growing pieces; the records come out once each, in order.
  @Test(arguments: ["scalars", "multi_block", "large_record", "block_empty_first", "block_exact", "block_padded"])
  func followsAGrowingFile(name: String) throws {
    let log = Vectors.log(name)
    let all = try Reading(log).payloads
    var random = SeededGenerator(3)
    for _ in 0..<20 {
      var reader = LogReader(GrowingSource())
      var found: [[UInt8]] = []
      var size = 0
      while true {
        let event = try reader.next()
        switch event {
        case .record: found.append(Array(reader.payload))
        case .endOfFile, .unexpectedEnd:
          if size == log.count {
            #expect(event == .endOfFile)
            #expect(found == all)
            break
          }
          let step = Bool.random(using: &random) ? 9 : 40_000
          size = min(log.count, size + Int.random(in: 0...step, using: &random))
          reader.source.storage.bytes = Array(log[..<size])
          reader.retryTail()
          continue
        default: Issue.record("\(event)")
        }
        if case .endOfFile = event { break }
      }
    }
  }

  @Test func readsOnFromTheEndOfAnyRecord() throws {
    let log = Vectors.log("multi_block")
    let whole = try Reading(log)
    for index in whole.spans.indices {
      var reader = LogReader(MemoryLogSource(log))
      reader.seek(to: whole.spans[index].end)
      if index + 1 < whole.spans.count {
        #expect(try reader.next() == .record(whole.spans[index + 1]))
        #expect(Array(reader.payload) == whole.payloads[index + 1])
      } else {
        #expect(try reader.next() == .endOfFile)
      }
    }
  }

  @Test func reportsDamageOfEachBlock() throws {
    // Three blocks of ten records of 3000 bytes and more; one bad byte in each of the first two blocks.
    var log = makeLog((0..<30).map { [UInt8](repeating: UInt8($0), count: 3000) })
    log[5000] ^= 1
    log[40_000] ^= 1
    let reading = try Reading(log)
    #expect(reading.damage.map(\.kind) == [.checksum, .checksum])
    #expect(reading.damage.map(\.resumesAt) == [32768, 65536])
    #expect(reading.end == .endOfFile)
  }

  /// Behind a full block, behind the file header, and behind a record.
  @Test(arguments: 1...6) func reportsStrayBytesAtTheStartOfABlock(count: Int) throws {
    let stray = [UInt8](repeating: 0, count: count)
    let full = makeLog([[UInt8](repeating: 1, count: 32768 - 14)])
    #expect(try Reading(full + stray).end == .unexpectedEnd(offset: 32768))
    #expect(try Reading(LogFormat.fileHeader + stray).end == .unexpectedEnd(offset: 7))
    #expect(try Reading(makeLog([[1]]) + stray).end == .unexpectedEnd(offset: 15))
  }

  @Test func reportsARecordBeyondTheLimitAsDamage() throws {
    let log = makeLog([[1, 2], [UInt8](repeating: 7, count: 90_000), [3]])
    let reading = try Reading(log, maximumRecordSize: 40_000)
    #expect(reading.damage.map(\.kind) == [.recordTooLarge])
    #expect(reading.payloads == [[1, 2], [3]])
  }

  @Test func passesOnAReadErrorAndTriesAgain() throws {
    let log = makeLog([[1], [UInt8](repeating: 7, count: 90_000), [3]])
    let source = GrowingSource()
    source.storage.bytes = log
    var reader = LogReader(source)
    var found: [Int] = []
    var failures = 0
    while true {
      // Every second read fails once.
      source.storage.failing = failures <= found.count
      do {
        guard case .record = try reader.next() else { break }
        found.append(reader.payload.count)
      } catch {
        #expect(error == LogFileError(.read, code: 5))
        failures += 1
      }
    }
    #expect(found == [1, 90_000, 1])
    #expect(failures > 0)
  }
}

/// A log whose bytes a test changes while it is being read.
struct GrowingSource: LogSource {
  final class Storage {
    var bytes: [UInt8] = []
    var failing = false
  }
  let storage = Storage()

  func read(at offset: UInt64, into: UnsafeMutableRawBufferPointer) throws(LogFileError) -> Int {
    if storage.failing { throw LogFileError(.read, code: 5) }
    return MemoryLogSource(storage.bytes).read(at: offset, into: into)
  }
}
