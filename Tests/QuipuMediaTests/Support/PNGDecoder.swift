import CPNG
import CZlib
import QuipuMedia

/// A picture decoded by libpng, the independent reader of what the encoder writes.
struct DecodedPNG: Equatable {
  var width: Int
  var height: Int
  var channels: Int
  var samples: [UInt8]

  enum Failure: Error { case libpng(String) }

  init(_ file: [UInt8]) throws {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    func message() -> String {
      withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    let opened = file.withUnsafeBytes { png_image_begin_read_from_memory(&image, $0.baseAddress, $0.count) }
    guard opened != 0, image.warning_or_error == 0 else { throw Failure.libpng(message()) }
    // Flags: 1 alpha, 2 colour. Both samples of 8 bits, so nothing is converted.
    image.format &= 3
    channels = [1, 2, 3, 4][Int(image.format)]
    width = Int(image.width)
    height = Int(image.height)
    samples = [UInt8](repeating: 0, count: width * height * channels)
    let done = file.withUnsafeBytes { _ in
      samples.withUnsafeMutableBytes { png_image_finish_read(&image, nil, $0.baseAddress, 0, nil) }
    }
    guard done != 0, image.warning_or_error == 0 else { throw Failure.libpng(message()) }
  }

  init(width: Int, height: Int, channels: Int, samples: [UInt8]) {
    self.width = width
    self.height = height
    self.channels = channels
    self.samples = samples
  }

  init(_ pixels: ImagePixels) {
    self.init(
      width: pixels.width, height: pixels.height, channels: pixels.channels,
      samples: pixels.withBytes { [UInt8]($0) })
  }

  /// The same colours as red, green, blue and alpha, whatever channels the file has.
  var expanded: DecodedPNG {
    var all: [UInt8] = []
    all.reserveCapacity(width * height * 4)
    for at in stride(from: 0, to: samples.count, by: channels) {
      let colour = channels >= 3 ? Array(samples[at..<at + 3]) : [UInt8](repeating: samples[at], count: 3)
      all += colour + [channels % 2 == 0 ? samples[at + channels - 1] : 255]
    }
    return DecodedPNG(width: width, height: height, channels: 4, samples: all)
  }
}

extension ImagePixels {
  init(width: Int, height: Int, channels: Int, samples: [UInt8]) throws {
    try self.init(width: width, height: height, channels: channels) { (out) throws(MediaError) in
      out.copyBytes(from: samples.prefix(out.count))
    }
  }
}

/// A PNG of 16-bit samples, unpacked by zlib and put together by the definition of the filters: libpng's simple
/// interface would convert the samples.
struct WidePNG {
  var samples: [UInt8] = []

  init(_ file: [UInt8]) throws {
    func number(_ at: Int) -> Int { (0..<4).reduce(0) { $0 << 8 | Int(file[at + $1]) } }
    let step = [0: 1, 2: 3, 4: 2, 6: 4][file[25]].map { $0 * Int(file[24]) / 8 } ?? 1
    let row = number(16) * step, height = number(20)
    var packed: [UInt8] = []
    var at = 8
    while at < file.count {
      if file[at + 4..<at + 8].elementsEqual("IDAT".utf8) { packed += file[at + 8..<at + 8 + number(at)] }
      at += 12 + number(at)
    }
    var raw = [UInt8](repeating: 0, count: height * (row + 1))
    var length = UInt(raw.count)
    guard uncompress(&raw, &length, packed, UInt(packed.count)) == 0 else { throw DecodedPNG.Failure.libpng("zlib") }
    for y in 0..<height {
      let filter = raw[y * (row + 1)]
      for x in 0..<row {
        let a = x >= step ? Int(samples[y * row + x - step]) : 0
        let b = y > 0 ? Int(samples[(y - 1) * row + x]) : 0
        let c = x >= step && y > 0 ? Int(samples[(y - 1) * row + x - step]) : 0
        let p = a + b - c
        let paeth =
          abs(p - a) <= abs(p - b) && abs(p - a) <= abs(p - c) ? a : (abs(p - b) <= abs(p - c) ? b : c)
        let predicted = [0, a, b, (a + b) / 2, paeth][Int(filter)]
        samples.append(raw[y * (row + 1) + 1 + x] &+ UInt8(truncatingIfNeeded: predicted))
      }
    }
  }
}
