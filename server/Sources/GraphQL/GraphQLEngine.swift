import QuipuBase

/// Executes requests against a schema. Safe to share; one execution uses one task.
public struct GraphQLEngine: Sendable {
  /// What a request may cost. Beyond a limit the request is answered with an error.
  public struct Limits: Sendable {
    /// Bytes of the query text.
    public var queryBytes = 1 << 20
    /// Tokens of the query text.
    public var tokens = 30_000
    /// Nesting of selection sets, fragments counted where they are spread; and nesting of lists and objects in values
    /// and of list types. Values of scalars in variables are not looked into.
    public var depth = 48
    /// Selections of the operation, those of a fragment counted wherever it is spread.
    public var selections = 10_000
    /// Fields executed; those of an object in a list count once for each element.
    public var executedFields = 1_000_000
    /// Errors reported; later ones are left out.
    public var errors = 100

    public init() {}
  }

  public let schema: Schema
  public let limits: Limits
  let onUnexpectedError: (@Sendable (any Error, String) -> Void)?

  /// - Parameter onUnexpectedError: called with what a resolver threw that is not a `GraphQLError`, or with what is
  ///   wrong with a value that does not fit the schema, and with the field as "Type.field". The client
  ///   hears "internal error" only.
  public init(
    schema: Schema, limits: Limits = Limits(), onUnexpectedError: (@Sendable (any Error, String) -> Void)? = nil
  ) {
    self.schema = schema
    self.limits = limits
    self.onUnexpectedError = onUnexpectedError
  }

  /// Runs the request's operation. The fields of a mutation's root run one after the other, as all fields do.
  /// - Parameter mutation: nil: mutations are refused.
  public func execute(
    _ request: GraphQLRequest, query: any GraphQLObject, mutation: (any GraphQLObject)?
  ) async -> GraphQLResponse {
    do throws(GraphQLError) {
      let document = try Parser.document(request.query, limits: limits)
      let operation = try Self.operation(named: request.operationName ?? "", in: document)
      let (root, type) = try root(of: operation, in: document, query: query, mutation: mutation)

      let coercion = Coercion(schema: schema, limits: limits)
      var errors: [GraphQLError] = []
      for variable in operation.variables {
        do throws(Coercion.Failure) {
          try coercion.declare(variable, given: request.variables[Key(variable.name)])
        } catch {
          if errors.count < limits.errors { errors.append(document.source.error(error.message, at: variable.at)) }
        }
      }
      if errors.isEmpty {
        errors = Validator.validate(
          operation, on: type, in: document, schema: schema, coercion: coercion, limits: limits)
      }
      guard errors.isEmpty else { return GraphQLResponse(failedWith: errors) }
      return await Executor(self, document).execute(operation, on: root, type: type)
    } catch {
      return GraphQLResponse(failedWith: [error])
    }
  }

  /// Source: GraphQL specification of October 2021, section 6.1, GetOperation. An empty name counts as none.
  private static func operation(named name: String, in document: Document) throws(GraphQLError) -> Operation {
    guard let first = document.operations.first else { throw GraphQLError("The query has no operation.") }
    if name.isEmpty {
      guard document.operations.count == 1 else {
        throw GraphQLError("The query has several operations; \"operationName\" must name one.")
      }
      return first
    }
    guard let operation = document.operations.first(where: { $0.name == name }) else {
      throw GraphQLError("The query has no operation named \"\(name)\".")
    }
    return operation
  }

  private func root(
    of operation: Operation, in document: Document, query: any GraphQLObject, mutation: (any GraphQLObject)?
  ) throws(GraphQLError) -> (any GraphQLObject, NamedType) {
    switch operation.kind {
    case .query: return (query, schema.query)
    case .mutation:
      if let mutation, let type = schema.mutation { return (mutation, type) }
      throw document.source.error("Mutations are not supported.", at: operation.at)
    case .subscription: throw document.source.error("Subscriptions are not supported.", at: operation.at)
    }
  }
}
