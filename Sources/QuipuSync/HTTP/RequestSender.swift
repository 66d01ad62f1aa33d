/// Sends requests without blocking. `SyncLoop` is the real one; tests may have their own.
///
/// Threads: everything happens on the loop's thread: calls and completions.
package protocol RequestSender: AnyObject {
  /// Sends a request once. `done` is called exactly once, never from inside this call.
  ///
  /// - Returns: a number for `cancel`.
  @discardableResult
  func send(
    _ request: HTTPRequest, _ options: ConnectionOptions,
    _ done: @escaping (Result<HTTPAnswer, HTTPFailure>) -> Void
  ) -> UInt64

  /// Ends a request early: its `done` is called with `.cancelled`, not from inside this call.
  func cancel(_ request: UInt64)

  /// Runs `work` after `nanoseconds`, on the loop's thread.
  ///
  /// - Returns: a number for `cancelTimer`.
  @discardableResult
  func after(_ nanoseconds: Int64, _ work: @escaping () -> Void) -> UInt64

  func cancelTimer(_ timer: UInt64)

  /// CLOCK_MONOTONIC in nanoseconds.
  var now: Int64 { get }
}
