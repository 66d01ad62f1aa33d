/// Memory that worker threads read, out of the stock that pictures come from.
package final class MediaBytes: Sendable {
  // Written before the object is shared and never after.
  private let memory: ImageMemory
  package let count: Int
  package var base: UnsafeMutableRawPointer { memory.bytes }

  /// - Throws: `.memory`.
  package init(count: Int) throws(MediaError) {
    guard let memory = ImageMemory(byteCount: count) else {
      throw MediaError(.memory, "out of memory for \(count) bytes of media")
    }
    self.memory = memory
    self.count = count
  }
}
