import Glibc
import QuipuBase
import Testing

@testable import Quipu

@Suite struct SystemHostTests {
  private func options(_ change: (inout StatsOptions) -> Void = { _ in }) -> StatsOptions {
    var options = StatsOptions()
    options.processID = 77
    options.processors = 4
    change(&options)
    return options
  }

  private func take(_ sampler: HostSampler, at seconds: Double) -> StatsSample {
    var sample = StatsSample()
    sampler.sample(at: Int64(seconds * 1e9), into: &sample)
    return sample
  }

  private let tick = Double(sysconf(Int32(_SC_CLK_TCK)))
  private let page = Double(sysconf(Int32(_SC_PAGESIZE)))

  @Test func processTimeIsAShareOfAllProcessorsAndMissingAtFirst() throws {
    let system = FakeSystem()
    system.process(77, name: "a) (b", ticks: 1000, threads: 9, pages: 2560)
    let sampler = HostSampler(options(), root: system.root)
    let first = take(sampler, at: 10)
    #expect(first.value("cpu") == nil)
    #expect(first.value("proc.cpu.threads") == 9)
    #expect(first.value("proc.memory.rssMB") == 2560 * page / 1_048_576)
    system.process(77, name: "a) (b", ticks: 1000 + Int(tick) * 2)
    // 2 s of processor time in 5 s on 4 processors.
    let cpu = try #require(take(sampler, at: 15).value("cpu"))
    #expect(abs(cpu - 10) < 1e-9)
  }

  @Test func descendantsCountOnlyIfAskedFor() throws {
    let system = FakeSystem()
    func set(_ own: Int, _ child: Int, _ grandchild: Int) {
      system.process(77, ticks: own)
      system.process(78, parent: 77, ticks: child)
      system.process(79, parent: 78, ticks: grandchild)
      system.process(80, parent: 1, ticks: own * 1000)
    }
    set(100, 50, 20)
    let alone = HostSampler(options(), root: system.root)
    let tree = HostSampler(options { $0.tracksTree = true }, root: system.root)
    _ = take(alone, at: 0)
    #expect(take(tree, at: 0).value("cpu") == nil)
    let second = Int(tick)
    set(100 + second, 50 + second, 20 + second)
    #expect(take(alone, at: 1).value("cpu") == 25)
    #expect(take(tree, at: 1).value("cpu") == 75)
    // A child that ends takes its past with it, not ours; a new one counts from its beginning.
    system.process(78, parent: 1, ticks: 50 + second)
    system.process(79, parent: 1, ticks: 20 + second)
    system.process(81, parent: 77, ticks: second)
    system.process(77, ticks: 100 + second * 2)
    #expect(take(tree, at: 2).value("cpu") == 50)
  }

  @Test func aProcessThatIsGoneIsLeftOut() {
    let system = FakeSystem()
    system.memory(totalKiB: 1000, availableKiB: 250)
    let sample = take(HostSampler(options(), root: system.root), at: 0)
    #expect(sample.value("memory_percent") == 75)
    #expect(sample.value("proc.memory.rssMB") == nil)
    #expect(sample.value("proc.memory.percent") == nil)
  }

  @Test func memoryIsThatOfTheHostWithoutAGroupLimit() throws {
    let system = FakeSystem()
    system.memory(totalKiB: 4 << 20, availableKiB: 1 << 20)
    system.process(77, ticks: 0, pages: Int(Double(1 << 30) / page))
    let sample = take(HostSampler(options(), root: system.root), at: 0)
    #expect(sample.value("memory_percent") == 75)
    #expect(sample.value("proc.memory.availableMB") == 1024)
    #expect(sample.value("proc.memory.percent") == 25)
  }

  private func unified(_ system: FakeSystem) {
    system.memory(totalKiB: 8 << 20, availableKiB: 7 << 20)
    system.process(77, ticks: 0, pages: Int(Double(256 << 20) / page))
    system.write("/proc/77/cgroup", "0::/pod/container\n")
    system.write(
      "/proc/self/mountinfo",
      "22 27 0:21 / /proc rw - proc proc rw\n30 25 0:26 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw\n")
    system.write("/cg/pod/container/memory.max", "max\n")
    system.write("/cg/pod/memory.max", "\(1 << 30)\n")
    system.write("/cg/pod/memory.current", "\(768 << 20)\n")
    system.write("/cg/pod/memory.stat", "anon 1\ninactive_file \(256 << 20)\nactive_file 5\n")
    system.write("/cg/pod/container/memory.events", "low 0\nhigh 0\nmax 3\noom 3\noom_kill 2\n")
    system.write("/cg/pod/container/cpu.max", "150000 100000\n")
    system.write("/cg/pod/cpu.max", "max 100000\n")
    system.write("/cg/pod/container/cpu.stat", "usage_usec 1\nnr_periods 100\nnr_throttled 10\nthrottled_usec 3\n")
  }

  @Test func limitsOfAUnifiedGroupAndItsParentsCount() throws {
    let system = FakeSystem()
    unified(system)
    let sampler = HostSampler(options(), root: system.root)
    let first = take(sampler, at: 0)
    #expect(first.value("memory_percent") == 50)
    #expect(first.value("proc.memory.availableMB") == 512)
    #expect(first.value("proc.memory.percent") == 25)
    #expect(first.value("proc.memory.oomKills") == 0)
    #expect(first.value("proc.cpu.throttledPercent") == nil)
    system.process(77, ticks: Int(tick * 3))
    system.write("/cg/pod/container/cpu.stat", "nr_periods 140\nnr_throttled 20\n")
    system.write("/cg/pod/container/memory.events", "oom 4\noom_kill 5\n")
    let second = take(sampler, at: 4)
    #expect(second.value("cpu") == 50)
    #expect(second.value("proc.cpu.throttledPercent") == 25)
    #expect(second.value("proc.memory.oomKills") == 3)
  }

  @Test func groupLimitsAreNotLookedAtIfUnwanted() {
    let system = FakeSystem()
    unified(system)
    let sample = take(HostSampler(options { $0.ignoresCgroup = true }, root: system.root), at: 0)
    #expect(sample.value("memory_percent") == 12.5)
    #expect(sample.value("proc.memory.oomKills") == nil)
  }

  @Test func limitsOfSeparateGroupsCountAlsoWhereOnlyAPartIsMounted() {
    let system = FakeSystem()
    system.memory(totalKiB: 8 << 20, availableKiB: 7 << 20)
    system.process(77, ticks: 0)
    system.write("/proc/77/cgroup", "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n")
    system.write(
      "/proc/self/mountinfo",
      "30 25 0:26 /docker/abc /cg/memory rw - cgroup cgroup rw,memory\n"
        + "31 25 0:27 /docker/abc /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n")
    system.write("/cg/memory/memory.limit_in_bytes", "\(2 << 30)\n")
    system.write("/cg/memory/memory.usage_in_bytes", "\(1 << 30)\n")
    system.write("/cg/memory/memory.stat", "inactive_file 7\ntotal_inactive_file 0\n")
    system.write("/cg/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    system.write("/cg/cpu/cpu.cfs_quota_us", "200000\n")
    system.write("/cg/cpu/cpu.cfs_period_us", "100000\n")
    let sampler = HostSampler(options(), root: system.root)
    let first = take(sampler, at: 0)
    #expect(first.value("memory_percent") == 50)
    #expect(first.value("proc.memory.oomKills") == 0)
    system.process(77, ticks: Int(tick))
    #expect(take(sampler, at: 1).value("cpu") == 50)
  }

  @Test func trafficCountsFromTheFirstSampleWithoutLoopbackAndEnslaved() {
    let system = FakeSystem()
    func interfaces(_ lo: Int, _ eth: Int, _ bond: Int, more: String = "") {
      system.write(
        "/proc/net/dev",
        "Inter-|   Receive |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes\n"
          + "    lo: \(lo) 1 0 0 0 0 0 0 \(lo) 1 0 0 0 0 0 0\n  eth0:\(eth) 1 0 0 0 0 0 0 \(eth * 2) 1 0 0 0 0 0 0\n"
          + " eth1: \(bond) 1 0 0 0 0 0 0 \(bond) 1 0 0 0 0 0 0\n" + more)
    }
    func retransmits(_ count: Int) {
      system.write(
        "/proc/net/snmp",
        "Ip: Forwarding RetransSegs\nIp: 1 9999\nTcp: RtoAlgorithm RtoMin RetransSegs InErrs\nTcp: 1 200 \(count) 0\n")
    }
    system.write("/sys/class/net/eth1/master", "")
    interfaces(5, 100, 7)
    retransmits(40)
    let sampler = HostSampler(options(), root: system.root)
    let first = take(sampler, at: 0)
    #expect(first.value("network.sent") == 0)
    #expect(first.value("network.recv") == 0)
    #expect(first.value("network.tcpRetransmits") == 0)
    interfaces(50, 130, 70, more: " veth9: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0\n")
    retransmits(45)
    let second = take(sampler, at: 1)
    #expect(second.value("network.sent") == 60)
    #expect(second.value("network.recv") == 30)
    #expect(second.value("network.tcpRetransmits") == 5)
  }

  @Test func diskSpaceIsThatOfThePaths() throws {
    let directory = CoreDirectory()
    var info = statvfs()
    #expect(statvfs(directory.path, &info) == 0)
    let disks = DiskCollector(root: SystemRoot(), paths: [directory.path, directory.path + "/nothing"])
    var sample = StatsSample()
    disks.sampleSpace(into: &sample)
    let percent = try #require(sample.value("disk.\(directory.path).usagePercent"))
    #expect(percent > 0 && percent <= 100)
    let size = try #require(sample.value("disk.\(directory.path).usageGB"))
    let total = Double(info.f_blocks) * Double(info.f_frsize) / 1_073_741_824
    #expect(size > 0 && size <= total)
    #expect(sample.values.count == 2)
  }

  @Test func diskTrafficIsThatOfTheWholeDiskInMebibytes() {
    let system = FakeSystem()
    var info = stat()
    let directory = CoreDirectory()
    #expect(stat(directory.path, &info) == 0)
    let major = info.st_dev >> 8 & 0xFFF
    let minor = info.st_dev & 0xFF | info.st_dev >> 12 & 0xFFFF_FF00
    guard major != 0 else { return }  // a memory file system has no disk
    system.write("/sys/devices/nvme7n1/nvme7n1p2/partition", "2\n")
    system.link("/sys/dev/block/\(major):\(minor)", to: "/sys/devices/nvme7n1/nvme7n1p2")
    func traffic(_ read: Int, _ written: Int) {
      system.write(
        "/proc/diskstats",
        " 259 0 nvme7n1 5 1 \(read) 9 6 2 \(written) 9 0 0 0\n 259 1 nvme7n1p2 1 1 1 1 1 1 1 1 0 0 0\n")
    }
    traffic(1000, 2000)
    let sampler = HostSampler(options { $0.diskPaths = [directory.path] }, root: system.root)
    let first = take(sampler, at: 0)
    #expect(first.value("disk.nvme7n1.in") == 0)
    traffic(1000 + 2048, 2000 + 6144)
    let second = take(sampler, at: 1)
    #expect(second.value("disk.nvme7n1.in") == 1)
    #expect(second.value("disk.nvme7n1.out") == 3)
  }

  @Test func damagedFilesGiveNoValues() {
    for text in ["", "\n", "77", "77 (x", "77 (x) R", "77 (x) R 1 1 1 0 -1 4 1 0 0 0 x 0",
      "\u{0}\u{0}", "Tcp:", "a:b:c"] {
      let system = FakeSystem()
      for path in [
        "/proc/77/stat", "/proc/meminfo", "/proc/net/dev", "/proc/net/snmp", "/proc/diskstats", "/proc/77/cgroup",
        "/proc/self/mountinfo",
      ] { system.write(path, text) }
      let sampler = HostSampler(options { $0.tracksTree = true }, root: system.root)
      #expect(take(sampler, at: 0).value("memory_percent") == nil)
      #expect(take(sampler, at: 1).value("cpu") == nil)
    }
  }

  @Test func longFilesAreReadWhole() {
    let system = FakeSystem()
    let many = (0..<3000).map { "veth\($0): 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n" }.joined()
    system.write("/proc/net/dev", "a\nb\n" + many + "eth0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n")
    let sampler = HostSampler(options(), root: system.root)
    _ = take(sampler, at: 0)
    system.write("/proc/net/dev", "a\nb\n" + many + "eth0: 5 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n")
    #expect(take(sampler, at: 1).value("network.sent") == 8)
  }

  @Test func settingsDecideWhatIsSampled() throws {
    var settings = Settings()
    #expect(StatsOptions(settings).interval == 15_000_000_000)
    settings.set("x_stats_sampling_interval", .double(0.001))
    settings.set("x_stats_pid", .int(4))
    settings.set("x_label", "rank3")
    let options = StatsOptions(settings)
    #expect(options.interval == 100_000_000)
    #expect(options.processID == 4)
    #expect(options.suffix == "/l:rank3")
    settings.set("x_stats_sampling_interval", .double(1e300))
    settings.set("x_stats_pid", .int(-5))
    #expect(StatsOptions(settings).interval == 31_536_000_000_000_000)
    #expect(StatsOptions(settings).processID == getpid())
  }
}
