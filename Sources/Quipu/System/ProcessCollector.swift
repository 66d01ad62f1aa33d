import Glibc

/// CPU time, threads and resident memory of the watched process.
///
/// Keys: `cpu` (% of the processors available, since the sample before), `proc.cpu.threads`, `proc.memory.rssMB`.
final class ProcessCollector {
  private let root: SystemRoot
  private let processID: Int32
  private let tracksTree: Bool
  private let file: ProcFile
  private let ticksPerSecond = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
  private let pageBytes = Double(max(1, sysconf(Int32(_SC_PAGESIZE))))
  private var before: (time: Int64, ticks: UInt64)?
  /// With descendants: ticks of each process at the sample before.
  private var treeBefore: [Int32: UInt64] = [:]

  init(root: SystemRoot, processID: Int32, tracksTree: Bool) {
    self.root = root
    self.processID = processID
    self.tracksTree = tracksTree
    file = ProcFile(root("/proc/\(processID)/stat"))
  }

  func close() { file.close() }

  /// What a line of `/proc/PID/stat` tells.
  struct Reading: Equatable {
    var parent: Int32 = 0
    var ticks: UInt64 = 0
    var threads: UInt64 = 0
    var residentPages: UInt64 = 0

    /// The name stands in parentheses and may hold any character: what counts comes after the last one.
    init?(_ text: FieldCursor) {
      var text = text
      guard text.afterLast(UInt8(ascii: ")")) else { return nil }
      text.skip(1)
      guard let parent = text.number() else { return nil }
      self.parent = Int32(truncatingIfNeeded: parent)
      // pgrp session tty tpgid flags minflt cminflt majflt cmajflt; tpgid may be -1.
      text.skip(9)
      guard let user = text.number(), let system = text.number() else { return nil }
      ticks = user &+ system
      // cutime cstime priority nice
      text.skip(4)
      guard let threads = text.number() else { return nil }
      self.threads = threads
      // itrealvalue starttime vsize
      text.skip(3)
      residentPages = text.number() ?? 0
    }
  }

  /// - Parameter processors: how many the process may use.
  /// - Returns: resident bytes, nil if the process cannot be read.
  func sample(at now: Int64, processors: Double, _ room: ReadRoom, into sample: inout StatsSample) -> Double? {
    guard let reading = file.read(room).flatMap(Reading.init) else { return nil }
    let used = tracksTree ? treeTicks(reading, room) : before.map { reading.ticks &- min(reading.ticks, $0.ticks) }
    if let before, let used, now > before.time, processors > 0 {
      let seconds = Double(now &- before.time) / 1e9
      sample.add("cpu", Double(used) / ticksPerSecond / seconds / processors * 100)
    }
    before = (now, reading.ticks)
    let resident = Double(reading.residentPages) * pageBytes
    sample.add("proc.memory.rssMB", resident / 1_048_576)
    sample.add("proc.cpu.threads", Double(reading.threads))
    return resident
  }

  /// Ticks of the process and its descendants since the sample before, nil in the first one. Each process is compared
  /// with itself, so that one that ends does not take its past with it.
  private func treeTicks(_ own: Reading, _ room: ReadRoom) -> UInt64? {
    var readings: [Int32: Reading] = [processID: own]
    for name in FileTools.list(root("/proc")) ?? [] {
      guard let number = Int32(name), number > 0, number != processID,
        let reading = ProcFile(root("/proc/\(name)/stat")).read(room).flatMap(Reading.init)
      else { continue }
      readings[number] = reading
    }
    var ticks: [Int32: UInt64] = [:]
    for (number, reading) in readings where descends(number, readings) { ticks[number] = reading.ticks }
    var used: UInt64 = 0
    for (number, now) in ticks {
      let earlier = treeBefore[number] ?? 0
      used &+= now >= earlier ? now &- earlier : now
    }
    let isFirst = treeBefore.isEmpty
    treeBefore = ticks
    return isFirst ? nil : used
  }

  private func descends(_ number: Int32, _ readings: [Int32: Reading]) -> Bool {
    var number = number
    // Parents cannot form a circle, but the readings are of different moments.
    for _ in 0..<4096 {
      if number == processID { return true }
      guard let parent = readings[number]?.parent, parent > 0 else { return false }
      number = parent
    }
    return false
  }
}
