/// A field that a resolver is asked for.
public struct GraphQLField: Sendable {
  /// The name in the schema, not the alias.
  public let name: String
  public let arguments: GraphQLArguments
  /// Names of the directly selected child fields, so that a resolver can avoid loading what nobody asked for. Fields of
  /// all fragments are in it, whichever type they are on; what `@skip` and `@include` take out is not.
  public var selectedNames: Set<String> { children.names }

  private let children: Children

  /// A reference: a field is handed to a resolver once for each object.
  private final class Children: Sendable {
    let names: Set<String>

    init(names: Set<String>) { self.names = names }
  }

  /// - Parameter selectedNames: for tests of resolvers.
  public init(name: String, arguments: GraphQLArguments = GraphQLArguments(), selectedNames: Set<String> = []) {
    self.name = name
    self.arguments = arguments
    children = Children(names: selectedNames)
  }
}
