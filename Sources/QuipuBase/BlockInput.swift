/// Cuts a stream of bytes into the 64-byte blocks of MD5 and SHA-256 and pads the last.
struct BlockInput: Sendable {
  private var pending: [UInt8] = []
  private var total: UInt64 = 0

  /// Calls `compress` with a run of whole blocks; keeps the remainder.
  mutating func feed(_ bytes: UnsafeRawBufferPointer, _ compress: (UnsafeRawPointer, Int) -> Void) {
    total &+= UInt64(bytes.count)
    var rest = bytes
    if !pending.isEmpty {
      let taken = min(64 - pending.count, rest.count)
      pending.append(contentsOf: rest.prefix(taken))
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(taken))
      guard pending.count == 64 else { return }
      pending.withUnsafeBytes { if let base = $0.baseAddress { compress(base, 1) } }
      pending.removeAll(keepingCapacity: true)
    }
    let blocks = rest.count / 64
    if blocks > 0, let base = rest.baseAddress { compress(base, blocks) }
    pending.append(contentsOf: rest.dropFirst(blocks * 64))
  }

  /// Appends the bit 1, zeros and the length in bits, up to the end of a block.
  mutating func pad(bigEndianLength: Bool, _ compress: (UnsafeRawPointer, Int) -> Void) {
    let bits = total &* 8
    var tail = pending
    tail.append(0x80)
    while tail.count % 64 != 56 { tail.append(0) }
    withUnsafeBytes(of: bigEndianLength ? bits.bigEndian : bits.littleEndian) { tail.append(contentsOf: $0) }
    tail.withUnsafeBytes { if let base = $0.baseAddress { compress(base, tail.count / 64) } }
    pending = []
  }
}
