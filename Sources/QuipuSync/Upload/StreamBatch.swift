import QuipuBase

/// What one request of the file stream carries, and what its acknowledgement means.
///
/// Source: http.md, section 10.
final class StreamBatch {
  // Lines as JSON texts that are separated by commas, ready for a request's body.
  var lines = ReplayLines()
  var summary: String?
  var uploaded: [String] = []
  var uploadedCount: Int64 = 0
  var isPreempting = false
  /// The exit code, when this is the last request.
  var exitCode: Int32?
  var completes = false

  /// Nothing to tell: a heartbeat.
  var isEmpty: Bool {
    lines.isEmpty && summary == nil && uploaded.isEmpty && !isPreempting && !completes
  }

  /// The body of the request.
  ///
  /// - Parameter ledger: where the server's lines begin.
  func body(_ ledger: UploadLedger) -> [UInt8] {
    var out = ByteBuffer(capacity: lines.byteCount &+ 1024)
    out.append("{")
    var isFirst = true
    func member(_ text: StaticString) {
      if !isFirst { out.append(",") }
      isFirst = false
      out.append(text)
    }
    if !lines.isEmpty || summary != nil {
      member("\"files\":{")
      isFirst = true
      if lines.history.count > 0 {
        member("\"wandb-history.jsonl\":{\"offset\":")
        Self.append(lines.history, after: ledger.historyBase, to: &out)
      }
      if lines.events.count > 0 {
        member("\"wandb-events.jsonl\":{\"offset\":")
        Self.append(lines.events, after: ledger.eventsBase, to: &out)
      }
      if let summary {
        member("\"wandb-summary.json\":{\"offset\":0,\"content\":[")
        var text = summary
        text.withUTF8 { JSON.writeString(UnsafeRawBufferPointer($0), to: &out, style: .core) }
        out.append("]}")
      }
      if lines.console.count > 0 {
        member("\"output.log\":{\"offset\":")
        Self.append(lines.console, after: ledger.consoleBase, to: &out)
      }
      out.append("}")
      isFirst = false
    }
    if !uploaded.isEmpty {
      member("\"uploaded\":")
      JSON.array(uploaded.map { .string($0) }).write(to: &out, style: .core)
    }
    if isPreempting { member("\"preempting\":true") }
    if completes {
      member("\"complete\":true,\"exitcode\":")
      out.append(String(exitCode ?? 0))
    }
    out.append("}")
    return out.array()
  }

  private static func append(_ block: ReplayLines.Block, after base: Int64, to out: inout ByteBuffer) {
    out.append(String(base &+ block.first))
    out.append(",\"content\":[")
    out.append(block.text)
    out.append("]}")
  }
}
