import Glibc

/// The form in which a picture's pixels go into a PNG file: colour type, bits, palette, and the bytes of the rows.
///
/// Drawings, masks and colour maps have few colours, and then fewer bits say the same: gray of 1, 2 or 4 bits where its
/// levels are those of the format, else a palette, and gray of 8 bits for colour pictures without colour. A decoder gets
/// the same pixels. Small pictures stay as they are, a palette would outweigh them.
struct PNGLayout {
  /// 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA.
  var colourType: UInt8
  var bitDepth: UInt8
  /// Red, green and blue of each entry; empty without a palette.
  var palette: [UInt8] = []
  /// Alpha of the first entries, those that are not opaque.
  var alpha: [UInt8] = []
  /// Bytes of a row without its filter.
  var rowBytes: Int
  /// Bytes to the same sample of the pixel before, at least 1.
  var step: Int
  /// The rows where they are not the picture's own samples.
  var rows: ImageMemory?

  /// Pixels from which on a smaller form is looked for.
  static let smallestReduced = 1_024

  /// The samples as they are.
  init(plain pixels: ImagePixels) {
    colourType = [0, 0, 4, 2, 6][pixels.channels]
    bitDepth = UInt8(pixels.bitDepth)
    step = pixels.bytesPerPixel
    rowBytes = pixels.width &* step
  }

  /// The smallest form by the number of colours; nil where that is the plain one.
  init?(reducing pixels: ImagePixels) {
    guard pixels.bitDepth == 8, pixels.width &* pixels.height >= Self.smallestReduced else { return nil }
    guard let found = pixels.channels == 1 ? Self.levels(pixels) : Self.colours(pixels) else { return nil }
    let colours = found.colours
    var values: [UInt8]  // what stands in a row for each colour, in order of appearance
    let isGray = colours.allSatisfy { $0 & 0xFF00_0000 == 0xFF00_0000 && $0 & 0xFFFF == $0 >> 8 & 0xFFFF }
    let levels = colours.map { UInt8(truncatingIfNeeded: $0) }
    let fewest: UInt8 = colours.count <= 2 ? 1 : (colours.count <= 4 ? 2 : (colours.count <= 16 ? 4 : 8))
    let grayDepth: UInt8 =
      !isGray ? 16 : [1, 2, 4].first { depth in levels.allSatisfy { $0 % (255 / ((1 << depth) - 1)) == 0 } } ?? 8
    if grayDepth <= fewest {
      guard grayDepth < 8 || pixels.channels > 1 else { return nil }
      (colourType, bitDepth) = (0, grayDepth)
      values = levels.map { $0 / UInt8(255 / ((1 << Int(grayDepth)) - 1)) }
    } else {
      // Those that are not opaque first, as their alpha is listed; then by brightness, which filters can follow.
      let order = colours.indices.sorted { Self.rank(colours[$0]) < Self.rank(colours[$1]) }
      (colourType, bitDepth) = (3, fewest)
      values = levels
      for (place, at) in order.enumerated() {
        let colour = colours[at]
        values[at] = UInt8(truncatingIfNeeded: place)
        for shift: UInt32 in [0, 8, 16] { palette.append(UInt8(truncatingIfNeeded: colour >> shift)) }
        if colour >> 24 < 255 { alpha.append(UInt8(truncatingIfNeeded: colour >> 24)) }
      }
    }
    step = 1
    rowBytes = (pixels.width &* Int(bitDepth) &+ 7) / 8
    guard let memory = ImageMemory(byteCount: rowBytes &* pixels.height) else { return nil }
    if let indices = found.indices {
      Self.pack(indices.bytes, values, pixels, bits: Int(bitDepth), rowBytes: rowBytes, to: memory.bytes)
    } else {
      var table = [UInt8](repeating: 0, count: 256)
      for (level, value) in zip(levels, values) { table[Int(level)] = value }
      let (bits, rowBytes) = (Int(bitDepth), rowBytes)
      pixels.withBytes { samples in
        guard let base = samples.baseAddress else { return }
        Self.pack(base, table, pixels, bits: bits, rowBytes: rowBytes, to: memory.bytes)
      }
    }
    rows = memory
  }

  private static func rank(_ colour: UInt32) -> UInt32 {
    let brightness = (colour & 0xFF) &* 3 &+ (colour >> 8 & 0xFF) &* 6 &+ (colour >> 16 & 0xFF)
    return (colour >> 24 == 255 ? 1 << 16 : 0) &+ brightness
  }

  /// Colours as alpha, blue, green, red from the highest byte down, in order of appearance; and for each pixel its
  /// colour's number, nil for gray pictures of 8 bits, whose pixels are levels.
  private struct Colours {
    var colours: [UInt32]
    var indices: ImageMemory?
  }

  /// - Returns: nil for more than 16 levels: fewer bits would not hold them.
  private static func levels(_ pixels: ImagePixels) -> Colours? {
    var seen = [Bool](repeating: false, count: 256)
    var colours: [UInt32] = []
    func see(_ level: UInt8) -> Bool {
      if seen[Int(level)] { return true }
      seen[Int(level)] = true
      colours.append(0xFF00_0000 | UInt32(level) &* 0x01_0101)
      return colours.count <= 16
    }
    let fits = pixels.withBytes { samples -> Bool in
      guard let base = samples.baseAddress else { return false }
      var at = 0
      var last: UInt64 = 0
      while at &+ 8 <= samples.count {
        let word = base.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        if word != last || at == 0 {
          for lane in 0..<8 where !see(samples[at &+ lane]) { return false }
          last = word
        }
        at &+= 8
      }
      while at < samples.count {
        if !see(samples[at]) { return false }
        at &+= 1
      }
      return true
    }
    return fits ? Colours(colours: colours, indices: nil) : nil
  }

  private static let slotBits: UInt32 = 10

  /// - Returns: nil for more than 256 colours, as soon as the next one is met.
  private static func colours(_ pixels: ImagePixels) -> Colours? {
    let count = pixels.width &* pixels.height
    let channels = pixels.channels
    let run = 16 / channels
    guard let indices = ImageMemory(byteCount: count) else { return nil }
    let out = indices.bytes.assumingMemoryBound(to: UInt8.self)
    // A table of four times as many slots as colours, open addressing. Number 0 is an empty slot.
    var slots = [(colour: UInt32, number: UInt32)](repeating: (0, 0), count: 1 << Int(slotBits))
    var colours: [UInt32] = []
    let fits = pixels.withBytes { samples -> Bool in
      guard let base = samples.baseAddress else { return false }
      return slots.withUnsafeMutableBufferPointer { slots in
        var last: UInt32 = 0
        var lastIndex: UInt8 = 0
        var at = 0
        while at < count {
          let address = base + at &* channels
          // Runs of one colour, 16 bytes at a time: a step of one pixel changes nothing.
          if at > 0, at &+ run < count {
            let ahead = address.loadUnaligned(as: UInt64.self), behind = (address - channels).loadUnaligned(as: UInt64.self)
            if ahead == behind,
              (address + 8).loadUnaligned(as: UInt64.self) == (address + (8 &- channels)).loadUnaligned(as: UInt64.self)
            {
              for step in 0..<run { out[at &+ step] = lastIndex }
              at &+= run
              continue
            }
          }
          let colour: UInt32
          switch channels {
          case 2:
            let pair = UInt32(UInt16(littleEndian: address.loadUnaligned(as: UInt16.self)))
            colour = (pair & 0xFF) &* 0x01_0101 | (pair >> 8) << 24
          case 3:
            // The last pixel has no byte behind it.
            let here = at &+ 1 < count ? address : address - 1
            let word = UInt32(littleEndian: here.loadUnaligned(as: UInt32.self))
            colour = (at &+ 1 < count ? word : word >> 8) | 0xFF00_0000
          default: colour = UInt32(littleEndian: address.loadUnaligned(as: UInt32.self))
          }
          if colour != last || at == 0 {
            var slot = Int(truncatingIfNeeded: (colour &* 0x9E37_79B1) &>> (32 &- slotBits))
            while slots[slot].number != 0, slots[slot].colour != colour {
              slot = (slot &+ 1) & (1 << Int(slotBits) &- 1)
            }
            if slots[slot].number == 0 {
              if colours.count == 256 { return false }
              colours.append(colour)
              slots[slot] = (colour, UInt32(truncatingIfNeeded: colours.count))
            }
            last = colour
            lastIndex = UInt8(truncatingIfNeeded: slots[slot].number &- 1)
          }
          out[at] = lastIndex
          at &+= 1
        }
        return true
      }
    }
    return fits ? Colours(colours: colours, indices: indices) : nil
  }

  /// - Parameter values: what stands in a row for each byte of `source`.
  private static func pack(
    _ source: UnsafeRawPointer, _ values: [UInt8], _ pixels: ImagePixels, bits: Int, rowBytes: Int,
    to out: UnsafeMutableRawPointer
  ) {
    // Without a check for each pixel: numbers beyond the colours do not occur.
    let table = values + [UInt8](repeating: 0, count: 256 - values.count)
    let ones: UInt64 = 0x0101_0101_0101_0101
    let spread: UInt8 = bits == 8 ? 1 : (bits == 4 ? 0x11 : (bits == 2 ? 0x55 : 0xFF))
    let width = pixels.width
    let perByte = 8 / bits
    table.withUnsafeBufferPointer { table in
      for y in 0..<pixels.height {
        let row = source + y &* width
        let target = out + y &* rowBytes
        var at = 0
        var place = 0
        // Eight pixels make `bits` bytes; the bytes that are written behind them are written again.
        while at &+ 8 <= width, place &+ 8 <= rowBytes {
          let word = row.loadUnaligned(fromByteOffset: at, as: UInt64.self)
          if word == (word & 0xFF) &* ones {
            let byte = table[Int(truncatingIfNeeded: word & 0xFF)] &* spread
            target.storeBytes(of: UInt64(byte) &* ones, toByteOffset: place, as: UInt64.self)
          } else {
            var packed: UInt64 = 0
            for lane in 0..<8 {
              let value = table[Int(row.load(fromByteOffset: at &+ lane, as: UInt8.self))]
              packed = packed &<< UInt64(truncatingIfNeeded: bits) | UInt64(value)
            }
            packed &<<= UInt64(truncatingIfNeeded: 64 &- 8 &* bits)
            target.storeBytes(of: packed.bigEndian, toByteOffset: place, as: UInt64.self)
          }
          at &+= 8
          place &+= bits
        }
        while place < rowBytes {
          var byte: UInt8 = 0
          for part in 0..<perByte where at &+ part < width {
            let value = table[Int(row.load(fromByteOffset: at &+ part, as: UInt8.self))]
            byte |= value &<< UInt8(truncatingIfNeeded: 8 &- bits &* (part &+ 1))
          }
          target.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
          place &+= 1
          at &+= perByte
        }
      }
    }
  }
}
