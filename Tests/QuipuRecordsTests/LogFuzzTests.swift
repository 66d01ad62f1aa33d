import QuipuBase
import Testing

@testable import QuipuRecords

@Suite struct LogFuzzTests {
  private static let bases = [
    "scalars", "events", "media", "typed_values", "artifact", "multi_block", "block_empty_first", "block_exact",
    "block_padded", "split_record", "large_record", "torn_in_middle_chunk", "lost_block", "zero_tail_past_block_end",
  ].map { Vectors.log($0) }

  /// Changes a log: bits, cuts, insertions, zeros, removed and doubled blocks.
  static func mutate(_ log: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var log = log
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      guard !log.isEmpty else { break }
      let at = Int.random(in: 0..<log.count, using: &random)
      let size = min(log.count - at, Int.random(in: 0...(Bool.random(using: &random) ? 12 : 9000), using: &random))
      switch Int.random(in: 0..<8, using: &random) {
      case 0, 1: log[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: log.removeSubrange(at..<(at + size))
      case 3: log.removeSubrange(at...)
      case 4: log.insert(contentsOf: (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }, at: at)
      case 5: for index in at..<(at + size) { log[index] = 0 }
      case 6:
        let block = at - at % LogFormat.blockSize
        let end = min(log.count, block + LogFormat.blockSize)
        if Bool.random(using: &random) {
          log.removeSubrange(block..<end)
        } else {
          log.insert(contentsOf: log[block..<end], at: end)
        }
      default: log += [UInt8](repeating: 0, count: size)
      }
    }
    // Most mutations of the header end the reading at once.
    if Int.random(in: 0..<10, using: &random) > 0 {
      for (index, byte) in LogFormat.fileHeader.enumerated() where index < log.count { log[index] = byte }
    }
    return log
  }

  /// Every payload that comes out of a mutated file has a chain of chunks with good checksums behind it.
  @Test(arguments: 0..<30) func survivesMutatedFiles(seed: UInt64) throws {
    var random = SeededGenerator(seed)
    for round in 0..<100 {
      let log = Self.mutate(Self.bases[Int.random(in: 0..<Self.bases.count, using: &random)], &random)
      let reading = try Reading(log)
      // Each call moves on by a chunk header at least.
      #expect(reading.calls <= log.count / LogFormat.chunkHeaderSize + 2, "round \(round)")
      var previous: UInt64 = 7
      for (payload, span) in zip(reading.payloads, reading.spans) {
        #expect(span.start >= previous && span.end <= UInt64(log.count), "round \(round)")
        #expect(Self.joinsWholeChunks(log, span, payload), "round \(round)")
        previous = span.end
      }
      try expectRecoverable(log, "seed \(seed), round \(round)")
    }
  }

  /// Walks the chunks of a record with independent arithmetic.
  private static func joinsWholeChunks(_ log: [UInt8], _ span: RecordSpan, _ payload: [UInt8]) -> Bool {
    var at = Int(span.start)
    var joined: [UInt8] = []
    var first = true
    while at + 7 <= Int(span.end) {
      let length = Int(log[at + 4]) + Int(log[at + 5]) << 8
      let type = log[at + 6]
      guard at + 7 + length <= log.count, at / 32768 == (at + 6 + length) / 32768 else { return false }
      let stored = (0..<4).reduce(UInt32(0)) { $0 | UInt32(log[at + $1]) << UInt32(8 * $1) }
      guard Array(log[(at + 6)..<(at + 7 + length)]).withUnsafeBytes({ crc32($0) }) == stored else { return false }
      guard !first || type == 1 || type == 2 else { return false }
      joined += log[(at + 7)..<(at + 7 + length)]
      first = false
      at += 7 + length
      if type == 1 || type == 4 { return at == Int(span.end) && joined == payload }
      if 32768 - at % 32768 < 7 { at += 32768 - at % 32768 }
    }
    return false
  }

  /// Mutated payloads in good chunks: the decoder returns or throws, and what it returns can be written again.
  @Test(arguments: 0..<20) func decodesOrRejectsMutatedRecords(seed: UInt64) throws {
    var random = SeededGenerator(1000 + seed)
    let payloads = try Self.bases.prefix(6).flatMap { try Reading($0).payloads }.filter { $0.count < 5000 }
    var decoded = 0
    for _ in 0..<500 {
      var bytes = payloads[Int.random(in: 0..<payloads.count, using: &random)]
      for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 2: bytes.remove(at: at)
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        }
      }
      guard let record = decodeRecord(bytes) else { continue }
      decoded += 1
      #expect(decodeRecord(encode(record))?.protoJSON == record.protoJSON)
    }
    #expect(decoded > 0)
  }
}
