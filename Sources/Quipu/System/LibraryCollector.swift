import Glibc

/// What the library's own threads use (setting `x_stats_self_usage`).
///
/// Key: `wandb.cpu` (% of the processors available, since the sample before). Their memory is the process's own and
/// cannot be told apart, so `wandb.memory.rssMB` does not exist.
final class LibraryCollector {
  private let root: SystemRoot
  private let ticksPerSecond = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
  private var before: (time: Int64, ticks: [String: UInt64])?

  init(root: SystemRoot) { self.root = root }

  func sample(at now: Int64, processors: Double, _ room: ReadRoom, into sample: inout StatsSample) {
    var ticks: [String: UInt64] = [:]
    for thread in FileTools.list(root("/proc/self/task")) ?? [] {
      let directory = root("/proc/self/task/") + thread
      guard var name = ProcFile(directory + "/comm").read(room), name.take("quipu-"),
        let reading = ProcFile(directory + "/stat").read(room).flatMap(ProcessCollector.Reading.init)
      else { continue }
      ticks[thread] = reading.ticks
    }
    if let before, now > before.time, processors > 0 {
      var used: UInt64 = 0
      for (thread, count) in ticks {
        let earlier = before.ticks[thread] ?? 0
        used &+= count >= earlier ? count &- earlier : count
      }
      sample.add(
        "wandb.cpu", Double(used) / ticksPerSecond / (Double(now &- before.time) / 1e9) / processors * 100)
    }
    before = (now, ticks)
  }
}
