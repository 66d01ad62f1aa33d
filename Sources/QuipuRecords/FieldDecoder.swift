import QuipuBase

/// Puts one field from the wire where the message keeps it. A field that nobody claims is unknown and is dropped.
struct FieldDecoder: FieldVisitor {
  let number: UInt32
  let value: WireValue
  var failure: RecordError?

  init(number: UInt32, value: WireValue) {
    self.number = number
    self.value = value
  }

  private mutating func decode<Value: WireScalar>(_ number: UInt32) -> Value? {
    guard number == self.number else { return nil }
    do throws(RecordError) {
      return try Value.decode(value)
    } catch {
      failure = error
      return nil
    }
  }

  private mutating func merge<Value: RecordMessage>(_ number: UInt32, into existing: Value?) -> Value? {
    guard number == self.number, case .bytes(let bytes) = value else { return nil }
    var message = existing ?? Value()
    do throws(RecordError) {
      try message.merge(bytes)
      return message
    } catch {
      failure = error
      return nil
    }
  }

  mutating func scalar<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ value: inout Value) {
    if let found: Value = decode(number) { value = found }
  }

  mutating func optional<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ value: inout Value?) {
    if let found: Value = decode(number) { value = found }
  }

  mutating func repeated<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ values: inout [Value]) {
    if let found: Value = decode(number) { values.append(found) }
  }

  mutating func message<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ value: inout Value?) {
    if number == self.number, let found = merge(number, into: value) { value = found }
  }

  mutating func messages<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ values: inout [Value]) {
    if number == self.number, let found = merge(number, into: Value?.none) { values.append(found) }
  }

  /// Key and value field of a map entry; both may be missing.
  private struct Entry<Value: RecordMessage>: RecordMessage {
    var key = ""
    var value: Value?
    mutating func visitFields(_ visitor: inout some FieldVisitor) {
      visitor.scalar(1, "key", &key)
      visitor.message(2, "value", &value)
    }
  }

  private struct TextEntry: RecordMessage {
    var key = ""
    var value = ""
    mutating func visitFields(_ visitor: inout some FieldVisitor) {
      visitor.scalar(1, "key", &key)
      visitor.scalar(2, "value", &value)
    }
  }

  mutating func map(_ number: UInt32, _ name: StaticString, _ values: inout [Key: String]) {
    if let entry = merge(number, into: TextEntry?.none) { values[Key(entry.key)] = entry.value }
  }

  mutating func map<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ values: inout [Key: Value]) {
    if let entry = merge(number, into: Entry<Value>?.none) { values[Key(entry.key)] = entry.value ?? Value() }
  }

  mutating func flags<Kind: FlagKind>(_ flags: inout Flags<Kind>) {
    guard let flag = UInt8(exactly: number), let value = Bool.decode(value) else { return }
    // Numbers without a name are unknown fields.
    if Kind.fields.contains(where: { $0.number == flag }) { flags[flag] = value }
  }
}
