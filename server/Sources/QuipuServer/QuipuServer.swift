import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import QuipuBase
import ServiceLifecycle
import Storage

/// The server: the W&B HTTP protocol over a store.
///
/// `run()` serves until its task is cancelled or the process is asked to end (SIGTERM, SIGINT); requests in progress
/// are finished then.
public struct QuipuServer: Sendable {
  private let context: ServerContext
  private let responder: ServerResponder
  private let logger: Logger

  /// Prepares a store for serving: its user, the secret for URLs, and a first key if it has none.
  /// - Parameter newKey: called with the key that was made, before anything is served; throw to refuse the start.
  public init(
    configuration: ServerConfiguration, storage: any Storage, logger: Logger,
    newKey: (String) async throws -> Void = { _ in }
  ) async throws {
    self.logger = logger
    try Names.checkEntity(configuration.user)
    _ = try await storage.ensureEntity(named: configuration.user, isTeam: false)
    var secret = try await storage.setting("url-secret").flatMap { decodeBase64($0) }
    if secret == nil {
      let made = randomBytes(32)
      try await storage.setSetting("url-secret", base64(made))
      secret = made
    }
    if try await storage.keys().isEmpty {
      let (key, text) = try await APIKeys(storage: storage).make(name: "first key", isReadOnly: false)
      do {
        try await newKey(text)
      } catch {
        _ = try await storage.removeKey(id: key.id)
        throw error
      }
    }
    let lastAlive = try await storage.setting("last-alive").flatMap { Int64($0) }
      .map { Timestamp(microseconds: $0) }
    context = ServerContext(
      configuration: configuration, storage: storage, logger: logger, signer: URLSigner(secret: secret ?? []),
      liveness: Liveness(crashAfter: configuration.crashAfter, startedAt: .now, lastAlive: lastAlive))
    responder = try ServerResponder(context: context)
  }

  /// - Parameter onListening: called once with the address.
  public func run(onListening: @escaping @Sendable (String) async -> Void) async throws {
    let configuration = context.configuration
    let context = context
    let isTLS = configuration.tlsCertificate != nil
    let application = Application(
      responder: responder, server: try httpServer(),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port), serverName: "quipu-server", backlog: 1024,
        availableConnectionsDelegate: MaximumAvailableConnections(
          configuration.limits.connections, logger: quiet(logger))),
      services: [Housekeeping(context: context, uploads: responder.files.uploads)],
      onServerRunning: { channel in
        let host = configuration.host.contains(where: { $0 == ":" }) ? "[\(configuration.host)]" : configuration.host
        let url = "\(isTLS ? "https" : "http")://\(host):\(channel.localAddress?.port ?? configuration.port)"
        context.bind(to: url)
        await onListening(url)
      },
      logger: quiet(logger))
    try await application.runService()
  }

  /// Hummingbird tells of each connection; that is for whoever asked for debug messages.
  private func quiet(_ logger: Logger) -> Logger {
    var logger = logger
    if logger.logLevel > .debug { logger.logLevel = max(logger.logLevel, .warning) }
    return logger
  }

  private func httpServer() throws -> HTTPServerBuilder {
    let configuration = context.configuration
    let http1 = HTTP1Channel.Configuration(idleTimeout: .seconds(Int64(configuration.limits.idleSeconds)))
    guard let certificate = configuration.tlsCertificate, let key = configuration.tlsPrivateKey else {
      return .http1(configuration: http1)
    }
    let tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
    return try .tls(.http1(configuration: http1), tlsConfiguration: tls)
  }
}

/// What has to be done now and then: the sign of life that `Liveness` reads, merges of idle runs, the sweep of bytes
/// that nothing refers to.
struct Housekeeping: Service {
  let context: ServerContext
  let uploads: Uploads

  func run() async throws {
    var minutes = 0
    while !Task.isShuttingDownGracefully {
      await attempt("note the time") {
        try await context.storage.setSetting("last-alive", "\(Timestamp.now.microseconds)")
      }
      for runID in context.histories.idleRuns(before: Timestamp.now.adding(seconds: -120)) {
        await attempt("merge segments") {
          try await context.runs.locks.with(runID) { try await context.histories.merge(runID: runID) }
        }
      }
      if minutes % 60 == 59 {
        uploads.forgetPartials(before: Timestamp.now.adding(seconds: -24 * 3600))
        await attempt("forget abandoned uploads") {
          try await context.storage.forgetArtifactUploads(before: Timestamp.now.adding(seconds: -7 * 24 * 3600))
        }
        await attempt("sweep") { try await context.storage.sweep(before: Timestamp.now.adding(seconds: -3600)) }
      }
      minutes += 1
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(60)) }
    }
  }

  private func attempt(_ what: String, _ body: () async throws -> Void) async {
    do {
      try await body()
    } catch {
      context.logger.warning("could not \(what)", metadata: ["error": "\(error)"])
    }
  }
}
