import QuipuBase

/// Writes baseline JPEG files: gray, or colour with colour differences at half resolution (4:2:0), the standard's
/// Huffman tables, and the quality scale that is in general use.
///
/// Source: ITU-T T.81 and T.871 (JFIF).
public enum JPEGEncoder {
  /// What encoders use where nothing is said.
  public static let defaultQuality = 75
  /// Pixels along a side that the format can express.
  public static let longestSide = 65_535

  /// - Parameter quality: 1...100; others are taken as the nearest.
  /// - Throws: `.io` for pictures with alpha or 16-bit samples, which the format cannot hold; `.value` for sides above
  ///   65,535 pixels.
  /// - Complexity: linear; scratch memory of about 200 bytes for each pixel of a row. Deterministic.
  /// - Threads: any; meant for a worker thread.
  public static func encode(_ pixels: ImagePixels, quality: Int = defaultQuality) throws(MediaError) -> [UInt8] {
    try check(pixels)
    let quality = max(1, min(quality, 100))
    let luminance = scaled(JPEGTables.luminance, quality), chrominance = scaled(JPEGTables.chrominance, quality)
    let colour = pixels.channels == 3
    var out = ByteBuffer(capacity: 1_024 + pixels.byteCount / 8)
    out.append([0xFF, 0xD8])
    out.append([0xFF, 0xE0, 0, 16, 0x4A, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0])
    let tables = colour ? [luminance, chrominance] : [luminance]
    for (number, table) in tables.enumerated() {
      out.append([0xFF, 0xDB, 0, 67, UInt8(number)])
      for place in JPEGTables.zigzag { out.append(table[Int(place)]) }
    }
    out.append([0xFF, 0xC0, 0, colour ? 17 : 11, 8])
    for side in [pixels.height, pixels.width] {
      out.append(UInt8(truncatingIfNeeded: side >> 8))
      out.append(UInt8(truncatingIfNeeded: side))
    }
    out.append(colour ? [3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1] : [1, 1, 0x11, 0])
    append(JPEGTables.luminanceDC, 0x00, to: &out)
    append(JPEGTables.luminanceAC, 0x10, to: &out)
    if colour {
      append(JPEGTables.chrominanceDC, 0x01, to: &out)
      append(JPEGTables.chrominanceAC, 0x11, to: &out)
    }
    out.append([0xFF, 0xDA, 0])
    out.append(colour ? [12, 3, 1, 0, 2, 0x11, 3, 0x11] : [8, 1, 1, 0])
    out.append([0, 63, 0])
    var bits = JPEGBits(appendingTo: out)
    if colour {
      writeColour(pixels, luminance, chrominance, &bits)
    } else {
      writeGray(pixels, luminance, &bits)
    }
    out = bits.finish()
    out.append([0xFF, 0xD9])
    return out.array()
  }

  /// Whether the format can hold the picture; see `encode`.
  public static func check(_ pixels: ImagePixels) throws(MediaError) {
    guard pixels.channels == 1 || pixels.channels == 3 else {
      throw MediaError(.io, "cannot write mode \(pixels.channels == 2 ? "LA" : "RGBA") as JPEG; use L or RGB, or png")
    }
    guard pixels.bitDepth == 8 else { throw MediaError(.io, "cannot write 16-bit samples as JPEG; use png") }
    guard max(pixels.width, pixels.height) <= longestSide else {
      throw MediaError(
        .value, "picture of \(pixels.width)x\(pixels.height) pixels is too large for JPEG (65535 a side); use png")
    }
  }

  private static func scaled(_ table: [UInt8], _ quality: Int) -> [UInt8] {
    let scale = quality < 50 ? 5_000 / quality : 200 - 2 * quality
    return table.map { UInt8(max(1, min((Int($0) * scale + 50) / 100, 255))) }
  }

  private static func append(_ code: JPEGTables.Code, _ number: UInt8, to out: inout ByteBuffer) {
    out.append([0xFF, 0xC4, 0, UInt8(truncatingIfNeeded: 19 + code.symbols.count), number])
    out.append(code.counts)
    out.append(code.symbols)
  }

  private static func writeGray(_ pixels: ImagePixels, _ quantisation: [UInt8], _ bits: inout JPEGBits) {
    let plane = JPEGTransform(width: pixels.width, rows: 8, quantisation: quantisation)
    let dc = JPEGTables.luminanceDC.bySymbol, ac = JPEGTables.luminanceAC.bySymbol
    var last: Int32 = 0
    pixels.withBytes { samples in
      for top in stride(from: 0, to: pixels.height, by: 8) {
        let rows = min(8, pixels.height &- top)
        for row in 0..<rows {
          let start = (top &+ row) &* pixels.width
          for column in 0..<pixels.width {
            plane.put(Float(samples[start &+ column]) - 128, row: row, column: column)
          }
          plane.extend(row: row, from: pixels.width)
        }
        for row in rows..<8 { plane.copyRow(rows &- 1, to: row) }
        let count = (pixels.width &+ 7) / 8
        for block in 0..<count {
          if block & 7 == 0 { plane.transform(row: 0, block: block) }
          bits.write(plane, lane: block & 7, &last, dc, ac)
        }
      }
    }
  }

  private static func writeColour(
    _ pixels: ImagePixels, _ luminance: [UInt8], _ chrominance: [UInt8], _ bits: inout JPEGBits
  ) {
    let width = pixels.width, half = (pixels.width &+ 1) / 2
    let padded = (width &+ 15) & ~15
    let blocks = (width &+ 7) / 8
    // Two rows of blocks of brightness stand over one of each colour difference.
    let bright = JPEGTransform(width: padded, rows: 16, quantisation: luminance)
    let blue = JPEGTransform(width: padded / 2, rows: 8, quantisation: chrominance)
    let red = JPEGTransform(width: padded / 2, rows: 8, quantisation: chrominance)
    let brightDC = JPEGTables.luminanceDC.bySymbol, brightAC = JPEGTables.luminanceAC.bySymbol
    let colourDC = JPEGTables.chrominanceDC.bySymbol, colourAC = JPEGTables.chrominanceAC.bySymbol
    var last: (bright: Int32, blue: Int32, red: Int32) = (0, 0, 0)
    pixels.withBytes { samples in
      guard let base = samples.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
      for top in stride(from: 0, to: pixels.height, by: 16) {
        let rows = min(16, pixels.height &- top)
        for row in 0..<rows {
          var pixel = base + (top &+ row) &* width &* 3
          for column in 0..<width {
            let (r, g, b) = (Float(pixel[0]), Float(pixel[1]), Float(pixel[2]))
            bright.put(0.299 * r + 0.587 * g + 0.114 * b - 128, row: row, column: column)
            pixel += 3
          }
          bright.extend(row: row, from: width)
        }
        for row in rows..<16 { bright.copyRow(rows &- 1, to: row) }
        let halfRows = (rows &+ 1) / 2
        for row in 0..<halfRows {
          let upper = base + (top &+ 2 &* row) &* width &* 3
          let lower = 2 &* row &+ 1 < rows ? upper + width &* 3 : upper
          for column in 0..<half {
            let left = 6 &* column, right = 2 &* column &+ 1 < width ? left &+ 3 : left
            func sum(_ channel: Int) -> Float {
              Float(
                Int32(upper[left &+ channel]) &+ Int32(upper[right &+ channel]) &+ Int32(lower[left &+ channel])
                  &+ Int32(lower[right &+ channel]))
            }
            let (r, g, b) = (sum(0), sum(1), sum(2))
            blue.put(-0.042_183_97 * r - 0.082_816_03 * g + 0.125 * b, row: row, column: column)
            red.put(0.125 * r - 0.104_671_89 * g - 0.020_328_11 * b, row: row, column: column)
          }
          blue.extend(row: row, from: half)
          red.extend(row: row, from: half)
        }
        for row in halfRows..<8 {
          blue.copyRow(halfRows &- 1, to: row)
          red.copyRow(halfRows &- 1, to: row)
        }
        for unit in 0..<(padded / 16) {
          if unit & 3 == 0 {
            bright.transform(row: 0, block: 2 &* unit)
            bright.transform(row: 8, block: 2 &* unit, into: 1)
          }
          if unit & 7 == 0 {
            blue.transform(row: 0, block: unit)
            red.transform(row: 0, block: unit)
          }
          for part in 0..<4 {
            if 2 &* unit &+ (part & 1) >= blocks || (part > 1 && rows <= 8) {
              bits.writeSame(brightDC, brightAC)  // nobody sees it
            } else {
              bits.write(
                bright, set: part &>> 1, lane: 2 &* (unit & 3) &+ (part & 1), &last.bright, brightDC, brightAC)
            }
          }
          bits.write(blue, lane: unit & 7, &last.blue, colourDC, colourAC)
          bits.write(red, lane: unit & 7, &last.red, colourDC, colourAC)
        }
      }
    }
  }
}
