import Glibc

/// NVIDIA's management library, opened at run time: a machine without it has no NVIDIA GPU.
///
/// Only the few entry points that are used are declared, each optional: an old driver lacks some. All answer a status,
/// 0 for success.
///
/// Source: the C interface of NVML 12 (nvml.h), whose entry points and layouts are kept stable by their suffixes.
struct NVMLLibrary: @unchecked Sendable {
  // @unchecked: function pointers, never changed.
  typealias Handle = OpaquePointer?
  typealias Number = UnsafeMutablePointer<UInt32>
  typealias LongNumber = UnsafeMutablePointer<UInt64>
  typealias Memory = UnsafeMutableRawPointer

  typealias DeviceNumber = @convention(c) (Handle, Number) -> Int32
  typealias DeviceLongNumber = @convention(c) (Handle, LongNumber) -> Int32
  typealias DeviceChoice = @convention(c) (Handle, UInt32, Number) -> Int32
  typealias DeviceText = @convention(c) (Handle, UnsafeMutablePointer<CChar>, UInt32) -> Int32
  typealias DeviceMemory = @convention(c) (Handle, Memory) -> Int32
  typealias DeviceErrors = @convention(c) (Handle, UInt32, UInt32, LongNumber) -> Int32
  typealias DeviceProcesses = @convention(c) (Handle, Number, Memory?) -> Int32
  typealias DeviceSample = @convention(c) (Handle, Handle) -> Int32

  let initialise: @convention(c) () -> Int32
  let getCount: @convention(c) (Number) -> Int32
  let getHandle: @convention(c) (UInt32, UnsafeMutablePointer<OpaquePointer?>) -> Int32
  let cudaVersion: (@convention(c) (UnsafeMutablePointer<Int32>) -> Int32)?
  let name: DeviceText?
  let uuid: DeviceText?
  let pci: DeviceMemory?
  let cores: DeviceNumber?
  let architecture: DeviceNumber?
  let numaNode: DeviceNumber?
  let memory: DeviceMemory?
  let utilization: DeviceMemory?
  let temperature: DeviceChoice?
  let power: DeviceNumber?
  let powerLimit: DeviceNumber?
  let energy: DeviceLongNumber?
  let clock: DeviceChoice?
  let errors: DeviceErrors?
  let fan: DeviceNumber?
  let pcieThroughput: DeviceChoice?
  let computeProcesses: DeviceProcesses?
  let graphicsProcesses: DeviceProcesses?
  let gpmSupport: DeviceMemory?
  let gpmAllocate: (@convention(c) (UnsafeMutablePointer<OpaquePointer?>) -> Int32)?
  let gpmTake: DeviceSample?
  let gpmMetrics: (@convention(c) (Memory) -> Int32)?

  /// - Returns: nil if there is no such library, or not one of the kind that is meant.
  /// Blocking: reads the library from the disk.
  init?(path: String) {
    guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { return nil }
    func find<T>(_ symbol: String, _ type: T.Type) -> T? {
      dlsym(library, symbol).map { unsafeBitCast($0, to: type) }
    }
    guard let initialise = find("nvmlInit_v2", (@convention(c) () -> Int32).self),
      let getCount = find("nvmlDeviceGetCount_v2", (@convention(c) (Number) -> Int32).self),
      let getHandle = find(
        "nvmlDeviceGetHandleByIndex_v2", (@convention(c) (UInt32, UnsafeMutablePointer<OpaquePointer?>) -> Int32).self)
    else {
      dlclose(library)
      return nil
    }
    self.initialise = initialise
    self.getCount = getCount
    self.getHandle = getHandle
    cudaVersion = find(
      "nvmlSystemGetCudaDriverVersion_v2", (@convention(c) (UnsafeMutablePointer<Int32>) -> Int32).self)
    name = find("nvmlDeviceGetName", DeviceText.self)
    uuid = find("nvmlDeviceGetUUID", DeviceText.self)
    pci = find("nvmlDeviceGetPciInfo_v3", DeviceMemory.self)
    cores = find("nvmlDeviceGetNumGpuCores", DeviceNumber.self)
    architecture = find("nvmlDeviceGetArchitecture", DeviceNumber.self)
    numaNode = find("nvmlDeviceGetNumaNodeId", DeviceNumber.self)
    memory = find("nvmlDeviceGetMemoryInfo", DeviceMemory.self)
    utilization = find("nvmlDeviceGetUtilizationRates", DeviceMemory.self)
    temperature = find("nvmlDeviceGetTemperature", DeviceChoice.self)
    power = find("nvmlDeviceGetPowerUsage", DeviceNumber.self)
    powerLimit = find("nvmlDeviceGetEnforcedPowerLimit", DeviceNumber.self)
    energy = find("nvmlDeviceGetTotalEnergyConsumption", DeviceLongNumber.self)
    clock = find("nvmlDeviceGetClockInfo", DeviceChoice.self)
    errors = find("nvmlDeviceGetTotalEccErrors", DeviceErrors.self)
    fan = find("nvmlDeviceGetFanSpeed", DeviceNumber.self)
    pcieThroughput = find("nvmlDeviceGetPcieThroughput", DeviceChoice.self)
    computeProcesses = find("nvmlDeviceGetComputeRunningProcesses_v3", DeviceProcesses.self)
    graphicsProcesses = find("nvmlDeviceGetGraphicsRunningProcesses_v3", DeviceProcesses.self)
    gpmSupport = find("nvmlGpmQueryDeviceSupport", DeviceMemory.self)
    gpmAllocate = find(
      "nvmlGpmSampleAlloc", (@convention(c) (UnsafeMutablePointer<OpaquePointer?>) -> Int32).self)
    gpmTake = find("nvmlGpmSampleGet", DeviceSample.self)
    gpmMetrics = find("nvmlGpmMetricsGet", (@convention(c) (Memory) -> Int32).self)
  }
}
