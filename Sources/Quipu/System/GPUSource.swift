import QuipuRecords

/// What one GPU showed at one moment.
struct GPUReading: Sendable, Equatable {
  var index: Int
  /// Without `gpu.<index>.`.
  var values: [Value] = []
  /// Processes that use it.
  var processes: [Int32] = []

  struct Value: Sendable, Equatable {
    var name: String
    var number: Double
  }

  mutating func add(_ name: String, _ number: Double?) {
    if let number { values.append(Value(name: name, number: number)) }
  }

  /// Values that are repeated under `gpu.process.<index>.` where the watched process uses this GPU.
  static let ofProcess: Set<String> = [
    "gpu", "memory", "memoryAllocated", "memoryAllocatedBytes", "temp", "powerWatts", "enforcedPowerLimitWatts",
    "powerPercent",
  ]

  func add(to sample: inout StatsSample, isUsed: Bool) {
    for value in values {
      sample.add("gpu.\(index).\(value.name)", value.number)
      if isUsed, Self.ofProcess.contains(value.name) {
        sample.add("gpu.process.\(index).\(value.name)", value.number)
      }
    }
  }
}

/// What does not change about the GPUs of a machine.
struct GPUFacts: Sendable, Equatable {
  var name = ""
  var count: UInt32 = 0
  var cudaVersion = ""
  var nvidia: [NVIDIA] = []
  var amd: [AMD] = []

  struct NVIDIA: Sendable, Equatable {
    var name = ""
    /// Bytes.
    var memoryTotal: UInt64 = 0
    var cores: UInt32 = 0
    var architecture = ""
    var uuid = ""
    var bus = ""
    var numaNode: UInt32?
  }

  struct AMD: Sendable, Equatable {
    var id = ""
    var uniqueID = ""
    var firmware = ""
    var performanceLevel = ""
    var maxPower = ""
    var series = ""
    var model = ""
    var sku = ""
  }

  func fill(_ record: inout EnvironmentRecord) {
    record.gpuType = name
    record.gpuCount = count
    record.cudaVersion = cudaVersion
    record.gpuNvidia = nvidia.map { gpu in
      var info = GpuNvidiaInfo()
      info.name = gpu.name
      info.memoryTotal = gpu.memoryTotal
      info.cudaCores = gpu.cores
      info.architecture = gpu.architecture
      info.uuid = gpu.uuid
      info.pciBusID = gpu.bus
      info.numaNode = gpu.numaNode
      return info
    }
    record.gpuAmd = amd.map { gpu in
      var info = GpuAmdInfo()
      info.id = gpu.id
      info.uniqueID = gpu.uniqueID
      info.vbiosVersion = gpu.firmware
      info.performanceLevel = gpu.performanceLevel
      info.maxPower = gpu.maxPower
      info.series = gpu.series
      info.model = gpu.model
      info.vendor = "Advanced Micro Devices, Inc. [AMD/ATI]"
      info.sku = gpu.sku
      return info
    }
  }
}

/// GPUs of one maker. Its calls may take long, or for ever: they run on a thread of their own.
protocol GPUSource: AnyObject {
  /// Adds what is known.
  func facts(_ facts: inout GPUFacts)
  /// - Parameter first: the index of this source's first GPU.
  func sample(first: Int) -> [GPUReading]
  var count: Int { get }
}
