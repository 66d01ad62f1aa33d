import CPNG
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
}

extension ImagePixels {
  init(width: Int, height: Int, channels: Int, samples: [UInt8]) throws {
    try self.init(width: width, height: height, channels: channels) { (out) throws(MediaError) in
      out.copyBytes(from: samples.prefix(out.count))
    }
  }
}
