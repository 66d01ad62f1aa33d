import Synchronization

/// A lock for each key that async code may hold across suspensions; first come, first served.
final class KeyedLock<Key: Hashable & Sendable>: Sendable {
  private let waiting = Mutex<[Key: [CheckedContinuation<Void, Never>]]>([:])

  func with<Result: Sendable>(_ key: Key, _ body: () async throws -> Result) async rethrows -> Result {
    await withCheckedContinuation { continuation in
      let free = waiting.withLock { waiting in
        if waiting[key] == nil {
          waiting[key] = []
          return true
        }
        waiting[key]?.append(continuation)
        return false
      }
      if free { continuation.resume() }
    }
    defer { release(key) }
    return try await body()
  }

  private func release(_ key: Key) {
    let next = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
      guard var queue = waiting[key], !queue.isEmpty else {
        waiting[key] = nil
        return nil
      }
      let next = queue.removeFirst()
      waiting[key] = queue
      return next
    }
    next?.resume()
  }
}
