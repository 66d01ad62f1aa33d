import Glibc
import QuipuRecords

/// When the console text goes on in a new file (settings `console_multipart`, `console_chunk_max_bytes`, `_seconds`).
struct ConsoleParts: Sendable, Equatable {
  /// Size from which on a file is closed; 0: no limit. Units: bytes.
  var bytes: Int64
  /// Age from which on a file is closed; 0: no limit. Units: seconds.
  var seconds: Int64
}

/// One file of several.
struct ConsolePart {
  /// Below the run's files.
  var name: String
  /// CLOCK_MONOTONIC.
  var openedAt: Int64
}

/// `logs/output_YYYYMMDD_HHMMSS_nnnnnnnnn.log`, one after the other. A file is made known when it opens, to be sent at
/// the end, and again when it closes, to be sent then.
///
/// Source: run.md 11.3.
extension RunWriter {
  private static let folder = "logs"
  private static let prefix = "logs/output_"

  func openConsolePart(at time: Int64) {
    let name = Self.partName(time &+ wallOffset)
    beginConsolePart(name, at: time)
    appendFile(name, policy: 1, type: 1, derived: true)
  }

  private func beginConsolePart(_ name: String, at time: Int64) {
    mkdir(context.filesDirectory + "/" + Self.folder, 0o777)
    consolePart = ConsolePart(name: name, openedAt: time)
    consoleFile = ConsoleLogFile(path: context.filesDirectory + "/" + name)
  }

  func isConsolePartOver(_ now: Int64) -> Bool {
    guard let parts = context.consoleParts, let part = consolePart else { return false }
    if parts.seconds > 0, now &- part.openedAt >= min(parts.seconds, 1 << 32) &* 1_000_000_000 { return true }
    return parts.bytes > 0 && (consoleFile?.size ?? 0) >= parts.bytes
  }

  /// What is on the screen belongs to the file that ends: a line that goes on does so as a new one.
  func closeConsolePart() {
    guard let part = consolePart else { return }
    console.finish()
    let lines = console.takeFinalLines()
    do { try consoleFile?.update(final: lines, tail: console.tailText()) } catch {
      drop(kind: error.kind, error.message)
    }
    appendFile(part.name, policy: 0, type: 1, derived: true)
    endConsolePart()
  }

  private func endConsolePart() {
    consolePart = nil
    consoleFile = nil
    consoleDirty = false
  }

  /// Follows the records of an earlier life: files that were closed are whole, the last one is made anew.
  func replayConsolePart(_ record: FilesRecord) {
    guard context.consoleParts != nil, record.files.count == 1, let file = record.files.first,
      file.path.utf8.starts(with: Self.prefix.utf8)
    else { return }
    if file.policy.rawValue == 1 {
      beginConsolePart(file.path, at: lastTime)
    } else {
      console.finish()
      _ = console.takeFinalLines()
      endConsolePart()
    }
  }

  /// - Parameter wall: nanoseconds since 1970.
  static func partName(_ wall: Int64) -> String {
    var seconds = time_t(max(0, wall) / 1_000_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func pad(_ value: Int, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
    let day = pad(Int(parts.tm_year) + 1900, 4) + pad(Int(parts.tm_mon) + 1, 2) + pad(Int(parts.tm_mday), 2)
    let clock = pad(Int(parts.tm_hour), 2) + pad(Int(parts.tm_min), 2) + pad(Int(parts.tm_sec), 2)
    return prefix + day + "_" + clock + "_" + pad(Int(max(0, wall) % 1_000_000_000), 9) + ".log"
  }
}
