import QuipuBase
import Storage
import Testing

@testable import QuipuServer

@Suite struct UpsertTests {
  @Test func nullLeavesAFieldAsItIsForTheRunsOwnClient() async throws {
    let bench = try await StreamBench()
    try await bench.upsert(["name": "r1", "notes": "n", "tags": ["a", "b"], "groupName": "g"])
    let run = try await bench.upsert(["name": "r1", "notes": .null, "tags": .null])
    #expect(run.notes == "n")
    #expect(run.tags == ["a", "b"])
    #expect(run.group == "g")
  }

  @Test func nullErasesAFieldForThePublicAPI() async throws {
    let bench = try await StreamBench()
    let run = try await bench.upsert(["name": "r1", "notes": "n", "tags": ["a"], "groupName": "g"])
    let id = JSON.string(GlobalID.make("Run", run.id))
    let changed = try await bench.upsert(["id": id, "notes": .null, "tags": .null])
    #expect(changed.notes == nil)
    #expect(changed.tags == [])
    #expect(changed.group == "g")
  }

  @Test func thePublicAPIDoesNotReopenAFinishedRun() async throws {
    let bench = try await StreamBench()
    try await bench.send(["complete": true, "exitcode": 0])
    let id = JSON.string(GlobalID.make("Run", bench.runID))
    #expect(try await bench.upsert(["id": id, "notes": "x"]).state == .finished)
    #expect(try await bench.upsert(["id": id, "name": "r1"]).state == .running)
  }

  @Test func configKeysAreReplacedAndOtherWritersEnvironmentsStay() async throws {
    let bench = try await StreamBench()
    try await bench.upsert([
      "name": "r1", "config": .string(#"{"a":{"value":1},"b":{"value":2},"_wandb":{"value":{"e":{"w1":{"os":"x"}}}}}"#),
    ])
    let run = try await bench.upsert([
      "name": "r1", "config": .string(#"{"b":{"value":3},"_wandb":{"value":{"t":{},"e":{"w2":{}}}}}"#),
    ])
    let config = try #require(try JSON(parsing: run.config).objectValue)
    #expect(config["a"] == ["value": 1])
    #expect(config["b"] == ["value": 3])
    #expect(config["_wandb"] == ["value": ["t": [:], "e": ["w1": ["os": "x"], "w2": [:]]]])
  }

  @Test func aRunWithoutANameGetsOne() async throws {
    let bench = try await StreamBench()
    let run = try await bench.upsert([:])
    #expect(run.name.count == 8)
    #expect(run.displayName.split(separator: "-").count == 3)
  }

  @Test(arguments: [
    ["name": "a/b"], ["name": "r", "modelName": "a?b"], ["name": "r", "entityName": "a b"],
    ["name": "r", "config": "[]"], ["name": "r", "config": "{"], ["name": "r", "state": "flying"],
    ["name": "r", "tags": [""]], ["id": "bm90IGEgcnVu"],
    ["name": "r9", "config": #"{"_wandb":{"value":{"branch_point":{"run_id":"nowhere","step":1}}}}"#],
  ] as [JSONObject])
  func refusesWhatCannotBe(_ input: JSONObject) async throws {
    let bench = try await StreamBench()
    await #expect(throws: ServerFault.self) { try await bench.upsert(input) }
  }
}
