import Glibc
import Quipu

/// Handles as numbers in the shape of pointers: a slot and the generation it was given out in.
///
/// A handle that was freed, or is something else altogether, is recognised instead of followed. Slots are in chunks that
/// are never given back, so that a look-up needs no lock.
final class HandleTable<Object: AnyObject>: @unchecked Sendable {
  // @unchecked: slots are written under the mutex; a look-up races only with the free of its own handle, which the
  // contract forbids.
  private struct Slot {
    var generation: UInt64 = 1
    var object: Unmanaged<Object>?
  }

  private static var chunkBits: UInt64 { 10 }
  private static var chunkCount: Int { 4096 }
  private let chunks: UnsafeMutablePointer<UnsafeMutablePointer<Slot>?>
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var free: [UInt64] = []
  private var used: UInt64 = 0
  /// Kept in the low bits, so that a handle of one kind is not taken for one of another.
  private let kind: UInt64
  // Objects that were taken out last. A call that was on its way when another thread freed its handle, against the
  // contract, still finds its object alive.
  private var retired: [Object] = []
  private let retiredLimit: Int

  /// - Parameter keeps: number of freed objects that are kept alive for stray calls.
  init(kind: UInt64, keeps: Int = 0) {
    self.kind = kind
    retiredLimit = keeps
    chunks = .allocate(capacity: Self.chunkCount)
    chunks.initialize(repeating: nil, count: Self.chunkCount)
    mutex = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    Run.inEveryChild { [mutex] in pthread_mutex_init(mutex, nil) }
  }

  /// - Returns: nil when four million handles are in use.
  func insert(_ object: Object) -> OpaquePointer? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    let index: UInt64
    if let reused = free.popLast() {
      index = reused
    } else {
      let chunk = Int(used >> Self.chunkBits)
      guard chunk < Self.chunkCount else { return nil }
      if chunks[chunk] == nil {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: 1 << Int(Self.chunkBits))
        slots.initialize(repeating: Slot(), count: 1 << Int(Self.chunkBits))
        chunks[chunk] = slots
      }
      index = used
      used += 1
    }
    guard let slot = slot(index) else { return nil }
    slot.pointee.object = Unmanaged.passRetained(object)
    return OpaquePointer(bitPattern: UInt(slot.pointee.generation << 26 | index << 4 | kind))
  }

  @inline(__always) private func slot(_ index: UInt64) -> UnsafeMutablePointer<Slot>? {
    guard let chunk = chunks[Int(index >> Self.chunkBits) & (Self.chunkCount - 1)] else { return nil }
    return chunk + Int(index & ((1 << Self.chunkBits) - 1))
  }

  @inline(__always) func lookUp(_ handle: OpaquePointer?) -> Unmanaged<Object>? {
    let bits = UInt64(UInt(bitPattern: handle))
    guard bits & 15 == kind, let slot = slot(bits >> 4 & 0x3F_FFFF), slot.pointee.generation == bits >> 26 else {
      return nil
    }
    return slot.pointee.object
  }

  func object(_ handle: OpaquePointer?) -> Object? { lookUp(handle)?.takeUnretainedValue() }

  /// Takes the object out; nil for what is not (any more) a handle.
  func remove(_ handle: OpaquePointer?) -> Object? {
    // Released behind the lock: the end of a run takes a moment.
    var oldest: Object?
    defer { withExtendedLifetime(oldest) {} }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    let bits = UInt64(UInt(bitPattern: handle))
    let index = bits >> 4 & 0x3F_FFFF
    guard bits & 15 == kind, index < used, let slot = slot(index), slot.pointee.generation == bits >> 26,
      let object = slot.pointee.object
    else { return nil }
    slot.pointee.object = nil
    slot.pointee.generation = (slot.pointee.generation + 1) & 0x3F_FFFF_FFFF
    if slot.pointee.generation == 0 { slot.pointee.generation = 1 }
    free.append(index)
    let taken = object.takeRetainedValue()
    if retiredLimit > 0 {
      retired.append(taken)
      if retired.count > retiredLimit { oldest = retired.removeFirst() }
    }
    return taken
  }
}

/// A run with the texts that its getters lend.
final class RunHandle {
  let run: Run
  let id: UnsafeMutablePointer<CChar>?
  let directory: UnsafeMutablePointer<CChar>?

  init(_ run: Run) {
    self.run = run
    id = strdup(run.id)
    directory = strdup(run.directory)
  }

  deinit {
    Glibc.free(id)
    Glibc.free(directory)
  }
}

enum Handles {
  static let runs = HandleTable<RunHandle>(kind: 1, keeps: 8)
  static let columns = HandleTable<ColumnSet>(kind: 2, keeps: 32)
  static let media = HandleTable<Media>(kind: 3)
  static let artifacts = HandleTable<Artifact>(kind: 4)
}
