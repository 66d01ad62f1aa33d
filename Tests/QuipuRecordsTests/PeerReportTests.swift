import Glibc
import QuipuBase
import QuipuRecords
import Testing

/// Our side of `Tests/Peer/test_log_reader_agrees_with_the_official_format.py`: for each `*.wandb` of the folder in
/// `QUIPU_LOG_REPORTS`, what our reader finds, as `*.ours.json` beside it.
@Suite struct PeerReportTests {
  private static let folder = getenv("QUIPU_LOG_REPORTS").map { String(cString: $0) }

  @Test(.enabled(if: folder != nil, "only for the peer test, which sets QUIPU_LOG_REPORTS"))
  func writesReportsForThePeerTest() throws {
    let folder = try #require(Self.folder)
    let listing = try #require(opendir(folder))
    defer { closedir(listing) }
    var count = 0
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasSuffix(".wandb") else { continue }
      let report = try report(folder + "/" + name)
      var file = try LogFile.create(path: folder + "/" + name.dropLast(6) + ".ours.json")
      var out = ByteBuffer()
      report.write(to: &out, style: .client)
      try file.append(out.bytes)
      count += 1
    }
    #expect(count > 0)
  }

  private func report(_ path: String) throws -> JSON {
    var records: [JSON] = []
    let scan = try LogScan(path: path) { record, _ in
      records.append(record.protoJSON)
      // The peer fills fields that no vector has: what we write of them must mean the same.
      #expect(decodeRecord(encode(record))?.protoJSON == records.last)
    }
    var events: [JSON] = scan.damage.map { found in
      if found.kind == .undecodable { return ["offset": .int(Int64(found.offset)), "event": "bad_protobuf"] }
      return [
        "offset": .int(Int64(found.offset)), "event": "corrupt", "resume": .int(Int64(found.resumesAt)),
      ]
    }
    var end: JSON = "eof"
    switch scan.end {
    case .unexpectedEnd(let offset):
      events.append(["offset": .int(Int64(offset)), "event": "unexpected_eof"])
      end = "unexpected_eof"
    case .badHeader: end = "bad_header"
    default: break
    }
    return ["records": .array(records), "events": .array(events), "end": end]
  }
}
