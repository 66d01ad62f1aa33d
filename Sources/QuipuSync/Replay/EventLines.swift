import QuipuBase
import QuipuRecords

/// Turns stats records into lines of `wandb-events.jsonl`, each as a string literal of a request body.
///
/// Source: http.md, 10.3; transaction-log.md, 8.6.
struct EventLines: ~Copyable {
  /// Literals, separated by commas.
  private(set) var text = ByteBuffer(capacity: 64)
  private(set) var count = 0
  /// Added to each key, after `/l:`.
  var label = ""
  var lineBytes = 10_383_360
  private(set) var droppedItems = 0

  init() {}

  mutating func take(to out: inout ByteBuffer) {
    out.append(text.bytes)
    drop()
  }

  mutating func drop() {
    text.removeAll()
    count = 0
  }

  /// Takes the next sample; `.undecodable` if it has no time.
  ///
  /// - Parameter start: of the run; nil: `_runtime` is the time itself, as the official client has it.
  mutating func add(_ stats: StatsRecord, since start: Timestamp?) -> RowLines.Outcome {
    guard let time = stats.timestamp else { return .undecodable }
    var line = ByteBuffer()
    line.append("{\"_wandb\":true,\"_timestamp\":")
    line.appendDouble(Double(time.seconds) + Double(time.nanos) / 1e9, style: .core)
    line.append(",\"_runtime\":")
    let from = start ?? Timestamp()
    let seconds = Double(time.seconds) - Double(from.seconds)
    line.appendDouble(seconds + Double(Int64(time.nanos) - Int64(from.nanos)) / 1e9, style: .core)
    var seen: Set<Key> = []
    // Of equal keys the last one counts.
    var items: [(Key, [UInt8])] = []
    for item in stats.item.reversed() {
      let value = Array(item.valueJSON.utf8)
      let form = value.withUnsafeBytes { ValueText.form($0) }
      if item.key.isEmpty || form == .broken {
        droppedItems += 1
      } else if seen.insert(Key(item.key)).inserted {
        items.append((Key(item.key), form == .odd ? Self.respelled(value) : value))
      }
    }
    for (key, value) in items.reversed() {
      line.append(UInt8(ascii: ","))
      JSON.writeString("system." + key.string + (label.isEmpty ? "" : "/l:" + label), to: &line, style: .core)
      line.append(UInt8(ascii: ":"))
      line.append(value)
    }
    line.append(UInt8(ascii: "}"))
    if line.count > lineBytes { return .tooLong }
    if count > 0 { text.append(UInt8(ascii: ",")) }
    LineText.appendLiteral(line.bytes, to: &text)
    count += 1
    return .line
  }

  private static func respelled(_ value: [UInt8]) -> [UInt8] {
    var out = ByteBuffer()
    (try? JSON(parsing: value))?.write(to: &out, style: .core)
    return out.array()
  }
}
