import Glibc

/// All host metrics of one run: what one process and its machine are doing.
///
/// Values are of the moment; `cpu`, `proc.cpu.throttledPercent` and `wandb.cpu` cover the time since the sample before
/// and are missing in the first; counts start at zero in the first. What cannot be read is left out.
///
/// Threads: the sampler's thread only. Units and keys: run.md 13.1.
final class HostSampler {
  private let options: StatsOptions
  private let room = ReadRoom()
  private let process: ProcessCollector
  private let memory: MemoryCollector
  private let cgroup: CgroupCollector?
  private let disk: DiskCollector
  private let network: NetworkCollector
  private let library: LibraryCollector?
  private let processors: Double

  /// Blocking: a dozen small files are opened.
  init(_ options: StatsOptions, root: SystemRoot = SystemRoot()) {
    self.options = options
    process = ProcessCollector(root: root, processID: options.processID, tracksTree: options.tracksTree)
    memory = MemoryCollector(root: root)
    cgroup = options.ignoresCgroup ? nil : CgroupCollector(root: root, processID: options.processID, room)
    disk = DiskCollector(root: root, paths: options.diskPaths)
    network = NetworkCollector(root: root)
    library = options.samplesSelf ? LibraryCollector(root: root) : nil
    let all = options.processors.map { Double($0) } ?? Double(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    processors = min(all, cgroup?.processors ?? all)
  }

  /// Everything that the kernel answers at once.
  func sample(at now: Int64, into sample: inout StatsSample) {
    network.sample(room, into: &sample)
    disk.sampleTraffic(room, into: &sample)
    let resident = process.sample(at: now, processors: processors, room, into: &sample)
    memory.sample(group: cgroup?.memory(room), resident: resident, room, into: &sample)
    cgroup?.sample(room, into: &sample)
    library?.sample(at: now, processors: processors, room, into: &sample)
  }

  /// What a dead network file system can hold up.
  func sampleSpace(into sample: inout StatsSample) { disk.sampleSpace(into: &sample) }

  /// In the child of a fork: its copies of the descriptors.
  func close() {
    process.close()
    memory.close()
    cgroup?.close()
    disk.close()
    network.close()
  }
}
