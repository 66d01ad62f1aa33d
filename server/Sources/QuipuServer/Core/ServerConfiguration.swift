import QuipuBase

/// What a server can be told at its start.
public struct ServerConfiguration: Sendable {
  public var host = "127.0.0.1"
  /// 0: any free port.
  public var port = 8080
  /// The address that clients use, if not `http://HOST:PORT`: behind a proxy, or with a name. No slash at its end.
  public var publicURL: String?
  /// PEM files; both or none.
  public var tlsCertificate: String?
  public var tlsPrivateKey: String?
  /// Name of the server's user, who is also the default entity.
  public var user = "local"
  /// Seconds without a sign of life after which a run counts as crashed. Clients send one every 30 s.
  public var crashAfter: Double = 300
  /// Seconds that a signed URL is good for.
  public var urlLifetime: Double = 24 * 3600
  /// File stream requests that a run may send in a minute; 0: no limit. Told to clients in `RateLimit-*` headers.
  public var requestsPerMinute = 0
  /// Alerts are posted there as JSON.
  public var webhook: String?
  public var limits = Limits()

  public struct Limits: Sendable {
    /// Bytes of a GraphQL or file stream body, after decompression. The protocol wants at least 16 MiB (10.5).
    public var bodyBytes = 32 << 20
    /// Bytes of one line of a file stream: 10 MiB - 100 KiB, as the official server has it (10.5).
    public var lineBytes = 10_383_360
    /// Bytes of an uploaded file or part: 5 TiB, S3's limit for an object.
    public var fileBytes: Int64 = 5 << 40
    /// Bytes of request bodies held in memory at once; further requests wait. It bounds the server's memory.
    public var bodiesInFlight = 96 << 20
    /// Open connections; further ones wait in the listen queue.
    public var connections = 12_000
    /// Seconds without a byte from or to the client before a connection is closed.
    public var idleSeconds = 60
    /// Runs in one page, whatever `first` says; likewise files, lines and other listings.
    public var pageSize = 5000

    public init() {}
  }

  public init() {}
}
