import Glibc
import Quipu
import QuipuBase
import QuipuRecords

/// `quipu recover`: a log that every tool reads to its end, with all rows that can be saved.
enum RecoverCommand {
  static let help = """
    Usage: quipu recover [RUN] [--output FILE] [--no-backup]

    Repairs a log after a crash: takes the last rows from shared memory if they are still there,
    keeps every record that can be read, and drops what is torn, damaged, or makes official tools
    fail. If anything changes, the original is kept beside it as FILE.bak.

      RUN            as for quipu show (default: the latest run here)
      --output FILE  write a repaired copy to FILE and leave the log and shared memory alone
      --no-backup    do not keep the original

    Exit status: 0 the log is whole now, 1 it cannot be repaired or is still being written.

    Examples
      quipu recover wandb/latest-run
      quipu recover run-ab12cd34.wandb --output repaired.wandb

    """

  static func run(_ arguments: [String]) throws -> Int32 {
    let line = try CommandLineArguments(
      arguments,
      options: [.init(name: "--help"), .init(name: "--no-backup"), .init(name: "--output", takesValue: true)])
    let output = Output()
    if line.has("--help") {
      output.write(help)
      output.flush()
      return 0
    }
    let path = try RunLocation.find(line.only("run", default: "."))
    var facts = try LogFacts(path: path)
    if facts.locked == true || (facts.locked == nil && facts.state == .running) {
      throw QuipuError(.busy, kind: "log_locked", "\(path) is being written; repair it when the run has ended")
    }
    if let target = line["--output"] {
      let result = try LogRepair.copy(facts, to: target)
      report(result, target, facts, output)
      return 0
    }

    let isWhole = facts.isWhole
    if isWhole && facts.view.exit != nil {
      output.line("\(path) is whole: nothing to do")
      output.flush()
      return 0
    }
    // A copy, because both steps below change the file itself. Its bytes are shared where the file system can.
    let backup = try LogRepair.freeBackupName(path)
    if let number = FileTools.copy(path, to: backup) {
      throw FileTools.error(.file, kind: "repair_failed", doing: "keep a backup of", path, number)
    }
    var isBackupKept = false
    defer { if !isBackupKept { unlink(backup) } }
    do {
      let rows = try takeRows(path, backup, facts)
      if rows > 0 {
        output.line("\(path): \(HumanText.count(rows, "row")) taken from shared memory")
        facts = try LogFacts(path: path)
      }
      if facts.isWhole {
        if rows == 0 { output.line("\(path) is whole: nothing to do") }
      } else {
        let result = try LogRepair.copy(facts, to: path)
        report(result, path, facts, output)
      }
      if rows > 0 || !isWhole, !line.has("--no-backup") {
        isBackupKept = true
        output.line("  the original is \(backup)")
      }
    } catch {
      // Whatever happened, the original must not be lost.
      isBackupKept = !FileTools.isEqual(path, backup)
      throw error
    }
    if facts.view.exit == nil { output.line("  no end of the run is recorded; uploading it reports exit code 1") }
    output.flush()
    return 0
  }

  /// Brings what shared memory still holds into the log; returns the number of rows.
  private static func takeRows(_ path: String, _ backup: String, _ before: LogFacts) throws -> Int {
    if before.view.exit != nil || before.size < Int64(LogFormat.fileHeaderSize) { return 0 }
    if case .badHeader = before.scan.end { return 0 }
    let report = try Recovery.recover(path: path)
    guard report.ringFound else {
      // The core may have cut the end; the copy below decides about that, so put it back.
      if !FileTools.isEqual(path, backup) { try restore(path, backup) }
      return 0
    }
    // Recovery appends; a log that comes out of it with fewer records was damaged in its middle.
    let after = try LogFacts(path: path)
    if after.scan.recordCount < before.scan.recordCount {
      try restore(path, backup)
      return 0
    }
    return Int(clamping: report.rowsRecovered)
  }

  private static func restore(_ path: String, _ backup: String) throws {
    if let number = FileTools.copy(backup, to: path) {
      throw FileTools.error(.file, kind: "repair_failed", doing: "restore", path, number)
    }
  }

  private static func report(_ result: LogRepair.Result, _ path: String, _ facts: LogFacts, _ output: Output) {
    output.line("\(path): \(HumanText.count(result.kept, "record")) kept")
    if result.dropped > 0 {
      output.line("  \(HumanText.count(result.dropped, "record")) dropped: unusable for readers")
    }
    if result.lostBytes > 0 {
      output.line("  \(HumanText.count(Int(clamping: result.lostBytes), "byte")) lost with the damage")
    }
    output.flush()
  }
}

/// Writes a copy of a log with its good records.
enum LogRepair {
  struct Result {
    var kept = 0
    /// Whole records left out because readers fail on them.
    var dropped = 0
    /// Bytes of the original that hold no kept record, zeros behind the end not counted.
    var lostBytes: UInt64 = 0
  }

  /// Writes the copy; `target` may be the log itself, which is replaced in one step.
  ///
  /// - Throws: codes `.busy` (somebody took the log meanwhile), `.format` (nothing to keep), `.file`.
  static func copy(_ facts: LogFacts, to target: String) throws(QuipuError) -> Result {
    if facts.scan.recordCount == 0 {
      let reason = facts.problems().first?.1 ?? "there is nothing in it"
      throw QuipuError(.format, kind: "log_unusable", "\(facts.path): \(reason)")
    }
    // Held to the end: no writer and no second repair comes in between.
    let guardFile: LogFile
    var isFree = true
    do throws(LogFileError) {
      guardFile = try LogFile.openForReading(path: facts.path)
      // On file systems without locks there is nothing to hold.
      do throws(LogFileError) { isFree = try guardFile.lockIfFree() } catch {}
    } catch {
      throw fileError(error, facts.path)
    }
    if !isFree { throw fileError(LogFileError(.lock, code: EBUSY), facts.path) }
    return try copy(holding: guardFile, facts, to: target)
  }

  private static func copy(
    holding guardFile: borrowing LogFile, _ facts: LogFacts, to target: String
  ) throws(QuipuError) -> Result {
    var result = Result()
    let temporary = "\(target).\(getpid())~"
    do throws(QuipuError) {
      try copyRecords(from: facts.path, to: temporary, &result)
      if rename(temporary, target) != 0 {
        throw FileTools.error(.file, kind: "repair_failed", doing: "write", target, errno)
      }
    } catch {
      unlink(temporary)
      throw error
    }
    let size = UInt64(clamping: facts.size)
    let all = size - min(size, facts.zeroTail)
    result.lostBytes = all > facts.scan.validBytes ? all - facts.scan.validBytes : 0
    return result
  }

  private static func copyRecords(
    from path: String, to target: String, _ result: inout Result
  ) throws(QuipuError) {
    do throws(LogFileError) {
      var reader = LogReader(try LogFile.openForReading(path: path))
      var out = try LogFile.create(path: target)
      var framer = BlockWriter()
      var buffer = ByteBuffer(capacity: 1 << 20)
      BlockWriter.appendFileHeader(to: &buffer)
      var hasExit = false
      var isOpen = true
      while isOpen {
        switch try reader.next() {
        case .record:
          guard let record = try? Record(decoding: reader.payload) else { continue }
          var isKept = true
          switch record.payload {
          case .request, .unknown, .noopLinkArtifact: isKept = false
          case .exit:
            // Uploading fails at a second end.
            if hasExit { isKept = false }
            hasExit = true
          default: break
          }
          guard isKept else {
            result.dropped += 1
            continue
          }
          // The bytes as they are: also fields that this version does not know.
          framer.append(reader.payload, to: &buffer)
          result.kept += 1
          if buffer.count >= 1 << 20 {
            try out.append(buffer.bytes)
            buffer.removeAll()
          }
        case .damage: break
        case .endOfFile, .unexpectedEnd, .badHeader: isOpen = false
        }
      }
      try out.append(buffer.bytes)
      try out.sync()
    } catch {
      throw fileError(error, error.operation == .create || error.operation == .write ? target : path)
    }
  }

  static func freeBackupName(_ path: String) throws(QuipuError) -> String {
    for number in 0..<1000 {
      let name = number == 0 ? path + ".bak" : "\(path).bak\(number)"
      if !FileTools.exists(name) { return name }
    }
    throw FileTools.error(.file, kind: "repair_failed", doing: "keep a backup of", path, EEXIST)
  }

  private static func fileError(_ error: LogFileError, _ path: String) -> QuipuError {
    FileTools.error(.file, kind: "repair_failed", doing: error.operation.rawValue, path, error.code)
  }
}
