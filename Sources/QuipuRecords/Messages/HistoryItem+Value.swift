import QuipuBase

extension HistoryItem {
  /// A value with its type.
  public enum Value: Sendable, Equatable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case text(String)
    /// JSON text of a list or another value that is not a scalar.
    case json(String)
  }

  /// Shows the six members of the oneof; each is present when it is the case, whatever its value.
  mutating func visitValue(_ visitor: inout some FieldVisitor) {
    member(3, "none", NullValue.self, &visitor, { if case .null = $0 { NullValue() } else { nil } }, { _ in .null })
    member(
      4, "boolean", Bool.self, &visitor, { if case .boolean(let value) = $0 { value } else { nil } }, Value.boolean)
    member(
      5, "integer", SignedVarint.self, &visitor,
      { if case .integer(let value) = $0 { SignedVarint(value) } else { nil } }, { .integer($0.value) })
    member(6, "number", Double.self, &visitor, { if case .number(let value) = $0 { value } else { nil } }, Value.number)
    member(7, "text", String.self, &visitor, { if case .text(let value) = $0 { value } else { nil } }, Value.text)
    member(8, "json", String.self, &visitor, { if case .json(let value) = $0 { value } else { nil } }, Value.json)
  }

  private mutating func member<Scalar: WireScalar>(
    _ number: UInt32, _ name: StaticString, _ type: Scalar.Type, _ visitor: inout some FieldVisitor,
    _ unwrap: (Value) -> Scalar?, _ wrap: (Scalar) -> Value
  ) {
    var scalar = value.flatMap(unwrap)
    visitor.optional(number, name, &scalar)
    // Another member that is set stays: only the decoder changes a scalar from nil, and then this one is the last.
    if let scalar { value = wrap(scalar) }
  }
}
