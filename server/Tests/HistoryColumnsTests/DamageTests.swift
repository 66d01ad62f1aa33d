import Glibc
import QuipuBase
import Testing

@testable import HistoryColumns

@Suite struct DamageTests {
  /// All encodings and shapes, small enough to be checked whole or with a check for each page.
  private func lines(_ count: Int) -> [String] {
    var random = SeededGenerator(5)
    return (0..<count).map { step in
      var line = "{\"_step\":\(step * step % 3 + step * 3),\"const\":1,\"linear\":\(step),\"delta\":\(step * step)"
      line += ",\"wide\":\(Int64.random(in: .min ... .max, using: &random)),\"half\":0.5"
      line += ",\"time\":\(1.79e9 + Double(step) * 0.001),\"float\":\(Float.random(in: 0...1, using: &random))"
      line += ",\"raw\":\(Double.random(in: 0...1, using: &random)),\"text\":\"\(step / 5)\",\"n\":{\"x\":\(step)}"
      if step % 2 == 0 { line += ",\"map\":\(step)" }
      if step % 40 == 0 { line += ",\"few\":[\(step)]" }
      return line + "}"
    }
  }

  /// Reads a segment in every way.
  private func readAll(_ bytes: [UInt8]) throws {
    let segment = try HistorySegment(SegmentBytes(bytes))
    let view = try HistoryView([("w", segment), ("v", segment), ("w", segment)])
    _ = try view.texts()
    _ = try view.texts(keys: ["map", "text", "n"], requireAll: true)
    _ = try view.objects(steps: 10..<200)
    _ = try view.samples(7, keys: ["map", "few"], requireAll: true)
    for key in ["raw", "wide", "_step", "few"] {
      _ = try view.buckets(key: key, steps: 5...1000, count: 9)
    }
    _ = try view.keySummaries()
    _ = try view.rowText(step: 30, writer: "w")
    _ = try mergeSegments([segment, segment], steps: 10...500)
  }

  private func segment(_ count: Int, _ checks: Bool) throws -> [UInt8] {
    var batch = HistoryBatch()
    for line in lines(count) { try batch.append(line) }
    return batch.encode(checkPages: checks)
  }

  @Test(arguments: [false, true]) func reportsTruncatedSegments(_ checkPages: Bool) throws {
    let bytes = try segment(60, checkPages)
    try readAll(bytes)
    for count in 0..<bytes.count {
      #expect(throws: SegmentError.self) { try readAll(Array(bytes[..<count])) }
    }
    #expect(throws: SegmentError.self) { try readAll(bytes + [0]) }
  }

  @Test(arguments: [false, true]) func reportsEveryFlippedBit(_ checkPages: Bool) throws {
    let bytes = try segment(40, checkPages)
    for at in bytes.indices {
      var damaged = bytes
      damaged[at] ^= 1 << UInt8(at % 8)
      #expect(throws: SegmentError.self, "byte \(at)") { try readAll(damaged) }
    }
  }

  /// With the checks made right again, so that the decoders see the damage: anything may come out but a trap.
  @Test(arguments: [false, true]) func survivesDamageBehindValidChecks(_ checkPages: Bool) throws {
    var random = SeededGenerator(77)
    for count in [30, 600] {
      let bytes = try segment(count, checkPages)
      var rejected = 0
      for _ in 0..<(count == 30 ? 800 : 40) {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          let at = Int.random(in: 8..<bytes.count, using: &random)
          let edges: [UInt8] = [0, 0x7f, 0x80, 0xff]
          damaged[at] = Bool.random(using: &random) ? .random(in: 0...255, using: &random) : edges[at % 4]
        }
        repairChecks(&damaged)
        do { try readAll(damaged) } catch { rejected += 1 }
      }
      #expect(rejected > 0)
    }
  }

  /// Header and column table, and the body of a segment that is checked whole.
  private func repairChecks(_ bytes: inout [UInt8]) {
    func number(_ at: Int) -> Int { (0..<8).reduce(0) { $0 | Int(bytes[at + $1]) << ($1 * 8) } }
    func store(_ value: UInt32, _ at: Int) { for byte in 0..<4 { bytes[at + byte] = UInt8(value >> (byte * 8) & 255) } }
    let table = number(64)
    guard table >= 80, table <= bytes.count else { return }
    if bytes[12] & 1 != 0 {
      let check = bytes[80..<table].withUnsafeBytes { crc32($0) }
      store(check, 72)
    }
    let head = bytes[..<76].withUnsafeBytes { crc32($0) }
    let check = bytes[table...].withUnsafeBytes { crc32(head, $0) }
    store(check, 76)
  }

  @Test func rejectsForeignBytes() {
    #expect(throws: SegmentError.self) { try readAll([]) }
    #expect(throws: SegmentError.self) { try readAll(Array("PAR1 and some more bytes".utf8)) }
    #expect(throws: SegmentError.self) { try readAll([UInt8](repeating: 0, count: 4096)) }
  }

  @Test func mapsFilesAndReportsMissingOnes() throws {
    let path = "/tmp/history-columns-\(UInt64.random(in: .min ... .max)).segment"
    #expect(throws: SegmentError.self) { try SegmentBytes(mapping: path) }
    let bytes = try segment(50, false)
    try write(bytes, to: path)
    defer { unlink(path) }
    let view = try makeView(HistorySegment(SegmentBytes(mapping: path)))
    #expect(try view.texts() == makeView(HistorySegment(SegmentBytes(bytes))).texts())
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "w") else { throw TestFailure("cannot write") }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw TestFailure("cannot write") }
  }
}
