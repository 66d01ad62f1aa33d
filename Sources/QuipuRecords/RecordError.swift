/// Why bytes are not a record.
public enum RecordError: Error, Sendable, Equatable {
  /// A field reaches behind the end of the bytes.
  case truncated
  /// A varint of more than ten bytes or 64 bits.
  case badVarint
  /// A field number of 0 or above 536870911, an unknown wire type, or a group that is not closed as it was opened.
  case badTag
  /// Text that is not UTF-8.
  case badText
  /// Groups nested more than a hundred deep.
  case tooDeep
}
