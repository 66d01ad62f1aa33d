import QuipuBase

/// One entry of a response's `errors`.
///
/// Source: GraphQL specification of October 2021, section 7.1.2.
public struct GraphQLError: Error, Sendable, Equatable {
  /// A place in the query text; line and column count from 1, the column in characters (Unicode scalars).
  public struct Location: Sendable, Equatable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
      self.line = line
      self.column = column
    }
  }

  public var message: String
  public var locations: [Location]
  /// Response keys (strings) and list indices (integers) from the root; empty if the error belongs to no field.
  public var path: [JSON]
  public var extensions: JSONObject?

  public init(
    _ message: String, locations: [Location] = [], path: [JSON] = [], extensions: JSONObject? = nil
  ) {
    self.message = message
    self.locations = locations
    self.path = path
    self.extensions = extensions
  }

  /// The error as a member of `errors`.
  public var json: JSON {
    var object: JSONObject = ["message": .string(message)]
    if !locations.isEmpty {
      object["locations"] = .array(
        locations.map { ["line": .int(Int64($0.line)), "column": .int(Int64($0.column))] })
    }
    if !path.isEmpty { object["path"] = .array(path) }
    if let extensions { object["extensions"] = .object(extensions) }
    return .object(object)
  }
}
