/// A Huffman code of bounded length for one deflate alphabet.
struct HuffmanCode {
  /// Bits of each symbol's code, 0 for symbols that do not occur.
  private(set) var lengths: [UInt8]
  /// Codes in the order deflate sends them, first bit lowest.
  private(set) var codes: [UInt16]

  /// - Parameters:
  ///   - counts: how often each symbol occurs. At least one code is made even if none does, as decoders demand.
  ///   - limit: longest code, at most 15, and 2^limit at least the number of symbols.
  init(counts: [UInt32], limit: Int) {
    lengths = Self.boundedLengths(counts, limit)
    codes = Self.canonicalCodes(lengths)
  }

  init(lengths: [UInt8]) {
    self.lengths = lengths
    codes = Self.canonicalCodes(lengths)
  }

  /// Optimal lengths by merging the two rarest subtrees, with two queues because the leaves come sorted; lengths above
  /// the limit are then cut and the code made complete again by lengthening the rarest symbols that have room.
  private static func boundedLengths(_ counts: [UInt32], _ limit: Int) -> [UInt8] {
    var lengths = [UInt8](repeating: 0, count: counts.count)
    // Count in the upper bits, symbol in the lower: one integer sort orders both.
    var leaves: [UInt64] = []
    leaves.reserveCapacity(counts.count)
    for (symbol, count) in counts.enumerated() where count > 0 {
      leaves.append(UInt64(count) << 16 | UInt64(symbol))
    }
    if leaves.count < 2 {
      // One symbol (or none) still gets one bit, and a partner so that the code is complete.
      let used = leaves.first.map { Int($0 & 0xFFFF) } ?? 0
      lengths[used] = 1
      if counts.count > 1 { lengths[used == 0 ? 1 : 0] = 1 }
      return lengths
    }
    leaves.sort()
    let n = leaves.count
    // Nodes 0..<n are the leaves, n... the merged ones in order of weight.
    var weights = leaves.map { $0 >> 16 }
    weights.reserveCapacity(2 * n)
    var parents = [Int](repeating: 0, count: 2 * n)
    var leaf = 0
    var merged = n
    for _ in 0..<(n - 1) {
      var sum: UInt64 = 0
      for _ in 0..<2 {
        let node: Int
        if leaf < n && (merged >= weights.count || weights[leaf] <= weights[merged]) {
          node = leaf
          leaf += 1
        } else {
          node = merged
          merged += 1
        }
        sum &+= weights[node]
        parents[node] = weights.count
      }
      weights.append(sum)
    }
    let root = weights.count - 1
    var depths = [Int](repeating: 0, count: weights.count)
    for node in stride(from: root - 1, through: 0, by: -1) { depths[node] = depths[parents[node]] + 1 }

    var sizes = depths[0..<n].map { min($0, limit) }  // rarest first, so longest first
    let whole = 1 << limit
    var used = sizes.reduce(0) { $0 + whole >> $1 }
    // Cutting made the code too full: lengthen the rarest symbols that still may grow.
    var at = 0
    while used > whole && at < n {
      if sizes[at] < limit {
        sizes[at] += 1
        used -= whole >> sizes[at]
      } else {
        at += 1
      }
    }
    // Lengthening may have gone too far: shorten the commonest that fit in the room left.
    for at in stride(from: n - 1, through: 0, by: -1) {
      while sizes[at] > 1 && used + (whole >> sizes[at]) <= whole {
        used += whole >> sizes[at]
        sizes[at] -= 1
      }
    }
    for (at, item) in leaves.enumerated() { lengths[Int(item & 0xFFFF)] = UInt8(truncatingIfNeeded: sizes[at]) }
    return lengths
  }

  private static func canonicalCodes(_ lengths: [UInt8]) -> [UInt16] {
    var perLength = [Int](repeating: 0, count: 17)
    for length in lengths { perLength[Int(length & 15)] += 1 }
    perLength[0] = 0
    var next = [Int](repeating: 0, count: 17)
    var code = 0
    for length in 1...15 {
      code = (code + perLength[length - 1]) << 1
      next[length] = code
    }
    return lengths.map { length in
      guard length > 0 else { return 0 }
      let size = Int(length & 15)
      var value = next[size]
      next[size] += 1
      var reversed = 0
      for _ in 0..<size {
        reversed = reversed << 1 | value & 1
        value >>= 1
      }
      return UInt16(truncatingIfNeeded: reversed)
    }
  }
}
