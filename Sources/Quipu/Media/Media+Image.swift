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
      return Media(.image, .pixels(pixels, fileType: type), caption: caption, grouping: grouping)
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
    let bytes = try contents(of: path)
    guard let info = bytes.withUnsafeBytes({ ImageInfo(bytes: $0) }) else {
      throw QuipuError(
        .format, kind: "image_unidentified", "\(path): is not a PNG, JPEG, GIF, BMP or WebP picture")
    }
    let ext = fileExtension(of: path)
    var members = JSONObject()
    members["format"] = .string(String(ext.dropFirst()))
    members["width"] = .int(Int64(info.width))
    members["height"] = .int(Int64(info.height))
    if grouping != 0 { members["grouping"] = .int(grouping) }
    let file = FileValue(folder: "images", type: "image-file", fileExtension: ext, bytes: bytes, members: members,
      userName: baseName(of: path))
    return Media(.image, .file(file), caption: caption, grouping: grouping)
  }

  static func contents(of path: String) throws(QuipuError) -> [UInt8] {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw QuipuError(.argument, kind: "path_bad", "path: is empty or holds a NUL")
    }
    guard let bytes = FileTools.readAll(PathTools.expandHome(path)) else {
      let reason = FileTools.errorText(errno)
      throw QuipuError(.notFound, kind: "file_not_found", "\(path): cannot be read (\(reason))")
    }
    return bytes
  }

  private static func isKnown(_ mode: String?) -> Bool {
    mode == nil || ["1", "L", "LA", "P", "RGB", "RGBA"].contains(mode)
  }

  static func baseName(of path: String) -> String {
    path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) } ?? path
  }

  /// The text from the last dot of the base name, with the dot; "" without one.
  static func fileExtension(of path: String) -> String {
    let name = baseName(of: path)
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return "" }
    return String(decoding: name.utf8[dot...], as: UTF8.self)
  }
}
