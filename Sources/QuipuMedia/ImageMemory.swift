import Glibc
import Synchronization

/// The memory of pixels on their way to an encoder.
///
/// The first touch of fresh memory costs more than the copy itself (the system has to zero every page), and pictures are
/// logged again and again in the same sizes. So a bounded amount of memory is kept when its pictures have been encoded,
/// and the next pictures get it.
///
/// Threads: any. Blocking: never; where another thread is in the way, and in a child that was forked at such a moment,
/// memory comes from malloc and goes back there.
final class ImageMemory: @unchecked Sendable {
  // Unchecked because of the raw pointer: it is written before the object is shared and never after.
  let bytes: UnsafeMutableRawPointer
  private let capacity: Int

  /// Bytes that are kept at most: a batch of 64 pictures of 256 x 256 RGB, twice.
  static let keptBytes = 32 << 20
  private static let keptBlocks = 256
  /// Smaller blocks come from malloc's own stock without page faults.
  private static let smallest = 32 << 10

  private struct Block {
    var bytes: UnsafeMutableRawPointer
    var capacity: Int
  }

  private struct Stock: @unchecked Sendable {
    var blocks: [Block] = []
    var total = 0
  }

  private static let isTaken = Atomic<Bool>(false)
  nonisolated(unsafe) private static var stock = Stock()  // guarded by `isTaken`

  /// - Returns: nil when there is no memory.
  init?(byteCount: Int) {
    let wanted = Self.rounded(max(byteCount, 1))
    if let block = Self.takeKept(wanted) {
      bytes = block.bytes
      capacity = block.capacity
      return
    }
    // malloc, because it reports exhaustion instead of trapping, and does not zero.
    guard let fresh = malloc(wanted) else { return nil }
    bytes = fresh
    capacity = wanted
  }

  deinit {
    if !Self.keep(Block(bytes: bytes, capacity: capacity)) { free(bytes) }
  }

  /// Up to an eighth more, so that pictures of about one size share blocks.
  private static func rounded(_ count: Int) -> Int {
    guard count >= smallest, count <= keptBytes else { return count }
    let step = 1 << max(Int.bitWidth - 1 - count.leadingZeroBitCount - 3, 0)
    return (count &+ step &- 1) & ~(step &- 1)
  }

  private static func takeKept(_ wanted: Int) -> Block? {
    guard wanted >= smallest, wanted <= keptBytes else { return nil }
    guard !isTaken.exchange(true, ordering: .acquiring) else { return nil }
    defer { isTaken.store(false, ordering: .releasing) }
    // The latest first: it is the likeliest to be in a cache.
    guard let at = stock.blocks.lastIndex(where: { $0.capacity == wanted }) else { return nil }
    let block = stock.blocks.remove(at: at)
    stock.total &-= block.capacity
    return block
  }

  private static func keep(_ block: Block) -> Bool {
    guard block.capacity >= smallest, block.capacity <= keptBytes else { return false }
    guard !isTaken.exchange(true, ordering: .acquiring) else { return false }
    defer { isTaken.store(false, ordering: .releasing) }
    // Sizes that are not asked for any more make room for those that are.
    while stock.total &+ block.capacity > keptBytes || stock.blocks.count >= keptBlocks {
      guard let oldest = stock.blocks.first else { return false }
      stock.blocks.removeFirst()
      stock.total &-= oldest.capacity
      free(oldest.bytes)
    }
    stock.blocks.append(block)
    stock.total &+= block.capacity
    return true
  }
}
