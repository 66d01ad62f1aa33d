import Glibc
import QuipuBase
import QuipuRecords

/// `output.log` for a log whose writer did not make it: the official client's, when it was killed.
package enum ConsoleText {
  /// Reads a log from its start and writes its console lines to a file, which then appears as a whole.
  ///
  /// Memory: flat. Blocking: reads the log, writes the file.
  /// - Throws: `LogFileError` if either cannot be done; there is no file then.
  package static func write(log: String, to path: String) throws(LogFileError) {
    var reader = try LogFileReader(path: log)
    let partial = path + ".quipu~"
    let descriptor = partial.withCString { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666) }
    if descriptor < 0 { throw LogFileError(.create, code: errno) }
    do throws(LogFileError) {
      try copy(&reader, descriptor)
      if rename(partial, path) != 0 { throw LogFileError(.create, code: errno) }
      _ = close(descriptor)
    } catch {
      _ = close(descriptor)
      unlink(partial)
      throw error
    }
  }

  private static func copy(_ reader: inout LogFileReader, _ descriptor: Int32) throws(LogFileError) {
    var console = ConsoleEmulator()
    while true {
      switch try reader.next() {
      case .record:
        guard mayBeConsole(reader.payload), let record = try? Record(decoding: reader.payload) else { continue }
        switch record.payload {
        case .outputRaw(let output): console.feed(output.outputType == .stdout ? .stdout : .stderr, output.line)
        case .outputLogger(let output): console.addLines(output.line)
        default: continue
        }
        try write(console.takeFinalLines(), descriptor)
      case .damage: continue
      case .endOfFile, .unexpectedEnd, .badHeader:
        console.finish()
        try write(console.takeFinalLines(), descriptor)
        return
      }
    }
  }

  /// False for the many records that are rows or summaries.
  private static func mayBeConsole(_ record: UnsafeRawBufferPointer) -> Bool {
    var fields = WireCursor(record)
    while !fields.isAtEnd, let tag = fields.varint() {
      if tag == 0x12 || tag == 0x1A { return false }
      if !fields.skip(tag) { return true }
    }
    return true
  }

  private static func write(_ text: [UInt8], _ descriptor: Int32) throws(LogFileError) {
    var done = 0
    while done < text.count {
      let count = text[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        done += count
      } else if count == 0 || errno != EINTR {
        throw LogFileError(.write, code: errno)
      }
    }
  }
}
