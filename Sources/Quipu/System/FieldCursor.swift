/// Goes through the text of a kernel file: lines, words, decimal numbers. Allocates nothing.
struct FieldCursor {
  private let bytes: UnsafeRawBufferPointer
  private var at = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var isAtEnd: Bool { at >= bytes.count }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  private mutating func skipBlanks() {
    while at < bytes.count, Self.isBlank(bytes[at]) { at &+= 1 }
  }

  /// Goes to the beginning of the next line.
  mutating func nextLine() {
    while at < bytes.count, bytes[at] != 0x0A { at &+= 1 }
    at = min(at &+ 1, bytes.count)
  }

  /// The next word of this line, nil at its end.
  mutating func word() -> UnsafeRawBufferPointer? {
    skipBlanks()
    let start = at
    while at < bytes.count, !Self.isBlank(bytes[at]), bytes[at] != 0x0A { at &+= 1 }
    return at > start ? UnsafeRawBufferPointer(rebasing: bytes[start..<at]) : nil
  }

  /// Skips words of this line.
  mutating func skip(_ words: Int) {
    for _ in 0..<words where word() == nil { return }
  }

  /// The next word of this line as a number without sign; nil if it is none or too large.
  mutating func number() -> UInt64? { word().flatMap(Self.number) }

  static func number(_ word: UnsafeRawBufferPointer) -> UInt64? {
    var value: UInt64 = 0
    if word.isEmpty { return nil }
    for byte in word {
      guard (0x30...0x39).contains(byte) else { return nil }
      let (tenfold, over) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tenfold.addingReportingOverflow(UInt64(byte &- 0x30))
      if over || carry { return nil }
      value = sum
    }
    return value
  }

  /// Goes behind `prefix` if what follows starts with it.
  mutating func take(_ prefix: StaticString) -> Bool {
    let count = prefix.utf8CodeUnitCount
    guard bytes.count &- at >= count else { return false }
    for offset in 0..<count where bytes[at &+ offset] != prefix.utf8Start[offset] { return false }
    at &+= count
    return true
  }

  /// Goes behind the first line that starts with `prefix`, up to where the prefix ends.
  mutating func find(_ prefix: StaticString) -> Bool {
    while !isAtEnd {
      if take(prefix) { return true }
      nextLine()
    }
    return false
  }

  /// The rest of this line up to and including `byte` is passed and given without it; nil if the line has none.
  mutating func upTo(_ byte: UInt8) -> UnsafeRawBufferPointer? {
    skipBlanks()
    let start = at
    var end = at
    while end < bytes.count, bytes[end] != byte {
      if bytes[end] == 0x0A { return nil }
      end &+= 1
    }
    guard end < bytes.count else { return nil }
    at = end &+ 1
    return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
  }

  /// Goes behind the last `byte` of the text; false if there is none.
  mutating func afterLast(_ byte: UInt8) -> Bool {
    guard let last = bytes.lastIndex(of: byte) else { return false }
    at = last &+ 1
    return true
  }
}
