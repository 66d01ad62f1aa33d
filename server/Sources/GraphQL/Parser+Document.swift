extension Parser {
  /// Parses a query text: operations and fragments.
  /// - Throws: `GraphQLError` if it is malformed, beyond a limit, or if two definitions have one name.
  static func document(_ text: String, limits: GraphQLEngine.Limits) throws(GraphQLError) -> Document {
    var parser = try Parser(text, limits: limits)
    var document = Document(source: parser.source)
    var names = Set<String>()
    while parser.token.kind != .end {
      if parser.isNext("fragment") {
        let fragment = try parser.fragment()
        guard document.fragments.updateValue(fragment, forKey: fragment.name) == nil else {
          throw parser.source.error("There are two fragments named \"\(fragment.name)\".", at: fragment.at)
        }
      } else {
        let operation = try parser.operation()
        if let name = operation.name, !names.insert(name).inserted {
          throw parser.source.error("There are two operations named \"\(name)\".", at: operation.at)
        }
        document.operations.append(operation)
      }
    }
    if document.operations.count > 1, let nameless = document.operations.first(where: { $0.name == nil }) {
      throw parser.source.error("An operation without a name must be the only one.", at: nameless.at)
    }
    return document
  }

  private mutating func operation() throws(GraphQLError) -> Operation {
    let at = token.start
    guard token.kind != .openBrace else {
      return Operation(
        kind: .query, name: nil, variables: [], directives: [], selections: try selectionSet(), at: at)
    }
    guard token.kind == .name, let kind = Operation.Kind(rawValue: tokenText) else {
      throw unexpected("an operation or a fragment")
    }
    try advance()
    let operationName = token.kind == .name ? try name() : nil
    var variables: [Operation.Variable] = []
    if try skip(.openParenthesis) {
      var names = Set<String>()
      repeat {
        let variable = try variable()
        guard names.insert(variable.name).inserted else {
          throw source.error("There are two variables named \"$\(variable.name)\".", at: variable.at)
        }
        variables.append(variable)
      } while try !skip(.closeParenthesis)
    }
    let directives = try directives(isConstant: false)
    return Operation(
      kind: kind, name: operationName, variables: variables, directives: directives, selections: try selectionSet(),
      at: at)
  }

  private mutating func variable() throws(GraphQLError) -> Operation.Variable {
    let at = token.start
    try expect(.dollar, "a variable")
    let name = try name("the name of a variable")
    try expect(.colon, "\":\"")
    let type = try type()
    let defaultValue = try skip(.equals) ? try value(isConstant: true) : nil
    let directives = try directives(isConstant: true)
    return Operation.Variable(name: name, type: type, defaultValue: defaultValue, directives: directives, at: at)
  }

  private mutating func fragment() throws(GraphQLError) -> Fragment {
    let at = token.start
    try advance()
    guard !isNext("on") else { throw unexpected("the name of a fragment") }
    let name = try name("the name of a fragment")
    guard try skip("on") else { throw unexpected("\"on\"") }
    let typeName = try self.name("a type")
    let directives = try directives(isConstant: false)
    return Fragment(name: name, typeName: typeName, directives: directives, selections: try selectionSet(), at: at)
  }

  private mutating func selectionSet() throws(GraphQLError) -> [Selection] {
    try enter()
    try expect(.openBrace, "\"{\"")
    var selections: [Selection] = []
    repeat {
      selections.append(token.kind == .spread ? try spread() : .field(try field()))
    } while try !skip(.closeBrace)
    leave()
    return selections
  }

  private mutating func field() throws(GraphQLError) -> Selection.Field {
    let at = token.start
    var name = try name("a field")
    var alias: String?
    if try skip(.colon) {
      alias = name
      name = try self.name("a field")
    }
    let arguments = try arguments(isConstant: false)
    let directives = try directives(isConstant: false)
    let selections = token.kind == .openBrace ? try selectionSet() : []
    return Selection.Field(
      alias: alias, name: name, arguments: arguments, directives: directives, selections: selections, at: at)
  }

  private mutating func spread() throws(GraphQLError) -> Selection {
    let at = token.start
    try advance()
    if token.kind == .name && !isNext("on") {
      let name = try name()
      return .spread(Selection.Spread(name: name, directives: try directives(isConstant: false), at: at))
    }
    let typeName = try skip("on") ? try name("a type") : nil
    let directives = try directives(isConstant: false)
    return .inline(
      Selection.InlineFragment(typeName: typeName, directives: directives, selections: try selectionSet(), at: at))
  }
}
