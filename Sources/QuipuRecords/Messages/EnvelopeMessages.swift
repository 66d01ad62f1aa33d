// Messages of the envelope.
// Each lists its fields once, in `visitFields`; coding and JSON follow from that list.

/// Delivery facts of a record that its sender waits for.
public struct RecordControl: RecordMessage {
  /// Not set in files.
  public var reqResp = false
  /// A record with this set is not stored.
  public var local = false
  /// Not set in files.
  public var relayID = ""
  /// 12 random characters from a–z0–9, set on records that expect an answer (the first `run`, the `exit` of a normal
  /// finish).
  public var mailboxSlot = ""
  /// Not set.
  public var flowControl = false
  /// Not set.
  public var endOffset: Int64 = 0
  /// Not set in files.
  public var connectionID = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "req_resp", &reqResp)
    visitor.scalar(2, "local", &local)
    visitor.scalar(3, "relay_id", &relayID)
    visitor.scalar(4, "mailbox_slot", &mailboxSlot)
    visitor.scalar(6, "flow_control", &flowControl)
    visitor.scalar(7, "end_offset", &endOffset)
    visitor.scalar(8, "connection_id", &connectionID)
  }
}

/// Which run a record belongs to.
public struct RecordInfo: RecordMessage {
  /// The run id.
  public var streamID = ""
  /// Not set.
  public var tracelogID = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "stream_id", &streamID)
    visitor.scalar(100, "_tracelog_id", &tracelogID)
  }
}
