import Foundation
import QuipuBase
import Testing

@testable import QuipuSync

@Suite struct UploadLedgerTests {
  private func withLog(_ body: (String) throws -> Void) throws {
    let directory = NSTemporaryDirectory() + "quipu-ledger-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try body(directory + "/run-abc.wandb")
  }

  private var full: UploadLedger {
    var ledger = UploadLedger()
    ledger.server = "http://localhost:1"
    ledger.wanted = "/p/abc"
    ledger.entity = "team"
    ledger.project = "p"
    ledger.run = "abc"
    ledger.isSettled = true
    ledger.storageID = "UnVuOjE="
    ledger.displayName = "calm-sea-1"
    ledger.isResumed = true
    ledger.startingStep = 12
    ledger.startingRuntime = 3.25
    ledger.historyBase = 5
    ledger.eventsBase = 6
    ledger.consoleBase = 7
    ledger.sharedWriter = "w1"
    ledger.rows = 100
    ledger.events = 9
    ledger.consoleLines = 11
    ledger.alerts = 1
    ledger.artifacts = 2
    ledger.filesReported = 3
    ledger.isComplete = true
    ledger.logSize = 4096
    return ledger
  }

  @Test func readsBackWhatItWrote() throws {
    try withLog { log in
      #expect(full.write(log: log) == 0)
      #expect(UploadLedger.read(log: log) == full)
    }
  }

  @Test func aBrokenLedgerCountsAsNone() throws {
    try withLog { log in
      for text in ["", "{", "[]", "{\"version\":2}", "{\"version\":1"] {
        try text.write(toFile: UploadLedger.path(of: log), atomically: false, encoding: .utf8)
        #expect(UploadLedger.read(log: log) == nil)
      }
    }
  }

  @Test func negativeCountsAreTakenAsNone() throws {
    try withLog { log in
      try "{\"version\":1,\"rows\":-5,\"events\":1.5}".write(
        toFile: UploadLedger.path(of: log), atomically: false, encoding: .utf8)
      let ledger = try #require(UploadLedger.read(log: log))
      #expect(ledger.rows == 0)
      #expect(ledger.events == 0)
    }
  }

  @Test func aLedgerThatCannotBeWrittenLeavesTheOldOne() throws {
    try withLog { log in
      #expect(full.write(log: log) == 0)
      var later = full
      later.rows = 200
      #expect(later.write(log: "/proc/none/run.wandb") != 0)
      #expect(UploadLedger.read(log: log) == full)
    }
  }

  @Test func aSecondUploadOfALogIsRefused() throws {
    try withLog { log in
      var first: UploadedFiles? = try UploadedFiles.open(log: log)
      #expect(throws: UploadedFiles.OpenError.busy) { try UploadedFiles.open(log: log) }
      #expect(first != nil)
      first = nil
      _ = try UploadedFiles.open(log: log)
    }
  }

  @Test func filesThatWereUploadedAreRemembered() throws {
    try withLog { log in
      let one = UploadedFiles.Entry(path: "media/ä \"b\".png", size: 3, modified: 1_700_000_000_123_456_789, md5: "q")
      let two = UploadedFiles.Entry(path: "x", size: 0, modified: 0, md5: "")
      do {
        let files = try UploadedFiles.open(log: log)
        #expect(files.append(one) == 0)
        #expect(files.append(two) == 0)
      }
      #expect(try UploadedFiles.open(log: log).entries == [one, two])
    }
  }

  @Test func aLineCutByAKillIsNoEntryAndSpoilsNoOther() throws {
    try withLog { log in
      let entry = UploadedFiles.Entry(path: "a", size: 1, modified: 2, md5: "m")
      do { try UploadedFiles.open(log: log).append(entry) }
      let handle = try #require(FileHandle(forWritingAtPath: UploadedFiles.path(of: log)))
      handle.seekToEndOfFile()
      handle.write(Data("{\"path\":\"b\",\"si".utf8))
      try handle.close()
      do {
        let files = try UploadedFiles.open(log: log)
        #expect(files.entries == [entry])
        files.append(entry)
      }
      #expect(try UploadedFiles.open(log: log).entries == [entry, entry])
    }
  }
}

@Suite struct ResumedRunTests {
  private func bucket(_ change: (inout JSONObject) -> Void = { _ in }) -> JSONObject {
    var bucket: JSONObject = [
      "id": "UnVuOjE=", "name": "abc", "displayName": "n", "summaryMetrics": "{\"_step\":7,\"_wandb\":{\"runtime\":30}}",
      "historyLineCount": 5, "eventsLineCount": 2, "logLineCount": 3, "historyTail": "[\"{\\\"_step\\\":9,\\\"_runtime\\\":31.5}\"]",
      "eventsTail": "[\"{\\\"_runtime\\\":44.25}\"]", "config": "{\"lr\":{\"value\":0.1},\"_wandb\":{\"value\":{\"t\":{},\"viz\":{\"a\":1}}}}",
      "tags": ["x"], "notes": nil, "wandbConfig": "{\"t\":{\"4\":\"3.11\"}}",
    ]
    change(&bucket)
    return ["model": ["name": "p", "entity": ["name": "team"], "bucket": .object(bucket)]]
  }

  @Test func goesOnBehindTheHighestStepTheServerShows() throws {
    let run = try #require(try ResumedRun.read(bucket()))
    #expect(run.startingStep == 10)
    #expect(run.runtime == 44.25)
    #expect(run.historyLines == 5 && run.eventLines == 2 && run.consoleLines == 3)
    #expect(run.entity == "team" && run.project == "p" && run.storageID == "UnVuOjE=")
    #expect(run.config == ["lr": 0.1])
    #expect(run.internalConfig == ["viz": ["a": 1]])
    #expect(run.tags == ["x"] && run.notes == nil)
  }

  @Test func aRunWithoutRowsStartsAtZero() throws {
    let run = try #require(try ResumedRun.read(bucket { $0["historyLineCount"] = 0 }))
    #expect(run.startingStep == 0)
  }

  @Test func aRunThatNeverStartedDoesNotExist() throws {
    #expect(try ResumedRun.read(bucket { $0["wandbConfig"] = "{}" }) == nil)
    #expect(try ResumedRun.read(bucket { $0["wandbConfig"] = nil }) == nil)
    #expect(try ResumedRun.read(["model": nil]) == nil)
    #expect(try ResumedRun.read(["model": ["bucket": nil]]) == nil)
    #expect(try ResumedRun.read([:]) == nil)
  }

  @Test(arguments: ["historyLineCount", "eventsLineCount", "logLineCount", "id"])
  func anAnswerThatLacksWhatResumingNeedsIsAnError(_ key: String) {
    #expect(throws: ServerAnswerError.self) { try ResumedRun.read(bucket { $0[Key(key)] = nil }) }
    #expect(throws: ServerAnswerError.self) { try ResumedRun.read(bucket { $0[Key(key)] = -1 }) }
  }

  @Test func brokenTailsAndConfigAreTakenAsEmpty() throws {
    let run = try #require(
      try ResumedRun.read(
        bucket {
          $0["historyTail"] = "[\"{\"]"
          $0["eventsTail"] = "7"
          $0["config"] = "[]"
          $0["summaryMetrics"] = "nonsense"
        }))
    #expect(run.startingStep == 5)
    #expect(run.runtime == 0)
    #expect(run.config.isEmpty)
  }

  @Test func aRewoundRunGoesOnBehindItsStep() throws {
    let data: JSONObject = [
      "rewindRun": [
        "rewoundRun": [
          "id": "UnVuOjE=", "displayName": "base", "config": "{}", "historyLineCount": 7,
          "project": ["name": "p", "entity": ["name": "team"]],
        ]
      ]
    ]
    let run = try ResumedRun.readRewound(data, step: 6)
    #expect(run.startingStep == 7 && run.historyLines == 7 && run.eventLines == 0 && run.consoleLines == 0)
    #expect(throws: ServerAnswerError.self) { try ResumedRun.readRewound([:], step: 1) }
  }
}
