import CQuipu
import Quipu
import QuipuBase
import QuipuMedia

// Point clouds, scenes and 3-D models.

@c @implementation
public func quipu_point_cloud_new(
  _ points: UnsafePointer<quipu_array>?, _ caption: UnsafePointer<CChar>?,
  _ cloud: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(cloud, "cloud", error) { () throws(QuipuError) in
    try .pointCloud(try view(points, "points"), caption: try text(caption, "caption"))
  }
}

@c @implementation
public func quipu_box3d_turn(
  _ center: UnsafePointer<Double>?, _ size: UnsafePointer<Double>?, _ orientation: UnsafePointer<Double>?,
  _ box: UnsafeMutablePointer<quipu_box3d>?, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    guard let box else { throw isNull("box") }
    let turned: SceneBox
    do throws(MediaError) {
      turned = try SceneBox(
        center: try numbers(center, 3, "center"), size: try numbers(size, 3, "size"),
        orientation: orientation == nil ? [1, 0, 0, 0] : try numbers(orientation, 4, "orientation"),
        color: [.int(0), .int(0), .int(0)])
    } catch {
      throw QuipuError(error)
    }
    let corners = turned.corners.flatMap { $0 }
    withUnsafeMutableBytes(of: &box.pointee.corners) { $0.copyBytes(from: corners.withUnsafeBytes { Array($0) }) }
  }
}

private func numbers(
  _ list: UnsafePointer<Double>?, _ count: Int, _ argument: String
) throws(MediaError) -> [Double] {
  guard let list else { throw MediaError(.value, "\(argument): is NULL") }
  return Array(UnsafeBufferPointer(start: list, count: count))
}

@c @implementation
public func quipu_scene_new(
  _ options: UnsafePointer<quipu_scene_options>?, _ scene: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(scene, "scene", error) { () throws(QuipuError) in
    guard options != nil else { throw isNull("options") }
    let given = try copyOptions(options, quipu_scene_options(), "options")
    let points = given.points == nil ? nil : try view(given.points, "points")
    let caption = try text(given.caption, "caption")
    if given.boxes_json.data == nil, given.vectors_json.data == nil {
      return try .scene(
        points: points, boxes: try boxes(given.boxes, given.box_count),
        vectors: try vectors(given.vectors, given.vector_count), caption: caption)
    }
    guard given.box_count == 0, given.vector_count == 0 else {
      throw QuipuError(
        .argument, kind: "scene_twice", "boxes_json: boxes and vectors come as structs or as JSON, not as both")
    }
    return try .scene(
      points: points, boxesJSON: given.boxes_json.data == nil ? nil : try json(given.boxes_json, "boxes_json"),
      vectorsJSON: given.vectors_json.data == nil ? nil : try json(given.vectors_json, "vectors_json"),
      caption: caption)
  }
}

private func boxes(_ list: UnsafePointer<quipu_box3d>?, _ count: Int) throws(QuipuError) -> [SceneBox] {
  guard count > 0 else { return [] }
  guard let list else { throw isNull("boxes") }
  guard count <= 1 << 20 else { throw QuipuError(.tooLarge, kind: "too_large", "box_count: \(count) cannot be right") }
  var result: [SceneBox] = []
  for at in 0..<count {
    let box = list[at]
    let flat = withUnsafeBytes(of: box.corners) { Array($0.bindMemory(to: Double.self)) }
    let label = try text(box.label, "boxes[\(at)].label")
    do throws(MediaError) {
      result.append(
        try SceneBox(
          corners: (0..<8).map { Array(flat[$0 * 3..<$0 * 3 + 3]) }, color: [box.color.0, box.color.1, box.color.2],
          label: label, score: box.has_score != 0 ? box.score : nil))
    } catch {
      throw QuipuError(error)
    }
  }
  return result
}

private func vectors(
  _ list: UnsafePointer<Double>?, _ count: Int
) throws(QuipuError) -> [(start: [Double], end: [Double])] {
  guard count > 0 else { return [] }
  guard let list else { throw isNull("vectors") }
  guard count <= 1 << 24 else {
    throw QuipuError(.tooLarge, kind: "too_large", "vector_count: \(count) cannot be right")
  }
  return (0..<count).map { at in
    let first = list + at * 6
    return ([first[0], first[1], first[2]], [first[3], first[4], first[5]])
  }
}

@c @implementation
public func quipu_object3d_from_text(
  _ text_: quipu_str, _ file_type: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?,
  _ object: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(object, "object", error) { () throws(QuipuError) in
    try .object3D(
      content: try bytes(text_, "text"), fileType: try required(file_type, "file_type"),
      caption: try text(caption, "caption"))
  }
}

@c @implementation
public func quipu_object3d_open(
  _ path: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?, _ object: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  makeMedia(object, "object", error) { () throws(QuipuError) in
    try .object3D(path: try required(path, "path"), caption: try text(caption, "caption"))
  }
}
