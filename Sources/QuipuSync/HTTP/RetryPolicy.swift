/// Which failures are tried again, and when.
///
/// Source: http.md, section 5.
package struct RetryPolicy: Sendable, Equatable {
  /// Units: nanoseconds.
  package var base: Int64 = 2_000_000_000
  package var longest: Int64 = 60_000_000_000
  /// Attempts after the first.
  package var retries: Int = 20
  /// Units: milliseconds, one attempt; 0: no limit.
  package var attemptMilliseconds: Int64 = 30_000
  /// 409 is passing trouble (UpsertBucket).
  package var retriesConflict = false
  /// Only connection trouble, 429 and 5xx but 501 are passing (file transfer).
  package var isTransfer = false

  package init() {}

  package static var graphQL: RetryPolicy { RetryPolicy() }

  package static var fileStream: RetryPolicy {
    var policy = RetryPolicy()
    policy.retries = 10085
    policy.attemptMilliseconds = 180_000
    return policy
  }

  package static var transfer: RetryPolicy {
    var policy = RetryPolicy()
    policy.attemptMilliseconds = 0
    policy.isTransfer = true
    return policy
  }
}
