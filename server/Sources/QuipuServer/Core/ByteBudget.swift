import Synchronization

/// Lets only so many bytes of request bodies into memory at once; whoever is beyond that waits.
///
/// Bodies take their bytes as they arrive, so a client that announces much and sends little holds up nobody. Those that
/// have nothing yet are let in by their turn. Bodies that are half there cannot wait for each other without end: the
/// oldest of them may always take more. So memory is bounded by the limit and one body.
final class ByteBudget: Sendable {
  /// What one request has taken; given back when it is answered.
  struct Share: Sendable {
    fileprivate let budget: ByteBudget
    fileprivate let id: UInt64

    /// Waits until so many bytes more are free. More than the whole budget counts as the whole.
    func take(_ bytes: Int) async { await budget.take(bytes, for: id) }
  }

  private struct State {
    var taken = 0
    var lastID: UInt64 = 0
    /// Bytes of each share that has taken some.
    var shares: [UInt64: Int] = [:]
    var waiting: [(id: UInt64, bytes: Int, resume: CheckedContinuation<Void, Never>)] = []

    /// Ids grow: the lowest is the oldest.
    func admits(_ bytes: Int, for id: UInt64, limit: Int) -> Bool {
      let fits = taken + bytes <= limit
      guard shares[id] == nil else { return fits || !shares.keys.contains { $0 < id } }
      return fits && !waiting.contains { $0.id < id && shares[$0.id] == nil }
    }

    mutating func give(_ bytes: Int, to id: UInt64) {
      taken += bytes
      shares[id, default: 0] += bytes
    }
  }

  private let state = Mutex(State())
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Runs `body` with a share that is given back after it.
  func withShare<Result: Sendable>(_ body: (Share) async throws -> Result) async throws -> Result {
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    defer { giveBack(id) }
    return try await body(Share(budget: self, id: id))
  }

  /// Runs `body` with `bytes` taken from the budget.
  func with<Result: Sendable>(_ bytes: Int, _ body: () async throws -> Result) async throws -> Result {
    try await withShare { share in
      await share.take(bytes)
      return try await body()
    }
  }

  private func take(_ bytes: Int, for id: UInt64) async {
    let wanted = min(max(bytes, 0), limit)
    guard wanted > 0 else { return }
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        if state.admits(wanted, for: id, limit: limit) {
          state.give(wanted, to: id)
          return true
        }
        state.waiting.append((id, wanted, continuation))
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  private func giveBack(_ id: UInt64) {
    let ready = state.withLock { state in
      guard let bytes = state.shares.removeValue(forKey: id) else { return [CheckedContinuation<Void, Never>]() }
      state.taken -= bytes
      var ready: [CheckedContinuation<Void, Never>] = []
      var index = 0
      while index < state.waiting.count {
        let next = state.waiting[index]
        if state.admits(next.bytes, for: next.id, limit: limit) {
          state.give(next.bytes, to: next.id)
          ready.append(next.resume)
          state.waiting.remove(at: index)
        } else {
          index += 1
        }
      }
      return ready
    }
    for continuation in ready { continuation.resume() }
  }
}
