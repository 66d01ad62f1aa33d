import ArgumentParser
import CMalloc
import Glibc
import Logging
import QuipuServer
import SQLiteStorage

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serve a data directory (the default command).")

  @OptionGroup var options: DataOptions

  @Option(help: "Address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "Port to listen on; 0 takes any free one.")
  var port = 8080

  @Option(help: "Address that clients use if not the one above, such as https://runs.example.com behind a proxy.")
  var publicURL: String?

  @Option(help: "Certificate chain in PEM; with --tls-key the server speaks HTTPS.")
  var tlsCert: String?

  @Option(help: "Private key in PEM.")
  var tlsKey: String?

  @Option(help: "Name of the server's user, the entity of runs that name none.")
  var user = "local"

  @Option(help: "Seconds of silence after which a run counts as crashed.")
  var crashAfter = 300.0

  @Option(help: "URL to which alerts are posted as JSON.")
  var webhook: String?

  @Option(help: "File stream requests a run may send in a minute, told to clients in RateLimit headers; 0 is no limit.")
  var rateLimit = 0

  @Option(help: "Connections that may be open at once.")
  var maxConnections = 12_000

  @Option(help: "How much is logged to standard error: trace, debug, info, notice, warning, error.")
  var logLevel = "notice"

  func validate() throws {
    guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535") }
    guard (tlsCert == nil) == (tlsKey == nil) else { throw ValidationError("--tls-cert and --tls-key go together") }
    guard crashAfter.isFinite, crashAfter >= 1 else { throw ValidationError("--crash-after must be at least 1") }
    guard rateLimit >= 0, maxConnections > 0 else { throw ValidationError("a limit must not be negative") }
    guard Logger.Level(rawValue: logLevel) != nil else { throw ValidationError("there is no log level '\(logLevel)'") }
    for url in [publicURL, webhook].compactMap({ $0 }) {
      guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
        throw ValidationError("'\(url)' must begin with http:// or https://")
      }
    }
  }

  func run() async throws {
    // A client that goes away while it is written to must not end the server.
    signal(SIGPIPE, SIG_IGN)
    raiseFileLimit()
    // Without a fixed threshold glibc raises its own with each large block that is freed, and then keeps such blocks:
    // parallel downloads held hundreds of megabytes that nobody used any more.
    mallopt(M_MMAP_THRESHOLD, 128 << 10)
    var logger = Logger(label: "quipu-server") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = Logger.Level(rawValue: logLevel) ?? .notice

    var configuration = ServerConfiguration()
    configuration.host = host
    configuration.port = port
    configuration.publicURL = publicURL.map { String($0.reversed().drop { $0 == "/" }.reversed()) }
    configuration.tlsCertificate = tlsCert
    configuration.tlsPrivateKey = tlsKey
    configuration.user = user
    configuration.crashAfter = crashAfter
    configuration.webhook = webhook
    configuration.requestsPerMinute = rateLimit
    configuration.limits.connections = maxConnections

    let storage = try await SQLiteStorage(directory: options.data)
    if !isLoopback(host), try await storage.keys().isEmpty {
      throw ValidationError(
        """
        refusing to listen on \(host) without an API key; make one first: \
        quipu-server keys add NAME --data \(options.data)
        """)
    }
    let keyFile = options.data + "/api-key"
    let server = try await QuipuServer(configuration: configuration, storage: storage, logger: logger) { key in
      try writeSecret(key, to: keyFile)
    }
    let data = options.data
    let publicAddress = configuration.publicURL
    try await server.run { address in
      let clientAddress = publicAddress ?? address
      print(
        """
        Quipu server \(serverVersion) at \(address), data in \(data)

          export WANDB_BASE_URL=\(clientAddress)
          export WANDB_API_KEY=\(readSecret(keyFile) ?? "...   # a key from: quipu-server keys add NAME --data \(data)")

        Runs: \(clientAddress)/ (user api, password: the key)
        """)
      fflush(nil)
    }
    await storage.close()
  }

  private func isLoopback(_ host: String) -> Bool {
    host == "localhost" || host == "::1" || host.hasPrefix("127.")
  }

  /// Ten thousand connections need as many descriptors; the usual soft limit is a thousand.
  private func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
