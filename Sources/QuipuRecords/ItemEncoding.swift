import QuipuBase

// The road of a logged row: no record structs, no allocation, each byte written once.
//
//   var framer = BlockWriter(position: file.position)
//   let frame = framer.begin(in: &out)                     // room for the chunk header
//   let row = out.beginHistoryRecord(num: number)
//   for (key, value) in row {                              // key: made once per metric by appendItemKey(path:)
//     out.appendItem(key: key) { $0.appendDouble(value, style: .core) }
//   }
//   out.endHistoryRecord(row, step: step)
//   framer.end(frame, in: &out)                            // checksum, chunk header, split at block edges
//
// To give a row up half-way, call `framer.cancel(frame, in: &out)` instead of the last two lines.

/// An open `history` or `summary` record, see `ByteBuffer.beginHistoryRecord`.
public struct ItemRecordMark: Sendable {
  @usableFromInline let message: LengthMark

  @inlinable init(message: LengthMark) { self.message = message }
}

extension ByteBuffer {
  /// Appends the key part of an item: one `nested_key` field per path element.
  ///
  /// Do this once per metric and keep the bytes; `appendItem` copies them into each item.
  ///
  /// - Parameter path: the path of the leaf, outermost first. One element for a key on the top level.
  public mutating func appendItemKey(path: some Sequence<String>) {
    for element in path { appendField(2, text: element) }
  }

  /// The key part for a path of one element given as UTF-8 bytes.
  public mutating func appendItemKey(_ name: UnsafeRawBufferPointer) {
    appendField(2, bytes: name)
  }

  /// Opens a record with one finished step: `Record{num, history{…`.
  ///
  /// Continue with any number of `appendItem` calls and close with `endHistoryRecord`.
  ///
  /// - Parameter num: number of the record in its file, 1, 2, 3, … without gaps.
  @inlinable public mutating func beginHistoryRecord(num: Int64) -> ItemRecordMark {
    beginItemRecord(num: num, tag: 0x12)
  }

  /// Closes a history record: writes its step and fills in the length.
  ///
  /// - Parameter step: number of the step. Step 0 is written as a present, empty message.
  @inlinable public mutating func endHistoryRecord(_ mark: ItemRecordMark, step: Int64) {
    appendUnchecked(capacity: 16) { out in
      out.storeBytes(of: 0x12, as: UInt8.self)
      if step == 0 {
        out.storeBytes(of: 0, toByteOffset: 1, as: UInt8.self)
        return 2
      }
      let size = Wire.putVarint(UInt64(bitPattern: step), at: out + 3)
      out.storeBytes(of: UInt8(truncatingIfNeeded: size &+ 1), toByteOffset: 1, as: UInt8.self)
      out.storeBytes(of: 0x08, toByteOffset: 2, as: UInt8.self)
      return size &+ 3
    }
    endMessage(mark.message)
  }

  /// Opens a record with summary updates: `Record{num, summary{…`.
  ///
  /// Continue with any number of `appendItem` and `appendRemovedItem` calls and close with `endSummaryRecord`.
  @inlinable public mutating func beginSummaryRecord(num: Int64) -> ItemRecordMark {
    beginItemRecord(num: num, tag: 0x1A)
  }

  @inlinable public mutating func endSummaryRecord(_ mark: ItemRecordMark) { endMessage(mark.message) }

  @inlinable mutating func beginItemRecord(num: Int64, tag: UInt8) -> ItemRecordMark {
    appendUnchecked(capacity: 16) { out in
      out.storeBytes(of: 0x08, as: UInt8.self)
      let size = Wire.putVarint(UInt64(bitPattern: num), at: out + 1)
      out.storeBytes(of: tag, toByteOffset: size &+ 1, as: UInt8.self)
      return size &+ 2
    }
    return ItemRecordMark(message: beginLength(expecting: .twoBytes))
  }

  /// Appends one item of a history record, or one update of a summary record.
  ///
  /// - Parameters:
  ///   - key: the bytes made by `appendItemKey`.
  ///   - value: appends the JSON text of the value, valid UTF-8. Below 128 bytes nothing is moved.
  @inlinable public mutating func appendItem(key: UnsafeRawBufferPointer, value: (inout ByteBuffer) -> Void) {
    let start = count
    appendUnchecked(capacity: key.count &+ 5) { out in
      // item, length (patched below), key, value_json, length (patched below)
      out.storeBytes(of: 0x0A, as: UInt8.self)
      out.storeBytes(of: 0, toByteOffset: 1, as: UInt8.self)
      if let base = key.baseAddress { (out + 2).copyMemory(from: base, byteCount: key.count) }
      let at = key.count &+ 2
      out.storeBytes(of: 0x82, toByteOffset: at, as: UInt8.self)
      out.storeBytes(of: 0x01, toByteOffset: at &+ 1, as: UInt8.self)
      out.storeBytes(of: 0, toByteOffset: at &+ 2, as: UInt8.self)
      return at &+ 3
    }
    let text = count
    value(&self)
    closeItem(start: start, text: text)
  }

  /// The same for a value whose largest size is known: one capacity check for the whole item.
  ///
  /// - Parameters:
  ///   - key: the bytes made by `appendItemKey`.
  ///   - capacity: most bytes that `value` writes, 0 or more.
  ///   - value: writes the JSON text of the value at the pointer and returns its size, at most `capacity`.
  @inlinable public mutating func appendItem(
    key: UnsafeRawBufferPointer, capacity: Int, value: (UnsafeMutableRawPointer) -> Int
  ) {
    let start = count
    let text = start &+ key.count &+ 5
    appendUnchecked(capacity: key.count &+ 5 &+ capacity) { out in
      out.storeBytes(of: 0x0A, as: UInt8.self)
      out.storeBytes(of: 0, toByteOffset: 1, as: UInt8.self)
      if let base = key.baseAddress { (out + 2).copyMemory(from: base, byteCount: key.count) }
      let at = key.count &+ 2
      out.storeBytes(of: 0x82, toByteOffset: at, as: UInt8.self)
      out.storeBytes(of: 0x01, toByteOffset: at &+ 1, as: UInt8.self)
      out.storeBytes(of: 0, toByteOffset: at &+ 2, as: UInt8.self)
      return at &+ 3 &+ value(out + (at &+ 3))
    }
    closeItem(start: start, text: text)
  }

  /// The same for a value whose JSON text exists already.
  @inlinable public mutating func appendItem(key: UnsafeRawBufferPointer, valueJSON: UnsafeRawBufferPointer) {
    appendItem(key: key, capacity: valueJSON.count) { out in
      if let base = valueJSON.baseAddress { out.copyMemory(from: base, byteCount: valueJSON.count) }
      return valueJSON.count
    }
  }

  /// Appends one removal of a summary record.
  @inlinable public mutating func appendRemovedItem(key: UnsafeRawBufferPointer) { appendField(2, bytes: key) }

  /// Fills in the two lengths of an item, outermost last because filling in the inner one may move bytes.
  @inlinable mutating func closeItem(start: Int, text: Int) {
    let item = count &- start &- 2
    if item < 0x80 && text <= count {
      let bytes = mutableBytes
      bytes.storeBytes(of: UInt8(truncatingIfNeeded: item), toByteOffset: start &+ 1, as: UInt8.self)
      bytes.storeBytes(of: UInt8(truncatingIfNeeded: count &- text), toByteOffset: text &- 1, as: UInt8.self)
    } else {
      endMessage(LengthMark(body: text, width: 1))
      endMessage(LengthMark(body: start &+ 2, width: 1))
    }
  }
}
