import QuipuBase

/// Collects the fields that are present under their names.
struct FieldJSON: FieldVisitor {
  var object: JSONObject = [:]

  private mutating func set(_ name: StaticString, _ value: JSON) { object[Key(name.description)] = value }

  mutating func scalar<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ value: inout Value) {
    if !value.isDefault { set(name, value.protoJSON) }
  }

  mutating func optional<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ value: inout Value?) {
    if let value { set(name, value.protoJSON) }
  }

  mutating func repeated<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ values: inout [Value]) {
    if !values.isEmpty { set(name, .array(values.map(\.protoJSON))) }
  }

  mutating func message<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ value: inout Value?) {
    if let value { set(name, value.protoJSON) }
  }

  mutating func messages<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ values: inout [Value]) {
    if !values.isEmpty { set(name, .array(values.map(\.protoJSON))) }
  }

  private mutating func set<Value>(_ name: StaticString, map values: [Key: Value], _ json: (Value) -> JSON) {
    guard !values.isEmpty else { return }
    var entries: JSONObject = [:]
    for (key, value) in values.sorted(by: { $0.key < $1.key }) { entries[key] = json(value) }
    set(name, .object(entries))
  }

  mutating func map(_ number: UInt32, _ name: StaticString, _ values: inout [Key: String]) {
    set(name, map: values) { .string($0) }
  }

  mutating func map<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ values: inout [Key: Value]) {
    set(name, map: values, \.protoJSON)
  }

  mutating func flags<Kind: FlagKind>(_ flags: inout Flags<Kind>) {
    for (number, name) in Kind.fields where flags.contains(number) { set(name, .bool(true)) }
  }
}
