/// A `LogReader` of a file, for other modules: there the generic one would not be specialised.
package struct LogFileReader: ~Copyable {
  private var reader: LogReader<LogFile>

  package init(path: String) throws(LogFileError) { reader = LogReader(try LogFile.openForReading(path: path)) }

  /// See `LogReader.next`.
  package mutating func next() throws(LogFileError) -> LogEvent { try reader.next() }

  /// See `LogReader.payload`.
  package var payload: UnsafeRawBufferPointer { reader.payload }

  /// See `LogReader.position`.
  package var position: UInt64 { reader.position }

  /// See `LogReader.retryTail`.
  package mutating func retryTail() { reader.retryTail() }
}
