import QuipuBase

/// The compression of GIF: variable-width LZW in sub-blocks.
///
/// Codes grow up to 12 bits; when all are used the table starts anew. Strings are found by their prefix's code and next
/// byte in one open hash table that fits the first cache.
///
/// Source: GIF89a specification, appendix F.
final class LZWEncoder {
  private static let longestCode = 12
  private static let codeLimit = 1 << longestCode
  private static let hashBits = 13
  private static let slots = 1 << hashBits
  /// No entry: the code of an entry is never all ones, as that one would fill the table and starts it anew.
  private static let free = UInt32.max

  /// Per entry: prefix code and byte in the upper 20 bits, own code in the lower 12.
  private let table: UnsafeMutablePointer<UInt32>
  /// The codes before they are cut into sub-blocks.
  private var codes = ByteBuffer(capacity: 1 << 16)

  init() { table = .allocate(capacity: Self.slots) }
  deinit { table.deallocate() }

  /// Appends the data of a picture: width of the first codes, sub-blocks, terminator.
  ///
  /// - Parameters:
  ///   - indices: `count` palette indices below `1 << bits`, at least 1.
  ///   - bits: 1...8.
  func encode(_ indices: UnsafePointer<UInt8>, count: Int, bits: Int, to out: inout ByteBuffer) {
    let width = max(bits, 2)
    codes.removeAll()
    // A code stands for at least one byte and has at most 12 bits; a clear code comes after thousands of others.
    codes.appendUnchecked(capacity: count &* 3 / 2 &+ count / 1024 &+ 64) { room in
      compress(indices, count, width, room)
    }
    out.append(UInt8(truncatingIfNeeded: width))
    out.reserve(codes.count &+ codes.count / 255 &+ 2)
    codes.bytes.withMemoryRebound(to: UInt8.self) { bytes in
      guard let base = bytes.baseAddress else { return }
      var at = 0
      while at < bytes.count {
        let size = min(255, bytes.count &- at)
        out.append(UInt8(truncatingIfNeeded: size))
        out.append(UnsafeRawPointer(base + at), count: size)
        at &+= size
      }
    }
    out.append(0)
  }

  private func compress(
    _ indices: UnsafePointer<UInt8>, _ count: Int, _ width: Int, _ out: UnsafeMutableRawPointer
  ) -> Int {
    let clear = UInt32(1) << UInt32(width)
    var accumulator: UInt64 = 0
    var pending: UInt64 = 0
    var written = 0
    var codeBits = UInt64(width &+ 1)
    var next = clear &+ 2

    // Up to 12 bits join fewer than 32: they fit.
    @inline(__always) func emit(_ code: UInt32) {
      accumulator |= UInt64(code) &<< pending
      pending &+= codeBits
      if pending >= 32 {
        out.storeBytes(
          of: UInt32(truncatingIfNeeded: accumulator).littleEndian, toByteOffset: written, as: UInt32.self)
        written &+= 4
        accumulator &>>= 32
        pending &-= 32
      }
    }

    table.update(repeating: Self.free, count: Self.slots)
    emit(clear)
    var prefix = UInt32(indices[0])
    for at in 1..<max(count, 1) {
      let byte = UInt32(indices[at])
      let key = prefix &<< 8 | byte
      var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B1) &>> UInt32(32 &- Self.hashBits))
      var entry = table[slot]
      while entry != Self.free, entry &>> 12 != key {
        slot = (slot &+ 1) & (Self.slots &- 1)
        entry = table[slot]
      }
      if entry != Self.free {
        prefix = entry & 0xFFF
        continue
      }
      emit(prefix)
      prefix = byte
      if next == UInt32(Self.codeLimit &- 1) {
        emit(clear)
        table.update(repeating: Self.free, count: Self.slots)
        next = clear &+ 2
        codeBits = UInt64(width &+ 1)
      } else {
        table[slot] = key &<< 12 | next
        // The reader's table is one entry behind: its codes grow when this entry no longer fits.
        if next == UInt32(1) &<< UInt32(truncatingIfNeeded: codeBits) { codeBits &+= 1 }
        next &+= 1
      }
    }
    emit(prefix)
    // The reader has made one more entry meanwhile, which may lengthen its codes.
    if codeBits < UInt64(Self.longestCode), next == UInt32(1) &<< UInt32(truncatingIfNeeded: codeBits) {
      codeBits &+= 1
    }
    emit(clear &+ 1)
    while pending > 0 {
      out.storeBytes(of: UInt8(truncatingIfNeeded: accumulator), toByteOffset: written, as: UInt8.self)
      written &+= 1
      accumulator &>>= 8
      pending = pending > 8 ? pending &- 8 : 0
    }
    return written
  }
}
