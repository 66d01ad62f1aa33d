import Glibc
import Synchronization

/// One descriptor of the process whose output passes through the library: a pipe, or a pseudo terminal where a terminal
/// was, stands in its place, and a thread passes every byte on to the original.
///
/// The thread ends when nobody can write any more: after `restore`, when the last child that inherited the descriptor
/// has ended. Back pressure comes from the original alone, through the few kilobytes that a pipe holds.
final class CapturedStream: @unchecked Sendable {
  // @unchecked: `readEnd` and `original` are closed by the thread at its end, under `lock`; the rest is constant or
  // atomic.

  /// The descriptor that is captured.
  let target: Int32
  private let isTerminal: Bool
  private var readEnd: Int32
  private var original: Int32
  /// The file behind the write end, to tell whether the host has put something else in its place since.
  private let file: (device: dev_t, inode: ino_t)
  private let lock = ProcessState.makeMutex()
  /// True while bytes are on their way.
  private let isBusy = Atomic<Bool>(false)
  private let hasEnded = Atomic<Bool>(false)
  /// The beginning of a character whose rest has not come yet.
  private var cut: [UInt8] = []

  static let chunkBytes = 8192

  /// Puts the stand-in in place of `target`.
  ///
  /// - Returns: nil if the descriptor is not open, or the system gives no more.
  init?(target: Int32) {
    let original = fcntl(target, F_DUPFD_CLOEXEC, 3)
    guard original >= 0 else { return nil }
    let isTerminal = isatty(original) == 1
    guard let pair = isTerminal ? PseudoTerminal.open(like: original) : Self.pipe() else {
      close(original)
      return nil
    }
    defer { close(pair.writeEnd) }
    var info = stat()
    guard fstat(pair.writeEnd, &info) == 0, dup2(pair.writeEnd, target) >= 0 else {
      close(original)
      close(pair.readEnd)
      return nil
    }
    self.target = target
    self.isTerminal = isTerminal
    self.original = original
    readEnd = pair.readEnd
    file = (info.st_dev, info.st_ino)
  }

  private static func pipe() -> (readEnd: Int32, writeEnd: Int32)? {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// Passes on what is written until nobody can write any more.
  ///
  /// - Parameter take: gets whole characters; called after they were passed on.
  func run(_ take: (UnsafeRawBufferPointer) -> Void) {
    let room = UnsafeMutableRawBuffer(Self.chunkBytes)
    var sized: Int64 = 0
    while true {
      // In this order: who waits for silence looks at the descriptor first, then at the flag.
      isBusy.store(false, ordering: .releasing)
      var wait = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
      if poll(&wait, 1, -1) < 0, errno != EINTR { break }
      isBusy.store(true, ordering: .releasing)
      let count = read(readEnd, room.start, Self.chunkBytes)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      // A pseudo terminal that nobody has open any more answers EIO.
      guard count > 0 else { break }
      if isTerminal, Clock.monotonic() &- sized > 1_000_000_000 {
        sized = Clock.monotonic()
        PseudoTerminal.copySize(from: original, to: readEnd)
      }
      let bytes = UnsafeRawBufferPointer(start: room.start, count: count)
      guard Self.pass(bytes, to: original) else {
        // The host is to see for itself what is wrong with its output.
        restore()
        take(bytes)
        break
      }
      give(bytes, take)
    }
    if !cut.isEmpty { cut.withUnsafeBytes(take) }
    pthread_mutex_lock(lock)
    close(readEnd)
    close(original)
    readEnd = -1
    original = -1
    pthread_mutex_unlock(lock)
    isBusy.store(false, ordering: .releasing)
    hasEnded.store(true, ordering: .releasing)
  }

  private func give(_ bytes: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) -> Void) {
    if cut.isEmpty {
      let whole = bytes.count &- Self.cutBytes(bytes)
      if whole > 0 { take(UnsafeRawBufferPointer(rebasing: bytes[..<whole])) }
      cut.append(contentsOf: bytes[whole...])
      return
    }
    let joined = cut + Array(bytes)
    cut = []
    joined.withUnsafeBytes { give($0, take) }
  }

  /// Bytes at the end that begin a character of UTF-8 without ending it.
  static func cutBytes(_ bytes: UnsafeRawBufferPointer) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count &- back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? back : 0
    }
    return 0
  }

  private static func pass(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var done = 0
    while done < bytes.count {
      guard let start = bytes.baseAddress else { return true }
      let count = write(descriptor, start + done, bytes.count &- done)
      if count >= 0 {
        done &+= count
      } else if errno == EAGAIN {
        // The host has made its terminal non-blocking.
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&wait, 1, 1000)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  /// Puts the original back, unless the host has put something else there. The thread goes on for children that still
  /// write.
  func restore() {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    var info = stat()
    guard original >= 0, fstat(target, &info) == 0, info.st_dev == file.device, info.st_ino == file.inode
    else { return }
    dup2(original, target)
  }

  /// True if nothing is under way at this moment.
  var isSilent: Bool {
    if hasEnded.load(ordering: .acquiring) { return true }
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    if readEnd < 0 { return true }
    var look = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
    return poll(&look, 1, 0) == 0 && !isBusy.load(ordering: .acquiring)
  }

  /// In the child of a fork: what it writes still goes to the parent, but the reading end must be the parent's alone,
  /// or the child would wait for ever for a reader that is gone.
  func closeInChild() {
    if readEnd >= 0 { close(readEnd) }
    if original >= 0 { close(original) }
  }
}

/// Memory that is freed with its owner.
private final class UnsafeMutableRawBuffer {
  let start: UnsafeMutableRawPointer
  init(_ count: Int) { start = .allocate(byteCount: count, alignment: 16) }
  deinit { start.deallocate() }
}
