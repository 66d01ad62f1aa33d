import QuipuBase
import QuipuMedia

/// Point clouds, scenes and 3-D models.
extension Media {
  /// A point cloud `[n, 3]`, `[n, 4]` (category) or `[n, 6]` (colour).
  ///
  /// - Throws: `shape` otherwise.
  public static func pointCloud(_ points: ArrayView, caption: String? = nil) throws(QuipuError) -> Media {
    let bytes = try refuse(.shape) { () throws(MediaError) in try PointCloud.encode(points) }
    return object3D(bytes, fileExtension: ".pts.json", caption: caption)
  }

  static let object3DTypes = ["pts.json", "obj", "gltf", "glb", "babylon", "stl"]

  /// A 3-D object from text: JSON for "pts.json" (a list of points or a lidar/beta scene), else the file's content.
  public static func object3D(text: String, fileType: String, caption: String? = nil) throws(QuipuError) -> Media {
    let type = fileType == "json" ? "pts.json" : fileType
    guard object3DTypes.contains(type) else {
      throw QuipuError(
        .value, kind: "object3d_bad_type",
        "file_type: \"\(fileType)\" is none of \(object3DTypes.joined(separator: ", "))")
    }
    if type == "pts.json" {
      let json: JSON
      do { json = try JSON(parsing: text) } catch {
        throw QuipuError(.value, kind: "json_invalid", "text: is not JSON: \(error.reason) at byte \(error.offset)")
      }
      var out = ByteBuffer(capacity: text.utf8.count)
      json.write(to: &out, style: .client)
      return object3D(out.array(), fileExtension: ".pts.json", caption: caption)
    }
    return object3D(Array(text.utf8), fileExtension: "." + type, caption: caption)
  }

  /// A 3-D object from a file, copied unchanged.
  ///
  /// Blocking: reads the file.
  public static func object3D(path: String, caption: String? = nil) throws(QuipuError) -> Media {
    guard let type = object3DTypes.first(where: { path.hasSuffix($0) }) else {
      throw QuipuError(
        .value, kind: "object3d_bad_type",
        "path: must end in one of \(object3DTypes.map { "." + $0 }.joined(separator: ", "))")
    }
    guard path.hasSuffix("." + type) else {
      throw QuipuError(.value, kind: "media_assertion", "path: \"\(path)\" must end in .\(type)")
    }
    var file = FileValue(folder: "object3D", type: "object3D-file", file: try UserFile(path: path))
    file.fileExtension = "." + type
    return Media(.object3D, .file(file), caption: caption)
  }

  private static func object3D(_ bytes: [UInt8], fileExtension: String, caption: String?) -> Media {
    let file = FileValue(folder: "object3D", type: "object3D-file", fileExtension: fileExtension, bytes: bytes)
    return Media(.object3D, .file(file), caption: caption)
  }
}
