/// Walks the structure of a picture file. Nothing in the file is trusted: every position is checked against the size,
/// and every step moves on.
final class ImageFileParser {
  private let size: Int
  private let read: (_ offset: Int, _ count: Int) throws(MediaError) -> [UInt8]
  /// The part of the file that was read last.
  private var window: [UInt8] = []
  private var windowStart = 0
  private var format = ImageInfo.Format.png

  private static let windowSize = 64 * 1024
  /// Parts of a file; more cannot be meant.
  private static let mostParts = 1 << 20

  init(size: Int, read: @escaping (_ offset: Int, _ count: Int) throws(MediaError) -> [UInt8]) {
    self.size = size
    self.read = read
  }

  func parse() throws(MediaError) -> ImageInfo {
    if try starts("\u{89}PNG\r\n\u{1A}\n", at: 0) { return try png() }
    if try starts("GIF87a", at: 0) { return try gif() }
    if try starts("GIF89a", at: 0) { return try gif() }
    if try starts("BM", at: 0), size >= 26 { return try bmp() }
    if try starts("RIFF", at: 0), try starts("WEBP", at: 8) { return try webp() }
    if try starts("II*\u{0}", at: 0) { return try tiff(little: true) }
    if try starts("MM\u{0}*", at: 0) { return try tiff(little: false) }
    if size >= 4, try byte(0) == 0xFF, try byte(1) == 0xD8, try byte(2) == 0xFF { return try jpeg() }
    throw MediaError(.unidentifiedImage, "is not a PNG, JPEG, GIF, BMP, WebP or TIFF picture")
  }

  // MARK: Reading

  private func cutOff() -> MediaError {
    MediaError(.unidentifiedImage, "is a \(format.title) picture that was cut off; \(size) bytes are not all of it")
  }

  private func damaged(_ what: String) -> MediaError {
    MediaError(.unidentifiedImage, "is a damaged \(format.title) picture: \(what)")
  }

  private func byte(_ at: Int) throws(MediaError) -> Int {
    guard at >= 0, at < size else { throw cutOff() }
    if at < windowStart || at &- windowStart >= window.count {
      window = try read(at, Self.windowSize)
      windowStart = at
      guard !window.isEmpty else { throw cutOff() }
    }
    return Int(window[at &- windowStart])
  }

  /// A number of up to eight bytes, which must fit.
  private func number(_ at: Int, _ width: Int, little: Bool = false) throws(MediaError) -> Int {
    guard at >= 0, at <= size, width <= size &- at else { throw cutOff() }
    var value = 0
    for place in 0..<width { value = value << 8 | (try byte(little ? at &+ width &- 1 &- place : at &+ place)) }
    return value
  }

  private func starts(_ text: String, at: Int) throws(MediaError) -> Bool {
    let wanted = text.unicodeScalars
    guard at &+ wanted.count <= size else { return false }
    for (place, scalar) in wanted.enumerated() {
      let found = try byte(at &+ place)
      if found != Int(scalar.value) { return false }
    }
    return true
  }

  private func result(_ width: Int, _ height: Int) throws(MediaError) -> ImageInfo {
    guard width > 0, height > 0 else { throw damaged("its size is \(width)x\(height)") }
    return ImageInfo(format, width, height)
  }

  /// `start + count` if that lies in the file.
  private func end(_ start: Int, _ count: Int) throws(MediaError) -> Int {
    guard start >= 0, count >= 0, start <= size, count <= size &- start else { throw cutOff() }
    return start &+ count
  }

  // MARK: Formats

  private func png() throws(MediaError) -> ImageInfo {
    format = .png
    guard try number(8, 4) == 13, try starts("IHDR", at: 12) else { throw damaged("it does not begin with its header") }
    let info = try result(try number(16, 4), try number(20, 4))
    var at = 8
    var hasData = false
    for _ in 0..<Self.mostParts {
      let next = try end(at, 12 &+ (try number(at, 4)))
      if try starts("IDAT", at: at &+ 4) { hasData = true }
      if try starts("IEND", at: at &+ 4) {
        guard hasData else { throw damaged("it has no pixels") }
        return info
      }
      at = next
    }
    throw damaged("it has too many parts")
  }

  private func jpeg() throws(MediaError) -> ImageInfo {
    format = .jpeg
    var info: ImageInfo?
    var at = 2
    var scans = 0
    for _ in 0..<Self.mostParts {
      guard try byte(at) == 0xFF else { throw damaged("a segment is missing") }
      let marker = try byte(at &+ 1)
      switch marker {
      case 0xFF: at &+= 1  // fill byte
      case 0x01, 0xD0...0xD8: at &+= 2  // no content
      case 0xD9:
        guard let info, scans > 0 else { throw damaged("it has no pixels") }
        return info
      default:
        let length = try number(at &+ 2, 2)
        guard length >= 2 else { throw damaged("a segment is too short") }
        if (0xC0...0xCF).contains(marker), marker != 0xC4, marker != 0xC8, marker != 0xCC, info == nil {
          info = try result(try number(at &+ 7, 2), try number(at &+ 5, 2))
        }
        at = try end(at, 2 &+ length)
        if marker == 0xDA {
          scans &+= 1
          at = try endOfScan(at)
        }
      }
    }
    throw damaged("it has too many parts")
  }

  /// The next marker behind coded pixels: 0xFF with neither a zero nor a restart behind it.
  private func endOfScan(_ start: Int) throws(MediaError) -> Int {
    var at = start
    while true {
      while try byte(at) != 0xFF {
        // The rest of the window at once.
        at &+= window.withUnsafeBufferPointer { window in
          var seen = at &- windowStart
          while seen < window.count, window[seen] != 0xFF { seen &+= 1 }
          return seen &- (at &- windowStart)
        }
      }
      let next = try byte(at &+ 1)
      if next == 0 || (0xD0...0xD7).contains(next) {
        at &+= 2
      } else if next == 0xFF {
        at &+= 1
      } else {
        return at
      }
    }
  }

  private func gif() throws(MediaError) -> ImageInfo {
    format = .gif
    let info = try result(try number(6, 2, little: true), try number(8, 2, little: true))
    func colours(_ flags: Int) -> Int { flags & 0x80 == 0 ? 0 : 3 << (flags & 7 &+ 1) }
    var at = try end(13, colours(try byte(10)))
    var frames = 0
    while true {
      // Many programs leave out the last byte.
      if at == size, frames > 0 { return info }
      switch try byte(at) {
      case 0x21: at = try end(at, 2)
      case 0x2C:
        at = try end(at &+ 10, colours(try byte(at &+ 9)) &+ 1)
        frames &+= 1
      case 0x3B:
        guard frames > 0 else { throw damaged("it has no pixels") }
        return info
      default:
        if frames > 0 { return info }  // something that is not of the format behind it
        throw damaged("a block is of an unknown kind")
      }
      var length = 1
      while length != 0 {
        length = try byte(at)
        at = try end(at, 1 &+ length)
      }
    }
  }

  private func bmp() throws(MediaError) -> ImageInfo {
    format = .bmp
    let header = try number(14, 4, little: true)
    let width: Int, height: Int, bits: Int
    var compression = 0
    if header == 12 {
      (width, height) = (try number(18, 2, little: true), try number(20, 2, little: true))
      bits = try number(24, 2, little: true)
    } else {
      guard header >= 16, header <= 256 else {
        throw MediaError(.unidentifiedImage, "is not a PNG, JPEG, GIF, BMP, WebP or TIFF picture")
      }
      width = Int(Int32(truncatingIfNeeded: try number(18, 4, little: true)))
      // A negative height means rows from the top.
      height = abs(Int(Int32(truncatingIfNeeded: try number(22, 4, little: true))))
      bits = try number(28, 2, little: true)
      if header >= 20 { compression = try number(30, 4, little: true) }
    }
    let info = try result(width, height)
    let start = try number(10, 4, little: true)
    if compression == 0 || compression == 3 {
      guard [1, 2, 4, 8, 16, 24, 32].contains(bits) else { throw damaged("it has \(bits) bits per pixel") }
      let row = (width &* bits &+ 31) / 32 &* 4
      guard row <= (size &- (try end(start, 0))) / info.height else { throw cutOff() }
    } else {
      _ = try end(start, 1)
    }
    return info
  }

  private func webp() throws(MediaError) -> ImageInfo {
    format = .webp
    _ = try end(8, try number(4, 4, little: true))
    if try starts("VP8X", at: 12) {
      return try result(try number(24, 3, little: true) &+ 1, try number(27, 3, little: true) &+ 1)
    }
    _ = try end(20, try number(16, 4, little: true))
    if try starts("VP8L", at: 12), try byte(20) == 0x2F {
      let bits = try number(21, 4, little: true)
      return try result(bits & 0x3FFF &+ 1, bits >> 14 & 0x3FFF &+ 1)
    }
    if try starts("VP8 ", at: 12), try starts("\u{9D}\u{01}*", at: 23) {
      return try result(try number(26, 2, little: true) & 0x3FFF, try number(28, 2, little: true) & 0x3FFF)
    }
    throw damaged("its first part is of an unknown kind")
  }

  /// The first picture of the file.
  private func tiff(little: Bool) throws(MediaError) -> ImageInfo {
    format = .tiff
    let directory = try number(4, 4, little: little)
    let count = try number(directory, 2, little: little)
    _ = try end(directory &+ 2, count &* 12)
    var width = 0, height = 0
    var starts: [Int] = [], lengths: [Int] = []
    for entry in 0..<count {
      let at = directory &+ 2 &+ entry &* 12
      switch try number(at, 2, little: little) {
      case 256: width = try values(at, little).first ?? 0
      case 257: height = try values(at, little).first ?? 0
      case 273, 324: starts = try values(at, little)
      case 279, 325: lengths = try values(at, little)
      default: break
      }
    }
    let info = try result(width, height)
    guard !starts.isEmpty, starts.count == lengths.count else { throw damaged("it does not say where its pixels are") }
    for (start, length) in zip(starts, lengths) { _ = try end(start, length) }
    return info
  }

  /// The values of a directory entry of whole numbers.
  private func values(_ entry: Int, _ little: Bool) throws(MediaError) -> [Int] {
    let type = try number(entry &+ 2, 2, little: little)
    guard type == 3 || type == 4 else { throw damaged("an entry has a type it cannot have") }
    let width = type == 3 ? 2 : 4
    let count = try number(entry &+ 4, 4, little: little)
    guard count <= Self.mostParts else { throw damaged("it has too many parts") }
    let start = count &* width <= 4 ? entry &+ 8 : try number(entry &+ 8, 4, little: little)
    _ = try end(start, count &* width)
    var result: [Int] = []
    for at in 0..<count { result.append(try number(start &+ at &* width, width, little: little)) }
    return result
  }
}
