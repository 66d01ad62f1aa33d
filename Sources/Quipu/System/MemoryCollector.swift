/// Memory of the host.
///
/// Keys: `memory_percent`, `proc.memory.availableMB`, `proc.memory.percent`; of the control group where that has a
/// limit.
final class MemoryCollector {
  private let file: ProcFile

  init(root: SystemRoot) { file = ProcFile(root("/proc/meminfo")) }

  func close() { file.close() }

  /// - Parameters:
  ///   - group: limit and use of the control group, nil without one.
  ///   - resident: bytes of the watched process.
  func sample(
    group: CgroupCollector.Memory?, resident: Double?, _ room: ReadRoom, into sample: inout StatsSample
  ) {
    guard let text = file.read(room) else { return }
    var totalText = text
    var availableText = text
    guard totalText.find("MemTotal:"), let totalKiB = totalText.number(), totalKiB > 0,
      availableText.find("MemAvailable:"), let availableKiB = availableText.number()
    else { return }
    let hostTotal = Double(totalKiB) * 1024
    var total = hostTotal
    var available = Double(availableKiB) * 1024
    var used = total - available
    if let group, group.limit < hostTotal {
      total = group.limit
      used = group.used
      available = min(available, group.available)
    }
    sample.add("memory_percent", used / total * 100)
    sample.add("proc.memory.availableMB", available / 1_048_576)
    if let resident { sample.add("proc.memory.percent", resident / total * 100) }
  }
}
