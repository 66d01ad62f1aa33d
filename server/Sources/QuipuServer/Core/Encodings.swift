import QuipuBase

func base64Text(_ text: String) -> String { base64(Array(text.utf8)) }

/// Decodes base64 in either alphabet, padded or not. Nil for anything else.
func decodeBase64(_ text: String) -> [UInt8]? {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(text.utf8.count * 3 / 4)
  var bits: UInt32 = 0
  var count = 0
  var digits = 0
  var padding = 0
  for byte in text.utf8 {
    let value: UInt32
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = UInt32(byte - 65)
    case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt32(byte - 97 + 26)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(byte - 48 + 52)
    case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
    case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
    case UInt8(ascii: "="):
      padding += 1
      continue
    default: return nil
    }
    guard padding == 0 else { return nil }
    digits += 1
    bits = bits << 6 | value
    count += 6
    if count >= 8 {
      count -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
    }
  }
  guard digits % 4 != 1, padding <= 2, padding == 0 || (digits + padding) % 4 == 0 else { return nil }
  return bytes
}

/// Percent-encodes a path segment; `/` stays if `slashes`.
func percentEncoded(_ text: String, slashes: Bool = false) -> String {
  var out: [UInt8] = []
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"):
      out.append(byte)
    case UInt8(ascii: "/") where slashes: out.append(byte)
    default:
      let hex = Array("0123456789ABCDEF".utf8)
      out += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
    }
  }
  return String(decoding: out, as: UTF8.self)
}

/// Undoes percent-encoding. Nil for a broken escape, broken UTF-8 or a NUL.
func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
  var out: [UInt8] = []
  var pending: [UInt8] = []
  func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }
  for byte in text.utf8 {
    if !pending.isEmpty {
      guard let value = digit(byte) else { return nil }
      pending.append(value)
      if pending.count == 3 {
        out.append(pending[1] << 4 | pending[2])
        pending.removeAll(keepingCapacity: true)
      }
    } else if byte == UInt8(ascii: "%") {
      pending.append(0)
    } else {
      out.append(byte == UInt8(ascii: "+") && plusIsSpace ? 0x20 : byte)
    }
  }
  guard pending.isEmpty, !out.contains(0) else { return nil }
  return String(validating: out, as: UTF8.self)
}
