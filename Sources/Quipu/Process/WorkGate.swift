import Glibc

/// Brings the library's helper threads to rest for a fork: a child must not inherit a lock of the allocator or the
/// run-time that one of them holds.
///
/// A helper does its work between `enter` and `leave`, and keeps outside what may take long: files on a network,
/// drivers, callbacks. A fork closes the gate, but waits only for a moment.
final class WorkGate: @unchecked Sendable {
  // @unchecked: the pointer changes in the child of a fork only, where there is one thread.
  static let shared = WorkGate()
  private var lock = WorkGate.make()

  private static func make() -> UnsafeMutablePointer<pthread_rwlock_t> {
    let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)
    pthread_rwlock_init(lock, nil)
    return lock
  }

  func enter() { pthread_rwlock_rdlock(lock) }
  func leave() { pthread_rwlock_unlock(lock) }

  /// - Parameter end: CLOCK_REALTIME.
  func close(until end: inout timespec) -> Bool { pthread_rwlock_timedwrlock(lock, &end) == 0 }
  func open() { pthread_rwlock_unlock(lock) }

  /// The old lock may be held by threads that do not exist here. It is few bytes: left behind.
  func resetInChild() { lock = Self.make() }
}
