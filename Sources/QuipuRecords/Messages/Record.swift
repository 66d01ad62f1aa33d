import QuipuBase

/// One record of a log: the envelope and one of the record types.
public struct Record: Sendable {
  /// Number of the record in its file: 1, 2, 3, … without gaps.
  public var num: Int64 = 0
  /// Set on the first `run` and on the `exit` of a normal finish.
  public var control: RecordControl?
  /// Never set by writers.
  public var uuid = ""
  /// Names the run on records that a user process sent. Records made by the core do not have it.
  public var info: RecordInfo?
  public var payload: Payload

  /// What the record is about.
  public enum Payload: Sendable {
    case history(HistoryRecord)
    case summary(SummaryRecord)
    case output(OutputRecord)
    case config(ConfigRecord)
    case files(FilesRecord)
    case stats(StatsRecord)
    indirect case artifact(ArtifactRecord)
    indirect case tbrecord(TBRecord)
    case alert(AlertRecord)
    indirect case telemetry(TelemetryRecord)
    indirect case metric(MetricRecord)
    case outputRaw(OutputRawRecord)
    indirect case run(RunRecord)
    case exit(RunExitRecord)
    case final(FinalRecord)
    indirect case header(HeaderRecord)
    case footer(FooterRecord)
    case preempting(RunPreemptingRecord)
    case noopLinkArtifact(EmptyMessage)
    indirect case useArtifact(UseArtifactRecord)
    indirect case environment(EnvironmentRecord)
    case outputLogger(OutputLoggerRecord)
    /// A message between client and core, which must not be in a file: official tools crash on it. Its content is
    /// dropped.
    case request
    /// No known record type, with the numbers of the (at most 16) unknown fields. Official tools crash on it.
    case unknown([UInt32])
  }

  /// - Parameters:
  ///   - num: number of the record in its file.
  ///   - runID: run id for `_info`, on records that a user process sent; default nil for none.
  public init(num: Int64, runID: String? = nil, _ payload: Payload) {
    self.num = num
    self.payload = payload
    if let runID {
      var info = RecordInfo()
      info.streamID = runID
      self.info = info
    }
  }

  // MARK: Encoding

  /// Appends the encoded record: envelope first, record type last, like the official writer.
  public func encode(into out: inout ByteBuffer) {
    if num != 0 { out.appendField(1, varint: num.varint) }
    control?.encode(as: 16, into: &out)
    if !uuid.isEmpty { out.appendField(19, text: uuid) }
    info?.encode(as: 200, into: &out)
    payload.encode(into: &out)
  }

  // MARK: Decoding

  /// Decodes a record. Unknown fields are dropped.
  ///
  /// - Parameter bytes: a whole record, any bytes are safe.
  /// - Throws: `RecordError` when the bytes are not a message, or a text in them is not UTF-8.
  public init(decoding bytes: UnsafeRawBufferPointer) throws(RecordError) {
    payload = .unknown([])
    var reader = WireReader(bytes)
    while let field = try reader.next() {
      var decoder = FieldDecoder(number: field.number, value: field.value)
      decoder.scalar(1, "num", &num)
      decoder.message(16, "control", &control)
      decoder.scalar(19, "uuid", &uuid)
      decoder.message(200, "_info", &info)
      if let failure = decoder.failure { throw failure }
      if case .bytes(let content) = field.value { try payload.merge(field.number, content) }
      if case .unknown(let numbers) = payload, numbers.count < 16, ![1, 16, 19, 200].contains(field.number) {
        payload = .unknown(numbers + [field.number])
      }
    }
  }

  // MARK: JSON

  /// The protobuf JSON form with the field names of the protocol file: 64-bit integers are strings, enums are names,
  /// defaults are absent.
  public var protoJSON: JSON {
    var writer = FieldJSON()
    var copy = self
    writer.scalar(1, "num", &copy.num)
    writer.message(16, "control", &copy.control)
    if let (name, json) = payload.named { writer.object[Key(name.description)] = json }
    writer.scalar(19, "uuid", &copy.uuid)
    writer.message(200, "_info", &copy.info)
    return .object(writer.object)
  }
}
