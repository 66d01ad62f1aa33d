import QuipuSync
import Synchronization

/// One OpenMetrics endpoint of a run: fetched for each sample, at most once at a time, over the thread that sends
/// everything ("quipu-sync"). An endpoint that hangs delays nothing: its values are missing.
///
/// Keys: `openmetrics.<endpoint>.<metric>.<n>`; n counts the label sets of a metric in the order in which they came.
///
/// Threads: the sampler's; the answer comes from the loop's.
final class MetricsEndpoint: Sendable {
  private let name: String
  private let request: HTTPRequest
  private let connection: ConnectionOptions
  private let answered: @Sendable () -> Void
  private let state = Mutex(State())

  private struct State {
    var isWaiting = false
    /// What came last and was not reported yet.
    var body: [UInt8]?
  }

  /// Label sets of each metric. The sampler's thread only.
  private let seen = Mutex<(sets: [String: [String: Int]], count: Int)>(([:], 0))

  static let timeoutMilliseconds: Int64 = 5000
  /// Longer answers are not read.
  private static let answerLimit = 4 << 20
  private static let sampleLimit = 10_000

  /// - Parameter answered: called on the loop's thread.
  init(
    name: String, url: String, headers: [HTTPHeader], connection: ConnectionOptions,
    answered: @escaping @Sendable () -> Void
  ) {
    self.name = name
    self.connection = connection
    self.answered = answered
    request = HTTPRequest(
      .get, url, headers: headers, timeoutMilliseconds: Self.timeoutMilliseconds, answerLimit: Self.answerLimit)
  }

  /// Asks, unless the last answer has not come yet.
  func fetch(_ loop: SyncLoop) {
    let isNew = state.withLock { state in
      defer { state.isWaiting = true }
      return !state.isWaiting
    }
    guard isNew else { return }
    let posted = loop.post { [self] in
      loop.send(request, connection) { [self] result in
        state.withLock { state in
          state.isWaiting = false
          if case .success(let answer) = result, answer.isSuccess { state.body = answer.body }
        }
        answered()
      }
    }
    if !posted { state.withLock { $0.isWaiting = false } }
  }

  var isWaiting: Bool { state.withLock { $0.isWaiting } }

  /// Adds the values of the last answer; each answer is used once.
  func take(_ filter: MetricsFilter, into sample: inout StatsSample) {
    let body = state.withLock { state in
      defer { state.body = nil }
      return state.body
    }
    guard let body else { return }
    for metric in ExpositionText.samples(body, limit: Self.sampleLimit) {
      guard filter.keeps(name + "." + metric.name, metric.labels.map { ($0.name, $0.value) }),
        let number = number(metric)
      else { continue }
      sample.add("openmetrics.\(name).\(metric.name).\(number)", metric.value)
    }
  }

  /// Nil when there are too many: labels that never repeat must not fill the memory.
  private func number(_ metric: ExpositionText.Sample) -> Int? {
    let set = metric.labels.map { $0.name + "\u{0}" + $0.value }.sorted().joined(separator: "\u{1}")
    return seen.withLock { seen in
      if let known = seen.sets[metric.name]?[set] { return known }
      guard seen.count < Self.sampleLimit else { return nil }
      seen.count += 1
      let number = seen.sets[metric.name]?.count ?? 0
      seen.sets[metric.name, default: [:]][set] = number
      return number
    }
  }
}
