extension Parser {
  /// Parses a text in the schema definition language.
  static func schema(_ text: String, limits: GraphQLEngine.Limits) throws(GraphQLError) -> SchemaSyntax {
    var parser = try Parser(text, limits: limits)
    var schema = SchemaSyntax()
    while parser.token.kind != .end {
      let description = try parser.description()
      let at = parser.token.start
      if try parser.skip("schema") {
        guard schema.roots == nil else { throw parser.source.error("There are two schema blocks.", at: at) }
        schema.roots = try parser.roots()
        schema.description = description
      } else if try parser.skip("directive") {
        schema.directives.append(try parser.directiveDefinition(description))
      } else {
        schema.types.append(try parser.typeDefinition(description))
      }
    }
    return schema
  }

  private mutating func description() throws(GraphQLError) -> String? {
    guard case .string(let text) = token.kind else { return nil }
    try advance()
    return text
  }

  private mutating func roots() throws(GraphQLError) -> [String: String] {
    _ = try directives(isConstant: true)
    var roots: [String: String] = [:]
    try expect(.openBrace, "\"{\"")
    repeat {
      let at = token.start
      let operation = try name("an operation")
      try expect(.colon, "\":\"")
      let type = try name("a type")
      guard operation == "query" || operation == "mutation" else {
        throw source.error("A schema may have a query and a mutation type, not \"\(operation)\".", at: at)
      }
      roots[operation] = type
    } while try !skip(.closeBrace)
    return roots
  }

  private mutating func directiveDefinition(_ description: String?) throws(GraphQLError) -> DirectiveDefinition {
    try expect(.at, "\"@\"")
    let name = try name("the name of a directive")
    let arguments = try inputDefinitions(.openParenthesis, .closeParenthesis)
    let isRepeatable = try skip("repeatable")
    guard try skip("on") else { throw unexpected("\"on\"") }
    _ = try skip(.pipe)
    var locations: [String] = []
    repeat { locations.append(try self.name("a location of directives")) } while try skip(.pipe)
    return DirectiveDefinition(
      name: name, description: description, arguments: arguments, isRepeatable: isRepeatable, locations: locations)
  }

  private mutating func typeDefinition(_ description: String?) throws(GraphQLError) -> TypeSyntax {
    let kind: NamedType.Kind
    if try skip("type") {
      kind = .object
    } else if try skip("input") {
      kind = .inputObject
    } else if try skip("enum") {
      kind = .enumeration
    } else if try skip("interface") {
      kind = .interface
    } else if try skip("union") {
      kind = .union
    } else if try skip("scalar") {
      kind = .scalar
    } else {
      throw unexpected("a type definition")
    }
    let at = token.start
    var type = TypeSyntax(name: try name("the name of a type"), kind: kind, description: description, at: at)
    if kind == .object || kind == .interface, try skip("implements") {
      _ = try skip(.ampersand)
      repeat { type.interfaces.append(try name("an interface")) } while try skip(.ampersand)
    }
    let directives = try directives(isConstant: true)
    type.specifiedByURL = argument("url", of: "specifiedBy", in: directives)
    switch kind {
    case .object, .interface: type.fields = try fieldDefinitions()
    case .inputObject: type.inputFields = try inputDefinitions(.openBrace, .closeBrace)
    case .enumeration: type.enumValues = try enumValues()
    case .union:
      try expect(.equals, "\"=\"")
      _ = try skip(.pipe)
      repeat { type.members.append(try name("a type")) } while try skip(.pipe)
    case .scalar: break
    }
    return type
  }

  private mutating func fieldDefinitions() throws(GraphQLError) -> [FieldDefinition] {
    var fields: [FieldDefinition] = []
    try expect(.openBrace, "\"{\"")
    repeat {
      let description = try description()
      let name = try name("a field")
      let arguments = try inputDefinitions(.openParenthesis, .closeParenthesis)
      try expect(.colon, "\":\"")
      let type = try type()
      fields.append(
        FieldDefinition(
          name: name, description: description, arguments: arguments, type: type, deprecation: try deprecation()))
    } while try !skip(.closeBrace)
    return fields
  }

  /// Arguments or fields of an input object. Arguments may be absent altogether.
  private mutating func inputDefinitions(
    _ open: Token.Kind, _ close: Token.Kind
  ) throws(GraphQLError) -> [InputDefinition] {
    if open == .openParenthesis && token.kind != open { return [] }
    try expect(open, "\"{\"")
    var definitions: [InputDefinition] = []
    repeat {
      let description = try description()
      let name = try name()
      try expect(.colon, "\":\"")
      let type = try type()
      let defaultValue = try skip(.equals) ? try value(isConstant: true) : nil
      definitions.append(
        InputDefinition(
          name: name, description: description, type: type, defaultValue: defaultValue, deprecation: try deprecation()))
    } while try !skip(close)
    return definitions
  }

  private mutating func enumValues() throws(GraphQLError) -> [EnumValueDefinition] {
    var values: [EnumValueDefinition] = []
    try expect(.openBrace, "\"{\"")
    repeat {
      let description = try description()
      guard !isNext("true") && !isNext("false") && !isNext("null") else { throw unexpected("an enum value") }
      let name = try name("an enum value")
      values.append(EnumValueDefinition(name: name, description: description, deprecation: try deprecation()))
    } while try !skip(.closeBrace)
    return values
  }

  private mutating func deprecation() throws(GraphQLError) -> String? {
    let directives = try directives(isConstant: true)
    guard directives.contains(where: { $0.name == "deprecated" }) else { return nil }
    return argument("reason", of: "deprecated", in: directives) ?? "No longer supported"
  }

  private func argument(_ name: String, of directive: String, in directives: [Directive]) -> String? {
    let value = directives.first { $0.name == directive }?.arguments.first { $0.name == name }?.value
    guard case .string(let text)? = value?.kind else { return nil }
    return text
  }
}
