import QuipuBase

/// Collects the fields that are present under their numbers, as the config's `_wandb` holds telemetry and metric
/// definitions: a message of flags is the list of the numbers that are set.
struct FieldNumberJSON: FieldVisitor {
  var object: JSONObject = [:]
  private var flagNumbers: [UInt8] = []
  private var hasFlags = false

  /// The message as a value.
  static func value<Message: RecordMessage>(of message: Message) -> JSON {
    var copy = message
    var visitor = FieldNumberJSON()
    copy.visitFields(&visitor)
    if visitor.hasFlags { return .array(visitor.flagNumbers.map { .int(Int64($0)) }) }
    return .object(visitor.object)
  }

  private mutating func set(_ number: UInt32, _ value: JSON) { object[Key(String(number))] = value }

  mutating func scalar<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ value: inout Value) {
    if !value.isDefault { set(number, value.protoJSON) }
  }

  mutating func optional<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ value: inout Value?) {
    if let value { set(number, value.protoJSON) }
  }

  mutating func repeated<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ values: inout [Value]) {
    if !values.isEmpty { set(number, .array(values.map(\.protoJSON))) }
  }

  mutating func message<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ value: inout Value?) {
    // Who wrote the record is no part of what it says.
    if let value, number != 200 { set(number, Self.value(of: value)) }
  }

  mutating func messages<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ values: inout [Value]) {
    if !values.isEmpty { set(number, .array(values.map { Self.value(of: $0) })) }
  }

  mutating func map(_ number: UInt32, _ name: StaticString, _ values: inout [Key: String]) {}
  mutating func map<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ values: inout [Key: Value]) {}

  mutating func flags<Kind: FlagKind>(_ flags: inout Flags<Kind>) {
    hasFlags = true
    flagNumbers = Kind.fields.map(\.number).filter { flags.contains($0) }.sorted()
  }
}

extension RecordMessage {
  /// Adds the fields of a later message: single values replace, messages merge, lists grow.
  mutating func merge(later: Self) {
    var out = ByteBuffer()
    later.encodeFields(into: &out)
    // What was just encoded decodes.
    try? merge(out.bytes)
  }
}

extension TelemetryRecord {
  package mutating func add(_ later: TelemetryRecord) { merge(later: later) }

  /// `{"3": [2, 13], "4": "3.11.7", …}`.
  package var numberJSON: JSON { FieldNumberJSON.value(of: self) }
}

extension EnvironmentRecord {
  /// The protobuf JSON form with the field names of the protocol file.
  package var fieldJSON: JSON { protoJSON }

  /// Adds a later record of the same run; its lists replace those before.
  package mutating func add(_ later: EnvironmentRecord) {
    if !later.args.isEmpty { args = [] }
    if !later.gpuNvidia.isEmpty { gpuNvidia = [] }
    if !later.gpuAmd.isEmpty { gpuAmd = [] }
    merge(later: later)
  }
}
