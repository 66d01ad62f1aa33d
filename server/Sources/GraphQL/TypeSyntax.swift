/// A type definition as parsed, before the schema has tied it to others.
struct TypeSyntax {
  var name: String
  var kind: NamedType.Kind
  var description: String?
  var at: Int
  var fields: [FieldDefinition] = []
  var inputFields: [InputDefinition] = []
  var enumValues: [EnumValueDefinition] = []
  var interfaces: [String] = []
  var members: [String] = []
  var specifiedByURL: String?
}

/// A parsed schema text.
struct SchemaSyntax {
  var types: [TypeSyntax] = []
  var directives: [DirectiveDefinition] = []
  var description: String?
  /// From a `schema` block: operation to type name.
  var roots: [String: String]?
}
