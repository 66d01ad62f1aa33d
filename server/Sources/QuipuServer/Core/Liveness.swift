import Storage

/// Tells crashed runs from running ones by their silence.
///
/// While the server was down nobody could send a sign of life: a run that was alive when the server went away gets its
/// time anew from the server's start.
struct Liveness: Sendable {
  let crashAfter: Double
  let startedAt: Timestamp
  /// When the server's last life ended, to within a minute; nil at the first start.
  let lastAlive: Timestamp?

  func state(_ stored: RunState, heartbeatAt: Timestamp, now: Timestamp = .now) -> RunState {
    guard stored == .running || stored == .preempting else { return stored }
    var heard = heartbeatAt
    if let lastAlive, heard < startedAt, heard.adding(seconds: crashAfter) >= lastAlive { heard = startedAt }
    guard heard.adding(seconds: crashAfter) < now else { return stored }
    return stored == .preempting ? .preempted : .crashed
  }
}
