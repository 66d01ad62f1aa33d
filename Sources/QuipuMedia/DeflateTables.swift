/// The constants of the deflate format (RFC 1951, section 3.2.5 and 3.2.6).
enum DeflateTables {
  /// Code lengths of the fixed literal/length code. The last two symbols never occur but take part in the code.
  static let fixedLengths: [UInt8] =
    [UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112) + [UInt8](repeating: 7, count: 24)
    + [UInt8](repeating: 8, count: 8)

  /// The symbol of a match length of 3...258.
  @inline(__always) static func lengthSymbol(_ length: Int) -> UInt32 {
    if length == 258 { return 285 }
    let offset = UInt32(truncatingIfNeeded: length &- 3)
    if offset < 8 { return 257 &+ offset }
    let top = 31 &- UInt32(truncatingIfNeeded: offset.leadingZeroBitCount)  // 3...7
    return 257 &+ (top &- 1) &* 4 &+ (offset &>> (top &- 2)) & 3
  }

  @inline(__always) static func extra(ofLength length: Int, symbol: UInt32) -> (value: UInt32, width: UInt32) {
    guard symbol >= 265 && symbol < 285 else { return (0, 0) }
    let width = (symbol &- 261) / 4
    return (UInt32(truncatingIfNeeded: length &- 3) & ((1 &<< width) &- 1), width)
  }

  /// The symbol of a distance of 1...32768.
  @inline(__always) static func distanceSymbol(_ distance: Int) -> UInt32 {
    let offset = UInt32(truncatingIfNeeded: distance &- 1)
    if offset < 4 { return offset }
    let top = 31 &- UInt32(truncatingIfNeeded: offset.leadingZeroBitCount)
    return top &* 2 &+ (offset &>> (top &- 1)) & 1
  }

  @inline(__always) static func extra(ofDistance distance: Int, symbol: UInt32) -> (value: UInt32, width: UInt32) {
    guard symbol >= 4 else { return (0, 0) }
    let width = symbol / 2 &- 1
    return (UInt32(truncatingIfNeeded: distance &- 1) & ((1 &<< width) &- 1), width)
  }
}
