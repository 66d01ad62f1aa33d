import QuipuBase

/// Frames records into chunks and blocks.
///
/// The framed bytes go to a buffer that the caller writes to the file. The writer only remembers the file position of
/// the next byte, so it can go on at any position where a record has ended: after a truncation or on reopening, make a
/// new one (or call `seek`). Not thread-safe.
///
/// Source: the transaction log format, "Blocks and chunks".
public struct BlockWriter: ~Copyable {
  /// File position right behind the last framed record: where the next byte of the buffer belongs.
  public private(set) var position: UInt64
  private let checksum = ChunkChecksum()
  // Holds a record that does not fit its block while it is cut into chunks.
  private var scratch = ByteBuffer(capacity: 64)

  /// - Parameter position: file position of the next byte, in bytes, at least 7. Default: right behind the header.
  public init(position: UInt64 = UInt64(LogFormat.fileHeaderSize)) { self.position = position }

  /// Appends the header that every file starts with.
  public static func appendFileHeader(to out: inout ByteBuffer) { out.append(LogFormat.fileHeader) }

  /// Goes on at another file position, one where a record has ended.
  public mutating func seek(to position: UInt64) { self.position = position }

  /// An open record, see `begin`.
  public struct Frame: Sendable {
    /// Buffer size before the record, padding included.
    let start: Int
    /// Offset of the chunk header in the buffer.
    let header: Int
  }

  /// Opens a record that the caller encodes in place, without a copy.
  ///
  /// Append the payload to `out`, nothing else, and call `end`. Records do not nest.
  public mutating func begin(in out: inout ByteBuffer) -> Frame {
    let start = out.count
    let remainder = LogFormat.blockRemainder(at: position)
    // Seven bytes left are enough for a chunk header; the record then starts with an empty FIRST chunk.
    let padding = remainder < LogFormat.chunkHeaderSize ? remainder : 0
    out.append(repeating: 0, count: padding &+ LogFormat.chunkHeaderSize)
    return Frame(start: start, header: start &+ padding)
  }

  /// Closes a record opened by `begin`: checksum, chunk header and, if it crosses a block edge, its chunks.
  public mutating func end(_ frame: Frame, in out: inout ByteBuffer) {
    let length = out.count &- frame.header &- LogFormat.chunkHeaderSize
    guard length >= 0 else { return }
    let padding = frame.header &- frame.start
    let room = LogFormat.blockRemainder(at: position &+ UInt64(padding)) &- LogFormat.chunkHeaderSize
    if length <= room {
      fillHeader(.full, at: frame.header, length: length, in: &out)
      position &+= UInt64(padding &+ LogFormat.chunkHeaderSize &+ length)
    } else {
      split(frame, in: &out)
    }
  }

  /// Gives up a record opened by `begin`: the buffer is as it was before.
  public mutating func cancel(_ frame: Frame, in out: inout ByteBuffer) { out.truncate(to: frame.start) }

  /// Frames a record that is already encoded.
  ///
  /// - Parameters:
  ///   - payload: the encoded record; may be empty.
  ///   - out: receives padding, chunk headers and payload.
  public mutating func append(_ payload: UnsafeRawBufferPointer, to out: inout ByteBuffer) {
    let start = out.count
    var rest = payload
    var first = true
    repeat {
      var room = LogFormat.blockRemainder(at: position &+ UInt64(out.count &- start))
      if room < LogFormat.chunkHeaderSize {
        out.append(repeating: 0, count: room)
        room = LogFormat.blockSize
      }
      room &-= LogFormat.chunkHeaderSize
      let size = rest.count < room ? rest.count : room
      let last = size == rest.count
      let header = out.count
      out.append(repeating: 0, count: LogFormat.chunkHeaderSize)
      out.append(UnsafeRawBufferPointer(rebasing: rest[..<size]))
      let type: ChunkType = first ? (last ? .full : .first) : (last ? .last : .middle)
      fillHeader(type, at: header, length: size, in: &out)
      rest = UnsafeRawBufferPointer(rebasing: rest[size...])
      first = false
      if last { break }
    } while true
    position &+= UInt64(out.count &- start)
  }

  private mutating func split(_ frame: Frame, in out: inout ByteBuffer) {
    scratch.removeAll()
    let body = frame.header &+ LogFormat.chunkHeaderSize
    scratch.append(UnsafeRawBufferPointer(rebasing: out.bytes[body...]))
    out.truncate(to: frame.start)
    // Taken out for the call, because `append` needs the whole writer.
    var payload = ByteBuffer(capacity: 0)
    swap(&payload, &scratch)
    append(payload.bytes, to: &out)
    swap(&payload, &scratch)
    // One huge record must not keep its memory for the rest of the run.
    if scratch.capacity > 1 << 20 { scratch = ByteBuffer(capacity: 64) }
  }

  private func fillHeader(_ type: ChunkType, at header: Int, length: Int, in out: inout ByteBuffer) {
    let bytes = out.mutableBytes
    bytes.storeBytes(of: UInt16(truncatingIfNeeded: length).littleEndian, toByteOffset: header &+ 4, as: UInt16.self)
    bytes.storeBytes(of: type.rawValue, toByteOffset: header &+ 6, as: UInt8.self)
    let covered = UnsafeRawBufferPointer(rebasing: bytes[(header &+ 6)..<(header &+ 7 &+ length)])
    bytes.storeBytes(of: checksum.value(of: covered).littleEndian, toByteOffset: header, as: UInt32.self)
  }
}
