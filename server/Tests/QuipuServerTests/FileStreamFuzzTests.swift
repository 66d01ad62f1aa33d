import QuipuBase
import Storage
import Testing

@testable import QuipuServer

/// Damaged bodies: each is taken or refused, never worse, and the run stays readable.
@Suite struct FileStreamFuzzTests {
  private static let body = #"""
    {"files":{"wandb-history.jsonl":{"offset":3,"content":["{\"_step\":3,\"x\":1.5,\"n\":{\"y\":[1,null]},\"s\":\"\u00fc\"}",
    "{\"_step\":4,\"x\":NaN,\"big\":123456789012345678901234567890}"]},"wandb-events.jsonl":{"offset":0,"content":
    ["{\"_timestamp\":1.7e9,\"system.cpu\":1}"]},"wandb-summary.json":{"offset":0,"content":["{\"x\":Infinity,\"_step\":4}"]},
    "output.log":{"offset":1,"content":["2026-01-01T00:00:00.000000 a","b"]}},"uploaded":["a"],"preempting":false,
    "complete":true,"exitcode":0}
    """#

  @Test(arguments: 0..<8) func damagedBodiesAreTakenOrRefused(seed: Int) async throws {
    var random = SeededGenerator(seed: UInt64(seed) &+ 99)
    let bench = try await StreamBench()
    let interesting = Array("\"{}[],:\\0-19.eEnNuIt\u{1}".utf8) + [0x80, 0xff, 0xc3]
    var refused = 0
    for _ in 0..<400 {
      var bytes = Array(Self.body.utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = interesting[Int.random(in: 0..<interesting.count, using: &random)]
        case 1: bytes.insert(interesting[Int.random(in: 0..<interesting.count, using: &random)], at: place)
        case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &random)))
        default: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
        }
        if bytes.isEmpty { bytes = [0x7b] }
      }
      do {
        let request = try bytes.withUnsafeBytes { try FileStreamRequest(body: $0, lineLimit: 1000) }
        _ = try await bench.runs.stream(request, runID: bench.runID, writer: "")
      } catch let fault as ServerFault {
        #expect(fault.status == 400 || fault.status == 413, "\(fault)")
        refused += 1
      }
    }
    #expect(refused > 0)
    let run = try await bench.run()
    #expect(try await bench.rows().count == Int(run.historyLineCount))
  }

  @Test(arguments: [
    "", "null", "[]", "1", "{\"files\":[]}", "{\"files\":{\"output.log\":{\"offset\":-1,\"content\":[\"a\"]}}}",
    "{\"files\":{\"output.log\":{\"offset\":1e300,\"content\":[\"a\"]}}}",
    "{\"files\":{\"output.log\":{\"offset\":9223372036854775807,\"content\":[\"a\"]}}}",
    "{\"files\":{\"output.log\":{\"content\":[1]}}}", "{\"complete\":1}", "{\"exitcode\":\"0\"}",
    "{\"files\":{\"wandb-summary.json\":{\"content\":[\"[]\"]}}}",
    "{\"files\":{\"wandb-history.jsonl\":{\"content\":[\"{\\\"_step\\\":1.5}\"]}}}",
  ])
  func refusesOtherShapes(_ body: String) async throws {
    let bench = try await StreamBench()
    await #expect(throws: ServerFault.self) {
      let request = try Array(body.utf8).withUnsafeBytes { try FileStreamRequest(body: $0, lineLimit: 1000) }
      _ = try await bench.runs.stream(request, runID: bench.runID, writer: "")
    }
  }
}
