import Glibc

/// Room for the text of one kernel file, used again for each.
///
/// Threads: one at a time.
final class ReadRoom {
  fileprivate var start: UnsafeMutableRawPointer
  fileprivate var capacity = 16 << 10
  /// Larger files are cut: no line behind it is looked at.
  fileprivate static let limit = 1 << 20

  init() { start = .allocate(byteCount: capacity, alignment: 16) }
  deinit { start.deallocate() }

  fileprivate func grow(keeping count: Int) {
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity &* 2, alignment: 16)
    larger.copyMemory(from: start, byteCount: count)
    start.deallocate()
    start = larger
    capacity &*= 2
  }
}

/// A file of `/proc` or `/sys` that is read again and again: it stays open, each reading starts at its beginning.
///
/// Threads: one at a time.
final class ProcFile {
  private let path: String
  private var descriptor: Int32 = -1
  /// It could not be opened: not tried again.
  private var isAbsent = false

  init(_ path: String) { self.path = path }
  deinit { close() }

  func close() {
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
    descriptor = -1
    isAbsent = true
  }

  /// The present content, valid until `room` is used again; nil if the file cannot be read.
  func read(_ room: ReadRoom) -> FieldCursor? {
    if isAbsent { return nil }
    if descriptor < 0 {
      descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
      if descriptor < 0 {
        isAbsent = true
        return nil
      }
    }
    var count = 0
    while count < ReadRoom.limit {
      if count == room.capacity { room.grow(keeping: count) }
      let n = pread(descriptor, room.start + count, room.capacity &- count, off_t(count))
      if n < 0 {
        if errno == EINTR { continue }
        return nil
      }
      if n == 0 { break }
      count &+= n
    }
    return FieldCursor(UnsafeRawBufferPointer(start: room.start, count: count))
  }
}
