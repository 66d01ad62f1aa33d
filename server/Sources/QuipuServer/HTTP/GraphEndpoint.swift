import GraphQL
import HTTPTypes
import Hummingbird
import NIOCore
import QuipuBase
import Storage

/// `POST /graphql`.
struct GraphEndpoint: Sendable {
  let context: ServerContext
  private let engine: GraphQLEngine

  init(context: ServerContext) throws {
    self.context = context
    let logger = context.logger
    engine = GraphQLEngine(schema: try Schema(sdl: serverSchema)) { error, field in
      switch error {
      case let fault as ServerFault: RequestScope.current?.report(status: fault.status)
      case StorageError.full: RequestScope.current?.report(status: 507)
      default: RequestScope.current?.report(status: 503)
      }
      logger.error("\(error)", metadata: ["field": "\(field)"])
    }
  }

  /// Errors of a query are answered with status 200 and an `errors` list, which clients do not retry; trouble of the
  /// server's own with 5xx, which they do (protocol reference, 5.1 and 6.1).
  func respond(to request: Request, key: APIKeyRecord, baseURL: String) async throws -> Response {
    let query = try await BodyReader(context: context).withBytes(of: request) { bytes in
      do {
        return try GraphQLRequest(body: try JSON(parsing: bytes))
      } catch let error as GraphQLError {
        throw ServerFault(400, error.message)
      } catch {
        throw ServerFault(400, "the body is not JSON: \(error)")
      }
    } then: { $0 }
    let scope = RequestScope(key: key, baseURL: baseURL)
    let graph = GraphContext(server: context, scope: scope)
    let response = await RequestScope.$current.withValue(scope) {
      await engine.execute(query, query: QueryNode(graph: graph), mutation: MutationNode(graph: graph))
    }
    var out = QuipuBase.ByteBuffer(capacity: 4096)
    response.write(to: &out)
    let status: HTTPResponse.Status =
      scope.status.map { .init(code: $0) } ?? (response.failedBeforeExecution ? .badRequest : .ok)
    return Response(
      status: status, headers: [.contentType: "application/json"],
      body: .init(byteBuffer: NIOCore.ByteBuffer(bytes: out.bytes)))
  }
}
