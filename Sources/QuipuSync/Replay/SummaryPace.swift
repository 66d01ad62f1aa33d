/// When a summary is worth sending again: a large one costs more than what it tells.
struct SummaryPace {
  private var due: Int64 = 0
  /// The last one was too long for a server.
  var isTooLong = false

  /// - Parameter now: a monotonic clock in nanoseconds.
  func isDue(_ now: Int64) -> Bool { now >= due }

  /// 100 kB: half a second; 1 MB: 5 s; at most a minute.
  mutating func sent(_ bytes: Int, _ now: Int64) {
    due = now &+ min(Int64(bytes) &* 5000, 60_000_000_000)
  }
}
