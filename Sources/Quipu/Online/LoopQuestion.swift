import QuipuSync
import Synchronization

/// One question to a server: asked on the sync loop, waited for by another thread.
final class LoopQuestion<Answer: Sendable>: @unchecked Sendable {
  // @unchecked: `requester` and `request` are touched on the loop's thread only.

  /// Sends the request: with a requester, what to call before each wait for another attempt, and what to call at the
  /// end. Returns the number of the request.
  typealias Send =
    @Sendable (
      Requester, @escaping (RequestError, Int64) -> Void, @escaping (Result<Answer, RequestError>) -> Void
    ) -> UInt64

  private struct State: Sendable {
    var result: Result<Answer, RequestError>?
    var trouble: RequestError?
  }

  private let state = Mutex(State())
  private var requester: Requester?
  private var request: UInt64?

  /// - Parameter end: CLOCK_MONOTONIC in nanoseconds.
  /// - Throws: what went wrong; when the time is over, code `networkTimeout` or that of the last attempt's trouble,
  ///   kind "init_timeout".
  /// Blocking: at most until `end`.
  static func ask(
    _ loop: SyncLoop, _ settings: SyncSettings, until end: Int64, doing what: String, send: @escaping Send
  ) throws(QuipuError) -> Answer {
    let question = LoopQuestion()
    loop.post { question.start(Requester(sender: loop, settings: settings), send) }
    let isAnswered = ProcessState.shared.wait(until: end) { question.state.withLock { $0.result != nil } }
    let state = question.state.withLock { $0 }
    switch state.result {
    case .success(let answer)?: return answer
    case .failure(let error)?: throw QuipuError(error, server: settings.server.base, doing: what)
    case nil: break
    }
    if !isAnswered { loop.post { question.cancel() } }
    guard let trouble = state.trouble else {
      throw QuipuError(
        .networkTimeout, kind: "init_timeout", "\(settings.server.base): \(what): no answer within the time")
    }
    var error = QuipuError(trouble, server: settings.server.base, doing: what)
    error.kind = "init_timeout"
    error.message += " (the last of several attempts; the time is over)"
    throw error
  }

  private func start(_ requester: Requester, _ send: Send) {
    self.requester = requester
    request = send(requester, { [self] error, _ in state.withLock { $0.trouble = error } }) { [self] result in
      state.withLock { $0.result = result }
      self.requester = nil
      ProcessState.shared.signalProgress()
    }
  }

  private func cancel() {
    if let request { requester?.cancel(request) }
  }
}
