import Glibc

/// What the header of a picture file says. Read without decoding pixels, for pictures that are logged by path.
public struct ImageInfo: Sendable, Equatable {
  public enum Format: String, Sendable {
    case png, jpeg, gif, bmp, webp
  }

  public let format: Format
  /// Pixels.
  public let width: Int
  /// Pixels.
  public let height: Int

  /// - Parameter path: a file path, UTF-8 without NUL.
  /// - Throws: `.fileNotFound`, `.io` when the file cannot be read, `.unidentifiedImage` when it is none of the formats
  ///   or its header is damaged.
  /// - Blocking: opens and reads the file, for JPEG up to its frame header.
  public init(path: String) throws(MediaError) {
    guard !path.utf8.contains(0) else { throw MediaError(.value, "image path contains a NUL byte") }
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      let missing = errno == ENOENT || errno == ENOTDIR
      throw MediaError(missing ? .fileNotFound : .io, "cannot open image file '\(path)'")
    }
    defer { close(file) }
    guard let info = try Self.parse(read: { offset, count throws(MediaError) in
      var bytes = [UInt8](repeating: 0, count: count)
      var done = 0
      while done < count {
        let got = bytes.withUnsafeMutableBytes { room in
          room.baseAddress.map { pread(file, $0 + done, count - done, off_t(offset + done)) } ?? 0
        }
        if got < 0 {
          if errno == EINTR { continue }
          throw MediaError(.io, "cannot read image file '\(path)'")
        }
        if got == 0 { break }
        done += got
      }
      return Array(bytes.prefix(done))
    }) else {
      throw MediaError(.unidentifiedImage, "file '\(path)' is not a PNG, JPEG, GIF, BMP or WebP picture")
    }
    self = info
  }

  /// The header of a picture in memory; nil when it is none of the formats or damaged.
  public init?(bytes: UnsafeRawBufferPointer) {
    let info = try? Self.parse { offset, count throws(MediaError) in
      guard offset >= 0, offset < bytes.count else { return [] }
      return Array(bytes[offset..<min(bytes.count, offset + count)])
    }
    guard let found = info ?? nil else { return nil }
    self = found
  }

  private init?(_ format: Format, _ width: Int, _ height: Int) {
    guard width > 0, height > 0 else { return nil }
    self.format = format
    self.width = width
    self.height = height
  }

  private static func parse(
    read: (_ offset: Int, _ count: Int) throws(MediaError) -> [UInt8]
  ) throws(MediaError) -> ImageInfo? {
    let head = try read(0, 32)
    func big(_ at: Int, _ width: Int) -> Int { (0..<width).reduce(0) { $0 << 8 | Int(head[at + $1]) } }
    func little(_ at: Int, _ width: Int) -> Int { (0..<width).reduce(0) { $0 | Int(head[at + $1]) << (8 * $1) } }
    func starts(_ text: StaticString, at: Int = 0) -> Bool {
      head.count >= at + text.utf8CodeUnitCount
        && (0..<text.utf8CodeUnitCount).allSatisfy { head[at + $0] == text.utf8Start[$0] }
    }
    if head.count >= 24, head[0] == 0x89, starts("PNG\r\n", at: 1), starts("IHDR", at: 12) {
      return ImageInfo(.png, big(16, 4), big(20, 4))
    }
    if head.count >= 10, starts("GIF87a") || starts("GIF89a") { return ImageInfo(.gif, little(6, 2), little(8, 2)) }
    if head.count >= 26, starts("BM") {
      if little(14, 4) == 12 { return ImageInfo(.bmp, little(18, 2), little(20, 2)) }
      // A negative height means rows from the top.
      let height = Int(Int32(truncatingIfNeeded: little(22, 4)))
      return ImageInfo(.bmp, Int(Int32(truncatingIfNeeded: little(18, 4))), abs(height))
    }
    if head.count >= 30, starts("RIFF"), starts("WEBP", at: 8) {
      if starts("VP8X", at: 12) { return ImageInfo(.webp, little(24, 3) + 1, little(27, 3) + 1) }
      if starts("VP8L", at: 12), head[20] == 0x2F {
        let bits = little(21, 4)
        return ImageInfo(.webp, bits & 0x3FFF + 1, bits >> 14 & 0x3FFF + 1)
      }
      if starts("VP8 ", at: 12), head[23] == 0x9D, head[24] == 0x01, head[25] == 0x2A {
        return ImageInfo(.webp, little(26, 2) & 0x3FFF, little(28, 2) & 0x3FFF)
      }
      return nil
    }
    if head.count >= 4, head[0] == 0xFF, head[1] == 0xD8, head[2] == 0xFF { return try jpeg(read) }
    return nil
  }

  /// Walks the segments up to the frame header. Every step moves on by at least two bytes.
  private static func jpeg(
    _ read: (_ offset: Int, _ count: Int) throws(MediaError) -> [UInt8]
  ) throws(MediaError) -> ImageInfo? {
    var at = 2
    for _ in 0..<65_536 {
      let segment = try read(at, 9)
      guard segment.count >= 4, segment[0] == 0xFF else { return nil }
      let marker = segment[1]
      if marker == 0xFF {  // fill byte
        at += 1
        continue
      }
      if marker == 0x01 || (0xD0...0xD8).contains(marker) {  // no content
        at += 2
        continue
      }
      if marker == 0xD9 || marker == 0xDA { return nil }
      if (0xC0...0xCF).contains(marker), marker != 0xC4, marker != 0xC8, marker != 0xCC {
        guard segment.count == 9 else { return nil }
        return ImageInfo(.jpeg, Int(segment[7]) << 8 | Int(segment[8]), Int(segment[5]) << 8 | Int(segment[6]))
      }
      at += 2 + (Int(segment[2]) << 8 | Int(segment[3]))
    }
    return nil
  }
}
