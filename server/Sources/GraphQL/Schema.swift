/// The types that an engine serves.
public struct Schema: Sendable {
  let types: [String: NamedType]
  /// Names in the order of the text, those of the specification last.
  let typeNames: [String]
  let directives: [DirectiveDefinition]
  let description: String?
  let query: NamedType
  let mutation: NamedType?

  /// Reads the schema definition language: object, input, enum, interface, union and scalar types, descriptions,
  /// default values, directives. The roots are `Query` and `Mutation` unless a `schema` block names others.
  /// - Throws: `GraphQLError` at the first fault of the text, or at the first rule of the type system that it breaks.
  public init(sdl: String) throws(GraphQLError) {
    let limits = GraphQLEngine.Limits()
    let own = try Parser.schema(sdl, limits: limits)
    let builtIn = try Parser.schema(Self.builtInTypes, limits: limits)
    let source = Source(sdl)

    for type in own.types where type.name.hasPrefix("__") {
      throw source.error("The name \"\(type.name)\" is kept for introspection.", at: type.at)
    }
    let syntax = own.types + builtIn.types
    let possibleTypes = try Self.possibleTypes(syntax)
    var types: [String: NamedType] = [:]
    for type in syntax {
      let named = NamedType(type, possibleTypes: possibleTypes[type.name] ?? [])
      guard types.updateValue(named, forKey: type.name) == nil else {
        throw source.error("There are two types named \"\(type.name)\".", at: type.at)
      }
    }

    func root(_ operation: String, _ usual: String) throws(GraphQLError) -> NamedType? {
      let name = own.roots == nil ? usual : own.roots?[operation]
      guard let name else { return nil }
      guard let type = types[name] else {
        if own.roots == nil { return nil }
        throw GraphQLError("The \(operation) type \"\(name)\" is not defined.")
      }
      guard type.kind == .object else { throw GraphQLError("The \(operation) type \"\(name)\" is not an object type.") }
      return type
    }
    guard let query = try root("query", "Query") else { throw GraphQLError("The schema has no query type.") }

    self.types = types
    typeNames = syntax.map(\.name)
    directives = own.directives + builtIn.directives
    description = own.description
    self.query = query
    mutation = try root("mutation", "Mutation")
    try validate()
  }

  /// Object types of each composite type.
  private static func possibleTypes(_ types: [TypeSyntax]) throws(GraphQLError) -> [String: [String]] {
    var possible: [String: [String]] = [:]
    for type in types {
      switch type.kind {
      case .object:
        for name in [type.name] + type.interfaces { possible[name, default: []].append(type.name) }
      case .union: possible[type.name] = type.members
      default: break
      }
    }
    return possible
  }

  /// The definition of a field as a selection on `type` sees it: `__typename` on all, `__schema` and `__type` on the
  /// query type.
  func field(_ name: String, on type: NamedType) -> FieldDefinition? {
    if name == FieldDefinition.typeName.name { return .typeName }
    if let field = type.field(name) { return field }
    return type === query ? Self.introspectionFields[name] : nil
  }

  // MARK: Validation

  /// Source: GraphQL specification of October 2021, section 3, "Type Validation" of each kind.
  private func validate() throws(GraphQLError) {
    let coercion = Coercion(schema: self, limits: GraphQLEngine.Limits())
    for name in typeNames {
      guard let type = types[name] else { continue }
      try unique(type.fields.map(\.name), in: name)
      try unique(type.inputFields.map(\.name), in: name)
      try unique(type.enumValues.map(\.name), in: name)
      try unique(type.interfaces, in: name)
      if type.kind == .union { try unique(type.possibleTypes, in: name) }
      for field in type.fields {
        let place = "\(name).\(field.name)"
        try check(!field.name.hasPrefix("__"), "The name \"\(place)\" is kept for introspection.")
        let fieldType = try defined(field.type, at: place)
        try check(fieldType.kind != .inputObject, "\"\(place)\" cannot be of the input type \"\(fieldType.name)\".")
        try validate(field.arguments, of: place, coercion)
      }
      try validate(type.inputFields, of: name, coercion)
      for interface in type.interfaces { try validate(type, implements: interface) }
      if type.kind == .union {
        for member in type.possibleTypes {
          try check(types[member]?.kind == .object, "\"\(member)\", a member of \"\(name)\", is not an object type.")
        }
      }
    }
    for directive in directives { try validate(directive.arguments, of: "@\(directive.name)", coercion) }
    try unique(directives.map(\.name), in: "the directives")
  }

  private func check(_ condition: Bool, _ message: @autoclosure () -> String) throws(GraphQLError) {
    if !condition { throw GraphQLError(message()) }
  }

  private func unique(_ names: [String], in place: String) throws(GraphQLError) {
    var seen = Set<String>()
    for name in names { try check(seen.insert(name).inserted, "\"\(name)\" is there twice in \(place).") }
  }

  private func defined(_ type: TypeReference, at place: String) throws(GraphQLError) -> NamedType {
    guard let named = types[type.name] else {
      throw GraphQLError("\"\(place)\" is of the type \"\(type.name)\", which is not defined.")
    }
    return named
  }

  private func validate(
    _ inputs: [InputDefinition], of place: String, _ coercion: Coercion
  ) throws(GraphQLError) {
    try unique(inputs.map(\.name), in: place)
    for input in inputs {
      let place = "\(place).\(input.name)"
      let type = try defined(input.type, at: place)
      try check(type.isInput, "\"\(place)\" cannot be of \"\(type.name)\", which is not an input type.")
      guard let literal = input.defaultValue else { continue }
      do throws(Coercion.Failure) {
        _ = try coercion.coerce(literal, to: input.type)
      } catch {
        throw GraphQLError("The default value of \"\(place)\" does not fit: \(error.message)")
      }
    }
  }

  private func validate(_ type: NamedType, implements name: String) throws(GraphQLError) {
    guard let interface = types[name], interface.kind == .interface else {
      throw GraphQLError("\"\(type.name)\" implements \"\(name)\", which is not an interface.")
    }
    for wider in interface.interfaces {
      try check(
        type.interfaces.contains(wider), "\"\(type.name)\" implements \"\(name)\" and so must implement \"\(wider)\".")
    }
    for field in interface.fields {
      let place = "\(type.name).\(field.name)"
      guard let own = type.field(field.name) else {
        throw GraphQLError("\"\(place)\" is missing, a field of the interface \"\(name)\".")
      }
      try check(isSubtype(own.type, field.type), "\"\(place)\" must be of the type \(field.type).")
      for argument in field.arguments {
        let own = own.arguments.first { $0.name == argument.name }
        try check(
          own?.type.description == argument.type.description,
          "\"\(place)\" must have the argument \"\(argument.name)\" of the type \(argument.type).")
      }
      for extra in own.arguments where extra.type.isNonNull && extra.defaultValue == nil {
        try check(
          field.arguments.contains { $0.name == extra.name },
          "\"\(place)\" may not require the argument \"\(extra.name)\", which the interface \"\(name)\" lacks.")
      }
    }
  }

  private func isSubtype(_ type: TypeReference, _ wider: TypeReference) -> Bool {
    switch (type, wider) {
    case (.nonNull(let a), .nonNull(let b)): isSubtype(a, b)
    case (.nonNull(let a), _): isSubtype(a, wider)
    case (.list(let a), .list(let b)): isSubtype(a, b)
    case (.named(let a), .named(let b)):
      a == b || types[b]?.includes(a) == true || types[a]?.interfaces.contains(b) == true
    default: false
    }
  }
}
