import QuipuBase
import Testing

@testable import QuipuRecords

@Suite struct BlockWriterTests {
  private static func payload(_ size: Int, _ seed: UInt8 = 1) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(seed)) }
  }

  @Test func writesTheOfficialFileHeader() {
    var out = ByteBuffer()
    BlockWriter.appendFileHeader(to: &out)
    #expect(out.array() == [0x3A, 0x57, 0x26, 0x42, 0xE1, 0xBE, 0x00])
  }

  @Test func framesAnEmptyRecordWithTheKnownChecksum() {
    #expect(makeLog([[]]).dropFirst(7) == [0x1B, 0xDF, 0x05, 0xA5, 0x00, 0x00, 0x01])
  }

  @Test func checksumIsThatOfZlib() {
    let check = ChunkChecksum()
    Array("123456789".utf8).withUnsafeBytes { #expect(check.value(of: $0) == 0xCBF4_3926) }
    for size in 0..<300 {
      Self.payload(size + 3).withUnsafeBytes { whole in
        // Every alignment.
        let bytes = UnsafeRawBufferPointer(rebasing: whole[(size % 4)..<(size % 4 + size - size % 4)])
        #expect(check.value(of: bytes) == crc32(bytes))
        let half = bytes.count / 2
        let first = check.value(of: UnsafeRawBufferPointer(rebasing: bytes[..<half]))
        #expect(check.value(of: UnsafeRawBufferPointer(rebasing: bytes[half...]), seed: first) == crc32(bytes))
      }
    }
  }

  /// The second record starts with `left` bytes left in block 0.
  @Test(arguments: 0...20) func readsBackAcrossABlockEdge(left: Int) throws {
    for size in [0, 1, 6, 7, 8, 100, 32754, 32755, 32761, 32762, 70000, 200_000] {
      let payloads = [Self.payload(32768 - 7 - 7 - left), Self.payload(size, 2), Self.payload(3, 3)]
      let log = makeLog(payloads)
      let reading = try Reading(log)
      #expect(reading.payloads == payloads)
      #expect(reading.damage.isEmpty)
      #expect(reading.end == .endOfFile)
      #expect(reading.spans.last?.end == UInt64(log.count))
      var inPlace = ByteBuffer()
      BlockWriter.appendFileHeader(to: &inPlace)
      var writer = BlockWriter()
      for payload in payloads {
        let frame = writer.begin(in: &inPlace)
        inPlace.append(payload)
        writer.end(frame, in: &inPlace)
      }
      #expect(inPlace.array() == log)
    }
  }

  @Test func fillsSevenBytesWithAnEmptyFirstChunk() {
    let log = makeLog([Self.payload(32768 - 21), Self.payload(5)])
    #expect(Array(log[32761..<32768])[4...] == [0, 0, 2])
    #expect(log[32768 + 6] == 4)
    #expect(log.count == 32768 + 12)
  }

  @Test(arguments: 1...6) func padsFewerThanSevenBytesWithZeros(left: Int) {
    let log = makeLog([Self.payload(32768 - 14 - left), Self.payload(5)])
    #expect(log[(32768 - left)..<32768].allSatisfy { $0 == 0 })
    #expect(log[32768 + 6] == 1)
  }

  @Test func writesPaddingOnlyWithTheNextRecord() {
    #expect(makeLog([Self.payload(32768 - 14 - 3)]).count == 32768 - 3)
  }

  @Test func endsARecordAtTheBlockEndWithoutAnEmptyLastChunk() {
    let log = makeLog([Self.payload(32768 - 14), Self.payload(1)])
    #expect(log[6 + 7] == 1)
    #expect(log[32768 + 6] == 1)
    #expect(log.count == 32768 + 8)
  }

  @Test func encodingInPlaceGivesTheSameBytesAsAppending() {
    var random = SeededGenerator(7)
    var whole = ByteBuffer()
    var inPlace = ByteBuffer()
    var a = BlockWriter()
    var b = BlockWriter()
    for index in 0..<600 {
      let size = Int.random(in: 0...(index % 50 == 49 ? 150_000 : 900), using: &random)
      let payload = Self.payload(size, UInt8(truncatingIfNeeded: index))
      payload.withUnsafeBytes { a.append($0, to: &whole) }
      let frame = b.begin(in: &inPlace)
      if index % 3 == 0 {
        inPlace.append("given up")
        b.cancel(frame, in: &inPlace)
        let again = b.begin(in: &inPlace)
        inPlace.append(payload)
        b.end(again, in: &inPlace)
      } else {
        inPlace.append(payload)
        b.end(frame, in: &inPlace)
      }
    }
    #expect(a.position == b.position)
    #expect(a.position == 7 + UInt64(whole.count))
    #expect(whole.array() == inPlace.array())
  }

  @Test func goesOnAtAnyRecordEnd() throws {
    var random = SeededGenerator(11)
    for round in 0..<60 {
      var payloads = (0..<Int.random(in: 1...12, using: &random)).map {
        Self.payload(Int.random(in: 0...20_000, using: &random), UInt8($0))
      }
      let log = makeLog(payloads)
      let spans = try Reading(log).spans
      let keep = Int.random(in: 0...spans.count, using: &random)
      let end = keep == 0 ? 7 : Int(spans[keep - 1].end)
      payloads.removeSubrange(keep...)
      var out = ByteBuffer()
      out.append(Array(log[..<end]))
      var writer = BlockWriter(position: UInt64(end))
      for extra in 0..<8 {
        payloads.append(Self.payload(Int.random(in: 0...20_000, using: &random), UInt8(100 + extra)))
        payloads[payloads.count - 1].withUnsafeBytes { writer.append($0, to: &out) }
      }
      let reading = try Reading(out.array())
      #expect(reading.payloads == payloads, "round \(round)")
      #expect(reading.damage.isEmpty && reading.end == .endOfFile)
    }
  }

  /// Framing the payloads of an undamaged official file again gives that file.
  @Test(arguments: [
    "artifact", "block_empty_first", "block_exact", "block_padded", "empty", "events", "fork", "json_edges",
    "kill_after_flush", "large_record", "media", "multi_block", "online_run", "resume_allow", "scalars", "shared_mode",
    "split_record", "steps", "typed_values", "unfinished",
  ])
  func framesLikeTheOfficialWriter(name: String) throws {
    let log = Vectors.log(name)
    #expect(makeLog(try Reading(log).payloads) == log)
  }
}
