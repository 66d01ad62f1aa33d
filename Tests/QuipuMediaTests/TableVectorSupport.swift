import Glibc
import QuipuBase
import Testing

@testable import QuipuMedia

/// Runs the scripts of the table vectors against `Table`, playing the part of a run.
struct TableVector {
  let folder: String
  let script: [JSON]
  let expected: JSONObject

  static let root: String = {
    if let path = getenv("QUIPU_VECTORS") { return String(cString: path) + "/media/table" }
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(2)
    return parts.joined(separator: "/") + "/Vectors/media/table"
  }()

  init(_ name: String) throws {
    folder = Self.root + "/" + name
    script = try JSON(parsing: try readFile(folder + "/case.json")).objectValue?["script"]?.arrayValue ?? []
    expected = try #require(try JSON(parsing: try readFile(folder + "/expected.json")).objectValue)
  }

  /// Cases by what they need. The reasons for leaving some out are beside their names.
  static let skipped: [String: String] = [
    "err_column_name_type": "the type of a Python object; the binding checks it",
    "err_columns_type": "the type of a Python object; the binding checks it",
    "err_data_tuple": "the type of a Python object; the binding checks it",
    "joined": "a value of its own, with references to another artifact; not a table",
    "partitioned": "a value of its own; not a table",
    "images_classes": "the class set's file belongs to the image",
    "images_masks_boxes": "masks and boxes belong to the image",
    "html_object3d": "the bytes are made by Html and Object3D",
  ]

  static let names: [String] = {
    var names: [String] = []
    guard let directory = opendir(root) else { return [] }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") && skipped[name] == nil { names.append(name) }
    }
    return names.sorted()
  }()
}

struct VectorFailure: Error { var text: String }

func readFile(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "rb") else { throw VectorFailure(text: "cannot open \(path)") }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = fread(&chunk, 1, chunk.count, file)
    if count == 0 { return bytes }
    bytes.append(contentsOf: chunk[..<count])
  }
}

/// What a script left behind, in the shape of `expected.json`.
struct VectorOutcome {
  var clientJSON: [JSON] = []
  var artifacts: [(name: String, type: String, content: TableArtifact)] = []
  var files: [String: [UInt8]] = [:]
  var fileRecords: [String] = []
  var error: (statement: Int, error: MediaError)?
}

/// A table with a name, shared like a Python object.
final class SharedTable {
  var table: Table
  init(_ table: Table) { self.table = table }
}

/// A logged value: plain JSON with tables in it.
indirect enum Logged {
  case table(SharedTable)
  case object([(String, Logged)])
  case array([Logged])
}

struct VectorRun {
  static let epoch: Int64 = 1_700_000_000_000
  let vector: TableVector
  var outcome = VectorOutcome()
  private var names: [String: SharedTable] = [:]
  private var named: [String: TableCell] = [:]
  private var forms: [Int: TableMediaForm] = [:]
  private var step: Int64 = 0

  init(_ vector: TableVector) { self.vector = vector }

  mutating func run() throws {
    for (at, statement) in vector.script.enumerated() {
      do {
        try execute(statement.objectValue ?? [:])
      } catch let error as MediaError {
        outcome.error = (at, error)
        return
      }
    }
  }

  private mutating func execute(_ statement: JSONObject) throws {
    if let name = statement["let"]?.stringValue {
      let expression = statement["be"] ?? .null
      if isTable(expression) {
        names[name] = SharedTable(try table(expression))
      } else {
        named[name] = try cell(expression)
      }
    } else if let name = statement["do"]?.stringValue {
      let shared = try #require(names[name])
      try call(
        statement["method"]?.stringValue ?? "", on: shared, statement["args"]?.arrayValue ?? [],
        statement["kwargs"]?.objectValue ?? [:])
    } else if let values = statement["log"]?.objectValue {
      var row: [(String, Logged)] = []
      for (key, value) in values.members { row.append((key.string, try logged(value))) }
      var json = JSONObject()
      for (key, value) in row { json[Key(key)] = try bind(value, key: key, step: String(step)) }
      outcome.clientJSON.append(.object(json))
      step += 1
    } else if let values = statement["summary"]?.objectValue {
      for (key, value) in values.members { _ = try bind(try logged(value), key: key.string, step: "summary") }
    } else {
      throw VectorFailure(text: "unknown statement")
    }
  }

  // MARK: Logging

  private mutating func logged(_ expression: JSON) throws -> Logged {
    if let name = expression.objectValue?["$ref"]?.stringValue { return .table(try #require(names[name])) }
    if let frame = expression.objectValue?["$dataframe"] {
      return .table(SharedTable(try dataframe(frame)))
    }
    if isTable(expression) { return .table(SharedTable(try table(expression))) }
    switch expression {
    case .array(let elements):
      var values: [Logged] = []
      for element in elements { values.append(try logged(element)) }
      return .array(values)
    case .object(let object):
      var values: [(String, Logged)] = []
      for (key, value) in object.members { values.append((key.string, try logged(value))) }
      return .object(values)
    default: throw VectorFailure(text: "not a table: \(expression)")
    }
  }

  private mutating func bind(_ value: Logged, key: String, step: String) throws -> JSON {
    switch value {
    case .array(let values):
      var result: [JSON] = []
      for value in values { result.append(try bind(value, key: key, step: step)) }
      return .array(result)
    case .object(let members):
      var result = JSONObject()
      for (key, value) in members { result[Key(key)] = try bind(value, key: key, step: step) }
      return .object(result)
    case .table(let shared):
      let plan = try shared.table.prepareLog(runID: "vec00001")
      if plan.mustWrite {
        let entry = try plan.entryPath(key: key, epochMilliseconds: Self.epoch)
        let forms = forms
        let artifact = try shared.table.artifact(entry: entry, plan: plan) { medium throws(MediaError) in
          guard let form = forms[medium.id] else { throw MediaError(.key, "no form") }
          return form
        }
        let number = outcome.artifacts.count
        outcome.artifacts.append((plan.artifactName(runID: "vec00001", key: key), plan.artifactType, artifact))
        let bytes = try shared.table.runFile(rows: plan.rows)
        let digest = hexText(SHA256.hash(bytes))
        let path = MediaNames.mediaFileName(
          folder: "media/table", key: key, step: step, digest: digest, ext: ".table.json")
        outcome.fileRecords.append(path)
        let shown = MediaNames.collapsedSlashes(path)
        outcome.files[shown] = bytes
        shared.table.didLog(
          plan, runID: "vec00001",
          binding: TableBinding(
            sha256: digest, size: bytes.count, path: shown,
            artifactPath: "wandb-client-artifact://{CLIENT_ID_\(number)}/\(entry)",
            latestArtifactPath: "wandb-client-artifact://{SEQUENCE_ID_\(number)}:latest/\(entry)"))
      }
      return try #require(shared.table.loggedValue)
    }
  }

  // MARK: Tables

  private func isTable(_ expression: JSON) -> Bool {
    expression.objectValue?["$new"]?.stringValue == "wandb.Table"
  }

  private mutating func table(_ expression: JSON) throws -> Table {
    let object = try #require(expression.objectValue)
    let positional = object["args"]?.arrayValue ?? []
    let named = object["kwargs"]?.objectValue ?? [:]
    func argument(_ name: Key, _ place: Int) -> JSON? {
      if let value = named[name] { return value }
      return positional.dropFirst(place).first
    }
    if let frame = named["dataframe"]?.objectValue?["$dataframe"] { return try dataframe(frame) }
    if let frame = named["data"]?.objectValue?["$dataframe"] { return try dataframe(frame) }

    let mode = try named["log_mode"].map { try Table.LogMode(word: $0.stringValue ?? "") } ?? .immutable
    let mixed = named["allow_mixed_types"]?.boolValue ?? false
    var optional = [true]
    if let one = named["optional"]?.boolValue { optional = [one] }
    if let list = named["optional"]?.arrayValue { optional = list.compactMap(\.boolValue) }
    var columns = [Table.ColumnName("Input"), .init("Output"), .init("Expected")]
    if let list = argument("columns", 0)?.arrayValue {
      columns = list.map { $0.intValue.map { .integer($0) } ?? Table.ColumnName($0.stringValue ?? "") }
    }
    var types: [ColumnType]?
    if let declared = named["dtype"] {
      if let list = declared.arrayValue {
        types = try list.map { try dtype($0) }
      } else {
        types = [ColumnType](repeating: try dtype(declared), count: columns.count)
      }
    }
    var table = Table(columns: columns, types: types, optional: optional, allowMixedTypes: mixed, logMode: mode)
    guard let data = argument("data", 1) ?? named["rows"] else { return table }
    if let file = data.objectValue?["$npy"]?.stringValue {
      let array = try npy(file)
      for row in 0..<array.shape[0] {
        guard case .array(let values)? = array.row(row) else { continue }
        try table.addRow((0..<values.count).map { values.element($0) })
      }
    } else if let count = data.objectValue?["$rows"]?.intValue {
      for row in 0..<count { try table.addRow([.int(row)]) }
    } else {
      for row in data.arrayValue ?? [] { try table.addRow(try cells(row.arrayValue ?? [])) }
    }
    return table
  }

  /// Numeric columns hold NumPy scalars, text columns strings with NaN for what is missing.
  private func dataframe(_ frame: JSON) throws -> Table {
    let parts = frame.arrayValue ?? []
    var table = Table(columns: parts.map { Table.ColumnName($0.arrayValue?.first?.stringValue ?? "") })
    let values = parts.map { $0.arrayValue?.last?.arrayValue ?? [] }
    for row in 0..<(values.first?.count ?? 0) {
      try table.addRow(
        values.map { column in
          switch column[row] {
          case .int(let value): .int(value)
          case .double(let value): .numpyDouble(value)
          case .string(let text): .string(text)
          case .object: .numpyDouble(.nan)
          default: .double(.nan)
          }
        })
    }
    return table
  }

  private func dtype(_ declared: JSON) throws -> ColumnType {
    if let name = declared.objectValue?["$type"]?.stringValue {
      switch name {
      case "str": return .string
      case "int", "float": return .number
      case "bool": return .boolean
      default: throw VectorFailure(text: "type \(name)")
      }
    }
    if let members = declared.arrayValue { return .union(of: try members.map { try dtype($0) }) }
    return .const(declared, isSet: false)
  }

  private mutating func call(
    _ method: String, on shared: SharedTable, _ arguments: [JSON], _ named: JSONObject
  ) throws {
    func column(_ place: Int) -> Table.ColumnName { Table.ColumnName(arguments[place].stringValue ?? "") }
    switch method {
    case "add_data", "add_row": try shared.table.addRow(try cells(arguments))
    case "add_column":
      let optional = named["optional"]?.boolValue ?? false
      let name = arguments[0].stringValue ?? ""
      if let file = arguments[1].objectValue?["$npy"]?.stringValue {
        let array = try npy(file)
        try shared.table.addColumn(name, .cells((0..<array.count).map { array.element($0) }), optional: optional)
      } else {
        try shared.table.addColumn(name, .cells(try cells(arguments[1].arrayValue ?? [])), optional: optional)
      }
    case "add_computed_columns":
      for (name, rule) in arguments[0].objectValue?["$rowfn"]?.objectValue?.members ?? [] {
        let rule = rule.arrayValue?.compactMap(\.stringValue) ?? []
        let values = try (0..<shared.table.rowCount).map { row -> TableCell in
          let operands = try rule.dropFirst().map { column -> Int64 in
            let at = try #require(shared.table.columns.firstIndex(of: Table.ColumnName(column)))
            guard case .int(let value)? = shared.table.cell(row: row, column: at) else {
              throw VectorFailure(text: "operand")
            }
            return value
          }
          switch rule[0] {
          case "add": return .int(operands[0] + operands[1])
          case "sub": return .int(operands[0] - operands[1])
          default: return .int(operands[0] * operands[1])
          }
        }
        try shared.table.addColumn(name.string, .cells(values))
      }
    case "cast":
      try shared.table.cast(column(0), to: try dtype(arguments[1]), optional: named["optional"]?.boolValue ?? false)
    case "set_pk": try shared.table.setPrimaryKey(column(0))
    case "set_fk":
      let other = try #require(names[arguments[1].objectValue?["$ref"]?.stringValue ?? ""])
      try shared.table.setForeignKey(column(0), table: ForeignTable(other.table, identity: 1), column: column(2))
    default: throw VectorFailure(text: "method \(method)")
    }
  }

  // MARK: Cells

  private mutating func cells(_ expressions: [JSON]) throws -> [TableCell] {
    var cells: [TableCell] = []
    for expression in expressions { cells.append(try cell(expression)) }
    return cells
  }

  private mutating func cell(_ expression: JSON) throws -> TableCell {
    guard let object = expression.objectValue else {
      if let elements = expression.arrayValue { return .list(try cells(elements)) }
      return try TableCell(taggedJSON: expression)
    }
    if let word = object["$float"]?.stringValue {
      return .double(word == "nan" ? .nan : word == "inf" ? .infinity : -.infinity)
    }
    if let value = object["$np"] {
      let dtype = object["dtype"]?.stringValue ?? ""
      if dtype.hasPrefix("float") {
        let number = value.stringValue == "nan" ? Double.nan : value.doubleValue ?? 0
        return .numpyDouble(dtype == "float32" ? Double(Float(number)) : number)
      }
      return try TableCell(taggedJSON: value)
    }
    if let iso = object["$datetime"]?.stringValue { return .timestamp(timestamp(iso, nanoseconds: false)) }
    if let iso = object["$date"]?.stringValue { return .timestamp(timestamp(iso, nanoseconds: false)) }
    if let iso = object["$datetime64"]?.stringValue {
      return .timestamp(timestamp(iso, nanoseconds: object["unit"]?.stringValue == "ns"))
    }
    if let elements = object["$tuple"]?.arrayValue ?? object["$set"]?.arrayValue { return .list(try cells(elements)) }
    if let text = object["$bytes"]?.stringValue {
      return .bytes(text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
    }
    if let text = object["$decimal"]?.stringValue {
      return .object(
        TableObject(className: "Decimal", run: .string(text), artifact: .double(try #require(Double(text)))))
    }
    if let file = object["$npy"]?.stringValue { return .array(try npy(file)) }
    if let name = object["$ref"]?.stringValue { return try #require(named[name]) }
    if object["$new"] != nil { return isTable(expression) ? .table(try table(expression)) : try medium(object) }
    var members: [TableCell.Member] = []
    for (key, value) in object.members { members.append(.init(key, try cell(value))) }
    return .dict(members)
  }

  /// Media whose bytes are a user's file; images made of pixels take their bytes from the vector, in order.
  private mutating func medium(_ object: JSONObject) throws -> TableCell {
    let className = String((object["$new"]?.stringValue ?? "").dropFirst("wandb.".count))
    if className == "Histogram" {
      // np.histogram of 1, 2, 3 in two bins: the only one in these vectors.
      let form: JSON = ["_type": "histogram", "values": [1, 2], "bins": [1.0, 2.0, 3.0]]
      return .object(TableObject(className: className, run: nil, artifact: form))
    }
    let id = forms.count
    let caption = object["kwargs"]?.objectValue?["caption"]?.stringValue
    let file = object["args"]?.arrayValue?.first?.objectValue?["$file"]?.stringValue
    let image: JSONObject = ["format": "png", "width": 5, "height": 4]
    let kinds: [String: (type: String, folder: String, column: ColumnType, fields: JSONObject)] = [
      "Audio": ("audio-file", "media/audio", .media("audio-file"), [:]),
      "Video": ("video-file", "media/videos", .media("video-file"), [:]),
      "Molecule": ("molecule-file", "media/molecule", .pythonObject(className: "Molecule"), [:]),
      "Image": ("image-file", "media/images", .image(.init()), image),
    ]
    let kind = try #require(kinds[className])
    if let file {
      let path = vector.folder + "/input/" + file
      forms[id] = .userFile(
        type: kind.type, folder: kind.folder, file: path, bytes: try readFile(path), caption: caption,
        fields: kind.fields)
    } else {
      let source = try #require(object["args"]?.arrayValue?.first?.objectValue?["$npy"]?.stringValue)
      // The vectors' pictures by the name of their pixels.
      let stored = ["a.npy": "af99bd35125043031f25", "b.npy": "b66c66ca5d9d53c3185c"]
      let name = try #require(stored[source])
      let path = vector.folder + "/artifacts/0/media/images/" + name + ".png"
      let bytes = (try? readFile(path)) ?? []
      forms[id] = .file(
        type: kind.type, folder: kind.folder, bytes: bytes, ext: ".png", caption: caption, fields: kind.fields)
    }
    return .media(TableMedia(className: className, type: kind.column, id: id))
  }

  private func npy(_ file: String) throws -> TableArray {
    let bytes = try readFile(vector.folder + "/input/" + file)
    try #require(bytes.count > 10 && bytes[0] == 0x93)
    let headerEnd = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
    let header = String(decoding: bytes[10..<headerEnd], as: UTF8.self)
    let descriptor = try #require(header.components(after: "'descr': '", until: "'"))
    let extents = try #require(header.components(after: "'shape': (", until: ")"))
    let shape = extents.split(separator: ",").compactMap { Int($0.filter { $0 != " " }) }
    let body = Array(bytes[headerEnd...])
    if let dtype = DType.allCases.first(where: { $0.descriptor == descriptor }) {
      return try body.withUnsafeBytes { try TableArray(ArrayView(base: $0.baseAddress, dtype: dtype, shape: shape)) }
    }
    // Fixed-width text in UTF-32.
    try #require(descriptor.hasPrefix("<U"))
    let width = try #require(Int(descriptor.dropFirst(2)))
    let texts = stride(from: 0, to: body.count, by: width * 4).map { at -> TableCell in
      var text = String.UnicodeScalarView()
      for unit in 0..<width {
        let value = body.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at + unit * 4, as: UInt32.self) }
        if value != 0, let scalar = Unicode.Scalar(value) { text.append(scalar) }
      }
      return .numpyString(String(text))
    }
    return try TableArray(shape: shape, objects: texts)
  }

  /// From ISO text; without a zone it is UTC.
  private func timestamp(_ iso: String, nanoseconds: Bool) -> TableTimestamp {
    let text = Array(iso.utf8)
    func number(_ from: Int, _ count: Int) -> Int64 {
      guard from + count <= text.count else { return 0 }
      return text[from..<(from + count)].reduce(0) { $0 * 10 + Int64($1) - 48 }
    }
    let year = number(0, 4), month = number(5, 2), day = number(8, 2)
    let shifted = month > 2 ? year : year - 1
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    var seconds = days * 86_400
    var fraction: Int64 = 0  // nanoseconds
    var zone: Int64 = 0
    var shown = iso
    if text.count > 10 {
      seconds += number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2)
      var at = 19
      if at < text.count, text[at] == UInt8(ascii: ".") {
        var scale: Int64 = 100_000_000
        at += 1
        let start = at
        while at < text.count, text[at] >= 48, text[at] <= 57 {
          fraction += Int64(text[at] - 48) * scale
          scale /= 10
          at += 1
        }
        // Fractions are shown with six digits.
        shown = iso.prefix(at) + String(repeating: "0", count: max(0, 6 - (at - start))) + iso.dropFirst(at)
      }
      if at < text.count, text[at] == UInt8(ascii: "+") { zone = number(at + 1, 2) * 3600 + number(at + 4, 2) * 60 }
    }
    let total = (seconds - zone) * 1_000_000_000 + fraction
    if nanoseconds { return TableTimestamp(nanoseconds: total) }
    return TableTimestamp(iso: shown, milliseconds: total / 1_000_000)
  }
}

extension String {
  func components(after start: String, until end: Character) -> String? {
    let text = Array(self), mark = Array(start)
    guard text.count >= mark.count else { return nil }
    for at in 0...(text.count - mark.count) where Array(text[at..<(at + mark.count)]) == mark {
      return String(text[(at + mark.count)...].prefix { $0 != end })
    }
    return nil
  }
}

/// What media become in artifacts; the library makes these of what a medium keeps.
extension TableMediaForm {
  /// The form of a medium that is one file.
  ///
  /// - Parameters:
  ///   - type: the `_type`, such as `image-file`.
  ///   - folder: such as `media/images`.
  ///   - bytes: the file's content; its name is made of the first 20 digits of its MD5.
  ///   - ext: extension with its dot.
  ///   - caption: nil for none; an empty one counts.
  ///   - fields: the type's own members, such as format, width and height.
  static func file(
    type: String, folder: String, bytes: [UInt8], ext: String, caption: String? = nil, fields: JSONObject = [:]
  ) -> TableMediaForm {
    let md5 = MD5.hash(bytes)
    let path = folder + "/" + hexText(md5).prefix(MediaNames.digestDigits) + ext
    var json: JSONObject = ["_type": .string(type)]
    if let caption { json["caption"] = .string(caption) }
    json["path"] = .string(path)
    json["sha256"] = .string(hexText(SHA256.hash(bytes)))
    for (key, value) in fields.members { json[key] = value }
    let file = ArtifactFile(path: path, digest: base64(md5), size: bytes.count, content: .bytes(bytes))
    return TableMediaForm(json: .object(json), files: [file])
  }
}

extension TableMediaForm {
  /// The form of a medium that is a file of the user's, which keeps its name.
  ///
  /// - Parameters:
  ///   - type: the `_type`, such as `audio-file`.
  ///   - folder: such as `media/audio`.
  ///   - file: where the file is; the part behind the last slash names the entry.
  ///   - bytes: the file's content.
  ///   - caption: nil for none; an empty one counts.
  ///   - fields: the type's own members.
  static func userFile(
    type: String, folder: String, file: String, bytes: [UInt8], caption: String? = nil, fields: JSONObject = [:]
  ) -> TableMediaForm {
    let sha256 = hexText(SHA256.hash(bytes))
    let base = String(decoding: file.utf8.split(separator: UInt8(ascii: "/")).last ?? file.utf8[...], as: UTF8.self)
    let path = folder + "/" + sha256.prefix(MediaNames.digestDigits) + "/" + base
    var json: JSONObject = ["_type": .string(type)]
    if let caption { json["caption"] = .string(caption) }
    json["path"] = .string(path)
    json["sha256"] = .string(sha256)
    for (key, value) in fields.members { json[key] = value }
    let digest = base64(MD5.hash(bytes))
    return TableMediaForm(
      json: .object(json),
      files: [ArtifactFile(path: path, digest: digest, size: bytes.count, content: .file(path: file))])
  }
}
