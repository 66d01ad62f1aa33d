import Glibc
import Synchronization

/// The buffers of C's standard output.
enum StandardIO {
  /// Writes out what `stdout` and `stderr` hold, so that a capture that ends has it.
  ///
  /// On a thread of its own: a terminal that takes nothing, or a host's thread that holds the stream, must not hold up
  /// the caller beyond `end` (CLOCK_MONOTONIC).
  static func flush(until end: Int64) {
    final class Done: Sendable { let flag = Atomic<Bool>(false) }
    let done = Done()
    let started = Thread.start(name: "quipu-flush") {
      for name in ["stdout", "stderr"] {
        guard let symbol = dlsym(nil, name),
          let stream = symbol.load(as: UnsafeMutablePointer<FILE>?.self), ftrylockfile(stream) == 0
        else { continue }
        fflush(stream)
        funlockfile(stream)
      }
      done.flag.store(true, ordering: .releasing)
    }
    guard started else { return }
    while !done.flag.load(ordering: .acquiring), Clock.monotonic() < end { usleep(200) }
  }
}
