/// Limits, pressure and kills of the process's control group, versions 1 and 2.
///
/// Keys: `proc.cpu.throttledPercent` (version 2, since the sample before), `proc.memory.oomKills` (since the first).
final class CgroupCollector {
  private let place: CgroupPlace
  private let memoryMax: ProcFile?
  private let memoryUsed: ProcFile?
  private let memoryStat: ProcFile?
  private let memoryEvents: ProcFile?
  private let processorStat: ProcFile?
  /// Units: processors; nil: no limit. Looked up once: a quota that changes while a run goes on is rare.
  let processors: Double?
  private var periodsBefore: (periods: UInt64, throttled: UInt64)?
  private var killsAtFirst: UInt64?

  /// What the memory of the group says.
  struct Memory: Equatable {
    /// Units: bytes.
    var limit: Double
    var used: Double
    var available: Double { max(0, limit - used) }
  }

  init(root: SystemRoot, processID: Int32, _ room: ReadRoom) {
    place = CgroupPlace.find(root: root, processID: processID)
    let unified = place.memoryIsUnified
    let limits = place.memory.map { (directory: $0, limit: Self.limit($0, unified, room)) }
    // The tightest group on the way up is the one that counts; its own use is compared with its limit.
    var tightest: (directory: String, limit: UInt64)?
    for entry in limits {
      if let limit = entry.limit, limit < tightest?.limit ?? .max { tightest = (entry.directory, limit) }
    }
    let memoryDirectory = tightest?.directory
    memoryMax = memoryDirectory.map { ProcFile($0 + (unified ? "/memory.max" : "/memory.limit_in_bytes")) }
    memoryUsed = memoryDirectory.map { ProcFile($0 + (unified ? "/memory.current" : "/memory.usage_in_bytes")) }
    memoryStat = memoryDirectory.map { ProcFile($0 + "/memory.stat") }
    // Version 1 has this file in every group, also where nothing is limited: no news there.
    memoryEvents =
      unified
      ? place.memory.first.map { ProcFile($0 + "/memory.events") }
      : memoryDirectory.map { ProcFile($0 + "/memory.oom_control") }
    var least: Double?
    for directory in place.processor {
      if let quota = Self.quota(directory, place.processorIsUnified, room) { least = min(least ?? quota, quota) }
    }
    processors = least
    processorStat = place.processorIsUnified ? place.processor.first.map { ProcFile($0 + "/cpu.stat") } : nil
  }

  func close() {
    for file in [memoryMax, memoryUsed, memoryStat, memoryEvents, processorStat] { file?.close() }
  }

  /// Nearly all bits set is how version 1 spells "no limit".
  private static let unlimited: UInt64 = 1 << 60

  private static func limit(_ directory: String, _ unified: Bool, _ room: ReadRoom) -> UInt64? {
    var text = ProcFile(directory + (unified ? "/memory.max" : "/memory.limit_in_bytes")).read(room)
    guard let value = text?.number(), value > 0, value < unlimited else { return nil }
    return value
  }

  private static func quota(_ directory: String, _ unified: Bool, _ room: ReadRoom) -> Double? {
    let quota: UInt64, period: UInt64
    if unified {
      guard var text = ProcFile(directory + "/cpu.max").read(room), let q = text.number(), let p = text.number()
      else { return nil }
      (quota, period) = (q, p)
    } else {
      // -1: no limit.
      guard var text = ProcFile(directory + "/cpu.cfs_quota_us").read(room), let q = text.number() else { return nil }
      guard var more = ProcFile(directory + "/cpu.cfs_period_us").read(room), let p = more.number() else { return nil }
      (quota, period) = (q, p)
    }
    return quota > 0 && period > 0 ? Double(quota) / Double(period) : nil
  }

  /// Limit and use; nil without a limit. File pages that can be dropped at once do not count as used.
  func memory(_ room: ReadRoom) -> Memory? {
    var limitText = memoryMax?.read(room)
    guard let limit = limitText?.number(), limit > 0, limit < Self.unlimited else { return nil }
    var usedText = memoryUsed?.read(room)
    guard let used = usedText?.number() else { return nil }
    var inactive: UInt64 = 0
    if var stat = memoryStat?.read(room),
      place.memoryIsUnified ? stat.find("inactive_file ") : stat.find("total_inactive_file ")
    {
      inactive = stat.number() ?? 0
    }
    return Memory(limit: Double(limit), used: Double(used &- min(used, inactive)))
  }

  func sample(_ room: ReadRoom, into sample: inout StatsSample) {
    if var text = memoryEvents?.read(room), text.find("oom_kill "), let kills = text.number() {
      let first = killsAtFirst ?? kills
      killsAtFirst = first
      sample.add("proc.memory.oomKills", Double(kills &- min(kills, first)))
    }
    guard let text = processorStat?.read(room) else { return }
    var periodsText = text
    var throttledText = text
    guard periodsText.find("nr_periods "), let periods = periodsText.number(),
      throttledText.find("nr_throttled "), let throttled = throttledText.number()
    else { return }
    if let before = periodsBefore, periods > before.periods, throttled >= before.throttled {
      let share = Double(throttled &- before.throttled) / Double(periods &- before.periods)
      sample.add("proc.cpu.throttledPercent", share * 100)
    }
    periodsBefore = (periods, throttled)
  }
}
