import QuipuBase

/// A parsed query text.
struct Document {
  var source: Source
  var operations: [Operation] = []
  var fragments: [String: Fragment] = [:]
}

/// A type as it is written at a field, an argument or a variable.
indirect enum TypeReference: Sendable, Hashable, CustomStringConvertible {
  case named(String)
  case list(TypeReference)
  case nonNull(TypeReference)

  /// The type within all lists and exclamation marks.
  var name: String {
    switch self {
    case .named(let name): name
    case .list(let inner), .nonNull(let inner): inner.name
    }
  }

  var isNonNull: Bool { if case .nonNull = self { true } else { false } }

  /// Without the exclamation mark at its end.
  var nullable: TypeReference { if case .nonNull(let inner) = self { inner } else { self } }

  var description: String {
    switch self {
    case .named(let name): name
    case .list(let inner): "[\(inner)]"
    case .nonNull(let inner): "\(inner)!"
    }
  }
}

/// A value as it is written in a text.
struct Literal: Sendable {
  indirect enum Kind: Sendable {
    case null
    case bool(Bool)
    /// Digits with an optional minus sign.
    case int(String)
    case float(String)
    case string(String)
    case enumValue(String)
    case variable(String)
    case list([Literal])
    case object([NamedLiteral])
  }

  var kind: Kind
  /// Byte offset in its source, as all `at` of this file.
  var at: Int
}

extension Literal: CustomStringConvertible {
  /// As it would be written; strings in quotes on one line.
  var description: String {
    switch kind {
    case .null: "null"
    case .bool(let value): String(value)
    case .int(let text), .float(let text), .enumValue(let text): text
    case .string(let text): JSON.string(text).text(style: .core)
    case .variable(let name): "$" + name
    case .list(let elements): "[" + elements.map(\.description).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { "\($0.name): \($0.value)" }.joined(separator: ", ") + "}"
    }
  }
}

/// An argument, or a field of an object literal.
struct NamedLiteral: Sendable {
  var name: String
  var value: Literal
  var at: Int
}

struct Directive: Sendable {
  var name: String
  var arguments: [NamedLiteral]
  var at: Int
}

final class Operation {
  enum Kind: String { case query, mutation, subscription }

  struct Variable {
    var name: String
    var type: TypeReference
    var defaultValue: Literal?
    var directives: [Directive]
    var at: Int
  }

  let kind: Kind
  let name: String?
  let variables: [Variable]
  let directives: [Directive]
  let selections: [Selection]
  let at: Int

  init(
    kind: Kind, name: String?, variables: [Variable], directives: [Directive], selections: [Selection], at: Int
  ) {
    self.kind = kind
    self.name = name
    self.variables = variables
    self.directives = directives
    self.selections = selections
    self.at = at
  }
}

final class Fragment {
  let name: String
  let typeName: String
  let directives: [Directive]
  let selections: [Selection]
  let at: Int

  init(name: String, typeName: String, directives: [Directive], selections: [Selection], at: Int) {
    self.name = name
    self.typeName = typeName
    self.directives = directives
    self.selections = selections
    self.at = at
  }
}

enum Selection {
  case field(Field)
  case spread(Spread)
  case inline(InlineFragment)

  /// A field of a selection set. A field stands in one place of the text and so has one parent type; what the validator
  /// finds out about it is kept here.
  final class Field {
    let alias: String?
    let name: String
    let arguments: [NamedLiteral]
    let directives: [Directive]
    let selections: [Selection]
    let at: Int

    var key: String { alias ?? name }

    var parent: NamedType?
    var definition: FieldDefinition?
    var values = GraphQLArguments()
    var isIncluded = true

    init(
      alias: String?, name: String, arguments: [NamedLiteral], directives: [Directive], selections: [Selection], at: Int
    ) {
      self.alias = alias
      self.name = name
      self.arguments = arguments
      self.directives = directives
      self.selections = selections
      self.at = at
    }
  }

  final class Spread {
    let name: String
    let directives: [Directive]
    let at: Int

    var isIncluded = true

    init(name: String, directives: [Directive], at: Int) {
      self.name = name
      self.directives = directives
      self.at = at
    }
  }

  final class InlineFragment {
    let typeName: String?
    let directives: [Directive]
    let selections: [Selection]
    let at: Int

    var isIncluded = true

    init(typeName: String?, directives: [Directive], selections: [Selection], at: Int) {
      self.typeName = typeName
      self.directives = directives
      self.selections = selections
      self.at = at
    }
  }
}
