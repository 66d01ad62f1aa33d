/// What the query language and the schema language have in common: names, values, types, directives.
struct Parser {
  let source: Source
  let limits: GraphQLEngine.Limits
  private var lexer: Lexer
  /// The token that comes next.
  private(set) var token: Token
  private var depth = 0

  init(_ text: String, limits: GraphQLEngine.Limits) throws(GraphQLError) {
    guard text.utf8.count <= limits.queryBytes else {
      throw GraphQLError("The text is longer than \(limits.queryBytes) bytes.")
    }
    source = Source(text)
    self.limits = limits
    lexer = Lexer(source, maximumTokens: limits.tokens)
    token = try lexer.next()
  }

  // MARK: Tokens

  /// Text of the next token.
  var tokenText: String { source.text(token.range) }

  func unexpected(_ expected: String) -> GraphQLError {
    let start = token.start..<min(token.range.upperBound, token.start + 60)
    let found = token.kind == .end ? "the end" : "\"\(source.text(start))\""
    return source.error("Syntax error: expected \(expected), found \(found).", at: token.start)
  }

  mutating func advance() throws(GraphQLError) { token = try lexer.next() }

  mutating func skip(_ kind: Token.Kind) throws(GraphQLError) -> Bool {
    guard token.kind == kind else { return false }
    try advance()
    return true
  }

  mutating func expect(_ kind: Token.Kind, _ what: String) throws(GraphQLError) {
    guard try skip(kind) else { throw unexpected(what) }
  }

  /// Whether the next token is this name.
  func isNext(_ keyword: StaticString) -> Bool {
    guard token.kind == .name && token.range.count == keyword.utf8CodeUnitCount else { return false }
    for (index, at) in token.range.enumerated() where source.bytes[at] != keyword.utf8Start[index] { return false }
    return true
  }

  mutating func skip(_ keyword: StaticString) throws(GraphQLError) -> Bool {
    guard isNext(keyword) else { return false }
    try advance()
    return true
  }

  mutating func name(_ what: String = "a name") throws(GraphQLError) -> String {
    guard token.kind == .name else { throw unexpected(what) }
    let text = tokenText
    try advance()
    return text
  }

  /// Guards the recursion of selection sets, values and types.
  mutating func enter() throws(GraphQLError) {
    depth += 1
    guard depth <= limits.depth else {
      throw source.error("The text is nested deeper than \(limits.depth).", at: token.start)
    }
  }

  mutating func leave() { depth -= 1 }

  // MARK: Values

  /// - Parameter isConstant: variables are not allowed.
  mutating func value(isConstant: Bool) throws(GraphQLError) -> Literal {
    let at = token.start
    let kind: Literal.Kind
    switch token.kind {
    case .int: kind = .int(tokenText)
    case .float: kind = .float(tokenText)
    case .string(let text): kind = .string(text)
    case .name:
      if isNext("true") {
        kind = .bool(true)
      } else if isNext("false") {
        kind = .bool(false)
      } else {
        kind = isNext("null") ? .null : .enumValue(tokenText)
      }
    case .dollar:
      guard !isConstant else { throw unexpected("a constant value") }
      try advance()
      return Literal(kind: .variable(try name("the name of a variable")), at: at)
    case .openBracket:
      try enter()
      try advance()
      var elements: [Literal] = []
      while try !skip(.closeBracket) { elements.append(try value(isConstant: isConstant)) }
      leave()
      return Literal(kind: .list(elements), at: at)
    case .openBrace:
      try enter()
      try advance()
      var members: [NamedLiteral] = []
      while try !skip(.closeBrace) { members.append(try namedValue(isConstant: isConstant)) }
      leave()
      try rejectDuplicates(members, "field")
      return Literal(kind: .object(members), at: at)
    default: throw unexpected("a value")
    }
    try advance()
    return Literal(kind: kind, at: at)
  }

  private mutating func namedValue(isConstant: Bool) throws(GraphQLError) -> NamedLiteral {
    let at = token.start
    let name = try name()
    try expect(.colon, "\":\"")
    return NamedLiteral(name: name, value: try value(isConstant: isConstant), at: at)
  }

  mutating func arguments(isConstant: Bool) throws(GraphQLError) -> [NamedLiteral] {
    guard try skip(.openParenthesis) else { return [] }
    var arguments: [NamedLiteral] = []
    repeat {
      arguments.append(try namedValue(isConstant: isConstant))
    } while try !skip(.closeParenthesis)
    try rejectDuplicates(arguments, "argument")
    return arguments
  }

  private func rejectDuplicates(_ members: [NamedLiteral], _ what: String) throws(GraphQLError) {
    guard members.count > 1 else { return }
    var seen = Set<String>()
    for member in members where !seen.insert(member.name).inserted {
      throw source.error("There are two values for \(what) \"\(member.name)\".", at: member.at)
    }
  }

  mutating func directives(isConstant: Bool) throws(GraphQLError) -> [Directive] {
    var directives: [Directive] = []
    while token.kind == .at {
      let at = token.start
      try advance()
      let name = try name("the name of a directive")
      directives.append(Directive(name: name, arguments: try arguments(isConstant: isConstant), at: at))
    }
    return directives
  }

  // MARK: Types

  mutating func type() throws(GraphQLError) -> TypeReference {
    var type: TypeReference
    if try skip(.openBracket) {
      try enter()
      type = .list(try self.type())
      leave()
      try expect(.closeBracket, "\"]\"")
    } else {
      type = .named(try name("a type"))
    }
    if try skip(.bang) { type = .nonNull(type) }
    return type
  }
}
