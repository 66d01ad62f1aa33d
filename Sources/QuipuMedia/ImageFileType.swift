/// The picture formats a logged array can be saved in. Case matters, as in the reference client.
public enum ImageFileType: String, Sendable {
  case png, jpg, jpeg, bmp

  /// - Parameter name: `png`, `jpg`, `jpeg` or `bmp`; nil or empty means `png`.
  /// - Throws: `.value` for anything else.
  public init(named name: String?) throws(MediaError) {
    guard let name, !name.isEmpty else {
      self = .png
      return
    }
    guard let type = ImageFileType(rawValue: name) else {
      throw MediaError(.value, "file_type '\(name)' is unknown; use png, jpg, jpeg or bmp")
    }
    self = type
  }

  /// Refuses what the format cannot hold, before the picture is on its way.
  /// - Throws: `.io` for channels or depths that it does not have, `.value` for a size that it cannot express.
  public func check(_ pixels: ImagePixels) throws(MediaError) {
    switch self {
    case .png: break
    case .bmp: try BMPEncoder.check(pixels)
    case .jpg, .jpeg: try JPEGEncoder.check(pixels)
    }
  }

  /// Encodes a picture in this format.
  /// - Parameter quality: of JPEG, 1...100.
  /// - Throws: what the encoder throws.
  public func encode(
    _ pixels: ImagePixels, quality: Int = JPEGEncoder.defaultQuality
  ) throws(MediaError) -> [UInt8] {
    switch self {
    case .png: return try PNGEncoder.encode(pixels)
    case .bmp: return try BMPEncoder.encode(pixels)
    case .jpg, .jpeg: return try JPEGEncoder.encode(pixels, quality: quality)
    }
  }
}
