import QuipuBase

/// Checks an operation and the fragments that it reaches against the schema, and fills in what the executor needs:
/// definitions, coerced arguments and whether a selection is included.
///
/// Fragments that the operation does not reach are not looked at. Every selection is visited once.
/// Source: GraphQL specification of October 2021, section 5.
struct Validator {
  private let schema: Schema
  private let document: Document
  private let limits: GraphQLEngine.Limits
  private let coercion: Coercion
  private var errors: [GraphQLError] = []
  /// Nesting below a fragment that has been checked; nil while it is being checked.
  private var heights: [String: Int?] = [:]

  private init(_ schema: Schema, _ document: Document, _ coercion: Coercion, _ limits: GraphQLEngine.Limits) {
    self.schema = schema
    self.document = document
    self.coercion = coercion
    self.limits = limits
  }

  /// - Returns: what is wrong; empty if the operation can be executed.
  static func validate(
    _ operation: Operation, on root: NamedType, in document: Document, schema: Schema, coercion: Coercion,
    limits: GraphQLEngine.Limits
  ) -> [GraphQLError] {
    var validator = Validator(schema, document, coercion, limits)
    for variable in operation.variables { validator.isIncluded(variable.directives) }
    validator.isIncluded(operation.directives)
    _ = validator.height(of: operation.selections, on: root, level: 1, at: operation.at)
    if validator.errors.isEmpty {
      var merging = FieldMerging(schema: schema, document: document, limits: limits)
      do throws(GraphQLError) {
        try merging.check(operation)
      } catch {
        return [error]
      }
    }
    return validator.errors
  }

  private mutating func report(_ message: String, at: Int) {
    if errors.count < limits.errors { errors.append(document.source.error(message, at: at)) }
  }

  private mutating func report(_ failure: Coercion.Failure, at: Int) {
    report(failure.message, at: failure.at ?? at)
  }

  // MARK: Selections

  /// Checks a selection set.
  /// - Returns: the nesting of selection sets in it, its own included, fragments counted where they are spread.
  private mutating func height(of selections: [Selection], on type: NamedType, level: Int, at: Int) -> Int {
    guard level <= limits.depth else {
      report("Selections are nested deeper than \(limits.depth).", at: at)
      return 1
    }
    var below = 0
    for selection in selections {
      switch selection {
      case .field(let field): below = max(below, check(field, on: type, level: level))
      case .inline(let inline):
        inline.isIncluded = isIncluded(inline.directives)
        var condition = type
        if let name = inline.typeName {
          guard let named = composite(name, at: inline.at) else { continue }
          condition = named
          checkOverlap(type, named, at: inline.at)
        }
        below = max(below, height(of: inline.selections, on: condition, level: level + 1, at: inline.at))
      case .spread(let spread):
        spread.isIncluded = isIncluded(spread.directives)
        guard let fragment = document.fragments[spread.name] else {
          report("Fragment \"\(spread.name)\" is not defined.", at: spread.at)
          continue
        }
        if let condition = schema.types[fragment.typeName] { checkOverlap(type, condition, at: spread.at) }
        let height = height(of: fragment, spreadAt: spread.at, level: level + 1)
        if level + height > limits.depth {
          report("Selections are nested deeper than \(limits.depth).", at: spread.at)
        }
        below = max(below, height)
      }
    }
    return below + 1
  }

  private mutating func height(of fragment: Fragment, spreadAt at: Int, level: Int) -> Int {
    if let known = heights[fragment.name] {
      if known == nil { report("Fragment \"\(fragment.name)\" spreads itself.", at: at) }
      return known ?? 1
    }
    heights[fragment.name] = .some(nil)
    isIncluded(fragment.directives)
    var result = 1
    if let type = composite(fragment.typeName, at: fragment.at) {
      result = height(of: fragment.selections, on: type, level: level, at: fragment.at)
    }
    heights[fragment.name] = result
    return result
  }

  private mutating func check(_ field: Selection.Field, on type: NamedType, level: Int) -> Int {
    field.isIncluded = isIncluded(field.directives)
    guard let definition = schema.field(field.name, on: type), let result = schema.types[definition.type.name] else {
      report("Cannot query field \"\(field.name)\" on type \"\(type.name)\".", at: field.at)
      return 0
    }
    field.parent = type
    field.definition = definition
    do throws(Coercion.Failure) {
      let values = try coercion.arguments(
        field.arguments, for: definition.arguments, of: "field \"\(type.name).\(field.name)\"", at: field.at)
      field.values = GraphQLArguments(values)
    } catch {
      report(error, at: field.at)
    }
    guard result.isComposite else {
      if !field.selections.isEmpty {
        report("Field \"\(field.name)\" of type \(definition.type) has no fields to select.", at: field.at)
      }
      return 0
    }
    guard !field.selections.isEmpty else {
      report("Field \"\(field.name)\" of type \(definition.type) needs a selection of its fields.", at: field.at)
      return 0
    }
    return height(of: field.selections, on: result, level: level + 1, at: field.at)
  }

  private mutating func composite(_ name: String, at: Int) -> NamedType? {
    guard let type = schema.types[name] else {
      report("Unknown type \"\(name)\".", at: at)
      return nil
    }
    guard type.isComposite else {
      report("A fragment cannot be on \"\(name)\", which has no fields.", at: at)
      return nil
    }
    return type
  }

  private mutating func checkOverlap(_ type: NamedType, _ condition: NamedType, at: Int) {
    guard condition.isComposite && !type.overlaps(condition) else { return }
    report("A fragment on \"\(condition.name)\" never applies to \"\(type.name)\".", at: at)
  }

  // MARK: Directives

  /// Checks the directives of a place.
  /// - Returns: false if `@skip` or `@include` takes the place out.
  @discardableResult
  private mutating func isIncluded(_ directives: [Directive]) -> Bool {
    var included = true
    var seen = Set<String>()
    for directive in directives {
      guard let definition = schema.directives.first(where: { $0.name == directive.name }) else {
        report("Unknown directive \"@\(directive.name)\".", at: directive.at)
        continue
      }
      if !seen.insert(directive.name).inserted && !definition.isRepeatable {
        report("Directive \"@\(directive.name)\" is there twice.", at: directive.at)
        continue
      }
      do throws(Coercion.Failure) {
        let values = try coercion.arguments(
          directive.arguments, for: definition.arguments, of: "directive \"@\(directive.name)\"", at: directive.at)
        let condition = values["if"]?.boolValue
        if directive.name == "skip" && condition == true || directive.name == "include" && condition == false {
          included = false
        }
      } catch {
        report(error, at: directive.at)
      }
    }
    return included
  }
}
