import QuipuBase
import Testing

@testable import QuipuRecords

@Suite struct LogScanTests {
  @Test(arguments: Vectors.all) func agreesWithTheOfficialReader(_ expected: Vectors.Expected) throws {
    var records: [JSON] = []
    let source = MemoryLogSource(Vectors.log(expected.name))
    let scan = try LogScan(source) { record, _ in records.append(record.protoJSON) }
    #expect(records == Vectors.records(expected.name))
    #expect(scan.recordCount == expected.records)
    let events = expected.events.filter { $0["event"] != "unexpected_eof" }
    #expect(scan.damage.map { Int64($0.offset) } == events.map { $0["offset"]?.intValue })
    #expect(
      scan.damage.map { $0.kind == .undecodable } == events.map { $0["event"] == "bad_protobuf" })
    #expect(scan.isClean == (expected.events.isEmpty && expected.end == "eof"))
  }

  @Test(arguments: Vectors.all) func truncatingAtTheRecoverableEndLeavesACleanLog(_ expected: Vectors.Expected) throws {
    try expectRecoverable(Vectors.log(expected.name))
  }

  @Test func knowsTheRunAndItsEnd() throws {
    let whole = try LogScan(path: Vectors.folder + "/scalars.wandb")
    #expect(whole.run?.runID.isEmpty == false)
    #expect(whole.exit != nil)
    #expect(whole.recoverableEnd == 3235)
    #expect(whole.recoverableNum == 27)
    #expect(whole.validBytes == 3235)
    let torn = try LogScan(path: Vectors.folder + "/missing_exit.wandb")
    #expect(torn.exit == nil)
    #expect(torn.recoverableNum == 26)
    #expect(try LogScan(path: Vectors.folder + "/unfinished.wandb").exit?.exitCode == 1)
  }

  @Test func countsRecordsThatOfficialToolsCannotUse() throws {
    #expect(try LogScan(path: Vectors.folder + "/empty_payload.wandb").unknownRecordCount == 1)
    #expect(try LogScan(path: Vectors.folder + "/unknown_record_type.wandb").unknownRecordCount == 1)
    #expect(try LogScan(MemoryLogSource(makeLog([[0xA2, 0x06, 0x00]]))).unknownRecordCount == 1)
  }

  @Test(arguments: [
    ("zero_bytes", 0), ("header_short", 0), ("header_bad_magic", 0), ("header_only", 7), ("torn_payload", 3193),
    ("zero_tail_6", 3235), ("corrupt_block_0", 8789), ("bad_protobuf", 3193), ("kill_torn", 29124),
  ])
  func findsTheRecoverableEnd(name: String, end: UInt64) throws {
    #expect(try LogScan(MemoryLogSource(Vectors.log(name))).recoverableEnd == end)
  }

  @Test func reportsAMissingFile() throws {
    let failure = #expect(throws: LogFileError.self) { _ = try LogScan(path: "/nonexistent/x.wandb") }
    #expect(failure == LogFileError(.open, code: 2))
  }

  @Test func listsOnlySoMuchDamage() throws {
    let scan = try LogScan(MemoryLogSource(makeLog([[UInt8]](repeating: [0x08], count: 1500))))
    #expect(scan.damageCount == 1500)
    #expect(scan.damage.count == LogScan.maximumDamageListed)
  }
}

/// Cuts a log where the scan says and checks that the rest is clean, keeps the records in front of the damage, and can
/// be continued.
func expectRecoverable(_ log: [UInt8], _ comment: Comment? = nil) throws {
  var ends: [UInt64] = []
  let scan = try LogScan(MemoryLogSource(log)) { _, span in ends.append(span.end) }
  let cut = Array(log.prefix(Int(scan.recoverableEnd)))
  #expect(cut.count == Int(scan.recoverableEnd), comment)
  guard scan.recoverableEnd > 0 else { return }
  let again = try LogScan(MemoryLogSource(cut))
  #expect(again.isClean, comment)
  #expect(again.recordCount == ends.count { $0 <= scan.recoverableEnd }, comment)
  #expect(again.recoverableEnd == scan.recoverableEnd, comment)
  // Go on writing.
  var out = ByteBuffer()
  out.append(cut)
  var writer = BlockWriter(position: scan.recoverableEnd)
  let last = encode(Record(num: again.recoverableNum + 1, .exit(RunExitRecord())))
  last.withUnsafeBytes { writer.append($0, to: &out) }
  let continued = try LogScan(MemoryLogSource(out.array()))
  #expect(continued.isClean && continued.exit != nil, comment)
  #expect(continued.recordCount == again.recordCount + 1, comment)
}
