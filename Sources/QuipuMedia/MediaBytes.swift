import Glibc

/// Memory that worker threads read: malloc, because it reports exhaustion instead of ending the process, and is not
/// cleared first.
package final class MediaBytes: @unchecked Sendable {
  // Unchecked because of the raw pointer: it is written before the object is shared and never after.
  package let base: UnsafeMutableRawPointer
  package let count: Int

  /// - Throws: `.memory`.
  package init(count: Int) throws(MediaError) {
    guard let fresh = malloc(max(count, 1)) else {
      throw MediaError(.memory, "out of memory for \(count) bytes of media")
    }
    base = fresh
    self.count = count
  }

  deinit { free(base) }
}
