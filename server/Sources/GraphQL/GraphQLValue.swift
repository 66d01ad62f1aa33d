import QuipuBase

/// What a resolver gives back.
///
/// The engine checks it against the field's type: an integer does for `Float`, an integral double for `Int` and
/// `Int64`, an integer for `ID`; anything else that does not fit is an error of the server's own.
public enum GraphQLValue: Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  /// Not finite: the same as null.
  case double(Double)
  /// Also the value of an enum.
  case string(String)
  /// For scalars such as `JSON`: written as it is, save that NaN and infinities become null.
  case json(JSON)
  /// JSON text of a scalar or of a list of scalars, copied out untouched and unchecked.
  case raw([UInt8])
  case object(any GraphQLObject)
  case list([GraphQLValue])
}

/// A node of the graph. Resolvers carry their own context; there is no global one.
public protocol GraphQLObject: Sendable {
  /// The concrete object type: what `__typename` says and what decides which fragments apply.
  var typeName: String { get }

  /// Gives the value of one field. The engine asks once for every response key, in the order of the query.
  /// - Throws: `GraphQLError` to tell the client; of any other error the client hears "internal error" only.
  func resolve(_ field: GraphQLField) async throws -> GraphQLValue
}
