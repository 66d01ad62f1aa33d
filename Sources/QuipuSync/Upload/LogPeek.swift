import QuipuRecords

/// The beginning of a log: who wrote it and which run it is.
package struct LogPeek: Sendable {
  package var run: RunRecord
  /// Writer of the log, from the header record.
  package var producer: String

  package enum Failure: Error, Sendable, Equatable {
    case file(LogFileError)
    /// Not a log at all.
    case badHeader
    /// No run record yet; it may come while the log grows.
    case noRun
  }

  /// - Parameter path: a .wandb file.
  package init(_ path: String) throws(Failure) {
    var producer = ""
    let file: LogFile
    do { file = try LogFile.openForReading(path: path) } catch { throw .file(error) }
    var reader = LogReader(file)
    while true {
      let event: LogEvent
      do { event = try reader.next() } catch { throw .file(error) }
      switch event {
      case .record:
        guard let record = try? Record(decoding: reader.payload) else { continue }
        if case .header(let header) = record.payload { producer = header.versionInfo?.producer ?? producer }
        if case .run(let run) = record.payload {
          self.run = run
          self.producer = producer
          return
        }
      case .damage: continue
      case .endOfFile, .unexpectedEnd: throw .noRun
      case .badHeader: throw .badHeader
      }
    }
  }

  /// Whether the log is one of ours.
  package var isOurs: Bool { producer.hasSuffix("+quipu") }
}
