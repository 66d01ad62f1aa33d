import Glibc
import QuipuBase
import QuipuRecords
import Synchronization

/// The ring in shared memory through which calls reach the writer thread.
///
/// Many callers, one consumer. A caller claims room with one compare-and-swap, copies its entry and publishes it by
/// storing the entry's marker last. The marker is derived from the entry's absolute position, so nothing has to be
/// zeroed and an entry from an earlier lap is never taken for a fresh one.
///
/// The ring lives in a file of `/dev/shm` and therefore outlives the process: whatever a caller published before a
/// SIGKILL is still there. The header holds two checkpoint slots; a checkpoint says "everything before `tail` is in the
/// first `logSize` bytes of the log". Recovery cuts the log there and replays the entries behind `tail`.
///
/// Threads: `claim`, `publish` from any thread; everything about the consumer from the writer thread only.
final class HandOffRing: @unchecked Sendable {
  /// Entries start at multiples of this, so that a header never straddles the end.
  static let alignment = 32
  static let entryHeaderBytes = 32
  static let headerBytes = 16384
  static let contextOffset = 4096
  static let contextCapacity = headerBytes - contextOffset
  static let magic: UInt64 = 0x474E_5255_5049_5551  // "QUIPURNG"
  static let version: UInt32 = 1
  private static let markerSalt: UInt64 = 0x6B6E_6F74_7465_6421

  private enum Offset {
    static let magic = 0
    static let version = 8
    static let capacity = 16
    static let contextCount = 24
    static let head = 64
    static let freeTail = 128
    static let activeSlot = 192
    static let slots = 256
    static let slotStride = 64
  }

  /// What a checkpoint says: see the type's comment.
  struct Checkpoint: Equatable {
    /// Ring position of the first entry that is not completely in the log.
    var tail: UInt64 = 0
    /// Bytes of the log that hold everything before `tail`.
    var logSize: UInt64 = 0
    /// Number of the side file that holds the open row, 0 if there is none.
    var spill: UInt64 = 0
  }

  let capacity: Int
  private let mask: UInt64
  private let base: UnsafeMutableRawPointer
  private let mappedBytes: Int
  private let data: UnsafeMutableRawPointer
  private let head: UnsafeMutablePointer<Atomic<UInt64>>
  private let freeTail: UnsafeMutablePointer<Atomic<UInt64>>
  private let activeSlot: UnsafeMutablePointer<Atomic<UInt64>>
  let descriptor: Int32
  private let isOwn: Bool
  /// Path of the file, nil for memory that dies with the process.
  let path: String?

  private init(base: UnsafeMutableRawPointer, capacity: Int, descriptor: Int32, path: String?, isOwn: Bool) {
    self.isOwn = isOwn
    self.base = base
    self.capacity = capacity
    self.descriptor = descriptor
    self.path = path
    mask = UInt64(capacity) &- 1
    mappedBytes = Self.headerBytes &+ capacity
    data = base + Self.headerBytes
    head = (base + Offset.head).assumingMemoryBound(to: Atomic<UInt64>.self)
    freeTail = (base + Offset.freeTail).assumingMemoryBound(to: Atomic<UInt64>.self)
    activeSlot = (base + Offset.activeSlot).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  deinit {
    if let path, isOwn { RingPlace.release(path) }
    munmap(base, mappedBytes)
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
  }

  // MARK: Making and opening

  /// Makes a ring.
  ///
  /// - Parameters:
  ///   - path: file to create exclusively; nil for memory that dies with the process.
  ///   - capacity: bytes, a power of two.
  ///   - context: text that recovery needs, at most `contextCapacity` bytes.
  /// - Returns: nil if the file or its space cannot be had.
  static func create(path: String?, capacity: Int, context: [UInt8]) -> HandOffRing? {
    guard context.count <= contextCapacity else { return nil }
    let total = headerBytes &+ capacity
    var descriptor: Int32 = -1
    let flags: Int32
    if let path {
      RingPlace.claim(path)
      descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else {
        RingPlace.release(path)
        return nil
      }
      // Space is taken now: touching a page of a full tmpfs later would be a SIGBUS in the host.
      guard FileTools.mayGrow(to: total), allocate(descriptor, total), RecordLock.take(descriptor) else {
        unlink(path)
        _ = Glibc.close(descriptor)
        RingPlace.release(path)
        return nil
      }
      flags = MAP_SHARED
    } else {
      flags = MAP_PRIVATE | MAP_ANONYMOUS
    }
    guard let base = mmap(nil, total, PROT_READ | PROT_WRITE, flags, descriptor, 0), base != MAP_FAILED else {
      if let path {
        unlink(path)
        RingPlace.release(path)
      }
      if descriptor >= 0 { _ = Glibc.close(descriptor) }
      return nil
    }
    base.storeBytes(of: version, toByteOffset: Offset.version, as: UInt32.self)
    base.storeBytes(of: UInt64(capacity), toByteOffset: Offset.capacity, as: UInt64.self)
    base.storeBytes(of: UInt32(context.count), toByteOffset: Offset.contextCount, as: UInt32.self)
    context.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress { (base + contextOffset).copyMemory(from: start, byteCount: bytes.count) }
    }
    // The magic comes last: a file without it was never in use.
    base.storeBytes(of: magic, toByteOffset: Offset.magic, as: UInt64.self)
    return HandOffRing(base: base, capacity: capacity, descriptor: descriptor, path: path, isOwn: true)
  }

  // In pieces, because a signal interrupts the call and undoes what it did: a program with a profiler's timer would never
  // get through a large ring at once.
  private static func allocate(_ descriptor: Int32, _ total: Int) -> Bool {
    var done = 0
    var interrupted = 0
    while done < total {
      let count = min(1 << 20, total &- done)
      switch posix_fallocate(descriptor, off_t(done), off_t(count)) {
      case 0: done &+= count
      case EINTR where interrupted < 1000: interrupted &+= 1
      default: return false
      }
    }
    return true
  }

  /// Opens the ring of a process that is gone.
  ///
  /// - Returns: nil if the file is not a ring or its owner is alive.
  static func openAbandoned(path: String) -> HandOffRing? {
    guard !RingPlace.isOwn(path) else { return nil }
    let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    var info = stat()
    // The number of links is asked for under the lock: a run that has just finished has removed its ring before it let
    // go of it.
    guard RecordLock.take(descriptor), fstat(descriptor, &info) == 0, Int(info.st_size) > headerBytes, info.st_nlink > 0
    else {
      _ = Glibc.close(descriptor)
      return nil
    }
    let total = Int(info.st_size)
    guard let base = mmap(nil, total, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
      _ = Glibc.close(descriptor)
      return nil
    }
    let capacity = base.load(fromByteOffset: Offset.capacity, as: UInt64.self)
    guard base.load(fromByteOffset: Offset.magic, as: UInt64.self) == magic,
      base.load(fromByteOffset: Offset.version, as: UInt32.self) == version,
      capacity == UInt64(total &- headerBytes), capacity & (capacity &- 1) == 0, capacity >= UInt64(alignment)
    else {
      munmap(base, total)
      _ = Glibc.close(descriptor)
      return nil
    }
    return HandOffRing(base: base, capacity: Int(capacity), descriptor: descriptor, path: path, isOwn: false)
  }

  /// The context of a ring that may be in use, read without taking its lock; nil if the file is no ring.
  static func peekContext(path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { _ = Glibc.close(descriptor) }
    var head = [UInt8](repeating: 0, count: headerBytes)
    guard head.withUnsafeMutableBytes({ pread(descriptor, $0.baseAddress, $0.count, 0) }) == headerBytes else { return nil }
    return head.withUnsafeBytes { bytes in
      let count = Int(bytes.load(fromByteOffset: Offset.contextCount, as: UInt32.self))
      guard bytes.load(fromByteOffset: Offset.magic, as: UInt64.self) == magic, count <= contextCapacity else { return nil }
      return Array(bytes[contextOffset..<(contextOffset + count)])
    }
  }

  var context: [UInt8] {
    let count = Int(base.load(fromByteOffset: Offset.contextCount, as: UInt32.self))
    guard count <= Self.contextCapacity else { return [] }
    return Array(UnsafeRawBufferPointer(start: base + Self.contextOffset, count: count))
  }

  /// Removes the file. The memory stays for whoever still looks at it.
  func removeFile() {
    guard let path else { return }
    unlink(path)
    // Gives the pages back now: the mapping stays until the last handle of the run is gone.
    madvise(base + Self.headerBytes, capacity, 9)  // MADV_REMOVE
  }

  // MARK: Callers

  /// Set in the head once the run is over: no entry can be claimed any more.
  static let closedBit: UInt64 = 1 << 63

  var isClosed: Bool { head.pointee.load(ordering: .acquiring) & Self.closedBit != 0 }

  /// True if an entry that ends at `end` leaves what lies behind `free` untouched.
  ///
  /// `free` may lie beyond `end`: the caller was put aside after its look at the head. That is no full ring, and the
  /// exchange of the head will tell.
  @inline(__always) static func fits(end: UInt64, free: UInt64, capacity: Int) -> Bool {
    Int64(bitPattern: end &- free) <= Int64(capacity)
  }

  enum Claim {
    case at(UInt64)
    case full
    case closed
  }

  /// Ring position one past the last claimed byte.
  var headPosition: UInt64 { head.pointee.load(ordering: .acquiring) & ~Self.closedBit }
  /// Ring position before which space is free again.
  var freePosition: UInt64 { freeTail.pointee.load(ordering: .acquiring) }

  /// Bytes an entry with `payload` bytes takes.
  @inline(__always) static func entryBytes(_ payload: Int) -> Int {
    (entryHeaderBytes &+ payload &+ alignment &- 1) & ~(alignment &- 1)
  }

  /// Claims room for an entry.
  ///
  /// - Parameter closing: true for the last entry: with the same step that claims its room the ring is closed, so that
  ///   every call that was accepted lies before it.
  @inline(__always) func claim(payload: Int, closing: Bool = false) -> Claim {
    let size = Self.entryBytes(payload)
    var at = head.pointee.load(ordering: .relaxed)
    while true {
      if at & Self.closedBit != 0 { return .closed }
      let room = capacity &- Int(truncatingIfNeeded: at & mask)
      let pad = size > room ? room : 0
      let end = at &+ UInt64(truncatingIfNeeded: pad &+ size)
      if !Self.fits(end: end, free: freeTail.pointee.load(ordering: .acquiring), capacity: capacity) { return .full }
      let (done, seen) = head.pointee.weakCompareExchange(
        expected: at, desired: closing ? end | Self.closedBit : end, successOrdering: .relaxed,
        failureOrdering: .relaxed)
      if done {
        if pad > 0 {
          writeHeader(at: at, payload: pad &- Self.entryHeaderBytes, kind: .padding, commit: 0, step: 0, time: 0)
          publish(at)
        }
        return .at(at &+ UInt64(truncatingIfNeeded: pad))
      }
      at = seen
    }
  }

  /// Closes a ring that has no room for a last entry.
  func close() { head.pointee.bitwiseOr(Self.closedBit, ordering: .releasing) }

  /// Lets another process, or a recovery in this one, take up what the run has left in the ring.
  func giveAway() {
    if descriptor >= 0 { RecordLock.release(descriptor) }
    if let path, isOwn { RingPlace.release(path) }
  }

  /// Removes what lies beside the ring: open rows and large values that were moved out of it.
  ///
  /// To be called after the ring itself is gone: as long as it is there a recovery needs them.
  func removeSideFiles() {
    guard let path else { return }
    let directory = PathTools.directory(path)
    let prefix = String(decoding: path.utf8.dropFirst(directory.utf8.count &+ 1), as: UTF8.self) + "."
    for name in FileTools.list(directory) ?? [] where name.utf8.starts(with: prefix.utf8) {
      unlink(directory + "/" + name)
    }
  }

  @inline(__always) func writeHeader(
    at position: UInt64, payload: Int, kind: EntryKind, commit: UInt8, step: Int64, time: Int64
  ) {
    let entry = data + Int(truncatingIfNeeded: position & mask)
    entry.storeBytes(of: UInt32(truncatingIfNeeded: payload), toByteOffset: 8, as: UInt32.self)
    entry.storeBytes(of: kind.rawValue, toByteOffset: 12, as: UInt8.self)
    entry.storeBytes(of: commit, toByteOffset: 13, as: UInt8.self)
    entry.storeBytes(of: 0, toByteOffset: 14, as: UInt16.self)
    entry.storeBytes(of: step, toByteOffset: 16, as: Int64.self)
    entry.storeBytes(of: time, toByteOffset: 24, as: Int64.self)
  }

  /// Where the payload of the entry at `position` goes.
  @inline(__always) func payload(at position: UInt64) -> UnsafeMutableRawPointer {
    data + (Int(truncatingIfNeeded: position & mask) &+ Self.entryHeaderBytes)
  }

  /// Makes the entry visible to the consumer, and to recovery.
  @inline(__always) func publish(_ position: UInt64) {
    marker(position).pointee.store(position ^ Self.markerSalt, ordering: .releasing)
  }

  @inline(__always) private func marker(_ position: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
    (data + Int(truncatingIfNeeded: position & mask)).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// True once half of the ring waits for the writer: time to wake it.
  @inline(__always) func isFilling(_ position: UInt64) -> Bool {
    position &- freeTail.pointee.load(ordering: .relaxed) > UInt64(truncatingIfNeeded: capacity >> 1)
  }

  // MARK: Consumer

  /// The published entry at `position`, nil if there is none (yet).
  @inline(__always) func entry(at position: UInt64) -> RingEntry? {
    guard marker(position).pointee.load(ordering: .acquiring) == position ^ Self.markerSalt else { return nil }
    let offset = Int(truncatingIfNeeded: position & mask)
    let entry = data + offset
    let size = Int(entry.load(fromByteOffset: 8, as: UInt32.self))
    // Only damaged memory can fail here; a foreign file must not lead outside the mapping.
    guard size <= capacity &- offset &- Self.entryHeaderBytes,
      let kind = EntryKind(rawValue: entry.load(fromByteOffset: 12, as: UInt8.self))
    else { return nil }
    return RingEntry(
      position: position, end: position &+ UInt64(Self.entryBytes(size)), kind: kind,
      commit: entry.load(fromByteOffset: 13, as: UInt8.self), step: entry.load(fromByteOffset: 16, as: Int64.self),
      time: entry.load(fromByteOffset: 24, as: Int64.self),
      payload: UnsafeRawBufferPointer(start: entry + Self.entryHeaderBytes, count: size))
  }

  /// Stores a checkpoint and frees the space before its tail.
  func store(_ checkpoint: Checkpoint) {
    let next = activeSlot.pointee.load(ordering: .relaxed) &+ 1
    let slot = base + (Offset.slots &+ Int(next & 1) &* Offset.slotStride)
    slot.storeBytes(of: checkpoint.tail, toByteOffset: 0, as: UInt64.self)
    slot.storeBytes(of: checkpoint.logSize, toByteOffset: 8, as: UInt64.self)
    slot.storeBytes(of: checkpoint.spill, toByteOffset: 16, as: UInt64.self)
    activeSlot.pointee.store(next, ordering: .releasing)
    freeTail.pointee.store(checkpoint.tail, ordering: .releasing)
  }

  var checkpoint: Checkpoint {
    let slot = base + (Offset.slots &+ Int(activeSlot.pointee.load(ordering: .acquiring) & 1) &* Offset.slotStride)
    return Checkpoint(
      tail: slot.load(fromByteOffset: 0, as: UInt64.self), logSize: slot.load(fromByteOffset: 8, as: UInt64.self),
      spill: slot.load(fromByteOffset: 16, as: UInt64.self))
  }
}

/// What an entry of the ring asks the writer to do. Numbers are part of the ring's format.
enum EntryKind: UInt8 {
  /// False for what the library hands in itself: the counters of calls leave it out.
  var isCall: Bool { self != .padding && self != .stats && self != .record }

  case padding = 0
  /// A row of fixed columns: cells, then the column names.
  case columns = 1
  /// A row as a JSON object.
  case row = 2
  case summarySet = 3
  case summaryRemove = 4
  case config = 5
  case metric = 6
  case identity = 7
  case alert = 8
  case files = 9
  case preempting = 10
  case output = 11
  case exit = 12
  case requirements = 13
  /// The payload names a file that holds the real entry, too large for the ring.
  case external = 14
  /// One sample of system metrics: a JSON object.
  case stats = 15
  /// A record that a library thread has made, encoded.
  case record = 16
  /// An artifact: a JSON object, and the number of its objects.
  case artifact = 17
}

/// One entry as the consumer sees it. The payload is valid until the checkpoint passes `end`.
struct RingEntry {
  var position: UInt64
  var end: UInt64
  var kind: EntryKind
  var commit: UInt8
  var step: Int64
  /// CLOCK_MONOTONIC of the call, in nanoseconds.
  var time: Int64
  var payload: UnsafeRawBufferPointer
}
