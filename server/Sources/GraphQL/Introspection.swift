import QuipuBase

extension Schema {
  /// What every schema has.
  /// Source: GraphQL specification of October 2021, sections 3.5, 3.13 and 4.2.
  static let builtInTypes = """
    scalar String scalar Int scalar Float scalar Boolean scalar ID

    type __Schema {
      description: String
      types: [__Type!]!
      queryType: __Type!
      mutationType: __Type
      subscriptionType: __Type
      directives: [__Directive!]!
    }
    type __Type {
      kind: __TypeKind!
      name: String
      description: String
      fields(includeDeprecated: Boolean = false): [__Field!]
      interfaces: [__Type!]
      possibleTypes: [__Type!]
      enumValues(includeDeprecated: Boolean = false): [__EnumValue!]
      inputFields(includeDeprecated: Boolean = false): [__InputValue!]
      ofType: __Type
      specifiedByURL: String
    }
    enum __TypeKind { SCALAR OBJECT INTERFACE UNION ENUM INPUT_OBJECT LIST NON_NULL }
    type __Field {
      name: String!
      description: String
      args(includeDeprecated: Boolean = false): [__InputValue!]!
      type: __Type!
      isDeprecated: Boolean!
      deprecationReason: String
    }
    type __InputValue {
      name: String!
      description: String
      type: __Type!
      defaultValue: String
      isDeprecated: Boolean!
      deprecationReason: String
    }
    type __EnumValue {
      name: String!
      description: String
      isDeprecated: Boolean!
      deprecationReason: String
    }
    type __Directive {
      name: String!
      description: String
      locations: [__DirectiveLocation!]!
      args(includeDeprecated: Boolean = false): [__InputValue!]!
      isRepeatable: Boolean!
    }
    enum __DirectiveLocation {
      QUERY MUTATION SUBSCRIPTION FIELD FRAGMENT_DEFINITION FRAGMENT_SPREAD INLINE_FRAGMENT VARIABLE_DEFINITION
      SCHEMA SCALAR OBJECT FIELD_DEFINITION ARGUMENT_DEFINITION INTERFACE UNION ENUM ENUM_VALUE INPUT_OBJECT
      INPUT_FIELD_DEFINITION
    }

    "The selection is left out unless the argument is true."
    directive @include(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
    "The selection is left out if the argument is true."
    directive @skip(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT
    "Not to be used any more."
    directive @deprecated(reason: String = "No longer supported")
      on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | ENUM_VALUE
    "Where the scalar's rules can be read."
    directive @specifiedBy(url: String!) on SCALAR
    """

  /// Fields that the query type has besides its own.
  static let introspectionFields: [String: FieldDefinition] = [
    "__schema": FieldDefinition(name: "__schema", type: .nonNull(.named("__Schema"))),
    "__type": FieldDefinition(
      name: "__type", arguments: [InputDefinition(name: "name", type: .nonNull(.named("String")))],
      type: .named("__Type")),
  ]

  /// Answers an introspection field of the query type.
  func introspect(_ field: GraphQLField) -> GraphQLValue {
    guard field.name == "__type" else { return .object(SchemaNode(schema: self)) }
    return TypeNode.value(field.arguments.string("name"), self)
  }
}

extension GraphQLValue {
  init(_ text: String?) { self = text.map { .string($0) } ?? .null }
}

private struct SchemaNode: GraphQLObject {
  let schema: Schema
  var typeName: String { "__Schema" }

  func resolve(_ field: GraphQLField) -> GraphQLValue {
    switch field.name {
    case "description": GraphQLValue(schema.description)
    case "types": .list(schema.typeNames.map { TypeNode.value($0, schema) })
    case "queryType": TypeNode.value(schema.query.name, schema)
    case "mutationType": TypeNode.value(schema.mutation?.name, schema)
    case "directives": .list(schema.directives.map { .object(DirectiveNode(definition: $0, schema: schema)) })
    default: .null
    }
  }
}

/// A type of the schema, or a list or non-null type around one.
private struct TypeNode: GraphQLObject {
  let reference: TypeReference
  let named: NamedType
  let schema: Schema
  var typeName: String { "__Type" }

  static func value(_ reference: TypeReference, _ schema: Schema) -> GraphQLValue {
    guard let named = schema.types[reference.name] else { return .null }
    return .object(TypeNode(reference: reference, named: named, schema: schema))
  }

  static func value(_ name: String?, _ schema: Schema) -> GraphQLValue {
    guard let name else { return .null }
    return value(.named(name), schema)
  }

  func resolve(_ field: GraphQLField) -> GraphQLValue {
    switch reference {
    case .list(let inner): wrapped("LIST", inner, field)
    case .nonNull(let inner): wrapped("NON_NULL", inner, field)
    case .named: resolveNamed(field)
    }
  }

  private func wrapped(_ kind: String, _ inner: TypeReference, _ field: GraphQLField) -> GraphQLValue {
    switch field.name {
    case "kind": .string(kind)
    case "ofType": TypeNode.value(inner, schema)
    default: .null
    }
  }

  private func resolveNamed(_ field: GraphQLField) -> GraphQLValue {
    let all = field.arguments.bool("includeDeprecated") ?? false
    let hasFields = named.kind == .object || named.kind == .interface
    switch field.name {
    case "kind": return .string(named.kind.rawValue)
    case "name": return .string(named.name)
    case "description": return GraphQLValue(named.description)
    case "specifiedByURL": return GraphQLValue(named.specifiedByURL)
    case "fields" where hasFields:
      return .list(
        named.fields.filter { all || $0.deprecation == nil }
          .map { .object(FieldNode(definition: $0, schema: schema)) })
    case "interfaces" where hasFields: return .list(named.interfaces.map { TypeNode.value($0, schema) })
    case "possibleTypes" where named.kind == .interface || named.kind == .union:
      return .list(named.possibleTypes.map { TypeNode.value($0, schema) })
    case "enumValues" where named.kind == .enumeration:
      return .list(
        named.enumValues.filter { all || $0.deprecation == nil }.map { .object(EnumValueNode(definition: $0)) })
    case "inputFields" where named.kind == .inputObject: return InputNode.list(named.inputFields, field, schema)
    default: return .null
    }
  }
}

private struct FieldNode: GraphQLObject {
  let definition: FieldDefinition
  let schema: Schema
  var typeName: String { "__Field" }

  func resolve(_ field: GraphQLField) -> GraphQLValue {
    switch field.name {
    case "name": .string(definition.name)
    case "description": GraphQLValue(definition.description)
    case "args": InputNode.list(definition.arguments, field, schema)
    case "type": TypeNode.value(definition.type, schema)
    case "isDeprecated": .bool(definition.deprecation != nil)
    case "deprecationReason": GraphQLValue(definition.deprecation)
    default: .null
    }
  }
}

private struct InputNode: GraphQLObject {
  let definition: InputDefinition
  let schema: Schema
  var typeName: String { "__InputValue" }

  static func list(_ definitions: [InputDefinition], _ field: GraphQLField, _ schema: Schema) -> GraphQLValue {
    let all = field.arguments.bool("includeDeprecated") ?? false
    return .list(
      definitions.filter { all || $0.deprecation == nil }.map { .object(InputNode(definition: $0, schema: schema)) })
  }

  func resolve(_ field: GraphQLField) -> GraphQLValue {
    switch field.name {
    case "name": .string(definition.name)
    case "description": GraphQLValue(definition.description)
    case "type": TypeNode.value(definition.type, schema)
    case "defaultValue": GraphQLValue(definition.defaultValue?.description)
    case "isDeprecated": .bool(definition.deprecation != nil)
    case "deprecationReason": GraphQLValue(definition.deprecation)
    default: .null
    }
  }
}

private struct EnumValueNode: GraphQLObject {
  let definition: EnumValueDefinition
  var typeName: String { "__EnumValue" }

  func resolve(_ field: GraphQLField) -> GraphQLValue {
    switch field.name {
    case "name": .string(definition.name)
    case "description": GraphQLValue(definition.description)
    case "isDeprecated": .bool(definition.deprecation != nil)
    case "deprecationReason": GraphQLValue(definition.deprecation)
    default: .null
    }
  }
}

private struct DirectiveNode: GraphQLObject {
  let definition: DirectiveDefinition
  let schema: Schema
  var typeName: String { "__Directive" }

  func resolve(_ field: GraphQLField) -> GraphQLValue {
    switch field.name {
    case "name": .string(definition.name)
    case "description": GraphQLValue(definition.description)
    case "locations": .list(definition.locations.map { .string($0) })
    case "args": InputNode.list(definition.arguments, field, schema)
    case "isRepeatable": .bool(definition.isRepeatable)
    default: .null
    }
  }
}
