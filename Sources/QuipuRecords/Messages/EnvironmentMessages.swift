import QuipuBase

// Messages of the environment.
// Each lists its fields once, in `visitFields`; coding and JSON follow from that list.

/// Description of machine and program.
public struct EnvironmentRecord: RecordMessage {
  /// Platform string.
  public var os = ""
  /// `CPython 3.11.7`.
  public var python = ""
  public var startedAt: Timestamp?
  public var docker = ""
  /// Arguments without the program.
  public var args: [String] = []
  /// Absolute path of the script.
  public var program = ""
  /// Relative to the git root or root.
  public var codePath = ""
  /// Relative to the working directory.
  public var codePathLocal = ""
  public var git: GitRepoRecord?
  /// Online only.
  public var email = ""
  /// Directory that holds `wandb/`.
  public var root = ""
  public var host = ""
  public var username = ""
  public var executable = ""
  public var colab = ""
  public var cpuCount: UInt32 = 0
  public var cpuCountLogical: UInt32 = 0
  /// JSON name `gpu`.
  public var gpuType = ""
  public var gpuCount: UInt32 = 0
  public var disk: [Key: DiskInfo] = [:]
  public var memory: MemoryInfo?
  public var cpu: CpuInfo?
  public var apple: AppleInfo?
  public var gpuNvidia: [GpuNvidiaInfo] = []
  public var cudaVersion = ""
  public var gpuAmd: [GpuAmdInfo] = []
  /// SLURM_* variables, lower-cased, prefix removed.
  public var slurm: [Key: String] = [:]
  public var trainium: TrainiumInfo?
  public var tpu: TPUInfo?
  public var coreweave: CoreWeaveInfo?
  /// UUIDv7 of the writing core process.
  public var writerID = ""
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "os", &os)
    visitor.scalar(2, "python", &python)
    visitor.message(3, "started_at", &startedAt)
    visitor.scalar(4, "docker", &docker)
    visitor.repeated(5, "args", &args)
    visitor.scalar(6, "program", &program)
    visitor.scalar(7, "code_path", &codePath)
    visitor.scalar(8, "code_path_local", &codePathLocal)
    visitor.message(9, "git", &git)
    visitor.scalar(10, "email", &email)
    visitor.scalar(11, "root", &root)
    visitor.scalar(12, "host", &host)
    visitor.scalar(13, "username", &username)
    visitor.scalar(14, "executable", &executable)
    visitor.scalar(15, "colab", &colab)
    visitor.scalar(16, "cpu_count", &cpuCount)
    visitor.scalar(17, "cpu_count_logical", &cpuCountLogical)
    visitor.scalar(18, "gpu_type", &gpuType)
    visitor.scalar(19, "gpu_count", &gpuCount)
    visitor.map(20, "disk", &disk)
    visitor.message(21, "memory", &memory)
    visitor.message(22, "cpu", &cpu)
    visitor.message(23, "apple", &apple)
    visitor.messages(24, "gpu_nvidia", &gpuNvidia)
    visitor.scalar(25, "cuda_version", &cudaVersion)
    visitor.messages(26, "gpu_amd", &gpuAmd)
    visitor.map(27, "slurm", &slurm)
    visitor.message(28, "trainium", &trainium)
    visitor.message(29, "tpu", &tpu)
    visitor.message(30, "coreweave", &coreweave)
    visitor.scalar(199, "writer_id", &writerID)
    visitor.message(200, "_info", &info)
  }
}

/// Size and use of a disk.
public struct DiskInfo: RecordMessage {
  /// In bytes.
  public var total: UInt64 = 0
  /// In bytes.
  public var used: UInt64 = 0

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "total", &total)
    visitor.scalar(2, "used", &used)
  }
}

/// Size of the memory.
public struct MemoryInfo: RecordMessage {
  /// In bytes.
  public var total: UInt64 = 0

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "total", &total)
  }
}

/// The processor.
public struct CpuInfo: RecordMessage {
  public var count: UInt32 = 0
  public var countLogical: UInt32 = 0
  public var model = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "count", &count)
    visitor.scalar(2, "count_logical", &countLogical)
    visitor.scalar(3, "model", &model)
  }
}

/// An Apple machine.
public struct AppleInfo: RecordMessage {
  public var name = ""
  public var ecpuCores: UInt32 = 0
  public var pcpuCores: UInt32 = 0
  public var gpuCores: UInt32 = 0
  public var memoryGB: UInt32 = 0
  public var swapTotalBytes: UInt64 = 0
  public var ramTotalBytes: UInt64 = 0
  public var macModel = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "name", &name)
    visitor.scalar(2, "ecpu_cores", &ecpuCores)
    visitor.scalar(3, "pcpu_cores", &pcpuCores)
    visitor.scalar(4, "gpu_cores", &gpuCores)
    visitor.scalar(5, "memory_gb", &memoryGB)
    visitor.scalar(6, "swap_total_bytes", &swapTotalBytes)
    visitor.scalar(7, "ram_total_bytes", &ramTotalBytes)
    visitor.scalar(8, "mac_model", &macModel)
  }
}

/// One NVIDIA GPU.
public struct GpuNvidiaInfo: RecordMessage {
  public var name = ""
  public var memoryTotal: UInt64 = 0
  public var cudaCores: UInt32 = 0
  public var architecture = ""
  public var uuid = ""
  public var pciBusID = ""
  public var numaNode: UInt32?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "name", &name)
    visitor.scalar(2, "memory_total", &memoryTotal)
    visitor.scalar(3, "cuda_cores", &cudaCores)
    visitor.scalar(4, "architecture", &architecture)
    visitor.scalar(5, "uuid", &uuid)
    visitor.scalar(6, "pci_bus_id", &pciBusID)
    visitor.optional(7, "numa_node", &numaNode)
  }
}

/// One AMD GPU.
public struct GpuAmdInfo: RecordMessage {
  public var id = ""
  public var uniqueID = ""
  public var vbiosVersion = ""
  public var performanceLevel = ""
  public var gpuOverdrive = ""
  public var gpuMemoryOverdrive = ""
  public var maxPower = ""
  public var series = ""
  public var model = ""
  public var vendor = ""
  public var sku = ""
  public var sclkRange = ""
  public var mclkRange = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "id", &id)
    visitor.scalar(2, "unique_id", &uniqueID)
    visitor.scalar(3, "vbios_version", &vbiosVersion)
    visitor.scalar(4, "performance_level", &performanceLevel)
    visitor.scalar(5, "gpu_overdrive", &gpuOverdrive)
    visitor.scalar(6, "gpu_memory_overdrive", &gpuMemoryOverdrive)
    visitor.scalar(7, "max_power", &maxPower)
    visitor.scalar(8, "series", &series)
    visitor.scalar(9, "model", &model)
    visitor.scalar(10, "vendor", &vendor)
    visitor.scalar(11, "sku", &sku)
    visitor.scalar(12, "sclk_range", &sclkRange)
    visitor.scalar(13, "mclk_range", &mclkRange)
  }
}

/// AWS Trainium devices.
public struct TrainiumInfo: RecordMessage {
  public var name = ""
  public var vendor = ""
  public var neuronDeviceCount: UInt32 = 0
  public var neuroncorePerDeviceCount: UInt32 = 0

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "name", &name)
    visitor.scalar(2, "vendor", &vendor)
    visitor.scalar(3, "neuron_device_count", &neuronDeviceCount)
    visitor.scalar(4, "neuroncore_per_device_count", &neuroncorePerDeviceCount)
  }
}

/// Google TPU devices.
public struct TPUInfo: RecordMessage {
  public var name = ""
  public var hbmGiB: UInt32 = 0
  public var devicesPerChip: UInt32 = 0
  public var count: UInt32 = 0

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "name", &name)
    visitor.scalar(2, "hbm_gib", &hbmGiB)
    visitor.scalar(3, "devices_per_chip", &devicesPerChip)
    visitor.scalar(4, "count", &count)
  }
}

/// A CoreWeave cluster.
public struct CoreWeaveInfo: RecordMessage {
  public var clusterName = ""
  public var orgID = ""
  public var region = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "cluster_name", &clusterName)
    visitor.scalar(2, "org_id", &orgID)
    visitor.scalar(3, "region", &region)
  }
}
