import QuipuBase

/// The members of the oneof `record_type`: number, name, message.
extension Record.Payload {
  /// Number, name in the protocol file and message; nil for `unknown` and `request`.
  private var member: (number: UInt32, name: StaticString, message: any RecordMessage)? {
    switch self {
    case .history(let message): (2, "history", message)
    case .summary(let message): (3, "summary", message)
    case .output(let message): (4, "output", message)
    case .config(let message): (5, "config", message)
    case .files(let message): (6, "files", message)
    case .stats(let message): (7, "stats", message)
    case .artifact(let message): (8, "artifact", message)
    case .tbrecord(let message): (9, "tbrecord", message)
    case .alert(let message): (10, "alert", message)
    case .telemetry(let message): (11, "telemetry", message)
    case .metric(let message): (12, "metric", message)
    case .outputRaw(let message): (13, "output_raw", message)
    case .run(let message): (17, "run", message)
    case .exit(let message): (18, "exit", message)
    case .final(let message): (20, "final", message)
    case .header(let message): (21, "header", message)
    case .footer(let message): (22, "footer", message)
    case .preempting(let message): (23, "preempting", message)
    case .noopLinkArtifact(let message): (24, "noop_link_artifact", message)
    case .useArtifact(let message): (25, "use_artifact", message)
    case .environment(let message): (26, "environment", message)
    case .outputLogger(let message): (27, "output_logger", message)
    case .request, .unknown: nil
    }
  }

  /// Name of the record type in the protocol file, `unknown` if there is none.
  public var name: String {
    if case .request = self { return "request" }
    return member?.name.description ?? "unknown"
  }

  var named: (StaticString, JSON)? {
    if case .request = self { return ("request", [:]) }
    return member.map { ($0.name, $0.message.protoJSON) }
  }

  /// Appends the member as a field of the record, present even when the message is empty.
  func encode(into out: inout ByteBuffer) {
    if let member {
      member.message.encode(as: member.number, into: &out)
    } else if case .request = self {
      out.appendField(100, bytes: UnsafeRawBufferPointer(start: nil, count: 0))
    }
  }

  /// Takes over a field of the record if it is a member. As protobuf has it, a second field of the same member is
  /// merged into the first and one of another member replaces it.
  mutating func merge(_ number: UInt32, _ content: UnsafeRawBufferPointer) throws(RecordError) {
    switch number {
    case 2: self = .history(try merged(content) { if case .history(let old) = $0 { old } else { nil } })
    case 3: self = .summary(try merged(content) { if case .summary(let old) = $0 { old } else { nil } })
    case 4: self = .output(try merged(content) { if case .output(let old) = $0 { old } else { nil } })
    case 5: self = .config(try merged(content) { if case .config(let old) = $0 { old } else { nil } })
    case 6: self = .files(try merged(content) { if case .files(let old) = $0 { old } else { nil } })
    case 7: self = .stats(try merged(content) { if case .stats(let old) = $0 { old } else { nil } })
    case 8: self = .artifact(try merged(content) { if case .artifact(let old) = $0 { old } else { nil } })
    case 9: self = .tbrecord(try merged(content) { if case .tbrecord(let old) = $0 { old } else { nil } })
    case 10: self = .alert(try merged(content) { if case .alert(let old) = $0 { old } else { nil } })
    case 11: self = .telemetry(try merged(content) { if case .telemetry(let old) = $0 { old } else { nil } })
    case 12: self = .metric(try merged(content) { if case .metric(let old) = $0 { old } else { nil } })
    case 13: self = .outputRaw(try merged(content) { if case .outputRaw(let old) = $0 { old } else { nil } })
    case 17: self = .run(try merged(content) { if case .run(let old) = $0 { old } else { nil } })
    case 18: self = .exit(try merged(content) { if case .exit(let old) = $0 { old } else { nil } })
    case 20: self = .final(try merged(content) { if case .final(let old) = $0 { old } else { nil } })
    case 21: self = .header(try merged(content) { if case .header(let old) = $0 { old } else { nil } })
    case 22: self = .footer(try merged(content) { if case .footer(let old) = $0 { old } else { nil } })
    case 23: self = .preempting(try merged(content) { if case .preempting(let old) = $0 { old } else { nil } })
    case 24:
      self = .noopLinkArtifact(try merged(content) { if case .noopLinkArtifact(let old) = $0 { old } else { nil } })
    case 25: self = .useArtifact(try merged(content) { if case .useArtifact(let old) = $0 { old } else { nil } })
    case 26: self = .environment(try merged(content) { if case .environment(let old) = $0 { old } else { nil } })
    case 27: self = .outputLogger(try merged(content) { if case .outputLogger(let old) = $0 { old } else { nil } })
    case 100:
      // Its fields are not known here, but bytes that are no message at all are an error.
      var reader = WireReader(content)
      while try reader.next() != nil {}
      self = .request
    default: break
    }
  }

  private func merged<Message: RecordMessage>(
    _ content: UnsafeRawBufferPointer, _ existing: (Self) -> Message?
  ) throws(RecordError) -> Message {
    var message = existing(self) ?? Message()
    try message.merge(content)
    return message
  }
}
