import HTTPTypes
import Hummingbird
import NIOCore
import Storage

/// Reads a request's body into memory within the server's limits.
struct BodyReader: Sendable {
  let context: ServerContext

  /// Collects the body, undoes gzip, hands the bytes to `parse` and its result to `then`. The body counts in the memory
  /// budget for all that time.
  /// - Throws: 413 beyond the limit, 408 from a client that takes too long, 400 for broken gzip, 415 for another
  ///   coding.
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
    return try await context.bodyBudget.withShare { share in
      var bytes = try await collect(request, limit: limit, announced: announced, share: share)
      // A body is held twice for a moment, as bytes and as what is parsed from them. A heartbeat waits for nobody.
      let size = bytes.readableBytes
      if coding == "gzip" {
        await share.take(min(7 * size, 2 * limit))
        bytes = try inflated(bytes, limit: limit)
      } else if size > Self.freeBytes {
        await share.take(size)
      }
      let parsed = try bytes.withUnsafeReadableBytes { try parse($0) }
      bytes = NIOCore.ByteBuffer()
      return try await then(parsed)
    }
  }

  /// Of each body, so many bytes are nothing to keep account of.
  private static let freeBytes = 64 << 10

  private func collect(
    _ request: Request, limit: Int, announced: Int?, share: ByteBudget.Share
  ) async throws -> NIOCore.ByteBuffer {
    // A body may take 30 s, and longer if it is large: 100 kB/s is slow even for a mobile network.
    let deadline = Timestamp.now.adding(seconds: 30 + Double(announced ?? limit) / 100_000)
    var bytes = NIOCore.ByteBuffer()
    // What is announced need not come.
    if let announced { bytes.reserveCapacity(min(announced, 1 << 20)) }
    for try await chunk in request.body {
      let size = bytes.readableBytes + chunk.readableBytes
      guard size <= limit else { throw tooLarge(limit) }
      guard Timestamp.now < deadline else { throw ServerFault(408, "the body took too long to arrive") }
      await share.take(min(chunk.readableBytes, size - Self.freeBytes))
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
