import QuipuBase

/// A box of a scene, straight or turned.
public struct SceneBox: Sendable {
  /// Eight corners, x y z. For a turned box the last coordinate changes fastest: (-,-,-), (-,-,+), (-,+,-) ...
  public var corners: [[Double]]
  /// Red, green, blue: 0 to 255 by convention, written as given.
  public var color: [JSON]
  public var label: String?
  /// Written as given.
  public var score: JSON

  /// - Parameters:
  ///   - color: red, green, blue, 0...255.
  ///   - label: nil (the default) is written as null, and so is a score that is nil.
  public init(corners: [[Double]], color: [UInt8], label: String? = nil, score: Double? = nil) throws(MediaError) {
    guard corners.count == 8, corners.allSatisfy({ $0.count == 3 }) else {
      throw MediaError(.value, "corners: must be 8 points of three numbers")
    }
    try self.init(corners, color.map { .int(Int64($0)) }, label, score.map { .double($0) } ?? .null)
  }

  private init(_ corners: [[Double]], _ color: [JSON], _ label: String?, _ score: JSON) throws(MediaError) {
    guard color.count == 3, color.allSatisfy({ $0.doubleValue != nil }) else {
      throw MediaError(.value, "color: must be three numbers, red, green and blue of 0 to 255")
    }
    guard score == .null || score.doubleValue != nil else { throw MediaError(.value, "score: must be a number") }
    self.corners = corners
    self.color = color
    self.label = label
    self.score = score
  }

  /// A box around a centre.
  ///
  /// - Parameters:
  ///   - center, size: x y z in the units of the points.
  ///   - orientation: a quaternion, real part first. W&B's client ignores the signs of its parts, and so does this.
  ///   - color: three numbers.
  /// - Throws: `.value` when the orientation is zero or not finite, or a list has another length.
  public init(
    center: [Double], size: [Double], orientation: [Double], color: [JSON], label: String? = nil, score: JSON = .null
  ) throws(MediaError) {
    for (name, list) in [("center", center), ("size", size)] where list.count != 3 {
      throw MediaError(.value, "\(name): has \(list.count) numbers; pass x, y and z")
    }
    try self.init(try Self.corners(center, size, orientation), color, label, score)
  }

  static func corners(
    _ center: [Double], _ size: [Double], _ orientation: [Double]
  ) throws(MediaError) -> [[Double]] {
    guard orientation.count == 4 else {
      throw MediaError(.value, "orientation: has \(orientation.count) numbers; pass a quaternion, real part first")
    }
    let parts = orientation.map { $0.magnitude }
    guard let largest = parts.max(), largest > 0, parts.allSatisfy({ $0.isFinite }) else {
      throw MediaError(.value, "orientation: is zero or not finite; pass a quaternion such as [1, 0, 0, 0]")
    }
    let scaled = parts.map { $0 / largest }
    let norm = scaled.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let (r, i, j, k) = (scaled[0] / norm, scaled[1] / norm, scaled[2] / norm, scaled[3] / norm)
    let rotation: [[Double]] = [
      [1 - 2 * (j * j + k * k), 2 * (i * j + k * r), 2 * (i * k - j * r)],
      [2 * (i * j - k * r), 1 - 2 * (i * i + k * k), 2 * (j * k + i * r)],
      [2 * (i * k + j * r), 2 * (j * k - i * r), 1 - 2 * (i * i + j * j)],
    ]
    return (0..<8).map { corner in
      let x = 0.5 * size[0] * (corner & 4 == 0 ? -1 : 1)
      let y = 0.5 * size[1] * (corner & 2 == 0 ? -1 : 1)
      let z = 0.5 * size[2] * (corner & 1 == 0 ? -1 : 1)
      return (0..<3).map { axis in
        center[axis] + (x * rotation[0][axis] + y * rotation[1][axis] + z * rotation[2][axis])
      }
    }
  }

  /// As it stands in a file.
  public var json: JSON {
    .object([
      "corners": .array(corners.map { .array($0.map { .double($0) }) }), "color": .array(color),
      "label": label.map { .string($0) } ?? .null, "score": score,
    ])
  }
}
