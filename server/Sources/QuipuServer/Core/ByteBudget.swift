import Synchronization

/// Lets only so many bytes of request bodies into memory at once; whoever is beyond that waits in line.
final class ByteBudget: Sendable {
  private struct State {
    var free: Int
    var waiting: [(bytes: Int, resume: CheckedContinuation<Void, Never>)] = []
  }

  private let state: Mutex<State>
  private let limit: Int

  init(limit: Int) {
    self.limit = limit
    state = Mutex(State(free: limit))
  }

  /// Runs `body` with `bytes` taken from the budget. More than the whole budget counts as the whole.
  func with<Result: Sendable>(_ bytes: Int, _ body: () async throws -> Result) async throws -> Result {
    let wanted = min(max(bytes, 0), limit)
    await withCheckedContinuation { continuation in
      let free = state.withLock { state in
        if state.waiting.isEmpty, state.free >= wanted {
          state.free -= wanted
          return true
        }
        state.waiting.append((wanted, continuation))
        return false
      }
      if free { continuation.resume() }
    }
    defer { give(back: wanted) }
    return try await body()
  }

  private func give(back bytes: Int) {
    let ready = state.withLock { state in
      state.free += bytes
      var ready: [CheckedContinuation<Void, Never>] = []
      while let first = state.waiting.first, first.bytes <= state.free {
        state.free -= first.bytes
        ready.append(first.resume)
        state.waiting.removeFirst()
      }
      return ready
    }
    for continuation in ready { continuation.resume() }
  }
}
