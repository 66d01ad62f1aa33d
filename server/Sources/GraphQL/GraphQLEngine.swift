/// Executes requests against a schema. Safe to share; one execution uses one task.
public struct GraphQLEngine: Sendable {
  /// What a request may cost. Beyond a limit the request is answered with an error.
  public struct Limits: Sendable {
    /// Bytes of the query text.
    public var queryBytes = 1 << 20
    /// Tokens of the query text.
    public var tokens = 30_000
    /// Nesting of selection sets, fragments counted where they are spread; and nesting of literal lists, objects and
    /// list types.
    public var depth = 48
    /// Fields of the operation, those of a fragment counted wherever it is spread.
    public var selectedFields = 10_000
    /// Fields executed; those of an object in a list count once for each element.
    public var executedFields = 1_000_000
    /// Errors reported; later ones are left out.
    public var errors = 100

    public init() {}
  }

  public let schema: Schema
  public let limits: Limits
  let onUnexpectedError: (@Sendable (any Error, String) -> Void)?

  /// - Parameter onUnexpectedError: called with what a resolver threw that is not a `GraphQLError`, or with a value that
  ///   does not fit the schema, and with the field as "Type.field". The client hears "internal error" only.
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
    GraphQLResponse(failedWith: [GraphQLError("not built yet")])
  }
}
