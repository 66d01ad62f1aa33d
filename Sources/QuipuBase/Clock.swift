import Glibc

/// The two clocks of a run, in nanoseconds.
///
/// Calls are stamped with the monotonic clock alone, so that a wall clock that jumps back cannot turn time around
/// inside a run; the wall time of a row is that stamp plus an offset which the writer refreshes.
package enum Clock {
  @inlinable @inline(__always) package static func monotonic() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  package static func wall() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  /// What has to be added to the monotonic clock to get the wall clock.
  package static func wallOffset() -> Int64 { wall() &- monotonic() }
}
