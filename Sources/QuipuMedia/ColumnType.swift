import QuipuBase

/// The type of a table column, of a nested value, or the declaration a user gave for one.
///
/// A column starts as `unknown`, or as a union of `unknown` and `none` if it is optional, and *learns*: every value
/// that is added is assigned to the type, which yields the type from then on or refuses the value (`assigning(_:)` in
/// ColumnType+Assign.swift).
///
/// Source: reference of the official client, sections 8.2 to 8.4 of the notes on rich data types.
public indirect enum ColumnType: Sendable {
  case none, string, number, boolean, timestamp
  /// Everything but none.
  case any
  /// Nothing seen so far.
  case unknown
  /// The result of elements that do not fit together inside a list; accepts nothing.
  case invalid
  case artifactVersion
  /// Strings that identify the rows.
  case primaryKey
  /// One of several, sorted by `text`. Make one with `union(of:)`.
  case union([ColumnType])
  case list(element: ColumnType, length: Int?)
  /// A dictionary with known keys. The type of a whole table is one over its columns.
  case typedDict([Field])
  /// Arrays of one shape. `storage` is set only in an artifact, for a column that is kept in an `.npz` file.
  case ndarray(shape: [Int], storage: ArrayStorage?)
  case const(JSON, isSet: Bool)
  /// A value of a class without a type of its own.
  case pythonObject(className: String)
  case image(ImageLayers)
  /// Other media, by their name in `column_types`: `audio-file`, `video-file`, `html-file`, `object3D-file`,
  /// `bokeh-file`, `joined-table`, `partitioned-table`.
  case media(String)
  case table(ColumnType)
  /// Strings that are keys of another table's column.
  case foreignKey(table: ForeignTable, column: String)
  /// Row numbers of another table.
  case foreignIndex(table: ForeignTable)

  public struct Field: Sendable {
    public var key: Key
    public var type: ColumnType

    public init(_ key: Key, _ type: ColumnType) {
      self.key = key
      self.type = type
    }
  }

  /// Where an artifact keeps the arrays of a column.
  public struct ArrayStorage: Sendable, Equatable {
    /// Entry path of the `.npz` file.
    public var path: String
    /// Member name without `.npy`: the column's name.
    public var key: String

    public init(path: String, key: String) {
      self.path = path
      self.key = key
    }
  }

  /// What the masks, boxes and classes of a column's images are called. All empty for plain images.
  public struct ImageLayers: Sendable, Equatable {
    /// Layer name to the list of its label ids.
    public var boxLayers: JSONObject = [:]
    public var boxScoreKeys: [String] = []
    /// Layer name to the list of its label ids.
    public var maskLayers: JSONObject = [:]
    /// Layer name to an object from label id to label.
    public var boxClassMaps: JSONObject = [:]
    public var maskClassMaps: JSONObject = [:]
    /// Label id to label, of the image's class set.
    public var classMap: JSONObject = [:]

    public init() {}
  }

  /// The union of `members`: nested unions flattened, sorted by `text`. A single member stands for itself.
  public static func union(of members: [ColumnType]) -> ColumnType {
    var flat: [(text: Key, type: ColumnType)] = []
    func add(_ type: ColumnType) {
      if case .union(let inner) = type { inner.forEach(add) } else { flat.append((Key(type.text), type)) }
    }
    members.forEach(add)
    // Stable, so that members with equal texts keep their order.
    let sorted = flat.enumerated().sorted { a, b in
      a.element.text == b.element.text ? a.offset < b.offset : a.element.text < b.element.text
    }
    return .union(sorted.map(\.element.type))
  }

  /// The type or none.
  public var optional: ColumnType {
    if case .union(let members) = self, members.contains(where: \.isNone) { return self }
    return .union(of: [self, .none])
  }

  var isNone: Bool { if case .none = self { true } else { false } }
  var isUnknown: Bool { if case .unknown = self { true } else { false } }
  var isInvalid: Bool { if case .invalid = self { true } else { false } }
}

/// Another table that a column points into. Compared by identity, not by content.
public final class ForeignTable: Sendable {
  /// The content at the time when the reference was made or last refreshed; this is what an artifact stores.
  public let table: Table
  /// Tells tables apart: two references with equal numbers mean the same table.
  public let identity: UInt64

  public init(_ table: Table, identity: UInt64) {
    self.table = table
    self.identity = identity
  }
}

// MARK: - Names and texts

extension ColumnType {
  /// The name under `wb_type`.
  public var name: String {
    switch self {
    case .none: "none"
    case .string: "string"
    case .number: "number"
    case .boolean: "boolean"
    case .timestamp: "timestamp"
    case .any: "any"
    case .unknown: "unknown"
    case .invalid: "invalid"
    case .artifactVersion: "artifactVersion"
    case .primaryKey: "primaryKey"
    case .union: "union"
    case .list: "list"
    case .typedDict: "typedDict"
    case .ndarray: "ndarray"
    case .const: "const"
    case .pythonObject: "pythonObject"
    case .image: "image-file"
    case .media(let name): name
    case .table: "table"
    case .foreignKey: "foreignKey"
    case .foreignIndex: "foreignIndex"
    }
  }

  /// The text by which the members of a union are ordered, and which messages show.
  public var text: String {
    switch self {
    case .union(let members): return members.map(\.text).joined(separator: " or ")
    case .list(let element, _): return element.text + "[]"
    case .typedDict(let fields):
      return "{" + fields.map { "'\($0.key.string)': \($0.type.text)" }.joined(separator: ", ") + "}"
    case .const(let value, _):
      if case .string(let text) = value { return text }
      if case .null = value { return "None" }
      return value.text(style: .artifact)
    default: break
    }
    let title = capitalized(name)
    switch self {
    case .ndarray(let shape, _):
      return title + "(shape:[" + shape.map { String($0) }.joined(separator: ", ") + "])"
    case .pythonObject(let className): return title + "(class_name:" + className + ")"
    case .image(let layers):
      let members = layers.members.map { $0.0 + ":" + $0.1.text(style: .artifact) }
      return title + "(" + members.joined(separator: ", ") + ")"
    case .table(let columns): return title + "(column_types:" + columns.text + ")"
    case .foreignKey(_, let column): return title + "(table, col_name:" + column + ")"
    case .foreignIndex: return title + "(table)"
    default: return title
    }
  }

  /// First letter upper, the rest lower case (ASCII).
  private func capitalized(_ name: String) -> String {
    var first = true
    let bytes = name.utf8.map { byte -> UInt8 in
      defer { first = false }
      if first { return byte >= 97 && byte <= 122 ? byte &- 32 : byte }
      return byte >= 65 && byte <= 90 ? byte | 0x20 : byte
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

// MARK: - JSON form

extension ColumnType {
  /// The form in `column_types`.
  ///
  /// - Parameter path: entry path of a foreign table in the artifact that is being written.
  public func json(path: (ForeignTable) -> String? = { _ in nil }) -> JSON {
    var params = JSONObject()
    switch self {
    case .union(let members): params["allowed_types"] = .array(members.map { $0.json(path: path) })
    case .list(let element, let length):
      params["element_type"] = element.json(path: path)
      params["length"] = length.map { .int(Int64($0)) } ?? .null
    case .typedDict(let fields):
      var map = JSONObject()
      for field in fields { map[field.key] = field.type.json(path: path) }
      params["type_map"] = .object(map)
    case .ndarray(let shape, let storage):
      params["shape"] = .array(shape.map { .int(Int64($0)) })
      params["serialization_path"] = storage.map { ["path": .string($0.path), "key": .string($0.key)] } ?? .null
    case .const(let value, let isSet):
      params["val"] = value
      params["is_set"] = .bool(isSet)
    case .pythonObject(let className): params["class_name"] = .string(className)
    case .image(let layers):
      for (name, value) in layers.members {
        let isSet = name == "box_score_keys"
        params[Key(name)] = ColumnType.const(value, isSet: isSet).json()
      }
    case .table(let columns): params["column_types"] = columns.json(path: path)
    case .foreignKey(let table, let column):
      params["table"] = path(table).map { .string($0) } ?? .null
      params["col_name"] = .string(column)
    case .foreignIndex(let table): params["table"] = path(table).map { .string($0) } ?? .null
    default: break
    }
    return params.isEmpty ? ["wb_type": .string(name)] : ["wb_type": .string(name), "params": .object(params)]
  }

  /// A type from its JSON form, or from a plain name such as `"number"`. Foreign keys cannot be declared this way.
  ///
  /// - Throws: `value` for an unknown name or missing parameters.
  public init(json: JSON) throws(MediaError) {
    func refused(_ what: String) -> MediaError {
      MediaError(.value, "dtype: \(what); give a type name or an object with wb_type and params")
    }
    let name: String
    var params = JSONObject()
    switch json {
    case .string(let text): name = text
    case .object(let object):
      guard let text = object["wb_type"]?.stringValue else { throw refused("wb_type is missing") }
      name = text
      params = object["params"]?.objectValue ?? [:]
    default: throw refused("neither a name nor an object")
    }
    switch name {
    case "none": self = .none
    case "string": self = .string
    case "number": self = .number
    case "boolean": self = .boolean
    case "timestamp": self = .timestamp
    case "any": self = .any
    case "unknown": self = .unknown
    case "invalid": self = .invalid
    case "artifactVersion": self = .artifactVersion
    case "primaryKey": self = .primaryKey
    case "union":
      var members: [ColumnType] = []
      for member in params["allowed_types"]?.arrayValue ?? [] { members.append(try ColumnType(json: member)) }
      self = .union(of: members)
    case "list":
      let element = try params["element_type"].map { json throws(MediaError) in try ColumnType(json: json) }
      self = .list(element: element ?? .unknown, length: params["length"]?.intValue.map { Int($0) })
    case "typedDict":
      var fields: [Field] = []
      for (key, value) in params["type_map"]?.objectValue?.members ?? [] {
        fields.append(Field(key, try ColumnType(json: value)))
      }
      self = .typedDict(fields)
    case "ndarray":
      guard let shape = params["shape"]?.arrayValue else { throw refused("ndarray needs a shape") }
      self = .ndarray(shape: shape.compactMap { $0.intValue.map { Int($0) } }, storage: nil)
    case "const":
      self = .const(params["val"] ?? .null, isSet: params["is_set"]?.boolValue ?? false)
    case "pythonObject":
      self = .pythonObject(className: params["class_name"]?.stringValue ?? "object")
    case "image-file": self = .image(ImageLayers(json: params))
    case "table":
      let columns = try params["column_types"].map { json throws(MediaError) in try ColumnType(json: json) }
      self = .table(columns ?? .unknown)
    case "audio-file", "video-file", "html-file", "object3D-file", "bokeh-file", "joined-table", "partitioned-table":
      self = .media(name)
    default: throw refused("'\(name)' is not a column type")
    }
  }
}

extension ColumnType.ImageLayers {
  /// Parameter names and values in the order of the client's texts.
  var members: [(String, JSON)] {
    [
      ("box_layers", .object(boxLayers)),
      ("box_score_keys", .array(boxScoreKeys.map { .string($0) })),
      ("mask_layers", .object(maskLayers)),
      ("box_class_maps", .object(boxClassMaps)),
      ("mask_class_maps", .object(maskClassMaps)),
      ("class_map", .object(classMap)),
    ]
  }

  /// From the parameters of an `image-file` type: bare values, or each wrapped as a const type.
  public init(json params: JSONObject) {
    func value(_ name: Key) -> JSON? {
      if let object = params[name]?.objectValue, object["wb_type"]?.stringValue == "const" {
        return object["params"]?.objectValue?["val"]
      }
      return params[name]
    }
    boxLayers = value("box_layers")?.objectValue ?? [:]
    boxScoreKeys = (value("box_score_keys")?.arrayValue ?? []).compactMap(\.stringValue)
    maskLayers = value("mask_layers")?.objectValue ?? [:]
    boxClassMaps = value("box_class_maps")?.objectValue ?? [:]
    maskClassMaps = value("mask_class_maps")?.objectValue ?? [:]
    classMap = value("class_map")?.objectValue ?? [:]
  }

  /// The layers of both; where names meet, label ids are united and existing labels win.
  func merged(with other: Self) -> Self {
    var result = self
    for (name, ids) in other.boxLayers.members { result.boxLayers[name] = Self.united(boxLayers[name], ids) }
    for (name, ids) in other.maskLayers.members { result.maskLayers[name] = Self.united(maskLayers[name], ids) }
    for key in other.boxScoreKeys where !result.boxScoreKeys.contains(where: { Key($0) == Key(key) }) {
      result.boxScoreKeys.append(key)
    }
    for (name, map) in other.boxClassMaps.members {
      result.boxClassMaps[name] = .object(Self.filled(boxClassMaps[name]?.objectValue, map.objectValue))
    }
    for (name, map) in other.maskClassMaps.members {
      result.maskClassMaps[name] = .object(Self.filled(maskClassMaps[name]?.objectValue, map.objectValue))
    }
    result.classMap = Self.filled(classMap, other.classMap)
    return result
  }

  private static func united(_ a: JSON?, _ b: JSON) -> JSON {
    var ids = a?.arrayValue ?? []
    for id in b.arrayValue ?? [] where !ids.contains(id) { ids.append(id) }
    return .array(ids)
  }

  private static func filled(_ a: JSONObject?, _ b: JSONObject?) -> JSONObject {
    var result = a ?? [:]
    for (key, value) in b?.members ?? [] where result[key] == nil { result[key] = value }
    return result
  }
}
