/// The NVIDIA GPUs of this machine.
///
/// Threads: the GPU thread only. Blocking: every call asks the driver.
final class NVMLSource: GPUSource {
  private let library: NVMLLibrary
  private let devices: [NVMLDevice]

  static let standardPath = "libnvidia-ml.so.1"

  /// - Returns: nil without the library, a driver or a GPU.
  init?(path: String) {
    guard let library = NVMLLibrary(path: path), library.initialise() == 0 else { return nil }
    var count: UInt32 = 0
    guard library.getCount(&count) == 0, count > 0 else { return nil }
    self.library = library
    var devices: [NVMLDevice] = []
    for index in 0..<min(count, 256) {
      var handle: OpaquePointer?
      // One that is lost keeps its number: those behind it must not change theirs.
      if library.getHandle(index, &handle) != 0 { handle = nil }
      devices.append(NVMLDevice(library, handle))
    }
    self.devices = devices
  }

  var count: Int { devices.count }

  func facts(_ facts: inout GPUFacts) {
    var version: Int32 = 0
    if let call = library.cudaVersion, call(&version) == 0, version > 0 {
      facts.cudaVersion = "\(version / 1000).\(version % 1000 / 10)"
    }
    facts.nvidia = devices.map(\.facts)
    facts.count += UInt32(devices.count)
    if facts.name.isEmpty { facts.name = facts.nvidia.first?.name ?? "" }
  }

  func sample(first: Int) -> [GPUReading] {
    devices.enumerated().map { $0.element.sample(first + $0.offset) }
  }
}
