/// CRC-32 of a chunk, sixteen bytes per round.
///
/// The same function as zlib's `crc32` (reflected polynomial 0xEDB88320). It exists because records are short: zlib
/// 1.2's loop needs some hundred bytes before it reaches its speed, this one is fast from the first sixteen on.
///
/// Source: the "slicing" method of Kounavis and Berry, "A Systematic Approach to Building High Performance
/// Software-Based CRC Generators" (2005), with sixteen tables.
struct ChunkChecksum: Sendable {
  /// Sixteen tables of 256 entries. Table k holds the effect of a byte that k more bytes follow. Never freed.
  nonisolated(unsafe) private static let shared: UnsafePointer<UInt32> = makeTables()

  // A copy of the pointer: no once-check for the global on each record.
  nonisolated(unsafe) private let tables: UnsafePointer<UInt32>

  init() { tables = Self.shared }

  private static func makeTables() -> UnsafePointer<UInt32> {
    let tables = UnsafeMutablePointer<UInt32>.allocate(capacity: 16 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0xEDB8_8320 : value >> 1 }
      tables[byte] = value
    }
    for at in 256..<(16 * 256) {
      let previous = tables[at - 256]
      tables[at] = (previous >> 8) ^ tables[Int(previous & 0xFF)]
    }
    return UnsafePointer(tables)
  }

  /// - Parameters:
  ///   - bytes: type byte and payload of the chunk.
  ///   - seed: checksum of the bytes before these, default 0 for none.
  func value(of bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    guard var at = bytes.baseAddress else { return seed }
    var left = bytes.count
    var crc = ~seed
    while left >= 16 {
      let a = UInt32(littleEndian: at.loadUnaligned(as: UInt32.self)) ^ crc
      let b = UInt32(littleEndian: at.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
      let c = UInt32(littleEndian: at.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
      let d = UInt32(littleEndian: at.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
      crc = four(a, 12) ^ four(b, 8) ^ four(c, 4) ^ four(d, 0)
      at += 16
      left &-= 16
    }
    if left >= 8 {
      let a = UInt32(littleEndian: at.loadUnaligned(as: UInt32.self)) ^ crc
      let b = UInt32(littleEndian: at.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
      crc = four(a, 4) ^ four(b, 0)
      at += 8
      left &-= 8
    }
    while left > 0 {
      crc = (crc &>> 8) ^ tables[Int((crc ^ UInt32(at.load(as: UInt8.self))) & 0xFF)]
      at += 1
      left &-= 1
    }
    return ~crc
  }

  /// Combined effect of four bytes that `after` more bytes of the round follow.
  @inline(__always) private func four(_ word: UInt32, _ after: Int) -> UInt32 {
    let base = tables + after &* 256
    return base[Int(word & 0xFF) &+ 768] ^ base[Int(word &>> 8 & 0xFF) &+ 512]
      ^ base[Int(word &>> 16 & 0xFF) &+ 256] ^ base[Int(word &>> 24)]
  }
}
