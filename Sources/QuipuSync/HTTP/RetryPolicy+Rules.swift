extension RetryPolicy {
  /// Source: http.md, section 2.3.
  package static var tokenExchange: RetryPolicy {
    var policy = RetryPolicy()
    policy.base = 1_000_000_000
    policy.longest = 5_000_000_000
    policy.retries = 3
    policy.attemptMilliseconds = 10_000
    policy.isTransfer = true
    return policy
  }

  /// Whether an answer with this status may be followed by a better one.
  ///
  /// Source: http.md, section 5.1.
  package func isPassing(status: Int) -> Bool {
    switch status {
    case 501: false
    case 500..., ...0: true
    case 429: true
    case _ where isTransfer: false
    case 409: retriesConflict
    case 400, 401, 402, 403, 404, 410, 413, 422: false
    case 400..<500: true
    default: false
    }
  }

  /// How long to wait before attempt `retry` + 2.
  ///
  /// - Parameters:
  ///   - retry: 0 after the first attempt.
  ///   - random: 0..<1, spreads the clients of a server that comes back.
  ///   - asked: what the server asked for (`Retry-After`), in nanoseconds; replaces the computed wait. At most an hour is
  ///     obeyed, and a server that asks for none at all is not asked more than once a second for long.
  /// - Returns: nanoseconds.
  package func wait(retry: Int, random: Double, asked: Int64? = nil) -> Int64 {
    let plain = Self.doubled(base, retry, atMost: longest)
    let spread = Double(plain) * (1 + 0.25 * min(max(random, 0), 1))
    let computed = spread >= Double(longest) ? longest : Int64(spread)
    guard let asked else { return max(0, computed) }
    let least = min(computed, Self.doubled(100_000_000, retry, atMost: 1_000_000_000))
    return min(max(asked, least), Self.longestObeyed)
  }

  private static let longestObeyed: Int64 = 3_600_000_000_000

  private static func doubled(_ value: Int64, _ times: Int, atMost limit: Int64) -> Int64 {
    var result = min(max(0, value), limit)
    for _ in 0..<min(max(times, 0), 62) {
      if result > limit / 2 { return limit }
      result *= 2
    }
    return result
  }
}
