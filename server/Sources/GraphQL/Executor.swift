import QuipuBase

/// Executes one operation and writes its data while it goes.
///
/// A null that a type forbids removes what has been written of the object or list around it.
/// Source: GraphQL specification of October 2021, sections 6.2 to 6.4.
final class Executor {
  /// What became of a value.
  private enum Outcome {
    case written
    /// Null, which nothing has been written for and which may be an error yet.
    case null
    /// Null because of an error that has been reported.
    case failed
  }

  /// The operation costs too much; nothing more is executed.
  private struct Exhausted: Error {}

  private let engine: GraphQLEngine
  private let document: Document
  private var schema: Schema { engine.schema }
  private var out = ByteBuffer(capacity: 1024)
  private var path: [JSON] = []
  private var errors: [GraphQLError] = []
  private var fieldsLeft: Int

  init(_ engine: GraphQLEngine, _ document: Document) {
    self.engine = engine
    self.document = document
    fieldsLeft = engine.limits.executedFields
  }

  func execute(_ operation: Operation, on root: any GraphQLObject, type: NamedType) async -> GraphQLResponse {
    let plan = Plan([operation.selections], on: type, schema: schema, document: document)
    do {
      if try await write(root, plan) != .written {
        out.removeAll()
        out.append("null")
      }
    } catch {
      errors.append(GraphQLError("The operation executes more than \(engine.limits.executedFields) fields."))
      out.removeAll()
      out.append("null")
    }
    return GraphQLResponse(data: out.array(), errors: errors)
  }

  // MARK: Objects

  private func write(_ object: any GraphQLObject, _ plan: Plan) async throws(Exhausted) -> Outcome {
    let start = out.count
    out.append(UInt8(ascii: "{"))
    var isFirst = true
    for planned in plan.fields {
      guard fieldsLeft > 0 else { throw Exhausted() }
      fieldsLeft -= 1
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      // Names are ASCII letters, digits and underscores.
      out.append(UInt8(ascii: "\""))
      out.append(planned.key)
      out.append("\":")

      path.append(.string(planned.key))
      let outcome = try await write(planned, of: object)
      path.removeLast()

      if outcome == .written { continue }
      if outcome == .failed && planned.definition.type.isNonNull {
        out.truncate(to: start)
        return .failed
      }
      out.append("null")
    }
    out.append(UInt8(ascii: "}"))
    return .written
  }

  private func write(_ planned: PlannedField, of object: any GraphQLObject) async throws(Exhausted) -> Outcome {
    let value: GraphQLValue
    switch planned.field.name {
    case "__typename":
      JSON.writeString(object.typeName, to: &out, style: .core)
      return .written
    case "__schema", "__type": value = schema.introspect(planned.field)
    default:
      do {
        value = try await object.resolve(planned.field)
      } catch let error as GraphQLError {
        report(error, planned)
        return .failed
      } catch {
        return unexpected(error, planned)
      }
    }
    return try await write(value, planned.definition.type, planned)
  }

  // MARK: Values

  private func write(
    _ value: GraphQLValue, _ type: TypeReference, _ planned: PlannedField
  ) async throws(Exhausted) -> Outcome {
    switch type {
    case .nonNull(let inner):
      let outcome = try await write(value, inner, planned)
      guard outcome == .null else { return outcome }
      report(GraphQLError("Cannot return null for the non-null field \(planned.place)."), planned)
      return .failed
    case .list(let inner):
      switch value {
      case .null, .json(.null): return .null
      case .list(let elements): return try await write(elements, inner, planned)
      case .json(.array(let elements)): return try await write(elements.map { .json($0) }, inner, planned)
      case .raw(let bytes) where !planned.type.isComposite && !bytes.isEmpty:
        out.append(bytes)
        return .written
      default: return misfit(value, type, planned)
      }
    case .named:
      switch value {
      case .null, .json(.null): return .null
      case .object(let object): return try await write(object, planned)
      default: return planned.type.isComposite ? misfit(value, type, planned) : writeLeaf(value, planned)
      }
    }
  }

  private func write(
    _ elements: [GraphQLValue], _ type: TypeReference, _ planned: PlannedField
  ) async throws(Exhausted) -> Outcome {
    let start = out.count
    out.append(UInt8(ascii: "["))
    for (index, element) in elements.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      path.append(.int(Int64(index)))
      let outcome = try await write(element, type, planned)
      path.removeLast()
      if outcome == .written { continue }
      if outcome == .failed && type.isNonNull {
        out.truncate(to: start)
        return .failed
      }
      out.append("null")
    }
    out.append(UInt8(ascii: "]"))
    return .written
  }

  private func write(_ object: any GraphQLObject, _ planned: PlannedField) async throws(Exhausted) -> Outcome {
    guard planned.type.isComposite, planned.type.includes(object.typeName), let type = schema.types[object.typeName]
    else {
      return unexpected(GraphQLError("A \"\(object.typeName)\" is no \"\(planned.type.name)\"."), planned)
    }
    return try await write(object, planned.plan(for: type, schema: schema, document: document))
  }

  /// Source: GraphQL specification of October 2021, "Result Coercion" in sections 3.5 and 3.9.
  private func writeLeaf(_ value: GraphQLValue, _ planned: PlannedField) -> Outcome {
    if case .raw(let bytes) = value, !bytes.isEmpty {
      out.append(bytes)
      return .written
    }
    let json: JSON
    switch value {
    case .bool(let value): json = .bool(value)
    case .int(let value): json = .int(value)
    case .double(let value): json = .double(value)
    case .string(let value): json = .string(value)
    case .json(let value): json = value
    default: return misfit(value, planned.definition.type, planned)
    }
    if case .double(let number) = json, !number.isFinite { return .null }

    if planned.type.kind == .enumeration {
      guard case .string(let name) = json, planned.type.hasValue(name) else {
        return misfit(value, planned.definition.type, planned)
      }
      JSON.writeString(name, to: &out, style: .core)
      return .written
    }
    switch (planned.type.scalar, json) {
    case (.string, .string(let text)), (.id, .string(let text)), (.any, .string(let text)):
      JSON.writeString(text, to: &out, style: .core)
    case (.integer, .int(let number)), (.float, .int(let number)), (.any, .int(let number)): out.appendDecimal(number)
    case (.integer, .double(let number)):
      guard let exact = Int64(exactly: number) else { return misfit(value, planned.definition.type, planned) }
      out.appendDecimal(exact)
    case (.id, .int(let number)):
      out.append(UInt8(ascii: "\""))
      out.appendDecimal(number)
      out.append(UInt8(ascii: "\""))
    case (.boolean, .bool), (.float, .double), (.any, _): StrictJSON.write(json, to: &out)
    default: return misfit(value, planned.definition.type, planned)
    }
    return .written
  }

  // MARK: Errors

  private func report(_ error: GraphQLError, _ planned: PlannedField) {
    guard errors.count < engine.limits.errors else { return }
    var error = error
    if error.path.isEmpty { error.path = path }
    if error.locations.isEmpty { error.locations = [document.source.location(of: planned.at)] }
    errors.append(error)
  }

  private func unexpected(_ error: any Error, _ planned: PlannedField) -> Outcome {
    engine.onUnexpectedError?(error, planned.place)
    report(GraphQLError("internal error"), planned)
    return .failed
  }

  /// A resolver gave what the schema does not promise.
  private func misfit(_ value: GraphQLValue, _ type: TypeReference, _ planned: PlannedField) -> Outcome {
    let kind =
      switch value {
      case .null: "null"
      case .bool: "a boolean"
      case .int: "an integer"
      case .double: "a double"
      case .string: "a string"
      case .json: "JSON"
      case .raw: "raw JSON"
      case .object: "an object"
      case .list: "a list"
      }
    return unexpected(GraphQLError("The resolver gave \(kind) for the type \(type)."), planned)
  }
}
