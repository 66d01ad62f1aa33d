/// A message without fields.
public struct EmptyMessage: RecordMessage {
  public init() {}
  mutating func visitFields(_ visitor: inout some FieldVisitor) {}
}
