import GraphQL
import QuipuBase
import Storage

/// What every node of one request's graph can reach.
struct GraphContext: Sendable {
  let server: ServerContext
  let scope: RequestScope

  var storage: any Storage { server.storage }
  var runs: RunService { server.runs }
  var sweeps: SweepService { server.sweeps }
  var artifacts: ArtifactService { server.artifacts }
  var user: String { server.configuration.user }
  var links: FileLinks {
    FileLinks(
      signer: server.signer, lifetime: server.configuration.urlLifetime, baseURL: scope.baseURL)
  }

  /// How many elements a page may have.
  func pageSize(_ arguments: GraphQLArguments, default number: Int) throws -> Int {
    guard let first = arguments.int("first") else { return number }
    guard first >= 0 else { throw GraphQLError("'first' must not be negative") }
    return Int(min(first, Int64(server.configuration.limits.pageSize)))
  }

  func state(of run: RunRecord) -> RunState { server.liveness.state(run.state, heartbeatAt: run.heartbeatAt) }
}

/// Refusals reach the client in the list of errors; trouble of ours goes on, to become a status that is retried.
func refusingAsGraphQL<Result>(_ body: () async throws -> Result) async throws -> Result {
  do {
    return try await body()
  } catch let fault as ServerFault where fault.status < 500 {
    throw GraphQLError(fault.message)
  }
}

extension GraphQLValue {
  static func text(_ text: String?) -> GraphQLValue { text.map { .string($0) } ?? .null }
  static func time(_ time: Timestamp?) -> GraphQLValue { time.map { .string($0.text) } ?? .null }
  static func node(_ node: (any GraphQLObject)?) -> GraphQLValue { node.map { .object($0) } ?? .null }
  static func texts(_ texts: [String]) -> GraphQLValue { .list(texts.map { .string($0) }) }
}

/// A node whose fields are known when it is made.
struct RecordNode: GraphQLObject {
  let typeName: String
  let fields: [String: GraphQLValue]

  init(_ typeName: String, _ fields: [String: GraphQLValue]) {
    self.typeName = typeName
    self.fields = fields
  }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue { fields[field.name] ?? .null }

  static func success(_ isSuccess: Bool = true) -> GraphQLValue {
    .object(RecordNode("SuccessPayload", ["success": .bool(isSuccess)]))
  }
}

/// One page of a listing in Relay's form. Source: protocol reference, 6.2.
struct ConnectionNode: GraphQLObject {
  let typeName: String
  let edges: [(node: any GraphQLObject, cursor: String, extra: [String: GraphQLValue])]
  let hasNextPage: Bool
  /// Nil where nobody asked for it.
  let totalCount: (@Sendable () async throws -> Int)?

  init(
    _ typeName: String, _ edges: [(node: any GraphQLObject, cursor: String)], hasNextPage: Bool = false,
    totalCount: (@Sendable () async throws -> Int)? = nil
  ) {
    self.typeName = typeName
    self.edges = edges.map { ($0.node, $0.cursor, [:]) }
    self.hasNextPage = hasNextPage
    self.totalCount = totalCount
  }

  init(
    _ typeName: String, edges: [(node: any GraphQLObject, cursor: String, extra: [String: GraphQLValue])],
    hasNextPage: Bool, totalCount: (@Sendable () async throws -> Int)?
  ) {
    self.typeName = typeName
    self.edges = edges
    self.hasNextPage = hasNextPage
    self.totalCount = totalCount
  }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    switch field.name {
    case "edges":
      let edgeType = typeName.hasSuffix("Connection") ? String(typeName.dropLast(10)) + "Edge" : typeName
      return .list(
        edges.map { edge in
          var fields = edge.extra
          fields["node"] = .object(edge.node)
          fields["cursor"] = .string(edge.cursor)
          return .object(RecordNode(edgeType, fields))
        })
    case "pageInfo":
      return .object(
        RecordNode("PageInfo", ["endCursor": .text(edges.last?.cursor), "hasNextPage": .bool(hasNextPage)]))
    case "totalCount":
      if let totalCount { return .int(Int64(try await totalCount())) }
      return .int(Int64(edges.count))
    default: return .null
    }
  }
}
