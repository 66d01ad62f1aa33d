/// A type of the schema.
final class NamedType: Sendable {
  enum Kind: String, Sendable {
    case scalar = "SCALAR"
    case object = "OBJECT"
    case interface = "INTERFACE"
    case union = "UNION"
    case enumeration = "ENUM"
    case inputObject = "INPUT_OBJECT"
  }

  let name: String
  let kind: Kind
  let description: String?
  /// Of objects and interfaces, in the order of the text.
  let fields: [FieldDefinition]
  /// Of input objects.
  let inputFields: [InputDefinition]
  let enumValues: [EnumValueDefinition]
  /// Interfaces that an object or interface implements.
  let interfaces: [String]
  /// Of interfaces and unions, in the order of the text; an object has itself.
  let possibleTypes: [String]
  /// Of scalars.
  let specifiedByURL: String?
  let scalar: ScalarRule

  private let fieldsByName: [String: FieldDefinition]
  private let enumNames: Set<String>
  private let possibleNames: Set<String>

  init(_ syntax: TypeSyntax, possibleTypes: [String]) {
    name = syntax.name
    kind = syntax.kind
    description = syntax.description
    fields = syntax.fields
    inputFields = syntax.inputFields
    enumValues = syntax.enumValues
    interfaces = syntax.interfaces
    specifiedByURL = syntax.specifiedByURL
    scalar = ScalarRule(scalar: syntax.name)
    self.possibleTypes = possibleTypes
    fieldsByName = Dictionary(syntax.fields.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    enumNames = Set(syntax.enumValues.map(\.name))
    possibleNames = Set(possibleTypes)
  }

  /// Whether fields can be selected on it.
  var isComposite: Bool { kind == .object || kind == .interface || kind == .union }
  var isInput: Bool { kind == .scalar || kind == .enumeration || kind == .inputObject }

  func field(_ name: String) -> FieldDefinition? { fieldsByName[name] }

  func hasValue(_ name: String) -> Bool { enumNames.contains(name) }

  /// Whether an object of the type `objectName` is of this type.
  func includes(_ objectName: String) -> Bool { possibleNames.contains(objectName) }

  /// Whether some object is of both types.
  func overlaps(_ other: NamedType) -> Bool {
    self === other || !possibleNames.isDisjoint(with: other.possibleNames)
  }
}

final class FieldDefinition: Sendable {
  let name: String
  let description: String?
  let arguments: [InputDefinition]
  let type: TypeReference
  /// Why the field is deprecated; nil if it is not.
  let deprecation: String?

  init(
    name: String, description: String? = nil, arguments: [InputDefinition] = [], type: TypeReference,
    deprecation: String? = nil
  ) {
    self.name = name
    self.description = description
    self.arguments = arguments
    self.type = type
    self.deprecation = deprecation
  }

  /// `__typename`, which every composite type has.
  static let typeName = FieldDefinition(name: "__typename", type: .nonNull(.named("String")))
}

/// An argument of a field or directive, or a field of an input object.
struct InputDefinition: Sendable {
  var name: String
  var description: String?
  var type: TypeReference
  var defaultValue: Literal?
  var deprecation: String?
}

struct EnumValueDefinition: Sendable {
  var name: String
  var description: String?
  var deprecation: String?
}

struct DirectiveDefinition: Sendable {
  var name: String
  var description: String?
  var arguments: [InputDefinition]
  var isRepeatable: Bool
  var locations: [String]
}

/// What a scalar takes and gives.
enum ScalarRule: Sendable {
  case integer, float, string, boolean, id
  /// Any JSON value.
  case any

  /// `Int` is not held to 32 bits: the client counts in it, too.
  init(scalar name: String) {
    switch name {
    case "Int", "Int64", "Duration": self = .integer
    case "Float": self = .float
    case "String", "JSONString", "DateTime": self = .string
    case "Boolean": self = .boolean
    case "ID": self = .id
    default: self = .any
    }
  }
}
