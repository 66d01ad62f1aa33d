import QuipuBase

/// The names of classes: of a mask's values, of boxes' ids, or of an image.
///
/// Source: W&B's rich data types, "Masks, boxes, classes".
public struct OverlayLabels: Sendable, Equatable {
  /// Class number as text to name, in the order given.
  public private(set) var names = JSONObject()
  /// For an image's class set: the classes as they were given, with whatever else they carry.
  public private(set) var classes: [JSONObject] = []

  public init() {}

  /// - Parameter labels: an object from number, as text, to name.
  /// - Throws: `.type` for keys that are not numbers and names that are not text.
  public init(labels: JSON, argument: String = "class_labels") throws(MediaError) {
    guard let members = labels.objectValue else {
      throw MediaError(.type, "\(argument): must be an object from class number to name")
    }
    for (key, value) in members.members {
      guard let number = Self.number(key.string) else {
        throw MediaError(.type, "\(argument): the key \"\(key.string)\" is not a class number")
      }
      guard let name = value.stringValue else {
        throw MediaError(.type, "\(argument): the name of class \(key.string) is not text")
      }
      names[key] = .string(name)
      classes.append(["id": number, "name": .string(name)])
    }
  }

  /// - Parameter list: objects with `id` (a number or text), `name` (text), and anything else.
  /// - Throws: `.type` for something else than a list of objects; `.assertion` where id or name are missing or of
  ///   another kind.
  public init(list: JSON, argument: String = "classes") throws(MediaError) {
    guard let items = list.arrayValue else { throw MediaError(.type, "\(argument): must be a list of classes") }
    for (at, item) in items.enumerated() {
      guard let members = item.objectValue else {
        throw MediaError(.type, "\(argument)[\(at)]: must be an object with id and name")
      }
      guard let name = members["name"]?.stringValue else {
        throw MediaError(.assertion, "\(argument)[\(at)]: needs the member name, a text")
      }
      guard let key = Self.key(members["id"]) else {
        throw MediaError(.assertion, "\(argument)[\(at)]: needs the member id, a number or a text")
      }
      names[key] = .string(name)
      classes.append(members)
    }
  }

  /// Classes by number.
  public init(_ labels: [(id: Int64, name: String)]) {
    for (id, name) in labels {
      names[Key(String(id))] = .string(name)
      classes.append(["id": .int(id), "name": .string(name)])
    }
  }

  /// What stands where nobody gave names: `class_N`.
  init(defaultsFor ids: [Int64]) { self.init(ids.map { ($0, "class_\($0)") }) }

  public var isEmpty: Bool { names.isEmpty }

  /// The class numbers, as numbers where they are.
  public var ids: [JSON] { classes.compactMap { $0["id"] } }

  /// The list of classes.
  public var json: JSON { .array(classes.map { .object($0) }) }

  /// Both, the later one winning.
  public func merged(with later: OverlayLabels) -> OverlayLabels {
    var result = self
    for item in later.classes {
      guard let id = item["id"], let name = item["name"] else { continue }
      if let key = Self.key(id) { result.names[key] = name }
      if let at = result.classes.firstIndex(where: { $0["id"] == id }) {
        result.classes[at] = item
      } else {
        result.classes.append(item)
      }
    }
    return result
  }

  /// An id as the text that stands for it in maps.
  private static func key(_ id: JSON?) -> Key? {
    switch id {
    case .int?, .double?: id.map { Key($0.text(style: .client)) }
    case .string(let text)?: Key(text)
    default: nil
    }
  }

  private static func number(_ text: String) -> JSON? {
    if let value = Int64(text) { return .int(value) }
    guard let json = try? JSON(parsing: text), let value = json.doubleValue else { return nil }
    return .double(value)
  }
}
