import Glibc
import QuipuBase
import QuipuRecords
import Synchronization
import Testing

@testable import Quipu

/// A process that dies at any moment: the log after recovery is the one of a run that was not interrupted.
struct CoreRecoveryTests {
  private typealias Call = @Sendable (CoreRun) throws -> Void

  /// Calls of every kind, rows open and complete.
  private static let calls: [Call] = {
    let set = try? ColumnSet(doubles: ["x", "y"])
    func columns(_ a: Double, _ b: Double, step: Int64 = -1, commit: Commit = .automatic, named: Bool = false) -> Call {
      { run in if let set { run.columns(set, [a, b], step: step, commit: commit, named: named) } }
    }
    func row(_ text: String, step: Int64 = -1, commit: Commit = .automatic) -> Call {
      { $0.row(text, step: step, commit: commit) }
    }
    return [
      row(#"{"a":1,"t":{"b":0.1}}"#), columns(1, 2), columns(0.25, .nan, named: true),
      { try $0.define("x", "min,max,mean,first,last") }, columns(3, 1, commit: .later), row(#"{"y":{"z":1}}"#),
      { try $0.define("l*", step: "s", "max") }, row(#"{"loss":3}"#), row(#"{"s":4}"#, commit: .later),
      row(#"{"loss":2}"#), { $0.set(["note"], "\"hello\"") }, row(#"{"note":1,"a":null}"#, step: 12),
      row(#"{"late":1}"#, step: 12), { $0.set(["a"], #"{"k":[1,2]}"#) }, columns(5, 6, step: 20), columns(7, 8),
      { $0.remove(["t"]) }, row(#"{"t":{"c":1e300}}"#, step: 3), { $0.put(.output, [1] + Array("line\n".utf8)) },
      row("{}"), { $0.put(.config, CoreRun.payload(#"[["lr",0.5]]"#)) }, row(#"{"_timestamp":7.5,"a":-0.0}"#),
      { try $0.define("a", "min") }, row(#"{"a":-3}"#, commit: .later), columns(9, 9, commit: .later),
      { $0.put(.alert, CoreRun.payload(#"{"title":"t","text":"u"}"#)) }, row(#"{"end":"é"}"#),
      { $0.put(.preempting, []) }, { $0.put(.stats, CoreRun.payload(#"{"cpu":1.5}"#)) },
      row(#"{"open":1}"#, commit: .later),
    ]
  }()

  private func uninterrupted(_ calls: [Call], _ lowSteps: LowStepPolicy) throws -> CoreLog {
    let run = try CoreRun(lowSteps: lowSteps)
    for call in calls { try call(run) }
    return try run.close()
  }

  private func expectSame(_ found: CoreLog, _ wanted: CoreLog, _ what: String) {
    #expect(found.rows == wanted.rows, "\(what)")
    #expect(found.summary == wanted.summary, "\(what)")
    #expect(found.config == wanted.config, "\(what)")
    #expect(found.metrics == wanted.metrics, "\(what)")
    #expect(found.console == wanted.console, "\(what)")
    #expect(found.exitCode == wanted.exitCode, "\(what)")
    #expect(found.isClean, "\(what)")
    #expect(found.numbers == Array(1...Int64(max(found.numbers.count, 1))), "\(what)")
  }

  /// How far the writer had come when the process died.
  enum Moment: CaseIterable {
    /// All that was taken is in the log and the checkpoint says so.
    case behindCheckpoint
    /// The log holds what the checkpoint does not know of.
    case beforeCheckpoint
    /// The last write was cut short.
    case insideWrite
    /// Records were made but not written.
    case beforeWrite
  }

  @Test(arguments: Moment.allCases, [LowStepPolicy.drop, .keep])
  func anyCutGivesTheLogOfAnUninterruptedRun(moment: Moment, lowSteps: LowStepPolicy) throws {
    let calls = Self.calls
    for total in [calls.count, calls.count - 1, 24, 17, 9] {
      let wanted = try uninterrupted(Array(calls[..<total]), lowSteps)
      for cut in 0...total {
        let directory = CoreDirectory()
        do {
          let run = try CoreRun(directory, lowSteps: lowSteps)
          for (at, call) in calls[..<total].enumerated() {
            if at == cut { run.pump() }
            try call(run)
          }
          if cut == total { run.pump() }
          switch moment {
          case .behindCheckpoint: break
          case .beforeWrite: _ = run.writer.takeEntries(now: 0)
          case .beforeCheckpoint, .insideWrite:
            _ = run.writer.takeEntries(now: 0)
            let before = run.writer.file.position
            #expect(run.writer.writeAll())
            if moment == .insideWrite {
              truncate(run.logPath, off_t((before + run.writer.file.position) / 2))
            }
          }
        }
        let report = try Recovery.recover(path: directory.path)
        #expect(report.ringFound)
        expectSame(try CoreLog(directory.path + "/run-abc.wandb"), wanted, "\(moment) cut \(cut) of \(total)")
        #expect(directory.files() == directory.files().filter { !$0.contains(".ring") })
      }
    }
  }

  /// Checkpoints at every position one after the other, as a slow program makes them.
  @Test func checkpointsAtEveryCallGiveTheSameLog() throws {
    for total in stride(from: 1, through: Self.calls.count, by: 3) {
      let wanted = try uninterrupted(Array(Self.calls[..<total]), .keep)
      let directory = CoreDirectory()
      do {
        let run = try CoreRun(directory, lowSteps: .keep)
        for call in Self.calls[..<total] {
          try call(run)
          run.pump()
        }
      }
      _ = try Recovery.recover(path: directory.path)
      expectSame(try CoreLog(directory.path + "/run-abc.wandb"), wanted, "\(total) calls")
    }
  }

  @Test func claimedButUnpublishedEntriesAreSkipped() throws {
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory)
      run.row(#"{"a":1}"#)
      run.put(.row, CoreRun.payload(#"{"never":1}"#), publish: false)
      run.row(#"{"a":2}"#)
      run.pump()
      #expect(run.writer.rowsWritten == 1)
      run.put(.row, [UInt8](repeating: 0xFF, count: 5000), publish: false)
      run.row(#"{"a":3}"#)
    }
    let report = try Recovery.recover(path: directory.path)
    #expect(report.rowsRecovered == 2)
    #expect(try CoreLog(directory.path + "/run-abc.wandb").plainRows == [
      #"{"a":1,"_step":0}"#, #"{"a":2,"_step":1}"#, #"{"a":3,"_step":2}"#,
    ].map(object))
  }

  @Test func rowsOfSeveralLapsSurvive() throws {
    let set = try ColumnSet(doubles: ["a"])
    let directory = CoreDirectory()
    let count = 3000
    do {
      let run = try CoreRun(directory)
      for index in 0..<count {
        while !run.columns(set, [Double(index)]) { run.pump() }
      }
    }
    _ = try Recovery.recover(path: directory.path)
    let log = try CoreLog(directory.path + "/run-abc.wandb")
    #expect(log.rows.compactMap { $0["a"]?.intValue } == Array(0..<Int64(count)))
  }

  // MARK: Side files

  /// One call of 9 kB: four of them fill half of the ring.
  private func fill(_ run: CoreRun, _ key: String, step: Int64 = -1, commit: Commit = .later) {
    run.row("{\"\(key)\":\"" + String(repeating: "v", count: 9000) + "\"}", step: step, commit: commit)
  }

  @Test(arguments: [0, 1, 2, 3, 4, 5, 6]) func rowThatLeftTheRingSurvives(stop: Int) throws {
    func calls(_ run: CoreRun) {
      for (at, key) in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].enumerated() {
        fill(run, key, step: at == 0 ? 4 : -1)
        run.pump()
      }
      if stop >= 1 { fill(run, "k", commit: .now) }
      if stop >= 2 { run.pump() }
      if stop >= 3 { run.row(#"{"z":1}"#, commit: .later) }
      if stop >= 4 { run.pump() }
      if stop >= 5 { run.row(#"{"z":2}"#) }
      if stop >= 6 { run.pump() }
    }
    let reference = try CoreRun(capacity: 1 << 20)
    calls(reference)
    let wanted = try reference.close()
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory)
      calls(run)
      if stop == 0 { #expect(directory.files().contains { $0.hasPrefix("x.ring.row.") }) }
    }
    _ = try Recovery.recover(path: directory.path)
    expectSame(try CoreLog(directory.path + "/run-abc.wandb"), wanted, "stop \(stop)")
    #expect(directory.files().filter { $0.contains(".ring") } == [])
  }

  /// The spilled row is complete and the next one open at the same checkpoint: the old side file is of no row any more.
  @Test(arguments: [false, true]) func sideFileOfACompleteRowIsNotTakenForTheNextOne(explicit: Bool) throws {
    func calls(_ run: CoreRun) {
      for key in ["a", "b", "c", "d", "e"] {
        fill(run, key)
        run.pump()
      }
      fill(run, "f", commit: .now)
      run.row(#"{"next":1}"#, step: explicit ? 9 : -1, commit: .later)
      run.pump()
      run.row(#"{"next":2}"#, step: explicit ? 9 : -1, commit: .now)
    }
    let reference = try CoreRun(capacity: 1 << 20)
    calls(reference)
    let wanted = try reference.close()
    #expect(wanted.rows.count == 2)
    let directory = CoreDirectory()
    do { calls(try CoreRun(directory)) }
    _ = try Recovery.recover(path: directory.path)
    expectSame(try CoreLog(directory.path + "/run-abc.wandb"), wanted, "explicit \(explicit)")
  }

  /// The side file that the stored checkpoint names is there at every moment, or a kill would lose the row.
  @Test func sideFileGoesAfterTheCheckpointThatNamesIt() throws {
    let run = try CoreRun()
    let path = try #require(run.ring.path)
    let stop = Atomic<Bool>(false)
    let violations = Atomic<Int>(0)
    let stopped = Atomic<Bool>(false)
    _ = Thread.start(name: "look") {
      // Through the file, as recovery sees it.
      let file = open(path, O_RDONLY | O_CLOEXEC)
      func spill() -> UInt64 {
        var header = [UInt64](repeating: 0, count: 64)
        _ = header.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
        return header[header[24] & 1 == 0 ? 34 : 42]
      }
      while !stop.load(ordering: .acquiring) {
        let before = spill()
        if before != 0, access("\(path).row.\(before)", F_OK) != 0, spill() == before {
          violations.add(1, ordering: .relaxed)
        }
      }
      close(file)
      stopped.store(true, ordering: .releasing)
    }
    for round in 0..<40 {
      for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        fill(run, key)
        run.pump()
      }
      fill(run, "end\(round)", commit: .now)
      run.pump()
    }
    stop.store(true, ordering: .releasing)
    #expect(eventually { stopped.load(ordering: .acquiring) })
    #expect(violations.load(ordering: .relaxed) == 0)
    #expect(run.directory.files().filter { $0.hasPrefix("x.ring.") } == [])
    #expect(try run.close().rows.count == 40)
  }

  @Test func valuesInFilesSurvive() throws {
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory)
      run.external(#"{"big":1}"#, number: 1)
      run.pump()
      run.external(#"{"big":2}"#, number: 2, commit: .later)
      run.pump()
      run.external(#"{"big":3,"more":1}"#, number: 3)
      // Made by a call that did not come back.
      _ = FileTools.writeNew(directory.path + "/x.ring.big.4", [1, 2, 3])
    }
    let report = try Recovery.recover(path: directory.path)
    #expect(report.rowsRecovered == 1)
    #expect(try CoreLog(directory.path + "/run-abc.wandb").plainRows == [
      #"{"big":1,"_step":0}"#, #"{"big":3,"more":1,"_step":1}"#,
    ].map(object))
    #expect(directory.files().filter { $0.contains(".ring") } == [])
  }

  @Test func sideFilesWithoutTheirRingAreRemoved() {
    let directory = CoreDirectory()
    for name in [
      "a.ring", "a.ring.row.1", "a.ring.big.12", "b.ring.row.1", "b.ring.big.2", "b.ring.big.x", "b.ring.other.1", "notes",
      "b.row.1",
    ] { _ = FileTools.writeNew(directory.path + "/" + name, [1]) }
    Recovery.removeOrphans(in: directory.path)
    #expect(directory.files() == [
      "a.ring", "a.ring.big.12", "a.ring.row.1", "b.ring.big.x", "b.ring.other.1", "b.row.1", "notes",
    ])
  }

  // MARK: Recovery itself

  @Test func recoveryThatIsKilledCanBeRepeated() throws {
    let wanted = try uninterrupted(Self.calls, .drop)
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory)
      for call in Self.calls[..<20] { try call(run) }
      run.pump()
      for call in Self.calls[20...] { try call(run) }
    }
    let ring = try #require(FileTools.readAll(directory.path + "/x.ring"))
    for round in 0..<3 {
      // As if the earlier recovery had died just before it removed the ring, or half-way through its writing.
      if round > 0 { #expect(FileTools.writeNew(directory.path + "/x.ring", ring)) }
      if round == 2 {
        let size = try #require(FileTools.size(directory.path + "/run-abc.wandb"))
        truncate(directory.path + "/run-abc.wandb", off_t(size - 100))
      }
      _ = try Recovery.recover(path: directory.path)
      expectSame(try CoreLog(directory.path + "/run-abc.wandb"), wanted, "round \(round)")
    }
  }

  @Test func finishedRunWithARingLeftBehindStaysAsItIs() throws {
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory)
      run.row(#"{"a":1}"#)
      run.pump()
      run.row(#"{"a":2}"#)
      run.exit(7)
      _ = run.writer.takeEntries(now: 0)
      #expect(run.writer.writeAll())
    }
    let before = FileTools.readAll(directory.path + "/run-abc.wandb")
    let report = try Recovery.recover(path: directory.path)
    #expect(report.isClean && report.rowsRecovered == 0)
    #expect(FileTools.readAll(directory.path + "/run-abc.wandb") == before)
    #expect(directory.files().filter { $0.contains(".ring") } == [])
  }

  @Test func exitInTheRingIsWritten() throws {
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory)
      run.row(#"{"a":1}"#, commit: .later)
      run.exit(5)
    }
    _ = try Recovery.recover(path: directory.path)
    let log = try CoreLog(directory.path + "/run-abc.wandb")
    #expect(log.exitCode == 5 && log.plainRows == [object(#"{"a":1,"_step":0}"#)])
  }

  @Test func mediaOfADeadProcessAreLeftOutAndCounted() throws {
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory)
      run.row(#"{"a":1,"p":{"$quipu":0}}"#, media: [77])
    }
    let report = try Recovery.recover(path: directory.path)
    #expect(report.valuesLost == 1)
    #expect(try CoreLog(directory.path + "/run-abc.wandb").plainRows == [object(#"{"a":1,"_step":0}"#)])
  }

  @Test func ringOfALivingRunIsBusy() throws {
    let run = try CoreRun()
    #expect(throws: QuipuError.self) { try Recovery.recover(path: run.directory.path) }
  }

  /// Numbers in the file that no run can have made must not send recovery round for years, or out of the memory.
  @Test(arguments: [
    (64, UInt64.max), (64, UInt64(1) << 62), (64, 0), (256, UInt64.max), (256, UInt64.max - 31), (256, 33),
    (264, UInt64.max), (264, 0), (264, 40), (272, 99), (24, UInt64.max), (16, 16), (16, 1 << 40),
  ]) func damagedHeaderEndsRecoveryInTime(offset: Int, value: UInt64) throws {
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory)
      run.row(#"{"a":1}"#)
      run.pump()
      run.row(#"{"a":2}"#)
    }
    let file = open(directory.path + "/x.ring", O_WRONLY)
    withUnsafeBytes(of: value) { _ = pwrite(file, $0.baseAddress, 8, off_t(offset)) }
    close(file)
    _ = try? Recovery.recover(path: directory.path)
    #expect(try CoreLog(directory.path + "/run-abc.wandb").rows.count >= 1)
  }

  @Test func logOfAFinishedRunNeedsNoRecovery() throws {
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory)
      run.row(#"{"a":1}"#)
      run.exit()
      run.pump()
      run.writer.removeRing()
    }
    let report = try Recovery.recover(path: directory.path)
    #expect(report.isClean && !report.ringFound && report.bytesCut == 0)
  }

  @Test func tornEndWithoutARingIsCut() throws {
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory, isDurable: false)
      run.row(#"{"a":1}"#)
      run.row(#"{"a":2}"#)
      run.pump()
    }
    let path = directory.path + "/run-abc.wandb"
    truncate(path, off_t(try #require(FileTools.size(path)) - 5))
    let report = try Recovery.recover(path: path)
    #expect(!report.isClean && report.bytesCut > 0)
    let log = try CoreLog(path)
    #expect(log.isClean && log.plainRows == [object(#"{"a":1,"_step":0}"#)])
  }
}
