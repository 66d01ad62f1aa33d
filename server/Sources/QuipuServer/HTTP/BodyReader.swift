import HTTPTypes
import Hummingbird
import NIOCore
import Storage

/// Reads a request's body into memory within the server's limits.
struct BodyReader: Sendable {
  let context: ServerContext

  /// Collects the body, undoes gzip, hands the bytes to `parse` and its result to `then`. The body counts in the memory
  /// budget for all that time.
  /// - Throws: 413 beyond the limit, 408 from a client that takes too long, 400 for broken gzip, 415 for another coding.
  func withBytes<Parsed: Sendable, Result: Sendable>(
    of request: Request, parse: @Sendable (UnsafeRawBufferPointer) throws -> Parsed,
    then: (Parsed) async throws -> Result
  ) async throws -> Result {
    let limit = context.configuration.limits.bodyBytes
    let announced = request.headers[.contentLength].flatMap { Int($0) }
    if let announced, announced > limit { throw tooLarge(limit) }
    let coding = request.headers[.contentEncoding]?.lowercased() ?? "identity"
    guard coding == "gzip" || coding == "identity" else {
      throw ServerFault(415, "Content-Encoding '\(coding)' is not supported; use gzip or none")
    }
    // A body is held twice for a moment, as bytes and as what was parsed from them. A heartbeat waits for nobody.
    let expected = (announced ?? limit) * (coding == "gzip" ? 8 : 2)
    return try await context.bodyBudget.with(expected < 64 << 10 ? 0 : expected) {
      var bytes = try await collect(request, limit: limit, announced: announced)
      if coding == "gzip" { bytes = try inflated(bytes, limit: limit) }
      let parsed = try bytes.withUnsafeReadableBytes { try parse($0) }
      bytes = NIOCore.ByteBuffer()
      return try await then(parsed)
    }
  }

  private func collect(_ request: Request, limit: Int, announced: Int?) async throws -> NIOCore.ByteBuffer {
    // A body may take 30 s, and longer if it is large: 100 kB/s is slow even for a mobile network.
    let deadline = Timestamp.now.adding(seconds: 30 + Double(announced ?? limit) / 100_000)
    var bytes = NIOCore.ByteBuffer()
    if let announced { bytes.reserveCapacity(announced) }
    for try await chunk in request.body {
      guard bytes.readableBytes + chunk.readableBytes <= limit else { throw tooLarge(limit) }
      guard Timestamp.now < deadline else { throw ServerFault(408, "the body took too long to arrive") }
      bytes.writeImmutableBuffer(chunk)
    }
    return bytes
  }

  private func tooLarge(_ limit: Int) -> ServerFault { ServerFault(413, "the body is larger than \(limit) bytes") }

  private func inflated(_ bytes: NIOCore.ByteBuffer, limit: Int) throws -> NIOCore.ByteBuffer {
    try bytes.withUnsafeReadableBytes { source in
      try Gzip.inflate(source, limit: limit)
    }
  }
}
