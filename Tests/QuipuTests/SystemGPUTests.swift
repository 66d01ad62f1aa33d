import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import Quipu

@Suite struct SystemGPUTests {
  private func values(_ reading: GPUReading?) -> [String: Double] {
    Dictionary((reading?.values ?? []).map { ($0.name, $0.number) }, uniquingKeysWith: { first, _ in first })
  }

  // MARK: NVIDIA

  @Test func valuesComeInTheUnitsOfTheirKeys() throws {
    let directory = CoreDirectory()
    let library = try #require(FakeNVML.build(directory))
    let source = try #require(NVMLSource(path: library))
    let readings = source.sample(first: 0)
    #expect(readings.map(\.index) == [0, 1])
    #expect(
      values(readings.first) == [
        "gpu": 40, "memory": 20, "memoryAllocated": 25, "memoryAllocatedBytes": 250, "temp": 61, "powerWatts": 350.5,
        "enforcedPowerLimitWatts": 701, "powerPercent": 50, "energyJoules": 5000.5, "smClock": 1980,
        "memoryClock": 2619, "correctedMemoryErrors": 7, "uncorrectedMemoryErrors": 0, "pcieTxBytes": 20_000,
        "pcieRxBytes": 30_000,
      ])
    #expect(readings.first?.processes == [1, getpid()])
    #expect(readings.last?.processes == [])
  }

  @Test func factsNameEveryGPU() throws {
    let directory = CoreDirectory()
    let library = try #require(FakeNVML.build(directory))
    let source = try #require(NVMLSource(path: library))
    var facts = GPUFacts()
    source.facts(&facts)
    #expect(facts.name == "NVIDIA A")
    #expect(facts.count == 2)
    #expect(facts.cudaVersion == "12.4")
    let first = GPUFacts.NVIDIA(
      name: "NVIDIA A", memoryTotal: 1000, cores: 16896, architecture: "Hopper", uuid: "GPU-0",
      bus: "00000000:1B:00.0", numaNode: 0)
    #expect(facts.nvidia.first == first)
    #expect(facts.nvidia.last?.architecture == "")
    #expect(facts.nvidia.last?.numaNode == nil)
  }

  @Test func activityOfHopperIsBetweenTwoSamples() throws {
    let directory = CoreDirectory()
    let library = try #require(FakeNVML.build(directory, ["-DHOPPER"]))
    let source = try #require(NVMLSource(path: library))
    #expect(values(source.sample(first: 0).first)["smActive"] == nil)
    for _ in 0..<3 {
      let later = source.sample(first: 0)
      let found = values(later.first)
      #expect(found["smActive"] == 2)
      #expect(found["dramActive"] == 10)
      #expect(found["pcieTxBytes"] == 20_971_520)
      #expect(found["nvlinkRxBytes"] == 62_914_560)
      // A metric with a status of its own is left out, and so is a GPU without any.
      #expect(found["pipeFp16Active"] == nil)
      #expect(values(later.last)["smActive"] == nil)
    }
  }

  @Test func oldLibrariesGiveWhatTheyHave() throws {
    let directory = CoreDirectory()
    let library = try #require(FakeNVML.build(directory, ["-DOLD"]))
    let source = try #require(NVMLSource(path: library))
    #expect(
      Set(values(source.sample(first: 0).first).keys) == ["gpu", "memory", "memoryAllocated", "memoryAllocatedBytes"])
  }

  @Test func aMissingLibraryOrDriverIsNoGPU() throws {
    let directory = CoreDirectory()
    let library = try #require(FakeNVML.build(directory, ["-DNO_DRIVER"]))
    #expect(NVMLSource(path: library) == nil)
    #expect(NVMLSource(path: directory.path + "/nothing.so") == nil)
    #expect(NVMLSource(path: "libm.so.6") == nil)
  }

  // MARK: AMD

  @Test func valuesOfAMDComeFromTheDriversFiles() throws {
    let system = FakeSystem()
    let card = "/sys/class/drm/card1/device"
    system.write(card + "/vendor", "0x1002\n")
    system.write(card + "/gpu_busy_percent", "87\n")
    system.write(card + "/mem_busy_percent", "12\n")
    system.write(card + "/mem_info_vram_used", "500\n")
    system.write(card + "/mem_info_vram_total", "2000\n")
    system.write(card + "/product_name", "Instinct MI300X\n")
    system.write(card + "/hwmon/hwmon3/temp1_input", "65000\n")
    system.write(card + "/hwmon/hwmon3/power1_average", "250000000\n")
    system.write(card + "/hwmon/hwmon3/power1_cap", "500000000\n")
    // Outputs, a card of another maker, a card without the files.
    system.write("/sys/class/drm/card1-DP-1/status", "connected\n")
    system.write("/sys/class/drm/card0/device/vendor", "0x10de\n")
    system.write("/sys/class/drm/card2/device/vendor", "0x1002\n")
    let source = try #require(AMDSource(root: system.root))
    #expect(source.count == 1)
    let reading = source.sample(first: 2).first
    #expect(reading?.index == 2)
    #expect(
      values(reading) == [
        "gpu": 87, "memoryReadWriteActivity": 12, "memoryAllocated": 25, "memoryAllocatedBytes": 500, "temp": 65,
        "powerWatts": 250, "powerPercent": 50,
      ])
    var facts = GPUFacts()
    source.facts(&facts)
    #expect(facts.amd.map(\.series) == ["Instinct MI300X"])
    #expect(facts.name == "Instinct MI300X")
    system.write(card + "/gpu_busy_percent", "no number\n")
    #expect(values(source.sample(first: 0).first)["gpu"] == nil)
  }

  @Test func aMachineWithoutAMDHasNoSuchSource() {
    #expect(AMDSource(root: FakeSystem().root) == nil)
  }

  // MARK: With a run

  private func log(_ run: CoreRun) -> [[String: Double]] {
    run.pump()
    return (try? statsOf(run.logPath)) ?? []
  }

  private func monitor(_ library: String) -> SystemMonitor {
    SystemMonitor(makeGPU: { GPUThread(library: library, root: SystemRoot(prefix: "/nothing"), delivered: $0) })
  }

  private func core(_ run: CoreRun) -> RunCore {
    RunCore(writer: run.writer, ring: run.ring, runID: "abc", fullWaitMilliseconds: 0)
  }

  private func options(_ change: (inout StatsOptions) -> Void = { _ in }) -> StatsOptions {
    var options = StatsOptions()
    options.interval = 100_000_000
    change(&options)
    return options
  }

  @Test func samplesHoldTheGPUsAndTheirUseByTheProcess() throws {
    let directory = CoreDirectory()
    let library = try #require(FakeNVML.build(directory))
    let monitor = monitor(library)
    let run = try CoreRun()
    let core = core(run)
    var facts = EnvironmentRecord()
    facts.writerID = "writer"
    monitor.add(core, options(), facts: facts)
    #expect(eventually { log(run).contains { $0["gpu.1.gpu"] == 41 && $0["memory_percent"] != nil } })
    monitor.remove(core)
    let sample = try #require(log(run).first { $0["gpu.0.gpu"] != nil })
    #expect(sample["gpu.process.0.gpu"] == 40)
    #expect(sample["gpu.process.0.powerWatts"] == 350.5)
    #expect(sample["gpu.process.0.smClock"] == nil)
    #expect(sample["gpu.process.1.gpu"] == nil)
    var environments: [EnvironmentRecord] = []
    _ = try LogScan(path: run.logPath) { record, _ in
      if case .environment(let environment) = record.payload { environments.append(environment) }
    }
    #expect(environments.count == 1)
    #expect(environments.first?.gpuNvidia.count == 2)
    #expect(environments.first?.gpuType == "NVIDIA A")
    #expect(environments.first?.writerID == "writer")
  }

  @Test func onlyChosenGPUsAreReported() throws {
    let directory = CoreDirectory()
    let library = try #require(FakeNVML.build(directory))
    let monitor = monitor(library)
    let run = try CoreRun()
    let core = core(run)
    monitor.add(core, options { $0.gpuIDs = [1] })
    #expect(eventually { log(run).contains { $0["gpu.1.gpu"] == 41 } })
    monitor.remove(core)
    #expect(!log(run).contains { $0["gpu.0.gpu"] != nil })
  }

  @Test func aHangingDriverCostsOnlyItsOwnValues() throws {
    let directory = CoreDirectory()
    let release = directory.path + "/release"
    let library = try #require(FakeNVML.build(directory, ["-DHANG=\"\(release)\""]))
    let monitor = monitor(library)
    let run = try CoreRun()
    let core = core(run)
    monitor.add(core, options())
    #expect(eventually { log(run).count >= 4 })
    #expect(log(run).allSatisfy { $0["gpu.0.gpu"] == nil && $0["memory_percent"] != nil })
    // What comes late is kept, with a time of its own.
    _ = FileTools.writeNew(release, [])
    #expect(eventually { log(run).contains { $0["gpu.0.gpu"] == 40 } })
    monitor.remove(core)
  }

  @Test func aMachineWithoutGPUsIsNotAskedAgain() {
    let thread = GPUThread(library: "/nothing/libnvidia-ml.so", root: SystemRoot(prefix: "/nothing"), delivered: {})
    #expect(thread.request() == 1)
    #expect(eventually { thread.last.isAbsent })
    #expect(thread.request() == nil)
  }
}
