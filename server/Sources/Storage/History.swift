/// Which of a run's two row streams.
public enum RowStream: Int64, Sendable {
  case history = 0
  case events = 1
}

/// Some rows of a run: an encoded `HistorySegment`, inside the database while it is small, else an object.
public struct SegmentRecord: Sendable, Equatable {
  public enum Body: Sendable, Equatable {
    case inline([UInt8])
    case object(key: String)
  }

  public var id: Int64 = 0
  public var runID: Int64
  public var stream: RowStream
  /// Empty, or the client id of a writer in shared mode.
  public var writer: String
  /// Age: rows of a segment with a larger number replace rows of the same step in one with a smaller number.
  public var order: Int64
  public var rowCount: Int64
  public var valueCount: Int64
  public var firstStep: Int64
  public var lastStep: Int64
  public var byteCount: Int64
  public var body: Body

  public init(
    runID: Int64, stream: RowStream, writer: String, order: Int64, rowCount: Int64, valueCount: Int64,
    firstStep: Int64, lastStep: Int64, byteCount: Int64, body: Body
  ) {
    self.runID = runID
    self.stream = stream
    self.writer = writer
    self.order = order
    self.rowCount = rowCount
    self.valueCount = valueCount
    self.firstStep = firstStep
    self.lastStep = lastStep
    self.byteCount = byteCount
    self.body = body
  }
}

/// One line of a run's console.
public struct ConsoleLine: Sendable, Equatable {
  public var writer: String
  /// From 0, per writer.
  public var number: Int64
  /// As the file stream carried it: with time and level in front, or a JSON object.
  public var content: String

  public init(writer: String, number: Int64, content: String) {
    self.writer = writer
    self.number = number
    self.content = content
  }
}

public protocol HistoryStorage: Sendable {
  /// All segments of a stream, oldest first.
  func segments(runID: Int64, stream: RowStream) async throws -> [SegmentRecord]
  /// Lines ordered by writer and number, behind `after`; `limit` of them at most.
  func console(runID: Int64, after: (writer: String, number: Int64)?, limit: Int) async throws -> [ConsoleLine]
  /// The last lines, oldest first.
  func consoleTail(runID: Int64, limit: Int) async throws -> [ConsoleLine]
}
