import HTTPTypes
import Storage
import Synchronization

/// Counts a run's file stream requests by the minute, if the server was told a limit.
///
/// Source: protocol reference, 5.3: clients read `RateLimit-Remaining` and `RateLimit-Reset`, and obey 429 with
/// `Retry-After`.
final class Pace: Sendable {
  struct Ticket {
    /// 0: no limit, nothing is said.
    var limit: Int
    var isAllowed: Bool
    var remaining: Int
    /// Seconds until the count starts anew.
    var reset: Int

    func describe(in fields: inout HTTPFields) {
      guard limit > 0 else { return }
      fields[.rateLimitLimit] = "\(limit)"
      fields[.rateLimitRemaining] = "\(remaining)"
      fields[.rateLimitReset] = "\(reset)"
    }
  }

  private let limit: Int
  private let counts = Mutex<[Int64: (minute: Int64, count: Int)]>([:])

  init(requestsPerMinute: Int) { limit = requestsPerMinute }

  func take(runID: Int64, now: Timestamp = .now) -> Ticket {
    guard limit > 0 else { return Ticket(limit: 0, isAllowed: true, remaining: 0, reset: 0) }
    let seconds = now.microseconds / 1_000_000
    let minute = seconds / 60
    let count = counts.withLock { counts in
      if counts.count > 10_000 { counts = counts.filter { $0.value.minute == minute } }
      var entry = counts[runID] ?? (minute, 0)
      if entry.minute != minute { entry = (minute, 0) }
      entry.count += 1
      counts[runID] = entry
      return entry.count
    }
    return Ticket(
      limit: limit, isAllowed: count <= limit, remaining: max(0, limit - count), reset: Int(60 - seconds % 60))
  }
}
