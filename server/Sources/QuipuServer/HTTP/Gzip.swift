import CZlib
import NIOCore

/// gzip (RFC 1952) by zlib, for request bodies.
enum Gzip {
  /// - Throws: 400 for broken data, 413 if there is more than `limit` inside.
  static func inflate(_ source: UnsafeRawBufferPointer, limit: Int) throws(ServerFault) -> NIOCore.ByteBuffer {
    var stream = z_stream()
    // 16: gzip's header and trailer, not zlib's.
    guard inflateInit2_(&stream, MAX_WBITS + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw ServerFault(503, "out of memory")
    }
    defer { inflateEnd(&stream) }
    guard let input = source.bindMemory(to: UInt8.self).baseAddress, source.count <= UInt32.max else {
      throw ServerFault(400, "the gzip body is empty")
    }
    stream.next_in = UnsafeMutablePointer(mutating: input)
    stream.avail_in = UInt32(source.count)
    var out = NIOCore.ByteBuffer()
    var status = Z_OK
    repeat {
      out.writeWithUnsafeMutableBytes(minimumWritableBytes: 64 << 10) { space in
        let size = min(space.count, 1 << 30)
        stream.next_out = space.bindMemory(to: UInt8.self).baseAddress
        stream.avail_out = UInt32(size)
        status = CZlib.inflate(&stream, Z_NO_FLUSH)
        return size - Int(stream.avail_out)
      }
      guard out.readableBytes <= limit else { throw ServerFault(413, "the body is larger than \(limit) bytes") }
    } while status == Z_OK
    guard status == Z_STREAM_END else { throw ServerFault(400, "the gzip body is broken or cut short") }
    return out
  }
}
