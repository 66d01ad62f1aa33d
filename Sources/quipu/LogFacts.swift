import Glibc
import Quipu
import QuipuBase
import QuipuRecords

/// A log that was read once from start to end, with what it says and what is wrong with it.
struct LogFacts {
  var path: String
  var size: Int64
  var view: RunView
  var scan: LogScan
  /// True if a writer holds the lock; nil if that cannot be told.
  var locked: Bool?
  /// Seconds since the last change.
  var idle: Int64?
  /// Records between two numbers that do not follow each other: they were lost.
  var missingRecords: Int64
  /// Bytes that readers pass over silently, between records or behind the last one, and that are not zero.
  var hiddenBytes: UInt64
  /// Zero bytes behind the last record.
  var zeroTail: UInt64
  /// Records behind the exit record, and how many of them are exit records again.
  var recordsAfterExit = 0
  var furtherExits = 0
  /// What follows the last record of a cut log is zero.
  var isTailZero = false

  /// - Throws: a line that names the file and the reason.
  init(path: String) throws(QuipuError) {
    self.path = path
    // Asked before reading: a run that ends meanwhile is then seen as running, never as crashed.
    locked = RunLocation.isLocked(path)
    var view = RunView()
    var lastNum: Int64 = 0
    var missing: Int64 = 0
    var end = UInt64(LogFormat.fileHeaderSize)
    var gaps: [(UInt64, UInt64)] = []
    var afterExit = 0
    var exits = 0
    do throws(LogFileError) {
      scan = try LogScan(path: path) { record, span in
        if view.exit != nil { afterExit += 1 }
        if case .exit = record.payload { exits += 1 }
        view.apply(record)
        if record.num > lastNum {
          missing = missing &+ (record.num &- lastNum &- 1)
          lastNum = record.num
        }
        // Padding is at most six bytes at the end of a block.
        let room = LogFormat.blockRemainder(at: end)
        let expected = room < LogFormat.chunkHeaderSize ? end + UInt64(room) : end
        if span.start > expected, gaps.count < 1000 { gaps.append((end, span.start)) }
        end = span.end
      }
    } catch {
      throw QuipuError(
        .file, kind: "log_unreadable", "cannot \(error.operation.rawValue) \(path): \(FileTools.errnoText(error.code))")
    }
    self.view = view
    recordsAfterExit = afterExit
    furtherExits = max(0, exits - 1)
    missingRecords = missing
    size = FileTools.size(path) ?? 0
    idle = RunLocation.modified(path).map { max(0, Int64(time(nil)) - $0) }

    // What the reader passed over without a word must be zeros.
    hiddenBytes = 0
    zeroTail = 0
    guard let file = try? LogFile.openForReading(path: path) else { return }
    let damaged = scan.damage
    func isReported(_ from: UInt64, _ to: UInt64) -> Bool {
      damaged.contains { $0.offset < to && $0.resumesAt > from }
    }
    for (from, to) in gaps where !isReported(from, to) { hiddenBytes += Self.nonZero(file, from, to) }
    if case .badHeader = scan.end { return }
    let total = UInt64(clamping: size)
    guard end < total, !isReported(end, total) else {
      isTailZero = end >= total
      return
    }
    let other = Self.nonZero(file, end, total)
    if scan.end != .endOfFile {
      isTailZero = other == 0
    } else if other == 0 {
      zeroTail = total - end
    } else {
      hiddenBytes += other
    }
  }

  var state: RunState {
    RunState(exit: view.exit?.exitCode, locked: locked, idle: idle, writerLocks: writerLocks)
  }

  /// Quipu's writer holds a lock as long as it lives; the official client has none.
  private var writerLocks: Bool { view.producer.hasSuffix("+quipu") }

  /// Number of bytes from the first to the last one that is not zero.
  private static func nonZero(_ file: borrowing LogFile, _ from: UInt64, _ to: UInt64) -> UInt64 {
    var block = [UInt8](repeating: 0, count: 1 << 16)
    var at = from
    var first: UInt64?
    var last: UInt64 = from
    while at < to {
      let want = Int(min(UInt64(block.count), to - at))
      let n = block.withUnsafeMutableBytes { raw in
        (try? file.read(at: at, into: UnsafeMutableRawBufferPointer(rebasing: raw[..<want]))) ?? 0
      }
      if n <= 0 { break }
      if let found = block[..<n].lastIndex(where: { $0 != 0 }) {
        last = at + UInt64(found) + 1
        if first == nil, let start = block[..<n].firstIndex(where: { $0 != 0 }) { first = at + UInt64(start) }
      }
      at += UInt64(n)
    }
    return last - (first ?? last)
  }

  // MARK: problems

  enum Severity { case note, damage, unusable }

  /// Everything there is to say about the log's health, the worst first, one line each.
  func problems() -> [(Severity, String)] {
    var out: [(Severity, String)] = []
    if case .badHeader(let problem) = scan.end {
      switch problem {
      case .identifier: out.append((.unusable, "not a .wandb log: it does not start with \":W&B\""))
      case .magic: out.append((.unusable, "not a .wandb log: wrong magic number in its header"))
      case .version(let version):
        out.append((.unusable, "made by newer software: format version \(version), this program reads version 0"))
      }
      return out
    }
    if scan.recordCount == 0 && scan.damageCount == 0 {
      if size == 0 {
        out.append((.unusable, "the file is empty"))
      } else if size < Int64(LogFormat.fileHeaderSize) {
        out.append((.unusable, "the file ends inside its header"))
      } else {
        out.append((.unusable, "there is no whole record: the run ended before its log was written"))
      }
    } else if !view.hasRun {
      out.append((.unusable, "there is no run record: nothing says which run this is"))
    }
    for damage in scan.damage {
      let lost = damage.resumesAt > damage.offset ? damage.resumesAt - damage.offset : 0
      out.append((
        .damage, "at \(offset(damage.offset)): \(damage.kind.rawValue); \(offset(lost)) bytes lost, reading goes on at "
          + "\(offset(damage.resumesAt))"
      ))
    }
    if scan.damageCount > scan.damage.count {
      out.append((.damage, "\(scan.damageCount - scan.damage.count) more places are damaged"))
    }
    if missingRecords > 0 {
      let count = HumanText.count(Int(clamping: missingRecords), "record")
      out.append((.damage, "\(count) missing: their numbers are skipped"))
    }
    if hiddenBytes > 0 {
      out.append((.damage, "\(HumanText.count(Int(clamping: hiddenBytes), "byte")) behind zeros or orphaned chunks: "
        + "readers pass over them silently"))
    }
    if case .unexpectedEnd(let at) = scan.end, size >= Int64(LogFormat.fileHeaderSize) {
      let cut = UInt64(clamping: size) > at ? UInt64(clamping: size) - at : 0
      if state == .running && locked == true {
        out.append((.note, "at \(offset(at)): a record is being written"))
      } else if isTailZero {
        out.append((.damage, "the log ends with a few stray zero bytes: official tools call it incomplete"))
      } else {
        out.append((.damage, "at \(offset(at)): the log ends inside a record; its \(offset(cut)) bytes are lost"))
      }
    }
    if scan.unknownRecordCount > 0 {
      let count = HumanText.count(scan.unknownRecordCount, "record")
      out.append((.damage, "\(count) of unknown type: official tools crash on them"))
    }
    if view.droppedItems > 0 {
      out.append((.damage, "\(HumanText.count(view.droppedItems, "value")) not JSON: readers leave them out"))
    }
    if furtherExits > 0 {
      out.append((.damage, "the run ends \(furtherExits + 1) times: uploading fails at the second end"))
    } else if recordsAfterExit > 0 {
      let count = HumanText.count(recordsAfterExit, "record")
      out.append((.note, "\(count) behind the end of the run: readers ignore them"))
    }
    if zeroTail > 0 {
      out.append((.note, "\(HumanText.count(Int(clamping: zeroTail), "zero byte")) behind the last record"))
    }
    if view.exit == nil, view.hasRun {
      switch state {
      case .running: out.append((.note, "no end yet: the run is still being written"))
      default:
        out.append((.note, "no end: the process died or lost its log; uploading it reports exit code 1"))
        if writerLocks {
          out.append((.note, "quipu recover takes the last rows from shared memory, if they are still there"))
        }
      }
    }
    return out
  }

  /// True if readers find nothing to complain about, and not even zeros are left behind the last record.
  var isWhole: Bool { zeroTail == 0 && !problems().contains { $0.0 != .note } }

  private func offset(_ value: UInt64) -> String { String(value) }
}
