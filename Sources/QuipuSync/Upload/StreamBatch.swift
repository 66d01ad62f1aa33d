import QuipuBase

/// What one request of the file stream carries, and what its acknowledgement means.
///
/// Source: http.md, section 10.
final class StreamBatch {
  private(set) var body: [UInt8] = []
  /// Rows and events that the server has once this is acknowledged, counted over the whole log.
  private(set) var rows: Int64?
  private(set) var events: Int64?
  /// The first so many console lines are then known to the server and cannot change.
  private(set) var consoleLines: Int64?
  private(set) var uploadedCount: Int64 = 0
  private(set) var isPreempting = false
  private(set) var completes = false
  /// False: a heartbeat.
  private(set) var hasContent = false

  /// What goes beside the lines.
  struct Extras {
    var summary: String?
    var uploaded: [String] = []
    var isPreempting = false
    /// Set: this is the last request.
    var exitCode: Int32?
  }

  /// Takes the lines that wait in `replay`.
  ///
  /// - Parameters:
  ///   - ledger: where the server's lines begin.
  ///   - consoleLimit: bytes of console lines after which a block ends.
  init(_ replay: LogReplay, _ extras: Extras, _ ledger: UploadLedger, consoleLimit: Int) {
    var out = ByteBuffer(capacity: replay.pendingBytes &+ (extras.summary?.utf8.count ?? 0) &+ 1024)
    var hasFiles = false
    func open(_ name: StaticString) {
      out.append(hasFiles ? "," : "\"files\":{")
      hasFiles = true
      out.append(name)
    }
    out.append("{")
    // The offset stands before the lines but is known after them: what was appended is taken back if there are none.
    var mark = out.count
    open("\"wandb-history.jsonl\":{\"content\":[")
    if let block = replay.takeHistory(into: &out) {
      Self.close(block.first, ledger.historyBase, &out)
      rows = Int64(block.first) &+ Int64(block.count)
    } else {
      out.truncate(to: mark)
      hasFiles = false
    }
    mark = out.count
    var before = hasFiles
    open("\"wandb-events.jsonl\":{\"content\":[")
    if let block = replay.takeEvents(into: &out) {
      Self.close(block.first, ledger.eventsBase, &out)
      events = Int64(block.first) &+ Int64(block.count)
    } else {
      out.truncate(to: mark)
      hasFiles = before
    }
    if let summary = extras.summary {
      open("\"wandb-summary.json\":{\"offset\":0,\"content\":[")
      var text = summary
      text.withUTF8 { JSON.writeString(UnsafeRawBufferPointer($0), to: &out, style: .core) }
      out.append("]}")
    }
    mark = out.count
    before = hasFiles
    open("\"output.log\":{\"content\":[")
    if let block = replay.takeConsole(into: &out, limit: consoleLimit) {
      Self.close(block.first, ledger.consoleBase, &out)
      consoleLines = Int64(block.settled)
    } else {
      out.truncate(to: mark)
      hasFiles = before
    }
    if hasFiles { out.append("}") }
    func member(_ text: StaticString) {
      if out.count > 1 { out.append(",") }
      out.append(text)
    }
    if !extras.uploaded.isEmpty {
      member("\"uploaded\":")
      JSON.array(extras.uploaded.map { .string($0) }).write(to: &out, style: .core)
      uploadedCount = Int64(extras.uploaded.count)
    }
    if extras.isPreempting {
      member("\"preempting\":true")
      isPreempting = true
    }
    if let code = extras.exitCode {
      member("\"complete\":true,\"exitcode\":")
      out.append(String(code))
      completes = true
    }
    hasContent = out.count > 1
    out.append("}")
    body = out.array()
  }

  private static func close(_ first: Int, _ base: Int64, _ out: inout ByteBuffer) {
    out.append("],\"offset\":")
    out.append(String(base &+ Int64(first)))
    out.append("}")
  }
}
