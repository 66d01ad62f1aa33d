import Glibc
import Quipu
import QuipuBase
import QuipuRecords

/// `quipu recover`: a log that every tool reads to its end, with all records that can be saved.
enum RecoverCommand {
  static let help = """
    Usage: quipu recover [RUN] [--output FILE] [--no-backup]

    Repairs a log after a crash: keeps every record that can be read and drops what is torn,
    damaged, or makes official tools fail. The original is kept beside it as FILE.bak.

      RUN            as for quipu show (default: the latest run here)
      --output FILE  write the repaired log to FILE and leave the original alone
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
    let result = try LogRepair.repair(path: path, output: line["--output"], keepBackup: !line.has("--no-backup"))
    if result.isUnchanged {
      output.line("\(path) is whole: nothing to do")
    } else {
      output.line("\(result.path): \(HumanText.count(result.kept, "record")) kept")
      if result.dropped > 0 {
        output.line("  \(HumanText.count(result.dropped, "record")) dropped: unusable for readers")
      }
      if result.lostBytes > 0 {
        output.line("  \(HumanText.count(Int(clamping: result.lostBytes), "byte")) lost with the damage")
      }
      if let backup = result.backup { output.line("  the original is \(backup)") }
    }
    if !result.hasExit { output.line("  no end of the run is recorded; uploading it reports exit code 1") }
    output.flush()
    return 0
  }
}

/// Writes a copy of a log with its good records.
enum LogRepair {
  struct Result {
    var path: String
    var kept = 0
    /// Whole records left out because readers fail on them.
    var dropped = 0
    /// Bytes of the original that hold no kept record, zeros behind the end not counted.
    var lostBytes: UInt64 = 0
    var backup: String?
    var hasExit = false
    var isUnchanged = false
  }

  /// - Throws: codes `.busy` (somebody writes the log), `.format` (nothing to keep), `.file`.
  static func repair(path: String, output: String?, keepBackup: Bool) throws(QuipuError) -> Result {
    let facts = try LogFacts(path: path)
    let problems = facts.problems()
    if let worst = problems.first, worst.0 == .unusable, facts.scan.recordCount == 0 {
      throw QuipuError(.format, kind: "log_unusable", "\(path): \(worst.1)")
    }
    // Held to the end: no writer and no second repair comes in between.
    let guardFile: LogFile
    var isFree = true
    do throws(LogFileError) {
      guardFile = try LogFile.openForReading(path: path)
      // On file systems without locks there is nothing to hold.
      do throws(LogFileError) { isFree = try guardFile.lockIfFree() } catch {}
    } catch {
      throw fileError(error, path)
    }
    if !isFree {
      throw QuipuError(.busy, kind: "log_locked", "\(path) is being written; repair it when the run has ended")
    }
    return try repair(guardFile, facts, output: output, keepBackup: keepBackup)
  }

  private static func repair(
    _ guardFile: borrowing LogFile, _ facts: LogFacts, output: String?, keepBackup: Bool
  ) throws(QuipuError) -> Result {
    let path = facts.path
    let problems = facts.problems()
    if output == nil && facts.locked == nil && facts.state == .running {
      throw QuipuError(.busy, kind: "log_locked", "\(path) changed a moment ago; repair it when the run has ended")
    }
    var result = Result(path: output ?? path, hasExit: facts.view.exit != nil)
    let isWhole = !problems.contains { $0.0 != .note } && facts.zeroTail == 0
    if isWhole && output == nil {
      result.isUnchanged = true
      return result
    }

    let target = output ?? path
    let temporary = "\(target).\(getpid())~"
    do throws(QuipuError) {
      try copy(from: path, to: temporary, &result)
      let used = facts.scan.validBytes
      let all = UInt64(clamping: facts.size) - min(UInt64(clamping: facts.size), facts.zeroTail)
      result.lostBytes = all > used ? all - used : 0
      if output == nil && keepBackup {
        let backup = try freeBackupName(path)
        // A second name first: the log is never without one.
        if link(path, backup) != 0, rename(path, backup) != 0 {
          throw FileTools.error(.file, kind: "repair_failed", doing: "rename", path, errno)
        }
        result.backup = backup
      }
      if rename(temporary, target) != 0 {
        throw FileTools.error(.file, kind: "repair_failed", doing: "write", target, errno)
      }
    } catch {
      unlink(temporary)
      throw error
    }
    return result
  }

  private static func copy(from path: String, to target: String, _ result: inout Result) throws(QuipuError) {
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

  private static func freeBackupName(_ path: String) throws(QuipuError) -> String {
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
