import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import Quipu

@Suite struct SystemMonitorTests {
  private func options(_ directory: CoreDirectory, _ settings: JSONObject = JSONObject()) -> RunOptions {
    RunOptions(mode: .offline, dir: directory.path, settings: settings)
  }

  /// Waits until the log holds that many samples.
  private func has(_ count: Int, _ run: Run) -> Bool {
    eventually {
      try? run.flush(timeoutMilliseconds: 10_000)
      return (try? statsOf(run.logPath).count) ?? 0 >= count
    }
  }

  @Test func samplesReachTheLogWithTheirTime() throws {
    let directory = CoreDirectory()
    let run = try Run.start(options(directory, ["x_stats_sampling_interval": 0.1]))
    #expect(has(3, run))
    try run.finish(exitCode: 0, timeoutMilliseconds: 10_000)
    let samples = try statsOf(run.logPath)
    let first = try #require(samples.first)
    #expect(first["cpu"] == nil)
    for key in [
      "memory_percent", "proc.memory.availableMB", "proc.memory.rssMB", "proc.memory.percent", "proc.cpu.threads",
      "disk./.usagePercent", "disk./.usageGB", "network.sent", "network.recv",
    ] { #expect(first[key] != nil, "\(key)") }
    #expect(first["network.sent"] == 0)
    let later = try #require(samples.dropFirst().first)
    #expect(later["cpu"] != nil)
    _ = try LogScan(path: run.logPath) { record, _ in
      guard case .stats(let stats) = record.payload else { return }
      let time = stats.timestamp.map { $0.seconds * 1_000_000_000 + Int64($0.nanos) } ?? 0
      #expect(time >= run.startTime - 1_000_000_000 && time <= Clock.wall() + 1_000_000_000)
    }
  }

  @Test func nothingIsSampledWhenTurnedOff() throws {
    let directory = CoreDirectory()
    let run = try Run.start(options(directory, ["x_stats_sampling_interval": 0.1, "x_disable_stats": true]))
    for _ in 0..<30 {
      try run.log(["a": 1])
      usleep(10_000)
    }
    try run.finish(exitCode: 0, timeoutMilliseconds: 10_000)
    #expect(try statsOf(run.logPath).isEmpty)
  }

  @Test func labelsAreAppendedToEveryKey() throws {
    let directory = CoreDirectory()
    let run = try Run.start(options(directory, ["x_label": "rank0"]))
    #expect(has(1, run))
    try run.finish(exitCode: 0, timeoutMilliseconds: 10_000)
    let keys = try #require(try statsOf(run.logPath).first).keys
    #expect(keys.allSatisfy { $0.hasSuffix("/l:rank0") })
  }

  @Test func samplesAreNotCountedAsCalls() throws {
    let directory = CoreDirectory()
    let run = try Run.start(options(directory, ["x_stats_sampling_interval": 0.1]))
    try run.log(["a": 1])
    #expect(has(2, run))
    #expect(run.stats.callsAccepted == 1)
    try run.finish(exitCode: 0, timeoutMilliseconds: 10_000)
  }

  @Test func whatIsInTheRingSurvivesTheProcess() throws {
    let directory = CoreDirectory()
    do {
      let run = try CoreRun(directory)
      run.put(.stats, CoreRun.payload(#"{"cpu":12.5,"network.sent":0.0}"#))
      var environment = EnvironmentRecord()
      environment.gpuType = "H"
      var bytes = ByteBuffer(capacity: 64)
      Record(num: 0, .environment(environment)).encode(into: &bytes)
      run.put(.record, Array(bytes.bytes))
      run.put(.record, [0xFF, 0xFF])
      run.put(.stats, [1, 2, 3])
    }
    let path = CoreRun.context(directory).logPath
    _ = try Recovery.recover(path: path)
    #expect(try statsOf(path) == [["cpu": 12.5, "network.sent": 0]])
    var types: [String] = []
    _ = try LogScan(path: path) { record, _ in
      if case .environment(let environment) = record.payload { types.append(environment.gpuType) }
    }
    #expect(types == ["H"])
  }

  @Test func aForkedChildHasNoSamplerAndTheParentGoesOn() throws {
    let directory = CoreDirectory()
    let run = try Run.start(options(directory, ["x_stats_sampling_interval": 0.1]))
    #expect(has(1, run))
    for _ in 0..<20 {
      let code = inChild {
        // Threads of the child: only the one that forked.
        FileTools.list("/proc/self/task")?.count == 1 ? 7 : 8
      }
      #expect(code == 7)
    }
    let before = try statsOf(run.logPath).count
    #expect(has(before + 2, run))
    try run.finish(exitCode: 0, timeoutMilliseconds: 10_000)
  }

  @Test func aRingWithoutRoomLosesTheSampleAndNothingElse() throws {
    let run = try CoreRun()
    let core = RunCore(writer: run.writer, ring: run.ring, runID: "abc", fullWaitMilliseconds: 60_000)
    while core.offer(.stats, json: ["cpu": 1.0]) == .none {}
    #expect(core.offer(.stats, json: ["cpu": 1.0]) == .full)
    #expect(core.stats.callsDroppedFull == 0)
  }
}
