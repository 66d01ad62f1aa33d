import GraphQL
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import QuipuBase
import Storage

/// Leads each request to what answers it, and makes answers of what is thrown.
///
/// Routing is by hand: run and file names may hold any percent-encoded character, and a signed URL is signed in the
/// spelling in which it arrives.
struct ServerResponder: HTTPResponder {
  typealias Context = BasicRequestContext

  let context: ServerContext
  let graph: GraphEndpoint
  let authenticator: Authenticator
  let files: FileEndpoint
  let pages: Pages
  let pace: Pace

  init(context: ServerContext) throws {
    self.context = context
    graph = try GraphEndpoint(context: context)
    authenticator = Authenticator(storage: context.storage)
    files = FileEndpoint(context: context)
    pages = Pages(context: context)
    pace = Pace(requestsPerMinute: context.configuration.requestsPerMinute)
  }

  func respond(to request: Request, context _: BasicRequestContext) async throws -> Response {
    do {
      return try await route(request)
    } catch let fault as ServerFault {
      return refuse(request, fault.status, fault.message)
    } catch let error as StorageError {
      let status = if case .full = error { 507 } else { 503 }
      context.logger.error("\(error)", metadata: ["path": "\(request.uri.path)"])
      return refuse(request, status, "\(error)")
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      // A client that goes away in the middle of its body ends here too: there is nobody to answer.
      context.logger.error("\(error)", metadata: ["path": "\(request.uri.path)"])
      return refuse(request, 500, "internal error")
    }
  }

  /// The protocol's own forms of an error (reference, 6.1).
  private func refuse(_ request: Request, _ status: Int, _ message: String) -> Response {
    context.logger.info(
      "refused", metadata: ["status": "\(status)", "path": "\(request.uri.path)", "reason": "\(message)"])
    var fields: HTTPFields = [.contentType: "application/json"]
    if status == 401, request.method == .get { fields[.wwwAuthenticate] = "Basic realm=\"Quipu\"" }
    if status == 429 || status == 503 || status == 507 { fields[.retryAfter] = "5" }
    let body: JSON =
      request.uri.path == "/graphql"
      ? ["errors": [["message": .string(message)]], "data": .null] : ["error": .string(message)]
    return Response(
      status: .init(code: status), headers: fields, body: .init(byteBuffer: .init(string: body.text(style: .core))))
  }

  private func route(_ request: Request) async throws -> Response {
    let path = request.uri.path
    guard path.utf8.count <= 16_384 else { throw ServerFault(414, "the path is too long") }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    switch parts.first {
    case "graphql":
      guard request.method == .post else { throw ServerFault(405, "use POST for /graphql") }
      let key = try await authenticator.key(of: request)
      return try await graph.respond(to: request, key: key, baseURL: baseURL(of: request))
    case "files":
      let key = try await authenticator.key(of: request)
      return try await runFiles(request, Array(parts.dropFirst()), key: key)
    case "storage":
      return try await files.signed(request)
    case "artifacts", "artifactsV2":
      _ = try await authenticator.key(of: request)
      return try await files.artifact(request, parts: Array(parts))
    case "sdk", "oidc":
      // Client telemetry is switched off by this answer; identity tokens are not for a server of one user (16).
      throw ServerFault(404, "not found")
    case "healthz":
      return Response(status: .ok, body: .init(byteBuffer: .init(string: "ok\n")))
    case "authorize":
      return pages.authorize()
    default:
      guard request.method == .get || request.method == .head else { throw ServerFault(404, "not found") }
      let key = try await authenticator.key(of: request)
      return try await pages.respond(to: request, parts: Array(parts), key: key)
    }
  }

  /// `/files/ENTITY/PROJECT/RUN/file_stream` and `/files/ENTITY/PROJECT/RUN/PATH`.
  private func runFiles(_ request: Request, _ parts: [Substring], key: APIKeyRecord) async throws -> Response {
    guard parts.count >= 4, let entity = percentDecoded(parts[0]), let project = percentDecoded(parts[1]),
      let name = percentDecoded(parts[2]),
      let file = percentDecoded(parts[3...].joined(separator: "/"))
    else { throw ServerFault(404, "not found: a run file is /files/ENTITY/PROJECT/RUN/PATH") }
    let run = try await context.runs.run(entity: entity, project: project, name: name)
    switch request.method {
    case .post where file == "file_stream":
      try key.checkMayWrite()
      let pace = pace.take(runID: run.id)
      guard pace.isAllowed else {
        var answer = refuse(request, 429, "more than \(pace.limit) requests a minute for this run")
        answer.headers[.retryAfter] = "\(pace.reset)"
        pace.describe(in: &answer.headers)
        return answer
      }
      var answer = try await fileStream(request, run: run)
      pace.describe(in: &answer.headers)
      return answer
    case .get, .head:
      return try await files.download(request, run: run, name: file)
    case .put:
      try key.checkMayWrite()
      return try await files.upload(request, runID: run.id, name: file)
    default:
      throw ServerFault(405, "use POST for a file stream, GET and PUT for a file")
    }
  }

  private func fileStream(_ request: Request, run: RunRecord) async throws -> Response {
    let writer = request.headers[.asyncClientID] ?? ""
    guard writer.utf8.count <= 128 else { throw ServerFault(400, "the client id is too long") }
    let limits = context.configuration.limits
    let isStopped = try await BodyReader(context: context).withBytes(of: request) { bytes in
      try FileStreamRequest(body: bytes, lineLimit: limits.lineBytes)
    } then: { stream in
      try await context.runs.stream(stream, runID: run.id, writer: writer)
    }
    let answer: JSON = ["exitcode": .null, "limits": [:], "stopped": .bool(isStopped)]
    return Response(
      status: .ok, headers: [.contentType: "application/json"],
      body: .init(byteBuffer: .init(string: answer.text(style: .core))))
  }

  /// The address that the client used, so that URLs in answers lead back the way it came.
  private func baseURL(of request: Request) -> String {
    if let url = context.configuration.publicURL { return url }
    guard let authority = request.head.authority, !authority.isEmpty, authority.utf8.count <= 300,
      authority.utf8.allSatisfy({ byte in
        // What a host with a port is made of, brackets of IPv6 included; anything else would reach HTML and headers.
        (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a) || (byte >= 0x30 && byte <= 0x3a) || byte == 0x2d || byte == 0x2e
          || byte == 0x5b || byte == 0x5d
      })
    else { return context.baseURL }
    return "\(context.configuration.tlsCertificate == nil ? "http" : "https")://\(authority)"
  }
}
