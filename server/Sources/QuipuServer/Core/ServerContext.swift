import GraphQL
import Logging
import QuipuBase
import Storage
import Synchronization

/// What all requests share.
final class ServerContext: Sendable {
  let configuration: ServerConfiguration
  let storage: any Storage
  let logger: Logger
  let signer: URLSigner
  let liveness: Liveness
  let histories: HistoryService
  let runs: RunService
  let sweeps: SweepService
  let artifacts: ArtifactService
  let alerts: AlertSender
  /// Bytes of bodies that may be in memory at once.
  let bodyBudget: ByteBudget
  private let boundURL = Mutex("")

  init(configuration: ServerConfiguration, storage: any Storage, logger: Logger, signer: URLSigner, liveness: Liveness)
  {
    self.configuration = configuration
    self.storage = storage
    self.logger = logger
    self.signer = signer
    self.liveness = liveness
    let histories = HistoryService(storage: storage, logger: logger)
    self.histories = histories
    runs = RunService(storage: storage, histories: histories, configuration: configuration, logger: logger)
    sweeps = SweepService(storage: storage, runs: runs, liveness: liveness, configuration: configuration)
    bodyBudget = ByteBudget(limit: configuration.limits.bodiesInFlight)
    artifacts = ArtifactService(storage: storage, runs: runs, configuration: configuration, bodyBudget: bodyBudget)
    alerts = AlertSender(webhook: configuration.webhook, logger: logger)
  }

  /// The address under which clients reach the server; known once it listens.
  var baseURL: String {
    if let url = configuration.publicURL { return url }
    return boundURL.withLock { $0 }
  }

  func bind(to url: String) { boundURL.withLock { $0 = url } }
}

/// What belongs to one request, for resolvers deep in the graph.
final class RequestScope: Sendable {
  @TaskLocal static var current: RequestScope?

  let key: APIKeyRecord
  /// The address that this client used, so that signed URLs lead back the same way.
  let baseURL: String
  private let fault = Mutex<Int?>(nil)

  init(key: APIKeyRecord, baseURL: String) {
    self.key = key
    self.baseURL = baseURL
  }

  /// The HTTP status that passing trouble inside of a resolver asks for: GraphQL's 200 would make clients give up.
  var status: Int? { fault.withLock { $0 } }

  func report(status: Int) { fault.withLock { $0 = max($0 ?? 0, status) } }
}
