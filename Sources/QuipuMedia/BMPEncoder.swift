import QuipuBase

/// Writes Windows bitmaps: 8-bit gray with a palette, 24-bit RGB, 32-bit RGBA (whose alpha most readers ignore).
public enum BMPEncoder {
  /// Whether the format can hold the picture; see `encode`.
  public static func check(_ pixels: ImagePixels) throws(MediaError) {
    guard pixels.channels != 2 else { throw MediaError(.io, "cannot write mode LA as BMP; use L, RGB or RGBA") }
    guard pixels.bitDepth == 8 else { throw MediaError(.io, "cannot write 16-bit samples as BMP; use png") }
    // Below that, the limit of ImagePixels and three bytes of padding a row stay below 2 GiB.
    guard pixels.height <= 1 << 28 else {
      throw MediaError(.value, "picture of \(pixels.width)x\(pixels.height) pixels is too large for BMP; use png")
    }
  }

  /// - Throws: `.io` for gray with alpha and for 16-bit samples, which the format cannot hold; `.value` above 2 GiB.
  public static func encode(_ pixels: ImagePixels) throws(MediaError) -> [UInt8] {
    try check(pixels)
    let row = pixels.width &* pixels.channels
    let stride = (row &+ 3) & ~3  // rows start at multiples of four
    let paletteSize = pixels.channels == 1 ? 1024 : 0
    let start = 54 + paletteSize
    let size = stride &* pixels.height
    var out = ByteBuffer(capacity: start + size)
    func add(_ value: Int, _ width: Int) {
      for byte in 0..<width { out.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }
    out.append("BM")
    add(start + size, 4)
    add(0, 4)
    add(start, 4)
    add(40, 4)  // size of the header that follows
    add(pixels.width, 4)
    add(pixels.height, 4)
    add(1, 2)
    add(pixels.channels * 8, 2)
    add(0, 4)  // not compressed
    add(size, 4)
    add(3780, 4)  // 96 dots per inch
    add(3780, 4)
    add(pixels.channels == 1 ? 256 : 0, 4)
    add(pixels.channels == 1 ? 256 : 0, 4)
    if pixels.channels == 1 {
      for level in 0..<256 { add(level * 0x01_0101, 4) }
    }
    pixels.withBytes { samples in
      guard let base = samples.baseAddress else { return }
      for y in 0..<pixels.height {
        let source = base + (pixels.height &- 1 &- y) &* row  // the last row comes first
        out.appendUnchecked(capacity: stride) { target in
          if pixels.channels == 1 {
            target.copyMemory(from: source, byteCount: row)
          } else {
            var at = 0
            while at < row {
              for channel in 0..<pixels.channels {
                // Blue, green, red; alpha keeps its place.
                let from = channel < 3 ? 2 &- channel : channel
                let sample = source.load(fromByteOffset: at &+ from, as: UInt8.self)
                target.storeBytes(of: sample, toByteOffset: at &+ channel, as: UInt8.self)
              }
              at &+= pixels.channels
            }
          }
          for pad in row..<max(stride, row) { target.storeBytes(of: 0, toByteOffset: pad, as: UInt8.self) }
          return stride
        }
      }
    }
    return out.array()
  }
}
