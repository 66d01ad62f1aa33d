/// What a picture file is: its format by its content, and its size. Read without decoding pixels, but to the end of its
/// structure, so that a file that was cut off is found out.
public struct ImageInfo: Sendable, Equatable {
  public enum Format: String, Sendable, CaseIterable {
    case png, jpeg, gif, bmp, webp, tiff

    /// The format that a file name promises; nil for extensions of other things.
    /// - Parameter fileExtension: with its dot, any case.
    public init?(fileExtension: String) {
      switch fileExtension.utf8.dropFirst().map({ $0 >= 65 && $0 <= 90 ? $0 | 0x20 : $0 }) {
      case Array("png".utf8), Array("apng".utf8): self = .png
      case Array("jpg".utf8), Array("jpeg".utf8), Array("jpe".utf8), Array("jfif".utf8): self = .jpeg
      case Array("gif".utf8): self = .gif
      case Array("bmp".utf8), Array("dib".utf8): self = .bmp
      case Array("webp".utf8): self = .webp
      case Array("tif".utf8), Array("tiff".utf8): self = .tiff
      default: return nil
      }
    }

    /// As people write it.
    public var title: String { self == .webp ? "WebP" : rawValue.uppercasedASCII }

    /// What a file of it is called, without the dot.
    public var fileExtension: String { self == .jpeg ? "jpg" : rawValue }
  }

  public let format: Format
  /// Pixels.
  public let width: Int
  /// Pixels.
  public let height: Int

  /// - Parameters:
  ///   - size: bytes of the whole file.
  ///   - read: up to `count` bytes from `offset`, fewer at the end.
  /// - Throws: `.unidentifiedImage` for what is none of the formats, is damaged, or was cut off; what `read` throws.
  /// - Complexity: a few small reads; JPEG and GIF are read once.
  public init(
    size: Int, read: @escaping (_ offset: Int, _ count: Int) throws(MediaError) -> [UInt8]
  ) throws(MediaError) {
    let parser = ImageFileParser(size: size, read: read)
    self = try parser.parse()
  }

  /// A picture in memory.
  public init(bytes: UnsafeRawBufferPointer) throws(MediaError) {
    try self.init(size: bytes.count) { offset, count throws(MediaError) in
      guard offset >= 0, offset < bytes.count, count > 0 else { return [] }
      return Array(bytes[offset..<(offset &+ min(count, bytes.count &- offset))])
    }
  }

  /// A picture in memory.
  public init(array bytes: [UInt8]) throws(MediaError) {
    try self.init(size: bytes.count) { offset, count throws(MediaError) in
      guard offset >= 0, offset < bytes.count, count > 0 else { return [] }
      return Array(bytes[offset..<(offset &+ min(count, bytes.count &- offset))])
    }
  }

  init(_ format: Format, _ width: Int, _ height: Int) {
    self.format = format
    self.width = width
    self.height = height
  }
}

extension String {
  fileprivate var uppercasedASCII: String {
    String(decoding: utf8.map { $0 >= 97 && $0 <= 122 ? $0 & 0xDF : $0 }, as: UTF8.self)
  }
}
