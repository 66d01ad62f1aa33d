import Glibc
import QuipuBase
import QuipuMedia

extension Media {
  /// An image from an array.
  ///
  /// - Parameters:
  ///   - array: `[height, width]` or `[height, width, 1|3|4]`, any element type, values 0...255. Values are never
  ///     rescaled: floats are truncated, integers taken modulo 256.
  ///   - mode: "L", "LA", "RGB", "RGBA"; nil: from the shape.
  ///   - caption: shown below the picture.
  ///   - fileType: "png" or "bmp".
  ///   - channelsFirst: axes are `[channel, height, width]`.
  /// - Throws: `shape`, `dtype` or `value` errors that name the argument.
  /// Blocking: copies the pixels.
  public static func image(
    _ array: ArrayView, mode: String? = nil, caption: String? = nil, fileType: String? = nil, grouping: Int64 = 0,
    channelsFirst: Bool = false
  ) throws(QuipuError) -> Media {
    let type = fileType.flatMap { $0.isEmpty ? nil : $0 } ?? "png"
    guard type == "png" || type == "bmp" else {
      let known = type == "jpg" || type == "jpeg"
      throw QuipuError(
        .value, kind: known ? "image_type_unsupported" : "image_bad_type",
        known
          ? "file_type: \(type) pictures cannot be encoded by this version; use png, or log a ready-made file"
          : "file_type: \"\(type)\" is not known; use png or bmp")
    }
    do {
      let pixels = try ImagePixels(array: array, mode: mode, channelsFirst: channelsFirst)
      return Media(.image, .pending(PendingImage(pixels: pixels, fileType: type, grouping: grouping)), caption: caption)
    } catch {
      var refused = QuipuError(error)
      // The mode is checked before; what is left of these kinds is about the array's shape.
      if error.code == .io { refused.code = .encode }
      if refused.code == .value, error.code == .value || error.code == .index, isKnown(mode) { refused.code = .shape }
      throw refused
    }
  }

  /// An image from a file, which is copied unchanged.
  ///
  /// - Throws: `notFound`, or `format` if the file is no picture.
  /// Blocking: reads the file.
  public static func image(
    path: String, caption: String? = nil, grouping: Int64 = 0
  ) throws(QuipuError) -> Media {
    let file = try UserFile(path: path)
    guard let info = file.head.withUnsafeBytes({ ImageInfo(bytes: $0) }) else {
      throw QuipuError(
        .format, kind: "image_unidentified", "\(path): is not a PNG, JPEG, GIF, BMP or WebP picture")
    }
    var members = JSONObject()
    members["format"] = .string(String(file.fileExtension.dropFirst()))
    members["width"] = .int(Int64(info.width))
    members["height"] = .int(Int64(info.height))
    if grouping != 0 { members["grouping"] = .int(grouping) }
    return Media(
      .image, .file(FileValue(folder: "images", type: "image-file", file: file, members: members)), caption: caption)
  }

  private static func isKnown(_ mode: String?) -> Bool {
    mode == nil || ["1", "L", "LA", "P", "RGB", "RGBA"].contains(mode)
  }
}

/// Pixels on their way to a picture file.
struct PendingImage: PendingFile {
  var pixels: ImagePixels
  var fileType: String
  var grouping: Int64

  var byteCount: Int { pixels.byteCount }

  func encode() throws(MediaError) -> FileValue {
    let bytes = try fileType == "bmp" ? BMPEncoder.encode(pixels) : PNGEncoder.encode(pixels)
    var members = JSONObject()
    members["format"] = .string(fileType)
    members["width"] = .int(Int64(pixels.width))
    members["height"] = .int(Int64(pixels.height))
    if grouping != 0 { members["grouping"] = .int(grouping) }
    return FileValue(
      folder: "images", type: "image-file", fileExtension: "." + fileType, bytes: bytes, members: members)
  }
}
