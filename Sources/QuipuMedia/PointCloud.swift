import QuipuBase

/// Point clouds and scenes for the 3D viewer: array views and JSON in, the bytes of a `.pts.json` file out.
///
/// Source: the W&B client's `Object3D`.
public enum PointCloud {
  /// Encodes points as a nested list.
  ///
  /// Shape: `[n, 3]` x y z, `[n, 4]` x y z and a category (by convention 1...14), `[n, 6]` x y z and red, green, blue
  /// (by convention 0...255). n may be 0.
  ///
  /// - Parameter points: any real type; integers stay integers, floats are widened to double first.
  /// - Throws: `.value` for another shape, `.type` for complex numbers, `.memory`.
  public static func encode(_ points: ArrayView) throws(MediaError) -> [UInt8] {
    guard points.shape.count == 2, [3, 4, 6].contains(points.shape[1]) else {
      throw MediaError(.value, "points have the shape \(points.shape); pass [n, 3], [n, 4] or [n, 6]")
    }
    var out = ByteBuffer(capacity: min(64 + points.count &* 12, 1 << 24))
    try appendList(points, to: &out)
    return out.array()
  }

  /// Encodes a `lidar/beta` scene; parts that are nil become empty lists.
  ///
  /// - Parameters:
  ///   - points: array of any shape with at least one axis.
  ///   - boxes: list of boxes, written as given (see `box`).
  ///   - vectors: list of `{"start": […], "end": […]}`, written as given.
  /// - Throws: `.type` for complex points, `.value` for points without an axis, `.memory`.
  public static func encodeScene(
    points: ArrayView?, boxes: JSON? = nil, vectors: JSON? = nil
  ) throws(MediaError) -> [UInt8] {
    var out = ByteBuffer(capacity: 1024)
    openScene(vectors, to: &out)
    if let points { try appendList(points, to: &out) } else { out.append("[]") }
    closeScene(boxes, to: &out)
    return out.array()
  }

  /// Encodes a `lidar/beta` scene from plain lists. Points with any float among them become floats throughout.
  public static func encodeScene(points: JSON, boxes: JSON, vectors: JSON? = nil) -> [UInt8] {
    var out = ByteBuffer(capacity: 1024)
    openScene(vectors, to: &out)
    (containsFloat(points) ? promoted(points) : points).write(to: &out, style: .client)
    closeScene(boxes, to: &out)
    return out.array()
  }

  private static func openScene(_ vectors: JSON?, to out: inout ByteBuffer) {
    out.append("{\"type\":\"lidar/beta\",\"vectors\":")
    (vectors ?? .array([])).write(to: &out, style: .client)
    out.append(",\"points\":")
  }

  private static func closeScene(_ boxes: JSON?, to out: inout ByteBuffer) {
    out.append(",\"boxes\":")
    (boxes ?? .array([])).write(to: &out, style: .client)
    out.append(UInt8(ascii: "}"))
  }

  private static func containsFloat(_ value: JSON) -> Bool {
    switch value {
    case .double: true
    case .array(let items): items.contains { containsFloat($0) }
    default: false
    }
  }

  private static func promoted(_ value: JSON) -> JSON {
    switch value {
    case .int, .bigInteger: .double(value.doubleValue ?? 0)
    case .array(let items): .array(items.map { promoted($0) })
    default: value
    }
  }

  /// Appends an array as nested lists, numbers as a client spells them.
  private static func appendList(_ view: ArrayView, to out: inout ByteBuffer) throws(MediaError) {
    guard !view.dtype.isComplex else {
      throw MediaError(.type, "points are \(view.dtype.name); pass real numbers")
    }
    guard view.shape.count >= 1 else { throw MediaError(.value, "points have no axes; pass [n, 3]") }
    if view.count == 0 {
      appendEmpty(view.shape[...], to: &out)
      return
    }
    // How many brackets open and close around element number n: one per axis whose index wraps there.
    let axes = view.shape.count
    var sizes: [Int] = []
    var size = 1
    for extent in view.shape.reversed() {
      size = size &* extent
      sizes.append(size)
    }
    let row = sizes[0]
    var at = 0
    @inline(__always) func before(_ out: inout ByteBuffer) {
      if at % row == 0 {
        if at > 0 { out.append(UInt8(ascii: ",")) }
        var open = 0
        while open < axes && at % sizes[open] == 0 { open &+= 1 }
        out.append(repeating: UInt8(ascii: "["), count: open)
      } else {
        out.append(UInt8(ascii: ","))
      }
    }
    @inline(__always) func after(_ out: inout ByteBuffer) {
      at &+= 1
      if at % row == 0 {
        var close = 0
        while close < axes && at % sizes[close] == 0 { close &+= 1 }
        out.append(repeating: UInt8(ascii: "]"), count: close)
      }
    }
    if view.dtype.isFloating {
      try view.forEachDoubleBlock { (block) throws(MediaError) in
        for value in block {
          before(&out)
          out.appendDouble(value, style: .client)
          after(&out)
        }
      }
    } else {
      let type = view.dtype
      try view.forEachIntegerBlock { (block) throws(MediaError) in
        for value in block {
          before(&out)
          switch type {
          case .bool: if value != 0 { out.append("true") } else { out.append("false") }
          case .u64: out.appendDecimal(UInt64(bitPattern: value))
          default: out.appendDecimal(value)
          }
          after(&out)
        }
      }
    }
  }

  /// A list without elements; extents behind the first zero leave no trace.
  private static func appendEmpty(_ shape: ArraySlice<Int>, to out: inout ByteBuffer) {
    out.append(UInt8(ascii: "["))
    if let extent = shape.first, extent > 0, extent <= 1 << 16 {
      for at in 0..<extent {
        if at > 0 { out.append(UInt8(ascii: ",")) }
        appendEmpty(shape.dropFirst(), to: &out)
      }
    }
    out.append(UInt8(ascii: "]"))
  }

  /// The eight corners of a turned box, as a box of a scene.
  ///
  /// - Parameters:
  ///   - center, size: three numbers each.
  ///   - orientation: a quaternion, real part first. The reference ignores the signs of its parts, and so does this.
  ///   - color: three numbers, written as given.
  ///   - label, score: null (the default) is written as null.
  /// - Throws: `.value` when the orientation is zero or not finite, or a list has another length.
  public static func box(
    center: [Double], size: [Double], orientation: [Double], color: JSON, label: JSON = .null, score: JSON = .null
  ) throws(MediaError) -> JSON {
    guard center.count == 3, size.count == 3, orientation.count == 4 else {
      throw MediaError(.value, "box needs 3 numbers for center and size and 4 for orientation")
    }
    let parts = orientation.map { $0.magnitude }
    guard let largest = parts.max(), largest > 0, parts.allSatisfy({ $0.isFinite }) else {
      throw MediaError(.value, "box orientation is zero or not finite; pass a quaternion such as [1, 0, 0, 0]")
    }
    let scaled = parts.map { $0 / largest }
    let norm = scaled.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let (r, i, j, k) = (scaled[0] / norm, scaled[1] / norm, scaled[2] / norm, scaled[3] / norm)
    let rotation: [[Double]] = [
      [1 - 2 * (j * j + k * k), 2 * (i * j + k * r), 2 * (i * k - j * r)],
      [2 * (i * j - k * r), 1 - 2 * (i * i + k * k), 2 * (j * k + i * r)],
      [2 * (i * k + j * r), 2 * (j * k - i * r), 1 - 2 * (i * i + j * j)],
    ]
    var corners: [JSON] = []
    for corner in 0..<8 {
      let offset = [
        0.5 * size[0] * (corner & 4 == 0 ? -1 : 1), 0.5 * size[1] * (corner & 2 == 0 ? -1 : 1),
        0.5 * size[2] * (corner & 1 == 0 ? -1 : 1),
      ]
      corners.append(
        .array(
          (0..<3).map { axis in
            let turned = offset[0] * rotation[0][axis] + offset[1] * rotation[1][axis] + offset[2] * rotation[2][axis]
            return .double(center[axis] + turned)
          }))
    }
    return .object(["corners": .array(corners), "color": color, "label": label, "score": score])
  }
}
