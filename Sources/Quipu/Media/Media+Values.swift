import QuipuBase
import QuipuMedia

/// Histograms, raw arrays, 3-D objects and lists.
extension Media {
  /// - Parameter code: what a refused value means here.
  private static func refuse<R>(
    _ code: QuipuError.Code = .value, _ body: () throws(MediaError) -> R
  ) throws(QuipuError) -> R {
    do throws(MediaError) { return try body() } catch {
      var refused = QuipuError(error)
      if refused.code == .value { refused.code = code }
      throw refused
    }
  }

  /// What a row holds for a value without a file; nil for other media.
  public var inlineValue: JSON? {
    state.withLock { state in
      if case .inline(let row, _) = state.content { row } else { nil }
    }
  }

  /// Several media as one value.
  public static func list(_ items: [Media]) -> Media { Media(.list, .list(items)) }

  /// Counts of an array's values in equal bins between minimum and maximum, as `np.histogram` does.
  ///
  /// - Parameter bins: 1...512.
  /// - Throws: `value` for NaN, infinities, a range too narrow for the bins.
  public static func histogram(_ array: ArrayView, bins: Int = Histogram.defaultBins) throws(QuipuError) -> Media {
    guard bins <= Histogram.maximumBins else {
      throw QuipuError(
        .value, kind: "histogram_too_many_bins", "bins: \(bins) is more than the \(Histogram.maximumBins) that are kept")
    }
    return histogram(try refuse { () throws(MediaError) in try Histogram(array: array, bins: bins) })
  }

  /// A ready-made histogram; one edge more than counts, at most 512 counts.
  public static func histogram(counts: ArrayView, edges: ArrayView) throws(QuipuError) -> Media {
    histogram(
      try refuse(.shape) { () throws(MediaError) in
        try Histogram(counts: NumberList(counts), edges: NumberList(edges))
      })
  }

  public static func histogram(counts: [JSON], edges: [JSON]) throws(QuipuError) -> Media {
    histogram(try refuse(.shape) { () throws(MediaError) in try Histogram(counts: counts, edges: edges) })
  }

  private static func histogram(_ value: Histogram) -> Media {
    Media(.histogram, .inline(row: value.loggedValue, summary: value.loggedValue))
  }

  /// An array as a plain value: one element a scalar, up to 32 a nested list, more a histogram of 32 bins; in a summary
  /// statistics.
  public static func array(_ array: ArrayView) throws(QuipuError) -> Media {
    try refuse { () throws(MediaError) in
      let summary = try RawArray.summaryValue(array)
      return Media(.array, .inline(row: try RawArray.value(array), summary: summary))
    }
  }

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
    return object3D(try contents(of: path), fileExtension: "." + type, caption: caption, userName: baseName(of: path))
  }

  private static func object3D(
    _ bytes: [UInt8], fileExtension: String, caption: String?, userName: String? = nil
  ) -> Media {
    let file = FileValue(
      folder: "object3D", type: "object3D-file", fileExtension: fileExtension, bytes: bytes, members: JSONObject(),
      userName: userName)
    return Media(.object3D, .file(file), caption: caption)
  }
}
