import QuipuBase
import QuipuMedia

/// Point clouds, scenes and 3-D models.
extension Media {
  /// A point cloud.
  ///
  /// - Parameter points: `[n, 3]` x y z, `[n, 4]` x y z and a category, or `[n, 6]` x y z and red, green, blue; any real
  ///   type.
  /// - Throws: `shape`, `value` (complex numbers), `tooLarge`.
  /// Blocking: copies the points; their text is made later.
  public static func pointCloud(_ points: ArrayView, caption: String? = nil) throws(QuipuError) -> Media {
    let cloud = try refuse(.shape) { () throws(MediaError) in try PointCloud(points) }
    return Media(.object3D, .pending(PendingScene(cloud: cloud)), caption: caption)
  }

  /// A scene: points with boxes and arrows.
  ///
  /// - Parameters:
  ///   - points: as for a point cloud; nil for none.
  ///   - vectors: start and end of each arrow, x y z.
  /// - Throws: as `pointCloud`.
  public static func scene(
    points: ArrayView?, boxes: [SceneBox] = [], vectors: [(start: [Double], end: [Double])] = [],
    caption: String? = nil
  ) throws(QuipuError) -> Media {
    for (at, vector) in vectors.enumerated() where vector.start.count != 3 || vector.end.count != 3 {
      throw QuipuError(.shape, kind: "scene_vector", "vectors[\(at)]: start and end must be three numbers each")
    }
    let scene = Scene(points: try cloud(points), boxes: boxes, vectors: vectors)
    return Media(.object3D, .pending(PendingScene(scene: scene)), caption: caption)
  }

  /// The same with boxes and vectors as the viewer has them, written as they are.
  package static func scene(
    points: ArrayView?, boxesJSON: JSON?, vectorsJSON: JSON?, caption: String?
  ) throws(QuipuError) -> Media {
    let cloud = try cloud(points)
    let scene = try refuse { () throws(MediaError) in
      try Scene(points: cloud, boxesJSON: boxesJSON, vectorsJSON: vectorsJSON)
    }
    return Media(.object3D, .pending(PendingScene(scene: scene)), caption: caption)
  }

  private static func cloud(_ points: ArrayView?) throws(QuipuError) -> PointCloud? {
    guard let points else { return nil }
    return try refuse(.shape) { () throws(MediaError) in try PointCloud(points) }
  }

  /// A 3-D object from the content of a file in memory.
  ///
  /// - Parameter fileType: "obj", "gltf", "glb", "babylon", "stl", or "pts.json": a list of points or a scene as JSON.
  /// - Throws: `value` for another type, or text that is not JSON; `format` for content that is recognised as something
  ///   else.
  public static func object3D(
    content: UnsafeRawBufferPointer, fileType: String, caption: String? = nil
  ) throws(QuipuError) -> Media {
    let type = fileType == "json" ? "pts.json" : fileType
    guard SceneFile.types.contains(type) else {
      throw QuipuError(
        .value, kind: "object3d_bad_type",
        "file_type: \"\(fileType)\" is none of \(SceneFile.types.joined(separator: ", "))")
    }
    if type == "pts.json" {
      do { _ = try JSON(parsing: content) } catch {
        throw QuipuError(.value, kind: "json_invalid", "text: is not JSON: \(error.reason) at byte \(error.offset)")
      }
    }
    try otherFormat { () throws(MediaError) in
      try SceneFile.check(content, size: Int64(content.count), type: type, name: "text")
    }
    return object3D(Array(content), fileExtension: "." + type, caption: caption)
  }

  /// As above, for the formats that are text.
  public static func object3D(text: String, fileType: String, caption: String? = nil) throws(QuipuError) -> Media {
    let bytes = Array(text.utf8)
    let made: Result<Media, QuipuError> = bytes.withUnsafeBytes { content in
      do throws(QuipuError) {
        return .success(try object3D(content: content, fileType: fileType, caption: caption))
      } catch {
        return .failure(error)
      }
    }
    return try made.get()
  }

  /// A 3-D object from a file, copied unchanged.
  ///
  /// - Throws: `value` for another suffix, `format` for content that is recognised as something else, and what
  ///   `UserFile` throws.
  /// Blocking: reads the file.
  public static func object3D(path: String, caption: String? = nil) throws(QuipuError) -> Media {
    let type = try refuse { () throws(MediaError) in try SceneFile.type(ofPath: path) }
    let file = try checkedFile(path) { (head, size) throws(MediaError) in
      try SceneFile.check(head, size: size, type: type, name: "path: \(path)")
    }
    var value = FileValue(folder: "object3D", type: "object3D-file", file: file)
    value.fileExtension = "." + type
    return Media(.object3D, .file(value), caption: caption)
  }

  /// A user's file whose first bytes pass a check.
  static func checkedFile(
    _ path: String, _ check: (UnsafeRawBufferPointer, Int64) throws(MediaError) -> Void
  ) throws(QuipuError) -> UserFile {
    let file = try UserFile(path: path)
    var failure: MediaError?
    file.head.withUnsafeBytes { head in
      do throws(MediaError) { try check(head, file.content.size) } catch { failure = error }
    }
    if let failure { try otherFormat { () throws(MediaError) in throw failure } }
    return file
  }

  /// Content of another format than its name says has a code of its own.
  static func otherFormat(_ body: () throws(MediaError) -> Void) throws(QuipuError) {
    do throws(MediaError) { try body() } catch {
      guard error.code == .io else { throw QuipuError(error) }
      throw QuipuError(.format, kind: "file_other_format", error.message)
    }
  }

  private static func object3D(_ bytes: [UInt8], fileExtension: String, caption: String?) -> Media {
    let file = FileValue(folder: "object3D", type: "object3D-file", fileExtension: fileExtension, bytes: bytes)
    return Media(.object3D, .file(file), caption: caption)
  }
}

/// Points that wait to become text.
private struct PendingScene: PendingFile {
  var cloud: PointCloud?
  var scene: Scene?

  var byteCount: Int { (cloud?.byteCount ?? 0) &+ (scene?.byteCount ?? 0) }

  func encode() throws(MediaError) -> FileValue {
    var bytes: [UInt8] = []
    if let scene { bytes = try scene.encode() } else if let cloud { bytes = try cloud.encode() }
    return FileValue(folder: "object3D", type: "object3D-file", fileExtension: ".pts.json", bytes: bytes)
  }
}
