import QuipuBase

/// A scene of the 3-D viewer, kind `lidar/beta`: points, boxes around some of them, and arrows.
///
/// Source: W&B's `Object3D.from_point_cloud`.
public struct Scene: Sendable {
  /// The only kind there is.
  public static let kind = "lidar/beta"

  public var points: PointCloud?
  /// Objects as `SceneBox.json` makes them.
  public private(set) var boxes: [JSON]
  /// Objects `{"start": [x, y, z], "end": [x, y, z]}`.
  public private(set) var vectors: [JSON]

  /// A scene from parts that were checked when they were made.
  ///
  /// - Parameter vectors: start and end of each arrow, x y z.
  public init(points: PointCloud? = nil, boxes: [SceneBox] = [], vectors: [(start: [Double], end: [Double])] = []) {
    self.points = points
    self.boxes = boxes.map(\.json)
    self.vectors = vectors.map { vector in
      func list(_ values: [Double]) -> JSON { .array(values.map { .double($0) }) }
      return .object(["start": list(vector.start), "end": list(vector.end)])
    }
  }

  /// A scene from lists that are written as they are; nil is an empty list.
  ///
  /// - Throws: `.value` when a box is not an object whose `corners` are 8 points, `color` 3 numbers, `label` a text and
  ///   `score` a number, or a vector not an object of two points. Members that are missing or null pass.
  public init(points: PointCloud?, boxesJSON: JSON?, vectorsJSON: JSON?) throws(MediaError) {
    self.points = points
    boxes = try Self.list(boxesJSON, "boxes")
    vectors = try Self.list(vectorsJSON, "vectors")
    for (at, box) in boxes.enumerated() { try Self.check(box: box, "boxes[\(at)]") }
    for (at, vector) in vectors.enumerated() {
      guard let vector = vector.objectValue else {
        throw MediaError(.value, "vectors[\(at)]: is not an object {\"start\": [x, y, z], \"end\": [x, y, z]}")
      }
      for end: Key in ["start", "end"] {
        guard Self.isPoint(vector[end]) else {
          throw MediaError(.value, "vectors[\(at)]: \(end.string) must be three numbers")
        }
      }
    }
  }

  private static func list(_ value: JSON?, _ name: String) throws(MediaError) -> [JSON] {
    guard let value, value != .null else { return [] }
    guard let list = value.arrayValue else { throw MediaError(.value, "\(name): must be a list") }
    return list
  }

  private static func isPoint(_ value: JSON?) -> Bool {
    guard let value else { return false }
    guard let numbers = value.arrayValue else { return false }
    return numbers.count == 3 && numbers.allSatisfy { $0.doubleValue != nil }
  }

  private static func check(box: JSON, _ name: String) throws(MediaError) {
    guard let box = box.objectValue else {
      throw MediaError(.value, "\(name): is not an object with corners, label, color and score")
    }
    if let corners = box["corners"], corners != .null {
      guard let points = corners.arrayValue, points.count == 8, points.allSatisfy({ isPoint($0) }) else {
        throw MediaError(.value, "\(name): corners must be 8 points of three numbers")
      }
    }
    if let color = box["color"], color != .null, !isPoint(color) {
      throw MediaError(.value, "\(name): color must be three numbers, red, green and blue of 0 to 255")
    }
    if let label = box["label"], label != .null, label.stringValue == nil {
      throw MediaError(.value, "\(name): label must be a text")
    }
    if let score = box["score"], score != .null, score.doubleValue == nil {
      throw MediaError(.value, "\(name): score must be a number")
    }
  }

  /// About how many bytes the scene takes until it is written.
  public var byteCount: Int { (points?.byteCount ?? 0) &+ (boxes.count &+ vectors.count) &* 512 }

  /// The text of a `.pts.json` file.
  public func encode() throws(MediaError) -> [UInt8] {
    var before = ByteBuffer(capacity: 256)
    before.append("{\"type\":\"lidar/beta\",\"vectors\":")
    JSON.array(vectors).write(to: &before, style: .client)
    before.append(",\"points\":")
    var after = ByteBuffer(capacity: 256)
    after.append(",\"boxes\":")
    JSON.array(boxes).write(to: &after, style: .client)
    after.append(UInt8(ascii: "}"))
    if let points { return try points.encode(before: before.array(), after: after.array()) }
    before.append("[]")
    before.append(after.bytes)
    return before.array()
  }
}
