import HTTPTypes
import Hummingbird
import NIOCore
import QuipuBase
import Storage

/// Bytes of files in and out. Source: protocol reference, section 11.
struct FileEndpoint: Sendable {
  let context: ServerContext
  let uploads: Uploads

  init(context: ServerContext) {
    self.context = context
    uploads = Uploads(context: context)
  }

  /// `/storage/...?expires=..&signature=..`
  func signed(_ request: Request) async throws -> Response {
    let path = request.uri.path
    let query = request.uri.queryParameters
    let method = request.method == .head ? "GET" : request.method.rawValue
    try context.signer.check(
      method, path: path, expires: query["expires"].map(String.init), signature: query["signature"].map(String.init))
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(2)
    switch (parts.first, parts.count) {
    case ("run"?, 3...):
      guard let id = Int64(parts[parts.startIndex + 1]),
        let name = percentDecoded(parts.dropFirst(2).joined(separator: "/"))
      else { throw ServerFault(404, "not found") }
      if request.method == .put { return try await upload(request, runID: id, name: name) }
      guard let run = try await context.storage.run(id: id) else { throw ServerFault(404, "the run was deleted") }
      return try await download(request, run: run, name: name)
    case ("upload"?, _), ("manifest"?, _), ("artifact"?, _):
      return try await signedArtifact(request, Array(parts))
    default:
      throw ServerFault(404, "not found")
    }
  }

  // MARK: Run files

  func download(_ request: Request, run: RunRecord, name: String) async throws -> Response {
    guard let file = try await context.storage.file(runID: run.id, name: name) else {
      throw ServerFault(404, "run \(run.name) has no file '\(name)'")
    }
    return try await respond(to: request, with: file.blob, name: name)
  }

  func upload(_ request: Request, runID: Int64, name: String) async throws -> Response {
    try Names.checkFile(name)
    guard try await context.storage.run(id: runID) != nil else { throw ServerFault(404, "the run was deleted") }
    switch try await uploads.receive(request) {
    case .incomplete(let response): return response
    case .complete(let blob):
      try await context.storage.putFile(FileRecord(runID: runID, name: name, blob: blob))
      return Response(status: .ok, headers: [.eTag: "\"\(blob.sha256)\""])
    }
  }

  // MARK: Bytes out

  /// The whole blob, or the one range that was asked for (RFC 9110, section 14).
  func respond(to request: Request, with blob: BlobRecord, name: String) async throws -> Response {
    let size = Int(blob.size)
    let tag = "\"\(blob.sha256)\""
    var fields: HTTPFields = [
      .acceptRanges: "bytes", .eTag: tag, .contentType: MediaType.guess(name), .cacheControl: "private, max-age=0",
      // What was uploaded is data: a browser shall not run it as a page of this server.
      .contentSecurityPolicy: "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
      .xContentTypeOptions: "nosniff",
    ]
    if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: fields) }
    var range: ClosedRange<Int>?
    if let text = request.headers[.range], request.headers[.ifRange].map({ $0 == tag }) ?? true {
      switch ByteRange.parse(text, size: size) {
      case .whole: break
      case .part(let part): range = part
      case .unsatisfiable:
        fields[.contentRange] = "bytes */\(size)"
        return Response(status: .rangeNotSatisfiable, headers: fields)
      }
    }
    if let range { fields[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound)/\(size)" }
    let length = range?.count ?? size
    fields[.contentLength] = "\(length)"
    let status: HTTPResponse.Status = range == nil ? .ok : .partialContent
    guard request.method != .head, length > 0 else {
      return Response(status: status, headers: fields, body: .init(contentLength: length) { try await $0.finish(nil) })
    }
    guard let path = try await context.storage.objects.localFile(key: blob.objectKey) else {
      throw StorageError.damaged("the bytes of '\(name)' are missing (\(blob.objectKey))")
    }
    return Response(status: status, headers: fields, body: Self.body(path: path, range: range ?? 0...(size - 1)))
  }

  private static func body(path: String, range: ClosedRange<Int>) -> ResponseBody {
    ResponseBody(contentLength: range.count) { writer in
      let file = try FileDescriptorReader(path: path)
      var offset = range.lowerBound
      while offset <= range.upperBound {
        let chunk = try await file.read(at: offset, count: min(256 << 10, range.upperBound - offset + 1))
        guard chunk.readableBytes > 0 else { throw StorageError.damaged("\(path) is shorter than it should be") }
        offset += chunk.readableBytes
        try await writer.write(chunk)
      }
      try await writer.finish(nil)
    }
  }
}
