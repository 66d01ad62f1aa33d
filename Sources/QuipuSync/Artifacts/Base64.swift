/// Reading base64.
enum Base64 {
  /// The bytes of a standard base64 text with padding; nil if it is none.
  static func bytes(_ text: String) -> [UInt8]? {
    var digits = Array(text.utf8)
    guard digits.count % 4 == 0 else { return nil }
    var padding = 0
    while padding < 2, digits.last == UInt8(ascii: "=") {
      digits.removeLast()
      padding += 1
    }
    var out: [UInt8] = []
    out.reserveCapacity(digits.count * 3 / 4)
    var group: UInt32 = 0
    for (at, digit) in digits.enumerated() {
      let value: UInt8
      switch digit {
      case 65...90: value = digit - 65
      case 97...122: value = digit - 71
      case 48...57: value = digit + 4
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      default: return nil
      }
      group = group << 6 | UInt32(value)
      // A byte is complete with each digit but the first of four.
      if at % 4 > 0 { out.append(UInt8(truncatingIfNeeded: group >> UInt32(6 - 2 * (at % 4)))) }
    }
    return out
  }
}
