/// One step of reading a log, see `LogReader.next`.
public enum LogEvent: Sendable, Equatable {
  /// A whole record. Its bytes are the reader's `payload` until the next call.
  case record(RecordSpan)
  /// Bytes that cannot be used. Reading goes on, from `resumesAt` or later.
  case damage(LogDamage)
  /// The end, right behind a record or in a tail of zeros. A growing file may be read on after `retryTail`.
  case endOfFile
  /// The end inside a record, a chunk header, block padding or the file header.
  ///
  /// - offset: where the incomplete read began, in bytes. A growing file may be read on after `retryTail`.
  case unexpectedEnd(offset: UInt64)
  /// Not a log of this format. No record can be read.
  case badHeader(LogHeaderProblem)
}

/// Where a record lies in its file.
public struct RecordSpan: Sendable, Equatable {
  /// File offset of the record's first chunk header, in bytes.
  public var start: UInt64
  /// File offset right behind the record's last payload byte.
  public var end: UInt64
}

/// Bytes of a log that were left out.
public struct LogDamage: Sendable, Equatable {
  public enum Kind: String, Sendable {
    /// The checksum of a chunk does not match.
    case checksum = "checksum mismatch"
    /// The length of a chunk reaches behind the end of its block.
    case tooLong = "chunk crosses the block end"
    /// Seven zero bytes where a record should go on.
    case zeroChunk = "zeros inside a record"
    /// The chunks of a record add up to more than the reader accepts.
    case recordTooLarge = "record too large"
    /// Chunks with good checksums whose joined payload is not a record. Found by `LogScan`, not by `LogReader`.
    case undecodable = "not a record"
  }

  public var kind: Kind
  /// Where the failed read began, in bytes from the start of the file.
  public var offset: UInt64
  /// Where reading goes on.
  public var resumesAt: UInt64
}

/// What is wrong with the first seven bytes.
public enum LogHeaderProblem: Sendable, Equatable {
  /// They do not start with `:W&B`.
  case identifier
  /// The magic number differs.
  case magic
  /// A format version other than 0, made by newer software.
  case version(UInt8)
}
