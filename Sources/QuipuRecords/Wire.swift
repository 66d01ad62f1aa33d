import QuipuBase

/// How a protobuf field is laid out: the low three bits of its tag.
public enum WireType: UInt8, Sendable {
  case varint = 0
  case fixed64 = 1
  case lengthDelimited = 2
  case startGroup = 3
  case endGroup = 4
  case fixed32 = 5
}

/// Varint arithmetic shared by the encoders and the decoder.
///
/// Source: the protobuf encoding specification.
public enum Wire {
  /// Longest varint in bytes.
  public static let maximumVarintSize = 10

  /// Bytes that `value` takes as a varint, 1...10.
  @inlinable @inline(__always)
  public static func varintSize(_ value: UInt64) -> Int {
    let significant = 64 &- (value | 1).leadingZeroBitCount
    return (significant &+ 6) / 7
  }

  /// Stores `value` as a varint at `out`, which must have 10 writable bytes. Returns the bytes used.
  @inlinable @inline(__always)
  public static func putVarint(_ value: UInt64, at out: UnsafeMutableRawPointer) -> Int {
    var rest = value
    var at = 0
    while rest >= 0x80 {
      out.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: at, as: UInt8.self)
      rest >>= 7
      at &+= 1
    }
    out.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: at, as: UInt8.self)
    return at &+ 1
  }

  /// The zig-zag form of a `sint64`: small magnitudes become small numbers.
  @inlinable @inline(__always)
  public static func zigZag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value &<< 1) ^ (value &>> 63)) }

  @inlinable @inline(__always)
  public static func zigZagDecoded(_ value: UInt64) -> Int64 {
    Int64(bitPattern: value &>> 1) ^ (0 &- Int64(bitPattern: value & 1))
  }
}

/// Bytes kept free for the length of a message while its content is being written.
///
/// A wrong guess costs one move of the message's bytes, never correctness.
public enum LengthWidth: Int, Sendable {
  /// For content below 128 bytes.
  case oneByte = 1
  /// For content of 128...16383 bytes.
  case twoBytes = 2
}

/// An open length-delimited field: made by `ByteBuffer.beginMessage`, consumed by `ByteBuffer.endMessage`.
public struct LengthMark: Sendable {
  /// Offset of the first content byte in the buffer.
  public let body: Int
  /// Length bytes kept free in front of it.
  @usableFromInline let width: Int

  @inlinable init(body: Int, width: Int) {
    self.body = body
    self.width = width
  }
}

/// Protobuf encoding. None of these calls allocates, except when the buffer itself has to grow.
extension ByteBuffer {
  @inlinable public mutating func appendVarint(_ value: UInt64) {
    appendUnchecked(capacity: Wire.maximumVarintSize) { Wire.putVarint(value, at: $0) }
  }

  /// Appends the tag of a field.
  ///
  /// - Parameter field: field number, 1...536870911.
  @inlinable public mutating func appendTag(_ field: UInt32, _ type: WireType) {
    appendVarint(UInt64(field) &<< 3 | UInt64(type.rawValue))
  }

  /// Appends eight bytes, little-endian.
  @inlinable public mutating func appendFixed64(_ value: UInt64) {
    appendUnchecked(capacity: 8) { out in
      out.storeBytes(of: value.littleEndian, as: UInt64.self)
      return 8
    }
  }

  /// Appends tag, length and bytes of a string, bytes or encoded message field.
  @inlinable public mutating func appendField(_ field: UInt32, bytes: UnsafeRawBufferPointer) {
    appendTag(field, .lengthDelimited)
    appendVarint(UInt64(bytes.count))
    append(bytes)
  }

  /// Appends tag, length and UTF-8 bytes of a string field, even when the text is empty.
  @inlinable public mutating func appendField(_ field: UInt32, text: String) {
    var text = text
    text.withUTF8 { appendField(field, bytes: UnsafeRawBufferPointer($0)) }
  }

  /// Appends tag and value of a varint field, even when the value is zero.
  @inlinable public mutating func appendField(_ field: UInt32, varint value: UInt64) {
    appendTag(field, .varint)
    appendVarint(value)
  }

  /// Opens a length-delimited field: writes the tag and keeps room for the length.
  ///
  /// Fields may be nested; close them in reverse order with `endMessage`.
  ///
  /// - Parameters:
  ///   - field: field number.
  ///   - width: expected size of the length, default one byte (content below 128 bytes).
  @inlinable public mutating func beginMessage(_ field: UInt32, expecting width: LengthWidth = .oneByte) -> LengthMark {
    appendTag(field, .lengthDelimited)
    return beginLength(expecting: width)
  }

  /// Keeps room for a length, for callers that wrote the tag themselves.
  @inlinable public mutating func beginLength(expecting width: LengthWidth = .oneByte) -> LengthMark {
    let bytes = width.rawValue
    appendUnchecked(capacity: 2) { out in
      out.storeBytes(of: 0, as: UInt16.self)
      return bytes
    }
    return LengthMark(body: count, width: bytes)
  }

  /// Closes a field opened by `beginMessage`: fills in its length.
  @inlinable public mutating func endMessage(_ mark: LengthMark) {
    let length = count &- mark.body
    if mark.width == 1 && length < 0x80 && length >= 0 {
      mutableBytes.storeBytes(of: UInt8(truncatingIfNeeded: length), toByteOffset: mark.body &- 1, as: UInt8.self)
    } else if mark.width == 2 && length >= 0x80 && length < 0x4000 {
      let coded = UInt16(truncatingIfNeeded: (length & 0x7F) | 0x80 | (length &>> 7) &<< 8)
      mutableBytes.storeBytes(of: coded.littleEndian, toByteOffset: mark.body &- 2, as: UInt16.self)
    } else {
      patchLength(mark, length)
    }
  }

  /// The rare case: the length takes more or fewer bytes than were kept free, so the content moves.
  @usableFromInline @inline(never) mutating func patchLength(_ mark: LengthMark, _ length: Int) {
    // A mark from another buffer, or one whose content was truncated away, changes nothing.
    guard length >= 0, mark.body >= mark.width else { return }
    let needed = Wire.varintSize(UInt64(length))
    if needed > mark.width { append(repeating: 0, count: needed &- mark.width) }
    let from = mark.body
    let to = mark.body &- mark.width &+ needed
    guard let base = mutableBytes.baseAddress else { return }
    (base + to).copyMemory(from: base + from, byteCount: length)
    if needed < mark.width { truncate(to: to &+ length) }
    var rest = UInt64(length)
    for at in (to &- needed)..<to {
      let last = at == to &- 1
      base.storeBytes(
        of: UInt8(truncatingIfNeeded: rest & 0x7F) | (last ? 0 : 0x80), toByteOffset: at, as: UInt8.self)
      rest >>= 7
    }
  }
}
