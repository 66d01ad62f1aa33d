import QuipuBase

/// One operation to execute, as it came over the wire.
public struct GraphQLRequest: Sendable {
  public var query: String
  public var variables: JSONObject
  /// Nil or empty: the document's only operation.
  public var operationName: String?

  public init(query: String, variables: JSONObject = [:], operationName: String? = nil) {
    self.query = query
    self.variables = variables
    self.operationName = operationName
  }

  /// Reads the body of a `POST /graphql`: `query`, and optionally `variables` and `operationName`, which may be null.
  /// Other members are ignored.
  /// - Throws: `GraphQLError` if the body has another shape; a list of operations is not supported.
  public init(body: JSON) throws(GraphQLError) {
    guard case .object(let members) = body else {
      throw GraphQLError("The body must be a JSON object with a \"query\".")
    }
    guard case .string(let query)? = members["query"] else {
      throw GraphQLError("The body must have a \"query\", a string.")
    }
    let variables: JSONObject
    switch members["variables"] {
    case nil, .null?: variables = [:]
    case .object(let object)?: variables = object
    default: throw GraphQLError("\"variables\" must be an object.")
    }
    let operationName: String?
    switch members["operationName"] {
    case nil, .null?: operationName = nil
    case .string(let name)?: operationName = name.isEmpty ? nil : name
    default: throw GraphQLError("\"operationName\" must be a string.")
    }
    self.init(query: query, variables: variables, operationName: operationName)
  }
}
