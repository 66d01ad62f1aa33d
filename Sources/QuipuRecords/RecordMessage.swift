import QuipuBase

/// A message of the log. It lists its fields once, in `visitFields`; encoding, decoding and JSON are visitors.
protocol RecordMessage: Sendable {
  init()
  /// Shows each field with its number, its name in the protocol file and its value to the visitor, in the order of the
  /// numbers. Only the decoder changes values.
  mutating func visitFields(_ visitor: inout some FieldVisitor)
  var protoJSON: JSON { get }
}

/// Something that is done with each field of a message.
protocol FieldVisitor {
  /// A value without presence: left out when it is the default.
  mutating func scalar<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ value: inout Value)
  /// A value with presence.
  mutating func optional<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ value: inout Value?)
  mutating func repeated<Value: WireScalar>(_ number: UInt32, _ name: StaticString, _ values: inout [Value])
  mutating func message<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ value: inout Value?)
  mutating func messages<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ values: inout [Value])
  mutating func map(_ number: UInt32, _ name: StaticString, _ values: inout [Key: String])
  mutating func map<Value: RecordMessage>(_ number: UInt32, _ name: StaticString, _ values: inout [Key: Value])
  /// All fields of a message that has only bool fields.
  mutating func flags<Kind: FlagKind>(_ flags: inout Flags<Kind>)
}

extension FieldVisitor {
  mutating func scalar<Value: OpenEnum>(_ number: UInt32, _ name: StaticString, _ value: inout Value) {
    var coded = EnumScalar(value)
    scalar(number, name, &coded)
    value = coded.value
  }
}

extension RecordMessage {
  /// Appends the encoded message.
  func encodeFields(into out: inout ByteBuffer) {
    var copy = self
    withUnsafeMutablePointer(to: &out) {
      var encoder = FieldEncoder(out: $0)
      copy.visitFields(&encoder)
    }
  }

  /// Appends the message as a field of another one.
  func encode(as number: UInt32, into out: inout ByteBuffer) {
    let mark = out.beginMessage(number)
    encodeFields(into: &out)
    out.endMessage(mark)
  }

  /// Adds the fields of an encoded message: single values replace, messages merge, lists grow. Unknown fields are
  /// dropped.
  mutating func merge(_ bytes: UnsafeRawBufferPointer) throws(RecordError) {
    var reader = WireReader(bytes)
    while let field = try reader.next() {
      var decoder = FieldDecoder(number: field.number, value: field.value)
      visitFields(&decoder)
      if let failure = decoder.failure { throw failure }
    }
  }

  /// The protobuf JSON form with the field names of the protocol file.
  public var protoJSON: JSON {
    var copy = self
    var writer = FieldJSON()
    copy.visitFields(&writer)
    return .object(writer.object)
  }
}
