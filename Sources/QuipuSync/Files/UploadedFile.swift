import QuipuBase

/// What is known of a file whose bytes the server has.
package struct UploadedFile: Sendable, Equatable {
  package var digest: ContentDigest
  /// Units: bytes.
  package var size: Int64
  /// Time of the last change, in nanoseconds since 1970; 0: not known, so that only the digest can tell whether the
  /// file is the same.
  package var modified: Int64

  package init(digest: ContentDigest, size: Int64, modified: Int64) {
    self.digest = digest
    self.size = size
    self.modified = modified
  }
}

/// An MD5, kept small: a run may have a hundred thousand files.
package struct ContentDigest: Sendable, Hashable {
  private var high: UInt64 = 0
  private var low: UInt64 = 0

  /// - Parameter bytes: 16 bytes, of which missing ones count as 0.
  package init(_ bytes: some Sequence<UInt8>) {
    for (at, byte) in bytes.prefix(16).enumerated() {
      if at < 8 {
        high |= UInt64(byte) << UInt64(56 - 8 * at)
      } else {
        low |= UInt64(byte) << UInt64(120 - 8 * at)
      }
    }
  }

  /// From 32 hexadecimal digits; nil if the text is anything else.
  package init?(hex: String) {
    let digits = Array(hex.utf8)
    guard digits.count == 32 else { return nil }
    for (at, digit) in digits.enumerated() {
      let value: UInt64
      switch digit {
      case 48...57: value = UInt64(digit) - 48
      case 97...102: value = UInt64(digit) - 87
      case 65...70: value = UInt64(digit) - 55
      default: return nil
      }
      if at < 16 { high = high << 4 | value } else { low = low << 4 | value }
    }
  }

  package var bytes: [UInt8] {
    [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
  }
  /// 32 lower-case hexadecimal digits.
  package var hex: String { hexText(bytes) }
  /// As `Content-MD5` has it.
  package var base64: String { QuipuBase.base64(bytes) }
}
