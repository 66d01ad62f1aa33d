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

  /// Encodes a picture in this format.
  /// - Throws: `.unsupported` for JPEG, which is not built yet; else what the encoder throws.
  public func encode(_ pixels: ImagePixels) throws(MediaError) -> [UInt8] {
    switch self {
    case .png: return try PNGEncoder.encode(pixels)
    case .bmp: return try BMPEncoder.encode(pixels)
    case .jpg, .jpeg:
      throw MediaError(.unsupported, "file_type '\(rawValue)' is not supported yet; use png or bmp")
    }
  }
}
