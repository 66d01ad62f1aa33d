import Glibc
import QuipuBase
import QuipuRecords

@testable import Quipu

/// A made-up tree of kernel files below a directory of its own.
final class FakeSystem {
  let directory = CoreDirectory()
  var root: SystemRoot { SystemRoot(prefix: directory.path) }

  func write(_ path: String, _ text: String) {
    var folder = directory.path
    for part in path.split(separator: "/").dropLast() {
      folder += "/" + part
      mkdir(folder, 0o777)
    }
    let full = directory.path + path
    // In place: a sampler keeps the file open.
    let file = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    _ = FileTools.writeAll(file, Array(text.utf8), at: 0)
    close(file)
  }

  func link(_ path: String, to target: String) {
    write(path + ".folder", "")
    symlink(directory.path + target, directory.path + path)
  }

  /// `/proc/PID/stat` as Linux writes it.
  func process(_ id: Int, parent: Int = 1, name: String = "train", ticks: Int, threads: Int = 3, pages: Int = 25_600) {
    write(
      "/proc/\(id)/stat",
      "\(id) (\(name)) R \(parent) 1 1 0 -1 4194304 102 0 0 0 \(ticks) 0 0 0 20 0 \(threads) 0 2402406 3133440 "
        + "\(pages) 18446744073709551615 1 1 1 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0\n")
  }

  func memory(totalKiB: Int, availableKiB: Int) {
    write(
      "/proc/meminfo", "MemTotal: \(totalKiB) kB\nMemFree: 1 kB\nMemAvailable:   \(availableKiB) kB\nBuffers: 1 kB\n")
  }
}

/// Samples of a log, in order.
func statsOf(_ path: String) throws -> [[String: Double]] {
  var found: [[String: Double]] = []
  _ = try LogScan(path: path) { record, _ in
    guard case .stats(let stats) = record.payload else { return }
    var values: [String: Double] = [:]
    for item in stats.item { values[item.key] = Double(item.valueJSON) }
    found.append(values)
  }
  return found
}
