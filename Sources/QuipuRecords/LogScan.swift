/// What a whole log holds and how much of it can be kept.
///
/// Made by reading the log once, for `quipu verify` and for the recovery of a run whose process died.
public struct LogScan: Sendable {
  /// Whole records that decode, also behind damage.
  public private(set) var recordCount = 0
  /// How many of them have no known record type, or a `request`. Official tools crash on such a file.
  public private(set) var unknownRecordCount = 0
  /// Bytes in use: the file header, and the span of each decoded record from its first chunk header to its end.
  public private(set) var validBytes: UInt64 = 0
  /// Damage in the order of the file, undecodable records included; the first `maximumDamageListed`.
  public private(set) var damage: [LogDamage] = []
  /// All damage, listed or not.
  public private(set) var damageCount = 0
  /// How reading ended: `endOfFile`, `unexpectedEnd` or `badHeader`.
  public private(set) var end = LogEvent.endOfFile
  /// File offset behind the last record in front of any damage, in bytes.
  ///
  /// Truncated there, the log is clean: whole records only, no part of a record, no stray bytes. A `BlockWriter` can go
  /// on there. 7 if there is no such record, 0 if not even the file header is whole.
  public private(set) var recoverableEnd: UInt64 = 0
  /// Number (`num`) of the record that ends at `recoverableEnd`, 0 if there is none.
  public private(set) var recoverableNum: Int64 = 0
  /// File offset behind the last record that decodes, which may lie behind damage.
  public private(set) var lastRecordEnd: UInt64 = 0
  /// The first `run` record.
  public private(set) var run: RunRecord?
  /// The first `exit` record, nil if the run did not finish.
  public private(set) var exit: RunExitRecord?

  /// Keeps a hostile file from filling the memory.
  public static let maximumDamageListed = 1000

  /// Whether reading met neither damage nor a cut: official tools read the file without complaint.
  public var isClean: Bool { damageCount == 0 && end == .endOfFile }

  /// Reads a log from its start to its end.
  ///
  /// - Parameters:
  ///   - source: the log.
  ///   - visit: called with each decoded record in the order of the file. Default: nothing.
  /// - Throws: `LogFileError` if the source cannot be read.
  public init<Source: LogSource & ~Copyable>(
    _ source: consuming Source, visit: (Record, RecordSpan) -> Void = { _, _ in }
  ) throws(LogFileError) {
    var reader = LogReader(source)
    while true {
      let before = reader.position
      let event = try reader.next()
      switch event {
      case .record(let span):
        do throws(RecordError) {
          let record = try Record(decoding: reader.payload)
          add(record, span)
          visit(record, span)
        } catch {
          add(LogDamage(kind: .undecodable, offset: before, resumesAt: span.end))
        }
      case .damage(let found): add(found)
      case .endOfFile, .unexpectedEnd, .badHeader:
        end = event
        if reader.isHeaderGood {
          let header = UInt64(LogFormat.fileHeaderSize)
          validBytes += header
          recoverableEnd = max(recoverableEnd, header)
          lastRecordEnd = max(lastRecordEnd, header)
        }
        return
      }
    }
  }

  /// Reads the log of a file, which may still be growing.
  public init(path: String, visit: (Record, RecordSpan) -> Void = { _, _ in }) throws(LogFileError) {
    try self.init(LogFile.openForReading(path: path), visit: visit)
  }

  private mutating func add(_ record: Record, _ span: RecordSpan) {
    recordCount += 1
    validBytes += span.end - span.start
    lastRecordEnd = span.end
    if damageCount == 0 {
      recoverableEnd = span.end
      recoverableNum = record.num
    }
    switch record.payload {
    case .run(let found): run = run ?? found
    case .exit(let found): exit = exit ?? found
    case .unknown, .request: unknownRecordCount += 1
    default: break
    }
  }

  private mutating func add(_ found: LogDamage) {
    damageCount += 1
    if damage.count < Self.maximumDamageListed { damage.append(found) }
  }
}
