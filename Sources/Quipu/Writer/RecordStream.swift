import QuipuBase
import QuipuRecords

/// Records on their way into the log: numbered, framed and collected until one write takes them to the file.
///
/// A value type so that the writer's hot loop touches it through one access. Writer thread only.
struct RecordStream: ~Copyable {
  private var framer: BlockWriter
  private var out = ByteBuffer(capacity: 1 << 18)
  /// Bytes of `out` that are in the file already, after a write that failed half-way.
  private var written = 0
  /// Number of the next record, from 1.
  private(set) var nextNumber: Int64

  /// - Parameters:
  ///   - position: where the next byte goes, right behind a whole record.
  ///   - nextNumber: number of the next record.
  init(position: UInt64, nextNumber: Int64) {
    framer = BlockWriter(position: position)
    self.nextNumber = nextNumber
  }

  /// Bytes that are not in the file yet.
  var pendingBytes: Int { out.count &- written }
  var pending: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: out.bytes[written...]) }

  /// The first `count` pending bytes have reached the file.
  mutating func consume(_ count: Int) {
    written &+= count
    if written >= out.count {
      written = 0
      // One huge record must not keep its memory for the rest of the run.
      if out.capacity > 4 << 20 { out = ByteBuffer(capacity: 1 << 18) } else { out.removeAll() }
    }
  }

  mutating func append(_ payload: Record.Payload, streamID: String? = nil) {
    let record = Record(num: nextNumber, runID: streamID, payload)
    let frame = framer.begin(in: &out)
    record.encode(into: &out)
    framer.end(frame, in: &out)
    nextNumber &+= 1
  }

  /// A history record written in place.
  @inline(__always) mutating func row(step: Int64?, _ items: (inout ByteBuffer) -> Void) {
    let frame = framer.begin(in: &out)
    let mark = out.beginHistoryRecord(num: nextNumber)
    items(&out)
    if let step { out.endHistoryRecord(mark, step: step) } else { out.endSummaryRecord(mark) }
    framer.end(frame, in: &out)
    nextNumber &+= 1
  }

  /// A summary record without `_info`: one that the library derived.
  mutating func summary(_ items: (inout ByteBuffer) -> Void) {
    let frame = framer.begin(in: &out)
    let mark = out.beginSummaryRecord(num: nextNumber)
    items(&out)
    out.endSummaryRecord(mark)
    framer.end(frame, in: &out)
    nextNumber &+= 1
  }
}

extension Timestamp {
  /// - Parameter nanoseconds: since 1970.
  init(nanoseconds: Int64) {
    let seconds = nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds &- 999_999_999) / 1_000_000_000
    self.init(seconds: seconds, nanos: Int32(truncatingIfNeeded: nanoseconds &- seconds &* 1_000_000_000))
  }
}
