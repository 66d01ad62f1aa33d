/// The header of a deflate block with its own codes: the code lengths, themselves run-length and Huffman coded.
struct DeflateHeader {
  /// Values and their widths in bits, in the order they are sent.
  private(set) var fields: [(value: UInt16, width: UInt8)] = []
  private(set) var bitCount = 0

  private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  /// - Parameters:
  ///   - literals: lengths of the literal/length code, 257...286 of them.
  ///   - distances: lengths of the distance code, 1...30 of them.
  init(literals: [UInt8], distances: [UInt8]) {
    var literalCount = literals.count
    while literalCount > 257 && literals[literalCount - 1] == 0 { literalCount -= 1 }
    let all = literals[..<literalCount] + distances

    var items: [(symbol: Int, extra: UInt16, width: UInt8)] = []
    var at = all.startIndex
    while at < all.endIndex {
      let value = all[at]
      var run = 1
      while at + run < all.endIndex && all[at + run] == value { run += 1 }
      at += run
      if value == 0 {
        while run >= 3 {
          let piece = min(run, 138)
          items.append(piece < 11 ? (17, UInt16(piece - 3), 3) : (18, UInt16(piece - 11), 7))
          run -= piece
        }
      } else {
        items.append((Int(value), 0, 0))
        run -= 1
        while run >= 3 {
          let piece = min(run, 6)
          items.append((16, UInt16(piece - 3), 2))
          run -= piece
        }
      }
      for _ in 0..<run { items.append((Int(value), 0, 0)) }
    }

    var counts = [UInt32](repeating: 0, count: 19)
    for item in items { counts[item.symbol] += 1 }
    let code = HuffmanCode(counts: counts, limit: 7)
    var sent = 19
    while sent > 4 && code.lengths[Self.order[sent - 1]] == 0 { sent -= 1 }
    add(UInt16(literalCount - 257), 5)
    add(UInt16(distances.count - 1), 5)
    add(UInt16(sent - 4), 4)
    for symbol in Self.order[..<sent] { add(UInt16(code.lengths[symbol]), 3) }
    for item in items {
      add(code.codes[item.symbol], code.lengths[item.symbol])
      if item.width > 0 { add(item.extra, item.width) }
    }
  }

  private mutating func add(_ value: UInt16, _ width: UInt8) {
    fields.append((value, width))
    bitCount += Int(width)
  }
}
