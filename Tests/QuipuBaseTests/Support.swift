import Glibc
import QuipuBase

/// SplitMix64: the same sequence on every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

func spelled(_ value: Double, _ style: JSONStyle) -> String {
  var buffer = ByteBuffer()
  buffer.appendDouble(value, style: style)
  return buffer.string()
}

func parsed(_ text: String) throws -> JSON { try JSON(parsing: text) }

func crc(_ text: String) -> UInt32 { Array(text.utf8).withUnsafeBytes { crc32($0) } }

/// The significant digits and the exponent of the first, from any decimal spelling: the test's own, slow reading.
struct Digits: Equatable {
  var digits: [UInt8] = []
  var exponent = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    var beforePoint = 0
    var seenPoint = false
    var power = 0
    var at = 0
    while at < bytes.count {
      let byte = bytes[at]
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        digits.append(byte)
        if !seenPoint { beforePoint += 1 }
      case UInt8(ascii: "."): seenPoint = true
      case UInt8(ascii: "e"):
        var negative = false
        for digit in bytes[(at + 1)...] {
          if digit == UInt8(ascii: "-") { negative = true }
          if digit >= 48 && digit < 58 { power = power * 10 + Int(digit) - 48 }
        }
        if negative { power = -power }
        at = bytes.count
      default: break
      }
      at += 1
    }
    let zeros = digits.prefix { $0 == 48 }.count
    digits.removeFirst(zeros)
    while digits.last == 48 { digits.removeLast() }
    exponent = digits.isEmpty ? 0 : beforePoint - zeros - 1 + power
  }

  init(_ text: String) { self = Array(text.utf8).withUnsafeBytes { Digits($0) } }
}

/// What glibc reads, with the process's locale being "C" in tests.
func cValue(_ text: String) -> Double { strtod(text, nil) }

func cValue(_ text: UnsafePointer<CChar>?) -> Double { text.map { strtod($0, nil) } ?? .nan }
