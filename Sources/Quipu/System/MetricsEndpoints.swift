import QuipuBase
import QuipuSync

/// The OpenMetrics endpoints of a run (settings `x_stats_open_metrics_*`).
///
/// Threads: the sampler's.
final class MetricsEndpoints {
  private let loop: SyncLoop
  private let endpoints: [MetricsEndpoint]
  private let filter: MetricsFilter

  struct Plan: Sendable {
    var urls: [(name: String, url: String)] = []
    var filters: JSON?
    var headers: [HTTPHeader] = []
    var connection = ConnectionOptions()

    /// Nil: the run has none.
    init?(_ settings: Settings) {
      for (name, url) in settings.value("x_stats_open_metrics_endpoints")?.objectValue?.members ?? [] {
        if let url = url.stringValue { urls.append((name.string, url)) }
      }
      if urls.isEmpty { return nil }
      filters = settings.value("x_stats_open_metrics_filters")
      for (name, value) in settings.value("x_stats_open_metrics_http_headers")?.objectValue?.members ?? [] {
        if let value = value.stringValue { headers.append(HTTPHeader(name.string, value)) }
      }
      connection = settings.connectionOptions
      // They may hold credentials of the experiment's server.
      connection.extraHeaders = []
    }
  }

  /// - Parameters:
  ///   - refused: gets the patterns that cannot be used.
  ///   - answered: called on the loop's thread after each answer.
  init(_ plan: Plan, loop: SyncLoop, refused: ([String]) -> Void, answered: @escaping @Sendable () -> Void) {
    self.loop = loop
    filter = MetricsFilter(plan.filters)
    endpoints = plan.urls.map {
      MetricsEndpoint(
        name: $0.name, url: $0.url, headers: plan.headers, connection: plan.connection, answered: answered)
    }
    if !filter.refused.isEmpty { refused(filter.refused) }
  }

  func fetch() { for endpoint in endpoints { endpoint.fetch(loop) } }

  var isWaiting: Bool { endpoints.contains(where: \.isWaiting) }

  func take(into sample: inout StatsSample) { for endpoint in endpoints { endpoint.take(filter, into: &sample) } }
}
