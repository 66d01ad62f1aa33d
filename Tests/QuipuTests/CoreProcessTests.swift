import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords
import Synchronization
import Testing

@testable import Quipu

/// What callers, the writer thread and the end of a run do to each other.
///
/// Serial, because the process has one diagnostics handler.
@Suite(.serialized) struct CoreProcessTests {
  private func start(
    _ directory: CoreDirectory, ringBytes: Int64 = 65_536, fullWait: Int64? = nil
  ) throws -> Run {
    try Run.start(
      RunOptions(
        mode: .offline, dir: directory.path, settings: ["disable_git": true, "x_disable_meta": true],
        ringBytes: ringBytes, fullWaitMilliseconds: fullWait))
  }

  /// A core that no writer thread knows: the test pumps it.
  private func core(_ run: CoreRun, fullWait: Int64 = -1) -> RunCore {
    RunCore(writer: run.writer, ring: run.ring, runID: "abc", fullWaitMilliseconds: fullWait)
  }

  private func pump(_ core: RunCore) {
    let working = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(working, nil)
    pthread_mutex_lock(working)
    _ = core.pump(working: working)
    pthread_mutex_unlock(working)
    pthread_mutex_destroy(working)
    working.deallocate()
  }

  private func pumpUntilDone(_ core: RunCore) {
    for _ in 0..<10_000 where !core.isFinished { pump(core) }
  }

  // MARK: End

  /// The writer looks at the ring while a thread is on its way to close it.
  @Test func writerDoesNotEndARunBeforeItsLastEntry() throws {
    for _ in 0..<50 {
      let run = try CoreRun()
      let core = core(run)
      run.row(#"{"open":1}"#, commit: .later)
      pump(core)
      let stop = Atomic<Bool>(false)
      let stopped = Atomic<Bool>(false)
      _ = Thread.start(name: "pump") {
        while !core.isFinished, !stop.load(ordering: .acquiring) { pump(core) }
        stopped.store(true, ordering: .releasing)
      }
      usleep(200)
      core.requestFinish(4, isExplicit: true)
      #expect(eventually { core.isFinished })
      stop.store(true, ordering: .releasing)
      #expect(eventually { stopped.load(ordering: .acquiring) })
      let log = try run.log()
      #expect(log.exitCode == 4)
      #expect(log.plainRows == [object(#"{"open":1,"_step":0}"#)])
    }
  }

  /// A ring without room for the last entry is closed at once; the writer adds what is missing.
  @Test func finishOfAFullRingLosesNeitherTheOpenRowNorTheCode() throws {
    let run = try CoreRun()
    let core = core(run)
    var count = 0
    while run.row(#"{"a":1}"#, commit: count % 2 == 0 ? .automatic : .later) { count += 1 }
    while run.put(.row, CoreRun.payload(#"{"b":1}"#), commit: 2) {}
    while run.put(.preempting, []) {}
    let before = Clock.monotonic()
    core.requestFinish(9, isExplicit: true)
    #expect(Clock.monotonic() - before < 3_000_000_000)
    guard case .closed = run.ring.claim(payload: 0) else {
      Issue.record("the ring is not closed")
      return
    }
    pumpUntilDone(core)
    let log = try run.log()
    #expect(core.isFinished && log.exitCode == 9)
    #expect(log.rows.last?["b"] == 1 || log.rows.last?["a"] == 1)
    #expect(log.rows.count == Int(run.writer.rowsWritten))
    if case .none = run.writer.open {} else { Issue.record("the open row was not written") }
    #expect(run.directory.files().filter { $0.contains(".ring") } == [])
  }

  @Test func finishFromManyThreadsIsOneFinish() throws {
    let directory = CoreDirectory()
    for _ in 0..<10 {
      let run = try start(directory)
      try run.log(["a": 1])
      let left = Atomic<Int>(4)
      for number in 0..<4 {
        _ = Thread.start(name: "finish") {
          try? run.finish(exitCode: Int32(number), timeoutMilliseconds: 10_000)
          left.subtract(1, ordering: .releasing)
        }
      }
      #expect(eventually { left.load(ordering: .acquiring) == 0 })
      let log = try CoreLog(run.logPath)
      #expect(log.isClean && log.rows.count == 1)
      #expect((0...3).contains(log.exitCode ?? -1))
      #expect(throws: QuipuError.self) { try run.log(["a": 2]) }
    }
  }

  @Test func rowsOfManyThreadsUntilTheFinishAreAllInTheLog() throws {
    let directory = CoreDirectory()
    for round in 0..<5 {
      let run = try start(directory)
      let set = try ColumnSet(doubles: ["thread", "index"])
      let accepted = Atomic<Int>(0)
      let left = Atomic<Int>(3)
      for number in 0..<3 {
        _ = Thread.start(name: "log") {
          var index = 0.0
          while true {
            do throws(QuipuError) {
              try run.log(set, [Double(number), index])
              accepted.add(1, ordering: .relaxed)
            } catch {
              if error.code == .finished { break }
            }
            index += 1
          }
          left.subtract(1, ordering: .releasing)
        }
      }
      usleep(UInt32(2000 * (round + 1)))
      try run.finish(exitCode: 0, timeoutMilliseconds: 20_000)
      #expect(eventually { left.load(ordering: .acquiring) == 0 })
      let log = try CoreLog(run.logPath)
      #expect(log.rows.count == accepted.load(ordering: .acquiring))
      #expect(log.exitCode == 0)
    }
  }

  @Test func finishedRunCanBeReadByOthersWhileItsHandleLives() throws {
    let directory = CoreDirectory()
    let run = try start(directory)
    try run.log(["a": 1])
    try run.finish(exitCode: 0, timeoutMilliseconds: 10_000)
    #expect(!RecordLock.isHeldElsewhere(path: run.logPath))
    let report = try Recovery.recover(path: run.directory)
    #expect(report.isClean)
  }

  @Test func severalRunsAtOnceKeepApart() throws {
    let directory = CoreDirectory()
    let runs = try (0..<5).map { _ in try start(directory) }
    for index in 0..<200 {
      for (number, run) in runs.enumerated() { try run.log(["run": number, "index": index]) }
    }
    for (number, run) in runs.enumerated() { try run.finish(exitCode: Int32(number), timeoutMilliseconds: 20_000) }
    for (number, run) in runs.enumerated() {
      let log = try CoreLog(run.logPath)
      #expect(log.rows.count == 200 && log.exitCode == Int32(number))
      #expect(log.rows.allSatisfy { $0["run"] == .int(Int64(number)) })
    }
  }

  // MARK: The writer thread

  /// The writer sleeps long when there is no run; a new one must wake it.
  @Test func runAfterAPauseIsWrittenWithoutAFlush() throws {
    let directory = CoreDirectory()
    let first = try start(directory)
    try first.finish(exitCode: 0, timeoutMilliseconds: 10_000)
    usleep(100_000)
    let second = try start(directory)
    try second.log(["a": 1])
    #expect(eventually { second.stats.rowsWritten == 1 })
    try second.finish(exitCode: 0, timeoutMilliseconds: 10_000)
  }

  // MARK: Diagnostics

  /// The callback may call whatever does not wait, also about the very run that it is told about.
  @Test func handlerMayAskForTheStateOfItsRun() throws {
    let directory = CoreDirectory()
    let run = try start(directory)
    let seen = CoreReports()
    Diagnostics.shared.setHandler { diagnostic, _ in
      _ = run.stats
      _ = run.info
      _ = run.report
      seen.add(diagnostic)
    }
    defer { Diagnostics.shared.setHandler(nil) }
    try run.log(["a": 1], step: 5, commit: .now)
    try run.log(["a": 2], step: 1)
    try run.flush(timeoutMilliseconds: 10_000)
    #expect(eventually { seen.kinds == ["step_too_low"] })
    try run.finish(exitCode: 0, timeoutMilliseconds: 10_000)
  }

  /// Forbidden, but no reason to hang for ever.
  @Test func handlerThatWaitsForTheWriterOnTheWriterGetsATimeout() throws {
    let directory = CoreDirectory()
    let run = try start(directory)
    let answer = Mutex<QuipuError.Code?>(nil)
    Diagnostics.shared.setHandler { _, _ in
      do throws(QuipuError) { try run.flush() } catch { answer.withLock { $0 = error.code } }
    }
    defer { Diagnostics.shared.setHandler(nil) }
    try run.log(["a": 1], step: 5, commit: .now)
    try run.log(["a": 2], step: 1)
    #expect(eventually { answer.withLock { $0 } == .timeout })
    try run.finish(exitCode: 0, timeoutMilliseconds: 10_000)
  }

  /// A config change that is dropped is told about while the run's state is not locked.
  @Test func handlerMayAskForTheConfigWhenAConfigChangeIsDropped() throws {
    let directory = CoreDirectory()
    let run = try start(directory, fullWait: -1)
    let core = try #require(run.core)
    let seen = CoreReports()
    Diagnostics.shared.setHandler { diagnostic, _ in
      _ = run.info
      _ = run.config
      seen.add(diagnostic)
    }
    defer { Diagnostics.shared.setHandler(nil) }
    // An entry that is claimed and not published holds up the writer: the ring fills.
    guard case .at(let position) = core.ring.claim(payload: 0) else {
      Issue.record("no room")
      return
    }
    core.ring.writeHeader(at: position, payload: 0, kind: .preempting, commit: 0, step: -1, time: 0)
    while case .at(let filler) = core.ring.claim(payload: 0) {
      core.ring.writeHeader(at: filler, payload: 0, kind: .preempting, commit: 0, step: -1, time: 0)
      core.ring.publish(filler)
    }
    #expect(throws: QuipuError.self) { try run.updateConfig(["lr": 1]) }
    #expect(seen.kinds == ["ring_full"])
    core.ring.publish(position)
    try run.finish(exitCode: 0, timeoutMilliseconds: 20_000)
  }

  // MARK: Waiting

  @Test func longestPatienceIsNotTakenForNone() throws {
    let run = try CoreRun()
    let core = core(run, fullWait: .max)
    while run.row(#"{"a":1}"#) {}
    let result = Mutex<RunCore.Refusal?>(nil)
    _ = Thread.start(name: "log") {
      let refusal = core.submit(.preempting, payload: 0) { _ in }
      result.withLock { $0 = refusal }
    }
    usleep(50_000)
    #expect(result.withLock { $0 } == nil)
    pump(core)
    #expect(eventually { result.withLock { $0 } == RunCore.Refusal.none })
  }

  @Test func hungDiskCostsOneWaitAndNotOnePerCall() throws {
    let run = try CoreRun()
    let core = core(run, fullWait: 20)
    while run.row(#"{"a":1}"#) {}
    #expect(core.submit(.preempting, payload: 0) { _ in } == .full)
    let before = Clock.monotonic()
    for _ in 0..<1000 { #expect(core.submit(.preempting, payload: 0) { _ in } == .full) }
    #expect(Clock.monotonic() - before < 15_000_000_000)
    #expect(core.stats.callsDroppedFull == 1001)
  }

  @Test(arguments: [Int64.min, -1, 0, 1, 1000, .max / 1_000_000, .max]) func anyTimeoutHasAnEnd(timeout: Int64) {
    let end = Run.end(timeout)
    #expect(timeout < 0 ? end == .max : end >= Clock.monotonic() || timeout < 60_000)
  }

  // MARK: A disk that stays full

  /// A finish that gives up leaves the ring for recovery, and lets go of what only this process could have written.
  @Test func finishThatGivesUpFreesItsMediaAndLeavesTheRing() throws {
    let run = try CoreRun()
    let store = ProcessState.shared.media
    let writer = RunWriter(
      context: run.context, ring: run.ring, file: try LogFile.openForAppending(path: run.logPath),
      stream: RecordStream(position: run.writer.file.position, nextNumber: 2), media: store, report: { _ in })
    let core = RunCore(writer: writer, ring: run.ring, runID: "abc", fullWaitMilliseconds: -1)
    let list = Media.list([])
    let before = store.count(owner: core.mediaOwner)
    #expect(before == 0)
    let id = store.register(list, owner: core.mediaOwner)
    // Held up by an entry that nobody publishes.
    run.put(.row, CoreRun.payload("{}"), publish: false)
    run.row(#"{"p":{"$quipu":0}}"#, media: [id])
    #expect(store.count(owner: core.mediaOwner) == 1)
    core.requestFinish(0, isExplicit: true)
    core.giveUp()
    #expect(core.isFinished)
    #expect(store.count(owner: core.mediaOwner) == 0)
    #expect(run.directory.files().contains("x.ring"))
    #expect(!RecordLock.isHeldElsewhere(path: run.directory.path + "/x.ring"))
  }

  // MARK: Fork

  /// Two threads fork at the same time and the first takes long: the writer goes on afterwards.
  @Test func forksOfTwoThreadsLeaveTheWriterRunning() throws {
    let directory = CoreDirectory()
    let run = try start(directory)
    let state = ProcessState.shared
    let done = Atomic<Int>(0)
    _ = Thread.start(name: "fork1") {
      state.beforeFork()
      usleep(600_000)
      state.afterFork()
      done.add(1, ordering: .releasing)
    }
    usleep(50_000)
    _ = Thread.start(name: "fork2") {
      state.beforeFork()
      state.afterFork()
      done.add(1, ordering: .releasing)
    }
    #expect(eventually { done.load(ordering: .acquiring) == 2 })
    try run.log(["a": 1])
    try run.flush(timeoutMilliseconds: 10_000)
    try run.finish(exitCode: 0, timeoutMilliseconds: 10_000)
  }

  @Test func childAnswersForkedWhileTheParentsStateIsLocked() throws {
    let directory = CoreDirectory()
    let run = try start(directory)
    let code = run.state.withLock { _ in
      inChild {
        do throws(QuipuError) { try run.finish() } catch { return error.code == .forked ? 0 : 1 }
        return 2
      }
    }
    #expect(code == 0)
    try run.finish(exitCode: 0, timeoutMilliseconds: 10_000)
  }
}
