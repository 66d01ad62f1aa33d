import QuipuBase

/// Bounding boxes on a picture.
///
/// Source: W&B's rich data types, "Boxes".
public struct OverlayBoxes: Sendable {
  /// As it is written: `box_data`, and whatever else was given.
  public let json: JSONObject
  /// Those given, or `class_N` for each id that occurs.
  public let classLabels: OverlayLabels
  /// Names of the boxes' scores, in order of appearance.
  public let scoreNames: [String]
  private let boxes: [Box]

  /// What a check against a picture needs.
  private struct Box: Sendable {
    var left: Double, top: Double, right: Double, bottom: Double
    /// Nil: fractions of the picture.
    var domain: JSON?
  }

  /// The list under `box_data`.
  public var list: [JSON] { json["box_data"]?.arrayValue ?? [] }

  /// - Parameter json: `{"box_data": [box, ...], "class_labels"?: {number: name}}`. A box has `position`, which is either
  ///   `middle` (two numbers) with `width` and `height`, or `minX`, `maxX`, `minY`, `maxY`; and may have `domain`
  ///   (absent: fractions of the picture; "pixel"), `class_id` (an integer), `scores` (name to number), `box_caption`.
  ///   Other members are kept.
  /// - Throws: `.type` for members of another kind, `.key` for boxes without `class_id` where there are no labels.
  public init(json: JSONObject) throws(MediaError) {
    guard let data = json["box_data"] else { throw MediaError(.key, "box_data: is missing") }
    guard let list = data.arrayValue else { throw MediaError(.type, "box_data: must be a list of boxes") }
    var boxes: [Box] = []
    var scores = JSONObject()
    var ids: Set<Int64> = []
    for (at, item) in list.enumerated() {
      let name = "box_data[\(at)]"
      guard let members = item.objectValue else { throw MediaError(.type, "\(name): must be an object") }
      boxes.append(try Self.box(members, name))
      switch members["class_id"] {
      case nil:
        guard json["class_labels"] != nil else {
          throw MediaError(.key, "\(name): needs class_id, as no class_labels are given")
        }
      case .int(let id)?: ids.insert(id)
      default: throw MediaError(.type, "\(name).class_id: must be an integer")
      }
      if let given = members["scores"] {
        guard let values = given.objectValue else {
          throw MediaError(.type, "\(name).scores: must be an object from name to number")
        }
        for (key, value) in values.members {
          guard value.doubleValue != nil else { throw MediaError(.type, "\(name).scores.\(key.string): must be a number") }
          scores[key] = .null
        }
      }
      if let caption = members["box_caption"], caption.stringValue == nil {
        throw MediaError(.type, "\(name).box_caption: must be text")
      }
    }
    self.json = json
    self.boxes = boxes
    scoreNames = scores.keys.map(\.string)
    if let labels = json["class_labels"] {
      classLabels = try OverlayLabels(labels: labels)
    } else {
      classLabels = OverlayLabels(defaultsFor: ids.sorted())
    }
  }

  private static func box(_ members: JSONObject, _ name: String) throws(MediaError) -> Box {
    let position = members["position"]?.objectValue ?? JSONObject()
    func number(_ key: Key) -> Double? { position[key]?.doubleValue }
    if let middle = position["middle"]?.arrayValue, middle.count == 2, let width = number("width"),
      let height = number("height"), let x = middle[0].doubleValue, let y = middle[1].doubleValue
    {
      return Box(
        left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2,
        domain: members["domain"])
    }
    if let left = number("minX"), let right = number("maxX"), let top = number("minY"), let bottom = number("maxY") {
      return Box(left: left, top: top, right: right, bottom: bottom, domain: members["domain"])
    }
    throw MediaError(
      .type,
      "\(name).position: needs the numbers minX, maxX, minY and maxY, or middle (two numbers), width and height")
  }

  /// Refuses boxes that do not lie in a picture of this size. A millionth of a side is taken for rounding.
  ///
  /// - Throws: `.value` for NaN, infinities, a maximum below its minimum, parts outside, an unknown domain.
  public func check(width: Int, height: Int) throws(MediaError) {
    for (at, box) in boxes.enumerated() {
      let name = "box_data[\(at)]"
      var (right, bottom) = (1.0, 1.0)
      switch box.domain {
      case nil, .null?: break
      case .string("pixel")?: (right, bottom) = (Double(width), Double(height))
      default:
        throw MediaError(
          .value, "\(name).domain: is \(box.domain?.text(style: .client) ?? ""); pass \"pixel\", or nothing for fractions")
      }
      let corners = [box.left, box.top, box.right, box.bottom]
      guard corners.allSatisfy(\.isFinite) else {
        throw MediaError(.value, "\(name).position: holds NaN or infinity")
      }
      let text = "x \(box.left)...\(box.right), y \(box.top)...\(box.bottom)"
      guard box.left <= box.right, box.top <= box.bottom else {
        throw MediaError(.value, "\(name).position: \(text): a maximum is below its minimum")
      }
      let (marginX, marginY) = (right * 1e-6, bottom * 1e-6)
      guard box.left >= -marginX, box.top >= -marginY, box.right <= right + marginX, box.bottom <= bottom + marginY
      else {
        throw MediaError(
          .value,
          "\(name).position: \(text) lies outside the picture (x 0...\(right), y 0...\(bottom)); clip it, "
            + "or say that the domain is \"pixel\"")
      }
    }
  }
}

// MARK: - From arrays

extension OverlayBoxes {
  /// What the four columns of an array of boxes are.
  public enum Layout: Int32, Sendable {
    /// Left, top, right, bottom.
    case corners = 0
    /// Left, top, width, height.
    case cornerAndSize = 1
    /// Middle x, middle y, width, height.
    case middleAndSize = 2
  }

  /// What belongs to the rows of an array of boxes.
  public struct Columns {
    public var layout = Layout.corners
    /// Units: pixels; default false: fractions of the picture.
    public var inPixels = false
    /// `[n]` integers; nil: all 0, or no id where labels are given.
    public var classIDs: ArrayView?
    /// `[n]` or `[n, number of names]` numbers; nil: none.
    public var scores: ArrayView?
    /// One name for each column of scores; empty: `score`.
    public var scoreNames: [String] = []
    /// One for each box; empty: none.
    public var captions: [String] = []
    /// Nil: `class_N` for each id that occurs.
    public var labels: OverlayLabels?

    public init() {}
  }

  /// Boxes from an array.
  ///
  /// - Parameter array: `[n, 4]` numbers.
  /// - Throws: `.value` for shapes and counts that do not fit; what `init(json:)` throws.
  public init(array: ArrayView, _ columns: Columns) throws(MediaError) {
    guard array.shape.count == 2, array.shape[1] == 4, !array.dtype.isComplex, array.dtype != .bool else {
      throw MediaError(.value, "boxes: \(array.dtype.name) array of shape \(array.shape); pass numbers of shape [n, 4]")
    }
    let count = array.shape[0]
    let numbers = try NumberList(array).json
    var ids: [JSON]?
    if let given = columns.classIDs {
      guard given.shape == [count], given.dtype.isInteger else {
        throw MediaError(
          .value, "class_ids: \(given.dtype.name) array of shape \(given.shape); pass integers of shape [\(count)]")
      }
      ids = try NumberList(given).json
    }
    let names = columns.scoreNames.isEmpty ? ["score"] : columns.scoreNames
    var scores: [JSON] = []
    if let given = columns.scores {
      guard given.shape == [count, names.count] || (names.count == 1 && given.shape == [count]), !given.dtype.isComplex
      else {
        throw MediaError(
          .value,
          "scores: \(given.dtype.name) array of shape \(given.shape); pass numbers of shape [\(count), \(names.count)]")
      }
      scores = try NumberList(given).json
    }
    guard columns.captions.isEmpty || columns.captions.count == count else {
      throw MediaError(.value, "captions: \(columns.captions.count) for \(count) boxes; pass one for each, or none")
    }
    var list: [JSON] = []
    for at in 0..<count {
      var box = JSONObject()
      box["position"] = .object(Self.position(Array(numbers[(4 * at)..<(4 * at + 4)]), columns.layout))
      if columns.inPixels { box["domain"] = "pixel" }
      if let ids { box["class_id"] = ids[at] } else if columns.labels == nil { box["class_id"] = 0 }
      if !columns.captions.isEmpty { box["box_caption"] = .string(columns.captions[at]) }
      if !scores.isEmpty {
        var values = JSONObject()
        for (column, name) in names.enumerated() { values[Key(name)] = scores[at * names.count + column] }
        box["scores"] = .object(values)
      }
      list.append(.object(box))
    }
    var json: JSONObject = ["box_data": .array(list)]
    if let labels = columns.labels { json["class_labels"] = .object(labels.names) }
    try self.init(json: json)
  }

  private static func position(_ row: [JSON], _ layout: Layout) -> JSONObject {
    func sum(_ a: JSON, _ b: JSON) -> JSON {
      if case .int(let x) = a, case .int(let y) = b, !x.addingReportingOverflow(y).overflow { return .int(x &+ y) }
      return .double((a.doubleValue ?? .nan) + (b.doubleValue ?? .nan))
    }
    switch layout {
    case .corners: return ["minX": row[0], "maxX": row[2], "minY": row[1], "maxY": row[3]]
    case .cornerAndSize:
      return ["minX": row[0], "maxX": sum(row[0], row[2]), "minY": row[1], "maxY": sum(row[1], row[3])]
    case .middleAndSize: return ["middle": .array([row[0], row[1]]), "width": row[2], "height": row[3]]
    }
  }
}
