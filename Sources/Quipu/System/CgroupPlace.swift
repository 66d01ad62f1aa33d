/// Where the control group of a process lies in the file system.
struct CgroupPlace: Equatable {
  /// Directories from the process's own group up to the highest that can be seen, nearest first; empty: none.
  var memory: [String] = []
  var processor: [String] = []
  /// Version 2 (one tree for all controllers); else version 1.
  var memoryIsUnified = false
  var processorIsUnified = false

  /// Reads `/proc/PID/cgroup` and the list of mounts.
  static func find(root: SystemRoot, processID: Int32) -> CgroupPlace {
    var place = CgroupPlace()
    guard let groups = FileTools.read(root("/proc/\(processID)/cgroup")),
      let mounts = FileTools.read(root("/proc/self/mountinfo"))
    else { return place }
    let lines = mounts.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    for line in groups.split(separator: UInt8(ascii: "\n")) {
      // number:controllers:path; version 2 has number 0 and no controllers.
      let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
      let path = String(decoding: parts[2], as: UTF8.self)
      if controllers.contains("memory") {
        place.memory = directories(path, Mount.find("memory", lines), root)
        place.memoryIsUnified = false
      }
      if controllers.contains("cpu") {
        place.processor = directories(path, Mount.find("cpu", lines), root)
        place.processorIsUnified = false
      }
      if controllers.isEmpty, parts[0].elementsEqual("0".utf8) {
        let unified = directories(path, Mount.find(nil, lines), root)
        // Mixed machines have both: version 1 keeps the controllers that it has.
        if place.memory.isEmpty { (place.memory, place.memoryIsUnified) = (unified, true) }
        if place.processor.isEmpty { (place.processor, place.processorIsUnified) = (unified, true) }
      }
    }
    return place
  }

  private struct Mount {
    /// Which part of the tree is mounted.
    var inner: String
    var point: String

    /// - Parameter controller: nil: version 2.
    static func find(_ controller: String?, _ lines: [String]) -> Mount? {
      for line in lines {
        let words = line.split(separator: " ").map(String.init)
        guard words.count > 6, let dash = words.firstIndex(of: "-"), dash + 3 < words.count else { continue }
        let kind = words[dash + 1]
        if let controller {
          guard kind == "cgroup", words[dash + 3].split(separator: ",").contains(Substring(controller))
          else { continue }
        } else if kind != "cgroup2" {
          continue
        }
        return Mount(inner: words[3], point: words[4])
      }
      return nil
    }
  }

  private static func directories(_ path: String, _ mount: Mount?, _ root: SystemRoot) -> [String] {
    guard let mount else { return [] }
    var inside = path
    // In a container only a part of the tree is mounted, and the path may still be that of the host.
    if mount.inner != "/", inside.utf8.starts(with: mount.inner.utf8) {
      inside = String(decoding: inside.utf8.dropFirst(mount.inner.utf8.count), as: UTF8.self)
    }
    var parts = inside.split(separator: "/").map(String.init)
    if parts.contains("..") || FileTools.kind(root(([mount.point] + parts).joined(separator: "/"))) != .directory {
      parts = []
    }
    var result: [String] = []
    while true {
      result.append(root(([mount.point] + parts).joined(separator: "/")))
      if parts.isEmpty { return result }
      parts.removeLast()
    }
  }
}
