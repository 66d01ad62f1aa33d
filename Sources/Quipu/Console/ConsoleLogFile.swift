import Glibc

/// Keeps `files/output.log` equal to what the emulator shows, without writing the whole file each time: final lines are
/// appended, the short tail behind them is written over.
///
/// The file is made with the first line, so a run that prints nothing has none.
///
/// Threads: not thread-safe; used by the writer thread. Blocking: file writes.
package struct ConsoleLogFile: ~Copyable {
  private let path: String
  private var descriptor: Int32 = -1
  /// Bytes of final lines in the file.
  private var settled: Int64 = 0
  /// Bytes of the tail behind them.
  private var tail: [UInt8] = []
  /// Final lines that could not be written yet. Bounded: a disk that stays full must not fill the memory.
  private var backlog: [UInt8] = []
  /// Bytes dropped because the file could not be written.
  package private(set) var droppedBytes: Int64 = 0

  /// Bytes of the file.
  package var size: Int64 { settled + Int64(tail.count) }

  private static let backlogLimit = 4 << 20

  package init(path: String) { self.path = path }

  deinit { if descriptor >= 0 { _ = close(descriptor) } }

  /// Brings the file up to date.
  ///
  /// - Parameters:
  ///   - newFinal: what ``ConsoleEmulator/takeFinalLines()`` gave.
  ///   - newTail: what ``ConsoleEmulator/tailText()`` gave right after it.
  /// - Throws: `QuipuError.Code.file` or `.diskFull`. The text is kept and written by a later call.
  package mutating func update(final newFinal: [UInt8], tail newTail: [UInt8]) throws(QuipuError) {
    if backlog.count + newFinal.count > Self.backlogLimit {
      droppedBytes += Int64(newFinal.count)
    } else {
      backlog.append(contentsOf: newFinal)
    }
    if backlog.isEmpty && newTail == tail { return }
    if descriptor < 0 {
      let opened = path.withCString { open($0, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666) }
      if opened < 0 { throw FileTools.error(.file, kind: "output_log_failed", doing: "open", path, errno) }
      descriptor = opened
      // A file from an earlier life of the same directory is continued, not overwritten.
      let end = lseek(opened, 0, SEEK_END)
      settled = end > 0 ? Int64(end) : 0
    }
    let content = backlog + newTail
    if let code = FileTools.writeAll(descriptor, content, at: settled) {
      throw FileTools.error(
        code == ENOSPC || code == EDQUOT ? .diskFull : .file, kind: "output_log_failed", doing: "write", path, code)
    }
    let length = settled + Int64(content.count)
    if newTail.count < tail.count || !backlog.isEmpty {
      _ = ftruncate(descriptor, off_t(length))
    }
    settled += Int64(backlog.count)
    backlog = []
    tail = newTail
  }
}
