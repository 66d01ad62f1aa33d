import QuipuBase

/// Turns values of variables and literals into values of the schema's input types.
///
/// A variable may stand at a place of another type: its value is coerced once more to the type of the place.
/// Source: GraphQL specification of October 2021, "Input Coercion" in sections 3.5 to 3.12; sections 6.1.2 and 6.4.1.
final class Coercion {
  /// Why a value does not fit.
  struct Failure: Error {
    var message: String
    /// Byte offset of the culprit in the query text; nil if it is not there.
    var at: Int?
    /// The message names its place; nothing is put before it.
    var isComplete = false

    func within(_ place: String, at: Int? = nil) -> Failure {
      Failure(message: isComplete ? message : "\(place): \(message)", at: self.at ?? at, isComplete: isComplete)
    }
  }

  private struct Use: Hashable {
    var variable: String
    var type: TypeReference
  }

  private let schema: Schema
  private let maximumDepth: Int
  private var types: [String: TypeReference] = [:]
  /// Those that were neither given nor have a default are absent.
  private var values: [String: JSON] = [:]
  /// A large value that is used at many places of another type is coerced once.
  private var reused: [Use: JSON] = [:]

  init(schema: Schema, limits: GraphQLEngine.Limits) {
    self.schema = schema
    maximumDepth = limits.depth
  }

  /// Takes in the variables of an operation.
  /// - Throws: `Failure` with the place of the variable's definition.
  func declare(_ variable: Operation.Variable, given: JSON?) throws(Failure) {
    guard let type = schema.types[variable.type.name] else {
      throw Failure(message: "Unknown type \"\(variable.type.name)\".", at: variable.at)
    }
    guard type.isInput else {
      throw Failure(message: "Variable \"$\(variable.name)\" cannot be of type \"\(type.name)\".", at: variable.at)
    }
    types[variable.name] = variable.type
    do throws(Failure) {
      if let given {
        values[variable.name] = try coerce(given, to: variable.type)
      } else if let literal = variable.defaultValue {
        values[variable.name] = try coerce(literal, to: variable.type)
      } else if variable.type.isNonNull {
        throw Failure(message: "a value of type \(variable.type) is required.")
      }
    } catch {
      throw error.within("Variable \"$\(variable.name)\"", at: variable.at)
    }
  }

  /// The arguments of a field or directive, defaults included.
  /// - Parameter place: for messages, as "field "Run.history"".
  func arguments(
    _ literals: [NamedLiteral], for definitions: [InputDefinition], of place: @autoclosure () -> String, at: Int
  ) throws(Failure) -> JSONObject {
    for literal in literals where !definitions.contains(where: { $0.name == literal.name }) {
      throw Failure(message: "Unknown argument \"\(literal.name)\" on \(place()).", at: literal.at)
    }
    var result = JSONObject()
    for definition in definitions {
      let literal = literals.first { $0.name == definition.name }
      do throws(Failure) {
        let value = try member(definition, literal: literal?.value, depth: 0)
        if let value { result[Key(definition.name)] = value }
      } catch {
        throw error.within("Argument \"\(definition.name)\" of \(place())", at: literal?.value.at ?? at)
      }
    }
    return result
  }

  /// A field of an input object, or an argument: its value, else its default, else nothing.
  private func member(_ definition: InputDefinition, literal: Literal?, depth: Int) throws(Failure) -> JSON? {
    if let literal, let value = try coerce(literal, to: definition.type, depth: depth) { return value }
    return try absent(definition, depth: depth)
  }

  private func absent(_ definition: InputDefinition, depth: Int) throws(Failure) -> JSON? {
    if let literal = definition.defaultValue { return try coerce(literal, to: definition.type, depth: depth) }
    if definition.type.isNonNull { throw Failure(message: "a value of type \(definition.type) is required.") }
    return nil
  }

  private func enter(_ depth: Int) throws(Failure) -> Int {
    guard depth < maximumDepth else { throw Failure(message: "the value is nested deeper than \(maximumDepth).") }
    return depth + 1
  }

  private func named(_ name: String) throws(Failure) -> NamedType {
    guard let type = schema.types[name] else { throw Failure(message: "Unknown type \"\(name)\".") }
    return type
  }

  // MARK: Literals

  /// - Returns: nil if the literal is a variable without a value.
  func coerce(_ literal: Literal, to type: TypeReference, depth: Int = 0) throws(Failure) -> JSON? {
    if case .variable(let name) = literal.kind { return try use(name, as: type, at: literal.at) }
    do throws(Failure) {
      switch type {
      case .nonNull(let inner):
        if case .null = literal.kind { throw Failure(message: "a value of type \(type) cannot be null.") }
        return try coerce(literal, to: inner, depth: depth)
      case .list(let inner):
        let depth = try enter(depth)
        switch literal.kind {
        case .null: return .null
        case .list(let elements):
          var result: [JSON] = []
          for element in elements {
            if let value = try coerce(element, to: inner, depth: depth) {
              result.append(value)
            } else if inner.isNonNull {
              throw Failure(message: "a value of type \(inner) is required.", at: element.at)
            } else {
              result.append(.null)
            }
          }
          return .array(result)
        default: return .array([try coerce(literal, to: inner, depth: depth) ?? .null])
        }
      case .named(let name):
        if case .null = literal.kind { return .null }
        return try coerce(literal, to: try named(name), depth: depth)
      }
    } catch {
      throw Failure(message: error.message, at: error.at ?? literal.at, isComplete: error.isComplete)
    }
  }

  private func use(_ name: String, as type: TypeReference, at: Int) throws(Failure) -> JSON? {
    guard let declared = types[name] else { throw undeclared(name, at: at) }
    guard let value = values[name] else { return nil }
    if case .null = value, type.isNonNull {
      throw Failure(message: "variable \"$\(name)\" is null where \(type) is required.", at: at)
    }
    if declared.nullable == type.nullable { return value }
    let use = Use(variable: name, type: type)
    if let known = reused[use] { return known }
    do throws(Failure) {
      let result = try coerce(value, to: type)
      reused[use] = result
      return result
    } catch {
      throw error.within("variable \"$\(name)\"", at: at)
    }
  }

  private func coerce(_ literal: Literal, to type: NamedType, depth: Int) throws(Failure) -> JSON {
    switch type.kind {
    case .inputObject:
      guard case .object(let members) = literal.kind else { throw misfit("\(literal)", type) }
      for member in members where !type.inputFields.contains(where: { $0.name == member.name }) {
        throw unknownField(member.name, type, at: member.at)
      }
      let depth = try enter(depth)
      var result = JSONObject()
      for definition in type.inputFields {
        let given = members.first { $0.name == definition.name }
        do throws(Failure) {
          let value = try member(definition, literal: given?.value, depth: depth)
          if let value { result[Key(definition.name)] = value }
        } catch {
          throw error.within("\"\(definition.name)\"")
        }
      }
      return .object(result)
    case .enumeration:
      guard case .enumValue(let name) = literal.kind, type.hasValue(name) else { throw misfit("\(literal)", type) }
      return .string(name)
    default:
      // An enum value is no string.
      if case .enumValue = literal.kind, type.scalar != .any { throw misfit("\(literal)", type) }
      return try coerce(try plain(literal, depth: depth), toScalar: type)
    }
  }

  /// A literal as JSON, for a scalar.
  private func plain(_ literal: Literal, depth: Int) throws(Failure) -> JSON {
    switch literal.kind {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .string(let text), .enumValue(let text): return .string(text)
    case .int(let text), .float(let text):
      guard let number = try? JSON(parsing: text) else { throw Failure(message: "\(text) is not a number.") }
      return number
    case .variable(let name):
      guard types[name] != nil else { throw undeclared(name, at: literal.at) }
      return values[name] ?? .null
    case .list(let elements):
      let depth = try enter(depth)
      var result: [JSON] = []
      for element in elements { result.append(try plain(element, depth: depth)) }
      return .array(result)
    case .object(let members):
      let depth = try enter(depth)
      var result = JSONObject()
      for member in members { result[Key(member.name)] = try plain(member.value, depth: depth) }
      return .object(result)
    }
  }

  // MARK: JSON

  func coerce(_ value: JSON, to type: TypeReference, depth: Int = 0) throws(Failure) -> JSON {
    switch type {
    case .nonNull(let inner):
      if case .null = value { throw Failure(message: "a value of type \(type) cannot be null.") }
      return try coerce(value, to: inner, depth: depth)
    case .list(let inner):
      let depth = try enter(depth)
      switch value {
      case .null: return .null
      case .array(let elements):
        var result: [JSON] = []
        result.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
          do throws(Failure) {
            result.append(try coerce(element, to: inner, depth: depth))
          } catch {
            throw error.within("element \(index)")
          }
        }
        return .array(result)
      default: return .array([try coerce(value, to: inner, depth: depth)])
      }
    case .named(let name):
      if case .null = value { return .null }
      return try coerce(value, to: try named(name), depth: depth)
    }
  }

  private func coerce(_ value: JSON, to type: NamedType, depth: Int) throws(Failure) -> JSON {
    switch type.kind {
    case .inputObject:
      guard case .object(let members) = value else { throw misfit(summary(value), type) }
      let depth = try enter(depth)
      var result = JSONObject()
      var used = 0
      for definition in type.inputFields {
        let key = Key(definition.name)
        do throws(Failure) {
          if let given = members[key] {
            used += 1
            result[key] = try coerce(given, to: definition.type, depth: depth)
          } else if let value = try absent(definition, depth: depth) {
            result[key] = value
          }
        } catch {
          throw error.within("\"\(definition.name)\"")
        }
      }
      if used < members.count {
        let unknown = members.keys.first { key in !type.inputFields.contains { $0.name == key.string } }
        throw unknownField(unknown?.string ?? "", type, at: nil)
      }
      return .object(result)
    case .enumeration:
      guard case .string(let name) = value, type.hasValue(name) else { throw misfit(summary(value), type) }
      return value
    default: return try coerce(value, toScalar: type)
    }
  }

  private func coerce(_ value: JSON, toScalar type: NamedType) throws(Failure) -> JSON {
    switch (type.scalar, value) {
    case (.any, _), (.integer, .int), (.string, .string), (.boolean, .bool), (.id, .string): return value
    case (.integer, .double(let number)): if let exact = Int64(exactly: number) { return .int(exact) }
    case (.float, .double(let number)) where number.isFinite: return value
    case (.float, .int(let number)): return .double(Double(number))
    case (.float, .bigInteger):
      if let number = value.doubleValue, number.isFinite { return .double(number) }
    case (.id, .int(let number)): return .string(String(number))
    case (.id, .bigInteger(let digits)): return .string(digits)
    default: break
    }
    throw misfit(summary(value), type)
  }

  // MARK: Messages

  private func misfit(_ found: String, _ type: NamedType) -> Failure {
    let found = found.utf8.count > 60 ? "\(found.prefix(40)) ..." : found
    return Failure(message: "expected a value of type \(type.name), found \(found).")
  }

  private func unknownField(_ name: String, _ type: NamedType, at: Int?) -> Failure {
    Failure(message: "Field \"\(name)\" is not defined by type \"\(type.name)\".", at: at, isComplete: true)
  }

  private func undeclared(_ name: String, at: Int) -> Failure {
    Failure(message: "Variable \"$\(name)\" is not declared.", at: at, isComplete: true)
  }

  private func summary(_ value: JSON) -> String {
    switch value {
    case .array: "a list"
    case .object: "an object"
    default: value.text(style: .core)
    }
  }
}
