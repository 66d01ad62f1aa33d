import Glibc

/// One NVIDIA GPU.
///
/// Threads: the GPU thread only. Blocking: every call asks the driver.
final class NVMLDevice {
  private let library: NVMLLibrary
  private let handle: NVMLLibrary.Handle
  private let profile: NVMLProfile?

  init(_ library: NVMLLibrary, _ handle: NVMLLibrary.Handle) {
    self.library = library
    self.handle = handle
    profile = NVMLProfile(library, handle)
  }

  // MARK: Calls

  private func number(_ call: NVMLLibrary.DeviceNumber?) -> UInt32? {
    var value: UInt32 = 0
    guard let call, call(handle, &value) == 0 else { return nil }
    return value
  }

  private func number(_ call: NVMLLibrary.DeviceChoice?, _ choice: UInt32) -> UInt32? {
    var value: UInt32 = 0
    guard let call, call(handle, choice, &value) == 0 else { return nil }
    return value
  }

  private func text(_ call: NVMLLibrary.DeviceText?) -> String {
    var room = [CChar](repeating: 0, count: 128)
    guard let call, call(handle, &room, UInt32(room.count)) == 0 else { return "" }
    return Self.text(room)
  }

  private static func text(_ room: [CChar]) -> String {
    String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Numbers that the library writes one after the other.
  private func words<Word: FixedWidthInteger>(
    _ call: NVMLLibrary.DeviceMemory?, _ count: Int, _: Word.Type
  ) -> [Word]? {
    guard let call else { return nil }
    var room = [Word](repeating: 0, count: count)
    let status = room.withUnsafeMutableBytes { bytes in bytes.baseAddress.map { call(handle, $0) } ?? 1 }
    return status == 0 ? room : nil
  }

  // MARK: Facts

  private static let architectures = [
    "", "", "Kepler", "Maxwell", "Pascal", "Volta", "Turing", "Ampere", "Ada", "Hopper", "Blackwell",
  ]

  var facts: GPUFacts.NVIDIA {
    var facts = GPUFacts.NVIDIA()
    facts.name = text(library.name)
    facts.uuid = text(library.uuid)
    facts.memoryTotal = words(library.memory, 3, UInt64.self)?[0] ?? 0
    facts.cores = number(library.cores) ?? 0
    if let kind = number(library.architecture), kind < Self.architectures.count {
      facts.architecture = Self.architectures[Int(kind)]
    }
    // An old bus id of 16 bytes, five numbers, then the id of 32 bytes.
    if let words = words(library.pci, 17, UInt32.self) {
      let bytes = words.dropFirst(9).flatMap { word in (0..<4).map { CChar(truncatingIfNeeded: word >> ($0 * 8)) } }
      facts.bus = Self.text(bytes)
    }
    facts.numaNode = number(library.numaNode)
    return facts
  }

  // MARK: Sample

  func sample(_ index: Int) -> GPUReading {
    var reading = GPUReading(index: index)
    if let rates = words(library.utilization, 2, UInt32.self) {
      reading.add("gpu", Double(rates[0]))
      reading.add("memory", Double(rates[1]))
    }
    // total, free, used
    if let memory = words(library.memory, 3, UInt64.self) {
      if memory[0] > 0 { reading.add("memoryAllocated", Double(memory[2]) / Double(memory[0]) * 100) }
      reading.add("memoryAllocatedBytes", Double(memory[2]))
    }
    reading.add("temp", number(library.temperature, 0).map { Double($0) })
    let power = number(library.power).map { Double($0) / 1000 }
    let limit = number(library.powerLimit).map { Double($0) / 1000 }
    reading.add("powerWatts", power)
    reading.add("enforcedPowerLimitWatts", limit)
    if let power, let limit, limit > 0 { reading.add("powerPercent", power / limit * 100) }
    var energy: UInt64 = 0
    if let call = library.energy, call(handle, &energy) == 0 { reading.add("energyJoules", Double(energy) / 1000) }
    reading.add("smClock", number(library.clock, 1).map { Double($0) })
    reading.add("memoryClock", number(library.clock, 2).map { Double($0) })
    // Since the driver was loaded ("volatile").
    for (kind, name) in [(0, "correctedMemoryErrors"), (1, "uncorrectedMemoryErrors")] as [(UInt32, String)] {
      var count: UInt64 = 0
      if let call = library.errors, call(handle, kind, 0, &count) == 0 { reading.add(name, Double(count)) }
    }
    reading.add("fanSpeed", number(library.fan).map { Double($0) })
    if let profile {
      for value in profile.sample() { reading.add(value.name, value.number) }
    }
    if !reading.values.contains(where: { $0.name == "pcieTxBytes" }) {
      reading.add("pcieTxBytes", number(library.pcieThroughput, 0).map { Double($0) * 1000 })
      reading.add("pcieRxBytes", number(library.pcieThroughput, 1).map { Double($0) * 1000 })
    }
    reading.processes = processes(library.computeProcesses) + processes(library.graphicsProcesses)
    return reading
  }

  /// Ids of processes. An entry has 24 bytes and begins with the id.
  private func processes(_ call: NVMLLibrary.DeviceProcesses?) -> [Int32] {
    guard let call else { return [] }
    // More than a GPU can have at once.
    let most = 256
    var count = UInt32(most)
    var room = [UInt32](repeating: 0, count: most * 6)
    let status = room.withUnsafeMutableBytes { call(handle, &count, $0.baseAddress) }
    guard status == 0 else { return [] }
    return (0..<min(most, Int(count))).map { Int32(truncatingIfNeeded: room[$0 * 6]) }
  }
}
