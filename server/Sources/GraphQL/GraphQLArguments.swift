import QuipuBase

/// The arguments of a field, or the fields of an input object, after coercion to the types of the schema: defaults are
/// filled in, a single value for a list is a list, enum values are strings, `Int` and `Int64` are `.int`.
public struct GraphQLArguments: Sendable {
  public let values: JSONObject

  public init(_ values: JSONObject = [:]) { self.values = values }

  /// Nil if absent; `.null` if null was given.
  public subscript(name: String) -> JSON? { values[Key(name)] }

  /// Whether there is a value, null included.
  public func isGiven(_ name: String) -> Bool { self[name] != nil }

  // The accessors below give nil for what is absent, null or of another kind.

  public func string(_ name: String) -> String? { self[name]?.stringValue }
  public func int(_ name: String) -> Int64? { self[name]?.intValue }
  public func double(_ name: String) -> Double? { self[name]?.doubleValue }
  public func bool(_ name: String) -> Bool? { self[name]?.boolValue }

  /// Without the list's null elements.
  public func strings(_ name: String) -> [String]? { self[name]?.arrayValue?.compactMap(\.stringValue) }

  public func object(_ name: String) -> GraphQLArguments? { self[name]?.objectValue.map { GraphQLArguments($0) } }

  /// Without the list's null elements.
  public func objects(_ name: String) -> [GraphQLArguments]? {
    self[name]?.arrayValue?.compactMap { $0.objectValue.map { GraphQLArguments($0) } }
  }
}
