import Glibc

/// Space of the paths that are watched, and traffic of the disks that hold them.
///
/// Keys: `disk.PATH.usagePercent`, `disk.PATH.usageGB`; `disk.DEVICE.in`, `disk.DEVICE.out` (MiB since the
/// first sample).
///
/// Blocking: a network file system that does not answer holds up the sampler's thread, and nothing else.
final class DiskCollector {
  private let paths: [(path: String, percentKey: String, sizeKey: String)]
  private let devices: [Device]
  private let file: ProcFile

  private final class Device {
    let name: String
    let inKey: String
    let outKey: String
    var first: (read: UInt64, written: UInt64)?

    init(_ name: String) {
      self.name = name
      inKey = "disk.\(name).in"
      outKey = "disk.\(name).out"
    }
  }

  init(root: SystemRoot, paths: [String]) {
    self.paths = paths.map { ($0, "disk.\($0).usagePercent", "disk.\($0).usageGB") }
    var names: [String] = []
    for path in paths {
      if let name = Self.device(of: path, root: root), !names.contains(name) { names.append(name) }
    }
    devices = names.map { Device($0) }
    file = ProcFile(root("/proc/diskstats"))
  }

  func close() { file.close() }

  /// The disk (not the partition) behind a path; nil for network and memory file systems.
  private static func device(of path: String, root: SystemRoot) -> String? {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    // Some file systems span disks and have numbers of their own: the mount names one of theirs.
    if major(info.st_dev) == 0 {
      guard let source = mountSource(of: info.st_dev, root: root), source.utf8.starts(with: "/dev/".utf8),
        stat(source, &info) == 0, info.st_mode & S_IFMT == S_IFBLK
      else { return nil }
      return name(info.st_rdev, root: root)
    }
    return name(info.st_dev, root: root)
  }

  private static func major(_ number: dev_t) -> dev_t { number >> 8 & 0xFFF | number >> 32 & 0xFFFF_F000 }
  private static func minor(_ number: dev_t) -> dev_t { number & 0xFF | number >> 12 & 0xFFFF_FF00 }

  private static func name(_ number: dev_t, root: SystemRoot) -> String? {
    let path = root("/sys/dev/block/\(major(number)):\(minor(number))")
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    var directory = String(cString: real)
    if FileTools.exists(directory + "/partition") { directory = PathTools.directory(directory) }
    return directory.split(separator: "/").last.map(String.init)
  }

  private static func mountSource(of number: dev_t, root: SystemRoot) -> String? {
    let wanted = "\(major(number)):\(minor(number))"
    guard let mounts = FileTools.read(root("/proc/self/mountinfo")) else { return nil }
    for line in mounts.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "))
      guard words.count > 6, words[2].elementsEqual(wanted.utf8),
        let dash = words.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash + 2 < words.count
      else { continue }
      return String(decoding: words[dash + 2], as: UTF8.self)
    }
    return nil
  }

  /// Space in use. Called without a lock: it may wait for a network.
  func sampleSpace(into sample: inout StatsSample) {
    for place in paths {
      var info = statvfs()
      guard statvfs(place.path, &info) == 0 else { continue }
      let unit = Double(info.f_frsize)
      let used = (Double(info.f_blocks) - Double(info.f_bfree)) * unit
      // As df: what only root may use is not there for others.
      let reachable = used + Double(info.f_bavail) * unit
      if reachable > 0 { sample.add(place.percentKey, used / reachable * 100) }
      sample.add(place.sizeKey, used / 1_073_741_824)
    }
  }

  func sampleTraffic(_ room: ReadRoom, into sample: inout StatsSample) {
    guard !devices.isEmpty, var text = file.read(room) else { return }
    while !text.isAtEnd {
      defer { text.nextLine() }
      text.skip(2)
      guard let name = text.word(), let device = devices.first(where: { name.elementsEqual($0.name.utf8) })
      else { continue }
      // reads, merged, sectors, milliseconds; the same for writes. A sector has 512 bytes here, on every disk.
      text.skip(2)
      guard let read = text.number() else { continue }
      text.skip(3)
      guard let written = text.number() else { continue }
      let first = device.first ?? (read, written)
      device.first = first
      sample.add(device.inKey, Double(read &- min(read, first.read)) / 2048)
      sample.add(device.outKey, Double(written &- min(written, first.written)) / 2048)
    }
  }
}
