/// A growable block of bytes that encoders append to.
///
/// Move-only, so that a buffer has one owner and an append never copies the whole. Appends grow the block
/// geometrically; `removeAll` keeps the capacity. Not thread-safe.
public struct ByteBuffer: ~Copyable {
  @usableFromInline var storage: UnsafeMutableRawPointer
  @usableFromInline var allocated: Int
  @usableFromInline var used: Int

  /// - Parameter capacity: bytes to reserve; values below 64 reserve 64.
  @inlinable public init(capacity: Int = 256) {
    let size = capacity < 64 ? 64 : capacity
    storage = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    allocated = size
    used = 0
  }

  deinit { storage.deallocate() }

  /// Number of bytes in use.
  @inlinable public var count: Int { used }

  @inlinable public var capacity: Int { allocated }

  /// The bytes in use. Valid until the next mutating call.
  @inlinable public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage, count: count) }

  /// Writable view of the bytes in use. Valid until the next mutating call.
  @inlinable public var mutableBytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: storage, count: count)
  }

  /// Forgets the content, keeps the block.
  @inlinable public mutating func removeAll() { used = 0 }

  /// Drops everything from `count` on. A larger value than the present count changes nothing.
  @inlinable public mutating func truncate(to newCount: Int) {
    if newCount >= 0 && newCount < count { used = newCount }
  }

  /// Makes room for `extra` more bytes.
  @inlinable public mutating func reserve(_ extra: Int) {
    if allocated &- count < extra { grow(by: extra) }
  }

  @usableFromInline @inline(never) mutating func grow(by extra: Int) {
    let size = max(allocated &* 2, count &+ extra)
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    fresh.copyMemory(from: storage, byteCount: count)
    storage.deallocate()
    storage = fresh
    allocated = size
  }

  /// Calls `body` with at least `capacity` writable bytes at the end; `body` returns how many it filled.
  @inlinable public mutating func appendUnchecked(
    capacity: Int, _ body: (UnsafeMutableRawPointer) -> Int
  ) {
    reserve(capacity)
    let written = body(storage + count)
    used = used &+ written
  }

  @inlinable public mutating func append(_ byte: UInt8) {
    reserve(1)
    storage.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    used = used &+ 1
  }

  @inlinable public mutating func append(_ source: UnsafeRawBufferPointer) {
    guard let base = source.baseAddress, source.count > 0 else { return }
    reserve(source.count)
    (storage + count).copyMemory(from: base, byteCount: source.count)
    used = used &+ source.count
  }

  @inlinable public mutating func append(_ base: UnsafeRawPointer, count n: Int) {
    append(UnsafeRawBufferPointer(start: base, count: n))
  }

  @inlinable public mutating func append(_ source: [UInt8]) {
    source.withUnsafeBytes { append($0) }
  }

  @inlinable public mutating func append(_ text: StaticString) {
    append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends the UTF-8 bytes of `text`.
  @inlinable public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  @inlinable public mutating func append(repeating byte: UInt8, count n: Int) {
    guard n > 0 else { return }
    reserve(n)
    (storage + count).initializeMemory(as: UInt8.self, repeating: byte, count: n)
    used = used &+ n
  }

  /// A copy of the bytes.
  public func array() -> [UInt8] { Array(bytes) }

  /// The bytes as text; malformed UTF-8 is repaired with U+FFFD.
  public func string() -> String { String(decoding: bytes, as: UTF8.self) }
}
