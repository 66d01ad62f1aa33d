import CZlib
import QuipuBase

/// Writes PNG files.
///
/// The container is written here rather than by libpng: libpng always compresses with zlib itself, so it cannot take
/// the output of an encoder made for filtered rows, which is where nearly all the time goes; and its full interface
/// reports errors by longjmp, which must not cross Swift frames. The tests decode everything with libpng.
public enum PNGEncoder {
  /// Encodes a picture, without ancillary chunks.
  ///
  /// - Parameter reduced: true (default): pictures of few colours get the colour type and bits that suit them, the
  ///   decoded pixels are the same. False: the channels and bits of the samples, for pictures whose samples are numbers
  ///   rather than colours.
  /// - Throws: `.memory`.
  /// - Complexity: linear; scratch memory of about 600 KiB beside the result, and a byte for each pixel where there are
  ///   few colours. Deterministic.
  /// - Threads: any; meant for a worker thread.
  public static func encode(_ pixels: ImagePixels, reduced: Bool = true) throws(MediaError) -> [UInt8] {
    let layout = (reduced ? PNGLayout(reducing: pixels) : nil) ?? PNGLayout(plain: pixels)
    var file = ByteBuffer(capacity: 64 + layout.palette.count + layout.rowBytes &* pixels.height / 2)
    file.append([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    var header = ByteBuffer()
    append(UInt32(truncatingIfNeeded: pixels.width), to: &header)
    append(UInt32(truncatingIfNeeded: pixels.height), to: &header)
    header.append([layout.bitDepth, layout.colourType, 0, 0, 0])
    appendChunk("IHDR", header.bytes, to: &file)
    if !layout.palette.isEmpty { layout.palette.withUnsafeBytes { appendChunk("PLTE", $0, to: &file) } }
    if !layout.alpha.isEmpty { layout.alpha.withUnsafeBytes { appendChunk("tRNS", $0, to: &file) } }

    append(UInt32(0), to: &file)  // length, filled in below
    file.append("IDAT")
    let start = file.count
    // Filters are for shades; numbers of a palette and packed pixels have none, as a rule.
    let shaded = layout.colourType != 3 && layout.bitDepth >= 8
    file = try compress(pixels, layout, filtered: shaded, after: file)
    // Drawings repeat whole rows and shapes, which filters hide. They shrink a lot either way, so that a second try
    // without filters is cheap; and small pictures are cheap anyway.
    let size = file.count &- start
    let bytes = layout.rowBytes &* pixels.height
    let isPalette = layout.colourType == 3 && layout.bitDepth == 8
    if isPalette || (shaded && size < bytes / Self.drawingRatio) || bytes <= Self.smallPicture {
      let other = try compress(pixels, layout, filtered: !shaded, after: ByteBuffer(capacity: size))
      if other.count < size {
        file.truncate(to: start)
        file.append(other.bytes)
      }
    }
    let length = file.count &- start
    // Never reached with the limit on ImagePixels; a chunk length has 31 bits.
    guard length <= Int(Int32.max) else { throw MediaError(.value, "picture is too large for one PNG data chunk") }
    file.mutableBytes.storeBytes(
      of: UInt32(truncatingIfNeeded: length).bigEndian, toByteOffset: start &- 8, as: UInt32.self)
    let checked = UnsafeRawBufferPointer(rebasing: file.bytes[(start &- 4)...])
    append(QuipuBase.crc32(checked), to: &file)
    appendChunk("IEND", UnsafeRawBufferPointer(start: nil, count: 0), to: &file)
    return file.array()
  }

  /// Pictures that shrink at least this much are taken for drawings.
  private static let drawingRatio = 12
  /// Bytes of samples up to which both ways are tried.
  private static let smallPicture = 16 * 1024

  private static func append(_ value: UInt32, to out: inout ByteBuffer) {
    withUnsafeBytes(of: value.bigEndian) { out.append($0) }
  }

  private static func appendChunk(_ type: StaticString, _ data: UnsafeRawBufferPointer, to out: inout ByteBuffer) {
    append(UInt32(truncatingIfNeeded: data.count), to: &out)
    let start = out.count
    out.append(type)
    out.append(data)
    let checked = UnsafeRawBufferPointer(rebasing: out.bytes[start...])
    append(QuipuBase.crc32(checked), to: &out)
  }

  private static func compress(
    _ pixels: ImagePixels, _ layout: PNGLayout, filtered: Bool, after head: consuming ByteBuffer
  ) throws(MediaError) -> ByteBuffer {
    var stream = try DeflateRows(appendingTo: head)
    let step = layout.step
    let rowBytes = layout.rowBytes
    pixels.withBytes { samples in
      guard var row = layout.rows.map({ UnsafeRawPointer($0.bytes) }) ?? samples.baseAddress else { return }
      var above: UnsafeRawPointer?
      for _ in 0..<pixels.height {
        let filter =
          filtered ? PNGFilter.best(row: row, above: above, count: rowBytes, step: step) : PNGFilter.none
        stream.append(filter)
        var at = 0
        while at < rowBytes {
          let piece = min(stream.room, rowBytes &- at)
          PNGFilter.apply(filter, row: row, above: above, from: at, to: at &+ piece, step: step, out: stream.cursor)
          stream.advance(piece)
          at &+= piece
        }
        above = row
        row += rowBytes
      }
    }
    return stream.finish()
  }
}
