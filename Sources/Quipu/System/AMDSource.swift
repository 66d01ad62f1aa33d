import Glibc

/// The AMD GPUs of this machine, as the kernel's driver shows them in `/sys/class/drm`.
///
/// Keys below `gpu.<index>.`: gpu, memoryAllocated, memoryAllocatedBytes, memoryReadWriteActivity, memoryOverDrive,
/// temp, powerWatts, powerPercent, energyJoules, as far as the driver tells them.
///
/// Threads: the GPU thread only. Blocking: a driver that hangs.
final class AMDSource: GPUSource {
  private let cards: [Card]

  private struct Card {
    var id: String
    var directory: String
    var sensors: String?
  }

  /// - Returns: nil without such a GPU.
  init?(root: SystemRoot) {
    let base = root("/sys/class/drm")
    var cards: [(number: Int, card: Card)] = []
    for name in FileTools.list(base) ?? [] {
      guard name.utf8.starts(with: "card".utf8), let number = Int(name.dropFirst(4)), number >= 0 else { continue }
      let directory = base + "/" + name + "/device"
      guard FileTools.readLine(directory + "/vendor", limit: 64) == "0x1002",
        FileTools.exists(directory + "/gpu_busy_percent")
      else { continue }
      let sensors = (FileTools.list(directory + "/hwmon") ?? []).sorted().first.map { directory + "/hwmon/" + $0 }
      cards.append((number, Card(id: name, directory: directory, sensors: sensors)))
    }
    guard !cards.isEmpty else { return nil }
    self.cards = cards.sorted { $0.number < $1.number }.map(\.card)
  }

  var count: Int { cards.count }

  private static func number(_ path: String) -> Double? {
    guard let bytes = FileTools.read(path, limit: 64) else { return nil }
    return bytes.withUnsafeBytes { text in
      var cursor = FieldCursor(text)
      return cursor.number().map { Double($0) }
    }
  }

  func facts(_ facts: inout GPUFacts) {
    for card in cards {
      func text(_ name: String) -> String { FileTools.readLine(card.directory + "/" + name, limit: 256) ?? "" }
      var gpu = GPUFacts.AMD()
      gpu.id = card.id
      gpu.uniqueID = text("unique_id")
      gpu.firmware = text("vbios_version")
      gpu.performanceLevel = text("power_dpm_force_performance_level")
      if let cap = card.sensors.flatMap({ Self.number($0 + "/power1_cap") }) { gpu.maxPower = "\(cap / 1e6)" }
      gpu.series = text("product_name")
      gpu.model = text("device")
      gpu.sku = text("product_number")
      facts.amd.append(gpu)
    }
    facts.count += UInt32(cards.count)
    if facts.name.isEmpty { facts.name = facts.amd.first.map { $0.series.isEmpty ? $0.model : $0.series } ?? "" }
  }

  func sample(first: Int) -> [GPUReading] {
    cards.enumerated().map { offset, card in
      var reading = GPUReading(index: first + offset)
      func device(_ name: String) -> Double? { Self.number(card.directory + "/" + name) }
      func sensor(_ name: String) -> Double? { card.sensors.flatMap { Self.number($0 + "/" + name) } }
      reading.add("gpu", device("gpu_busy_percent"))
      if let used = device("mem_info_vram_used") {
        if let total = device("mem_info_vram_total"), total > 0 { reading.add("memoryAllocated", used / total * 100) }
        reading.add("memoryAllocatedBytes", used)
      }
      reading.add("memoryReadWriteActivity", device("mem_busy_percent"))
      reading.add("memoryOverDrive", device("pp_mclk_od"))
      reading.add("temp", sensor("temp1_input").map { $0 / 1000 })
      // Newer kernels have only the momentary value. Microwatts, microjoules.
      let power = (sensor("power1_average") ?? sensor("power1_input")).map { $0 / 1e6 }
      reading.add("powerWatts", power)
      if let power, let cap = sensor("power1_cap"), cap > 0 { reading.add("powerPercent", power / (cap / 1e6) * 100) }
      reading.add("energyJoules", sensor("energy1_input").map { $0 / 1e6 })
      return reading
    }
  }
}
