/// The pace that a server asks of the file stream by `RateLimit-Remaining` (units of a quota) and `RateLimit-Reset`
/// (seconds until it is full again).
///
/// How many requests a unit pays for is not said; it is learnt from how the remainder falls. Requests are then spread over
/// the time to the reset. An empty quota holds them until the reset, at most five minutes.
///
/// Source: http.md, section 5.3, which also says why the official client cannot be slowed down this way; this one can.
package struct RatePace: Sendable, Equatable {
  private var requestsPerUnit = 1.0
  private var windowRemaining: Double?
  private var windowRequests = 0.0
  private var windowEnd: Int64 = 0
  private var next: Int64 = .min

  private static let longestWait = 300.0
  private static let fastest = 65_536.0

  package init() {}

  /// When the next request may go. Units: nanoseconds of CLOCK_MONOTONIC, not before `now`.
  package func earliest(now: Int64) -> Int64 { max(now, next) }

  /// - Parameter now: CLOCK_MONOTONIC in nanoseconds.
  package mutating func took(_ answer: HTTPAnswer, now: Int64) {
    windowRequests += 1
    guard let remaining = Self.number(answer.header("ratelimit-remaining")),
      let reset = Self.number(answer.header("ratelimit-reset"))
    else { return }
    let wait: Double
    if remaining == 0 {
      wait = reset
    } else {
      // So close to the reset the two numbers say nothing.
      guard reset > 1 else { return }
      learn(remaining, reset, now)
      wait = min(reset, reset / (remaining * requestsPerUnit))
    }
    next = now &+ Int64(min(wait, Self.longestWait) * 1e9)
  }

  private mutating func learn(_ remaining: Double, _ reset: Double, _ now: Int64) {
    guard let before = windowRemaining, now < windowEnd else {
      return open(remaining, reset, now)
    }
    if remaining > before { return open(remaining, reset, now) }
    guard windowRequests >= 5 else { return }
    let fell = before - remaining
    // Several requests for less than a unit: the quota hardly counts them.
    let seen = fell > 0 ? windowRequests / fell : requestsPerUnit * 4
    requestsPerUnit = min(max(0.2 * requestsPerUnit + 0.8 * seen, 1e-6), Self.fastest)
    open(remaining, reset, now)
  }

  private mutating func open(_ remaining: Double, _ reset: Double, _ now: Int64) {
    windowRemaining = remaining
    windowRequests = 0
    windowEnd = now &+ Int64(min(reset, 1e6) * 1e9)
  }

  private static func number(_ text: String?) -> Double? {
    guard let text, let value = Double(text), value.isFinite, value >= 0 else { return nil }
    return value
  }
}
