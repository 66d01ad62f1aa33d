/// The types that an engine serves.
public struct Schema: Sendable {
  /// Reads the schema definition language: object, input, enum, interface, union and scalar types, descriptions, default
  /// values, directives. The roots are `Query` and `Mutation` unless a `schema` block names others.
  /// - Throws: `GraphQLError` at the first fault of the text, or at the first rule of the type system that it breaks.
  public init(sdl: String) throws(GraphQLError) {}
}
