import QuipuBase

/// One cell of a table, with what the column types need to know about it beyond its JSON form.
///
/// # Tagged JSON
///
/// Other languages hand over cells as JSON text. Plain values stand for themselves: `null`, booleans, integers of any
/// size, floats (`NaN` included: a plain NaN is a missing value), strings, arrays (lists) and objects (dictionaries).
/// Everything else is an object with a member `"$q"` that names the kind:
///
/// | text | cell |
/// |---|---|
/// | `{"$q":"np","v":NaN}` | NumPy float scalar: its NaN is a number. Integers and booleans need no tag |
/// | `{"$q":"npstr","v":"x"}` | NumPy string scalar |
/// | `{"$q":"timestamp","iso":"2024-01-02T03:04:05","ms":1704164645000}` | date or time: run-file text, artifact ms |
/// | `{"$q":"timestamp","ns":1704164645123456789}` | `datetime64[ns]` (an integer in the run file, fractional ms) |
/// | `{"$q":"timestamp"}` | not-a-time: null in both files |
/// | `{"$q":"tuple","v":[…]}`, `{"$q":"set","v":[…]}` | tuple, set: lists |
/// | `{"$q":"dict","v":[[key,value],…]}` | dictionary, in particular one with a key `$q` |
/// | `{"$q":"bytes","b":[97,98]}` | bytes |
/// | `{"$q":"object","class":"Decimal","run":"1.10","artifact":1.1}` | object of another class, see below |
/// | `{"$q":"media","i":0}` | medium number `i` of those passed beside the text |
/// | `{"$q":"table","i":0}` | nested table number `i` of those passed beside the text |
/// | `{"$q":"ndarray","i":0}` | array number `i` of those passed beside the text |
/// | `{"$q":"index","i":0,"row":3}` | row 3 of foreign table number `i` of those passed beside the text |
///
/// An `object` brings its form in the run file (`run`) and in the artifact (`artifact`); a missing member means that
/// the file cannot hold the value (error `type`). Its column type is `pythonObject` with that class name; an optional
/// member `type` declares another, in the notation of `ColumnType.init(json:)`, for instance `"type":"number"`.
public enum TableCell: Sendable {
  case none
  case bool(Bool)
  case int(Int64)
  /// An integer outside Int64, as decimal digits with an optional minus sign.
  case bigInteger(String)
  /// A plain float. NaN is a missing value, of type none.
  case double(Double)
  /// A NumPy float scalar of any width, widened. NaN is a number.
  case numpyDouble(Double)
  case string(String)
  /// A NumPy string scalar; not of type string.
  case numpyString(String)
  indirect case timestamp(TableTimestamp)
  /// List, tuple or set.
  case list([TableCell])
  /// Dictionary, in order. Its keys are unique; `dict` in tagged JSON sees to that.
  case dict([Member])
  case array(TableArray)
  case media(TableMedia)
  case bytes([UInt8])
  indirect case object(TableObject)
  indirect case table(Table)
  indirect case index(row: Int64, table: ForeignTable)

  public struct Member: Sendable {
    public var key: Key
    public var value: TableCell

    public init(_ key: Key, _ value: TableCell) {
      self.key = key
      self.value = value
    }
  }

  /// What tagged JSON refers to by number.
  public struct Attachments: Sendable {
    public var media: [TableMedia] = []
    public var tables: [Table] = []
    public var arrays: [TableArray] = []
    public var foreignTables: [ForeignTable] = []

    public init() {}
  }
}

/// A date or time in the two forms that the files use.
public struct TableTimestamp: Sendable, Equatable {
  /// In the run file: ISO text, or an integer of nanoseconds, or null.
  public var run: JSON
  /// In the artifact: milliseconds since 1970 UTC, an integer or, from nanoseconds, a float; or null.
  public var artifact: JSON

  /// - Parameters:
  ///   - iso: ISO 8601 text as the run file shows it.
  ///   - milliseconds: since 1970 UTC, truncated toward zero.
  public init(iso: String, milliseconds: Int64) {
    run = .string(iso)
    artifact = .int(milliseconds)
  }

  /// - Parameter nanoseconds: since 1970 UTC, as in NumPy's `datetime64[ns]`.
  public init(nanoseconds: Int64) {
    run = .int(nanoseconds)
    // Whole milliseconds are exact, so that there is one rounding: the client divides integers.
    artifact = .double(Double(nanoseconds / 1_000_000) + Double(nanoseconds % 1_000_000) / 1_000_000)
  }

  /// Not a time.
  public init() {
    run = .null
    artifact = .null
  }
}

/// A value of a class that tables have no type for.
public struct TableObject: Sendable {
  public var type: ColumnType
  public var className: String
  /// Form in the run file; nil if it cannot hold the value.
  public var run: JSON?
  /// Form in the artifact; nil if it cannot hold the value.
  public var artifact: JSON?

  public init(className: String, run: JSON?, artifact: JSON?, type: ColumnType? = nil) {
    self.className = className
    self.run = run
    self.artifact = artifact
    self.type = type ?? .pythonObject(className: className)
  }
}

/// A medium in a cell. Its bytes are not here: whoever writes the artifact supplies its form then, by `id`.
public final class TableMedia: Sendable {
  /// What the run file shows: `Image`, `Html`, `Object3D`, `Audio`, `Video`, `Molecule`...
  public let className: String
  /// Its column type: `.image(…)`, `.media("html-file")`, `.pythonObject("Molecule")`...
  public let type: ColumnType
  /// The caller's number for it.
  public let id: Int

  public init(className: String, type: ColumnType, id: Int) {
    self.className = className
    self.type = type
    self.id = id
  }
}

// MARK: - Tagged JSON

extension TableCell {
  /// A cell from tagged JSON (see the notation above).
  ///
  /// - Throws: `value` for an unknown tag or missing members, `index` for a number beyond the attachments.
  public init(taggedJSON json: JSON, attachments: Attachments = Attachments()) throws(MediaError) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .int(let value): self = .int(value)
    case .bigInteger(let digits): self = .bigInteger(digits)
    case .double(let value): self = .double(value)
    case .string(let text): self = .string(text)
    case .array(let elements): self = .list(try Self.cells(elements, attachments))
    case .object(let object):
      if let tag = object["$q"] {
        self = try Self.tagged(tag, object, attachments)
      } else {
        var members: [Member] = []
        members.reserveCapacity(object.count)
        for (key, value) in object.members {
          members.append(Member(key, try TableCell(taggedJSON: value, attachments: attachments)))
        }
        self = .dict(members)
      }
    }
  }

  /// A cell from tagged JSON text.
  public init(taggedJSONText text: String, attachments: Attachments = Attachments()) throws(MediaError) {
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: text)
    } catch {
      throw MediaError(.value, "cell: not JSON: \(error)")
    }
    try self.init(taggedJSON: json, attachments: attachments)
  }

  static func cells(_ elements: [JSON], _ attachments: Attachments) throws(MediaError) -> [TableCell] {
    var cells: [TableCell] = []
    cells.reserveCapacity(elements.count)
    for element in elements { cells.append(try TableCell(taggedJSON: element, attachments: attachments)) }
    return cells
  }

  private static func tagged(
    _ tag: JSON, _ object: JSONObject, _ attachments: Attachments
  ) throws(MediaError) -> TableCell {
    func refused(_ what: String) -> MediaError {
      MediaError(.value, "cell: {\"$q\":\(tag.text(style: .client))}: \(what)")
    }
    func attached<T>(_ list: [T], _ what: String) throws(MediaError) -> T {
      guard let number = object["i"]?.intValue else { throw refused("member 'i' must be an integer") }
      guard number >= 0, number < Int64(list.count) else {
        throw MediaError(.index, "cell: \(what) number \(number) of \(list.count) passed beside the text")
      }
      return list[Int(number)]
    }
    guard case .string(let kind) = tag else { throw refused("the kind must be a string") }
    switch kind {
    case "np":
      switch object["v"] {
      case .double(let value)?: return .numpyDouble(value)
      case .int(let value)?: return .int(value)
      case .bigInteger(let digits)?: return .bigInteger(digits)
      case .bool(let value)?: return .bool(value)
      default: throw refused("member 'v' must be a number")
      }
    case "npstr":
      guard let text = object["v"]?.stringValue else { throw refused("member 'v' must be a string") }
      return .numpyString(text)
    case "timestamp":
      if let nanoseconds = object["ns"]?.intValue { return .timestamp(TableTimestamp(nanoseconds: nanoseconds)) }
      guard let iso = object["iso"]?.stringValue else { return .timestamp(TableTimestamp()) }
      guard let milliseconds = object["ms"]?.intValue else { throw refused("member 'ms' must be an integer") }
      return .timestamp(TableTimestamp(iso: iso, milliseconds: milliseconds))
    case "tuple", "set":
      guard let elements = object["v"]?.arrayValue else { throw refused("member 'v' must be an array") }
      return .list(try cells(elements, attachments))
    case "dict":
      guard let pairs = object["v"]?.arrayValue else { throw refused("member 'v' must be an array of pairs") }
      var members: [Member] = []
      for pair in pairs {
        guard let pair = pair.arrayValue, pair.count == 2, let key = pair[0].stringValue else {
          throw refused("member 'v' must hold pairs of a string and a value")
        }
        let member = Member(Key(key), try TableCell(taggedJSON: pair[1], attachments: attachments))
        if let at = members.firstIndex(where: { $0.key == member.key }) {
          members[at] = member
        } else {
          members.append(member)
        }
      }
      return .dict(members)
    case "bytes":
      guard let elements = object["b"]?.arrayValue else { throw refused("member 'b' must be an array") }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(elements.count)
      for element in elements {
        guard let value = element.intValue, let byte = UInt8(exactly: value) else {
          throw refused("member 'b' must hold integers from 0 to 255")
        }
        bytes.append(byte)
      }
      return .bytes(bytes)
    case "object":
      guard let className = object["class"]?.stringValue else { throw refused("member 'class' must be a string") }
      var type: ColumnType?
      if let declared = object["type"] { type = try ColumnType(json: declared) }
      return .object(
        TableObject(className: className, run: object["run"], artifact: object["artifact"], type: type))
    case "media": return .media(try attached(attachments.media, "medium"))
    case "table": return .table(try attached(attachments.tables, "table"))
    case "ndarray": return .array(try attached(attachments.arrays, "array"))
    case "index":
      guard let row = object["row"]?.intValue else { throw refused("member 'row' must be an integer") }
      return .index(row: row, table: try attached(attachments.foreignTables, "foreign table"))
    default: throw refused("unknown kind; see the tagged JSON notation")
    }
  }
}
