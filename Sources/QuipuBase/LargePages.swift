import Glibc

/// Asks for large pages behind memory that is about to be filled: on a virtual machine the page faults of a block of
/// 36 MB cost as much as filling it. Only a hint; the content is not touched.
public func preferLargePages(_ start: UnsafeMutableRawPointer, count: Int) {
  let page: UInt = 4096
  guard count >= 4 << 20 else { return }
  let first = (UInt(bitPattern: start) &+ page &- 1) & ~(page &- 1)
  let end = (UInt(bitPattern: start) &+ UInt(count)) & ~(page &- 1)
  guard end > first, let base = UnsafeMutableRawPointer(bitPattern: first) else { return }
  let number = errno
  _ = madvise(base, Int(end &- first), 14)  // MADV_HUGEPAGE
  errno = number
}
