import CZlib

/// CRC-32 of zlib and PNG (polynomial 0xEDB88320).
public func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 { crc32(0, bytes) }

/// Continues a CRC-32.
/// - Parameter seed: the value of the bytes before; 0 at the start.
public func crc32(_ seed: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
  guard let base = bytes.baseAddress else { return seed }
  var value = uLong(seed)
  var at = 0
  // zlib counts in 32 bits.
  while at < bytes.count {
    let chunk = min(bytes.count &- at, 1 << 30)
    value = CZlib.crc32(value, (base + at).assumingMemoryBound(to: Bytef.self), uInt(chunk))
    at &+= chunk
  }
  return UInt32(truncatingIfNeeded: value)
}

/// Lower-case hexadecimal digits, two for each byte.
public func hexText(_ bytes: [UInt8]) -> String {
  String(unsafeUninitializedCapacity: bytes.count * 2) { out in
    var at = 0
    for byte in bytes {
      out[at] = JSONText.hexDigit(byte >> 4)
      out[at &+ 1] = JSONText.hexDigit(byte & 15)
      at &+= 2
    }
    return at
  }
}

/// Base64 (RFC 4648).
/// - Parameters:
///   - urlSafe: use `-` and `_` in place of `+` and `/`. Default false.
///   - padding: fill the last group with `=`. Default true.
public func base64(_ bytes: [UInt8], urlSafe: Bool = false, padding: Bool = true) -> String {
  func letter(_ value: UInt32) -> UInt8 {
    let six = UInt8(truncatingIfNeeded: value & 63)
    return switch six {
    case 0..<26: six &+ 65
    case 26..<52: six &+ 71
    case 52..<62: six &- 4
    case 62: urlSafe ? UInt8(ascii: "-") : UInt8(ascii: "+")
    default: urlSafe ? UInt8(ascii: "_") : UInt8(ascii: "/")
    }
  }
  return String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { out in
    var at = 0
    var from = 0
    while from < bytes.count {
      let left = min(3, bytes.count - from)
      var group = UInt32(bytes[from]) << 16
      if left > 1 { group |= UInt32(bytes[from + 1]) << 8 }
      if left > 2 { group |= UInt32(bytes[from + 2]) }
      for place in 0..<4 {
        if place <= left {
          out[at] = letter(group >> UInt32(18 - 6 * place))
        } else if padding {
          out[at] = UInt8(ascii: "=")
        } else {
          break
        }
        at &+= 1
      }
      from += left
    }
    return at
  }
}
