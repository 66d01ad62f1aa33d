import QuipuBase

/// Appends the fields that are present.
struct FieldEncoder: FieldVisitor {
  // Lives for one `withUnsafeMutablePointer`: a move-only buffer cannot be stored in a copyable visitor.
  let out: UnsafeMutablePointer<ByteBuffer>

  private func append<Value: WireScalar>(_ number: UInt32, _ value: Value) {
    out.pointee.appendTag(number, Value.wireType)
    value.append(to: &out.pointee)
  }

  mutating func scalar<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ value: inout Value) {
    if !value.isDefault { append(number, value) }
  }

  mutating func optional<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ value: inout Value?) {
    if let value { append(number, value) }
  }

  mutating func repeated<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ values: inout [Value]) {
    for value in values { append(number, value) }
  }

  mutating func message<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ value: inout Value?) {
    value?.encode(as: number, into: &out.pointee)
  }

  mutating func messages<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ values: inout [Value]) {
    for value in values { value.encode(as: number, into: &out.pointee) }
  }

  // Maps have no order on the wire; sorting makes the bytes the same each time.

  mutating func map(_ number: UInt32, _ name: StaticString, _ values: inout [Key: String]) {
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      let mark = out.pointee.beginMessage(number)
      out.pointee.appendField(1, text: key.string)
      out.pointee.appendField(2, text: value)
      out.pointee.endMessage(mark)
    }
  }

  mutating func map<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ values: inout [Key: Value]) {
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      let mark = out.pointee.beginMessage(number)
      out.pointee.appendField(1, text: key.string)
      value.encode(as: 2, into: &out.pointee)
      out.pointee.endMessage(mark)
    }
  }

  mutating func flags<Kind: FlagKind>(_ flags: inout Flags<Kind>) {
    for (number, _) in Kind.fields where flags.contains(number) { append(UInt32(number), true) }
  }
}
