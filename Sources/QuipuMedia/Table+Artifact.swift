import QuipuBase

/// What somebody else keeps of a file's content.
public protocol ArtifactContent: Sendable {}

/// One file of an artifact.
public struct ArtifactFile: Sendable {
  /// Where its bytes are.
  public enum Content: Sendable {
    case bytes([UInt8])
    /// A file on disk that stays there.
    case file(path: String)
    /// Content that the caller knows how to read, too large for memory.
    case held(any ArtifactContent)
    /// An object elsewhere, by its address.
    case reference(String)
  }

  /// Entry path.
  public var path: String
  /// Base64 of the MD5 of the bytes.
  public var digest: String
  public var size: Int
  public var content: Content

  public init(path: String, digest: String, size: Int, content: Content) {
    self.path = path
    self.digest = digest
    self.size = size
    self.content = content
  }

  public init(path: String, bytes: [UInt8]) {
    self.init(path: path, digest: base64(MD5.hash(bytes)), size: bytes.count, content: .bytes(bytes))
  }
}

/// What a medium becomes inside an artifact.
public struct TableMediaForm: Sendable {
  /// The value in the cell, such as `{"_type":"image-file","path":…,"sha256":…,…}`.
  public var json: JSON
  /// The files that the value names.
  public var files: [ArtifactFile]

  public init(json: JSON, files: [ArtifactFile]) {
    self.json = json
    self.files = files
  }
}

/// The artifact of a table.
public struct TableArtifact: Sendable {
  /// All files, the table's own among them, sorted by path.
  public var files: [ArtifactFile]
  /// The artifact's digest.
  public var digest: String
  /// Whether rows beyond the limit were left out.
  public var isCut: Bool
}

extension Table {
  /// The table as an artifact: its complete content with everything that the cells refer to.
  ///
  /// - Parameters:
  ///   - entry: entry path of the table's JSON, from `TableLogPlan.entryPath`.
  ///   - plan: which rows, and the number of the increment; nil (the default) means all rows, no increment.
  ///   - limit: rows beyond this many are left out; default 200 000.
  ///   - isStrict: whether to refuse rows beyond the limit instead; default false.
  ///   - media: the artifact form of a medium; called once per medium.
  /// - Throws: `type` for a cell that an artifact cannot hold, `value` for rows beyond a strict limit and for arrays
  ///   with gaps, and what `media` throws.
  public func artifact(
    entry: String, plan: TableLogPlan? = nil, limit: Int = Table.maximumArtifactRows, isStrict: Bool = false,
    media: (TableMedia) throws(MediaError) -> TableMediaForm = Table.noMedia
  ) throws(MediaError) -> TableArtifact {
    let rows = (plan?.rows ?? 0..<rowCount).clamped(to: 0..<rowCount)
    let isCut = rows.count > limit
    if isCut && isStrict {
      throw MediaError(.value, "table: \(rows.count) rows, the limit is \(limit); log fewer rows or allow cutting")
    }
    var writer = TableArtifactWriter(limit: limit)
    var out = ByteBuffer(capacity: 4096)
    try withoutActuallyEscaping(media) { media throws(MediaError) in
      try writer.write(self, rows: rows, plan: plan, to: &out, media: media)
    }
    writer.add(ArtifactFile(path: entry, bytes: out.array()))
    let files = writer.files.values.sorted { Key($0.path) < Key($1.path) }
    let digest = MediaNames.artifactDigest(files.map { ($0.path, $0.digest) })
    return TableArtifact(files: files, digest: digest, isCut: isCut)
  }

  /// Looks for cells that no file can hold, so that a log call can refuse them.
  ///
  /// - Throws: `type` for a value without a form, `value` for a gap among arrays that are stored as a whole.
  /// - Complexity: O(cells that are neither numbers nor texts).
  public func checkStorable() throws(MediaError) {
    for (at, name) in columns.enumerated() where storage[at].form == .cells {
      var isWhole = false
      if let slot = slotOfColumn[at], let shape = slots[slot].type.arrayShape {
        isWhole = !Self.isInline(shape)
      }
      for cell in storage[at].cells {
        switch cell {
        case .object(let object):
          guard object.run != nil, object.artifact != nil else {
            throw MediaError(
              .type, "column '\(name)': holds a \(object.className), which no file can hold; convert it to plain values")
          }
        case .array(let array) where isWhole:
          guard array.dtype != nil else {
            throw MediaError(
              .unsupported, "column '\(name)': arrays of objects cannot be kept in an artifact; use lists")
          }
        case .list where isWhole, .array: break
        default:
          guard !isWhole else {
            throw MediaError(
              .value, "column '\(name)': missing values among arrays cannot be stored; fill them in")
          }
        }
      }
    }
  }

  /// Whether arrays of a shape stand in the table's own file.
  fileprivate static func isInline(_ shape: [Int]) -> Bool {
    shape.count == 1 && shape[0] <= TableArtifactWriter.maximumInlineElements
  }

  /// Refuses every medium: for tables without any.
  public static func noMedia(_ medium: TableMedia) throws(MediaError) -> TableMediaForm {
    throw MediaError(.type, "cell: no artifact form is known for a \(medium.className)")
  }
}

/// Collects the files of an artifact while tables are written.
private struct TableArtifactWriter {
  /// Longest one-axis array that is written into the table's own file.
  static let maximumInlineElements = 150

  let limit: Int
  var files: [Key: ArtifactFile] = [:]
  private var forms: [ObjectIdentifier: JSON] = [:]
  private var foreignPaths: [ObjectIdentifier: String] = [:]

  init(limit: Int) { self.limit = limit }

  /// A file that is there already is kept.
  mutating func add(_ file: ArtifactFile) {
    let key = Key(file.path)
    if files[key] == nil { files[key] = file }
  }

  typealias MediaSource = (TableMedia) throws(MediaError) -> TableMediaForm

  mutating func write(
    _ table: Table, rows all: Range<Int>, plan: TableLogPlan?, to out: inout ByteBuffer, media: MediaSource
  ) throws(MediaError) {
    let rows = all.prefix(max(0, limit))
    // Columns of arrays change their type, and some move to a file of their own.
    var types = table.slots
    var isStored = [Bool](repeating: false, count: table.storage.count)
    for (at, name) in table.columns.enumerated() {
      // Of equal names only the one whose values were checked has arrays for sure.
      guard let slot = table.slotOfColumn[at], let shape = types[slot].type.arrayShape else { continue }
      let column = table.storage[at]
      if Table.isInline(shape) {
        types[slot].type = .list(element: .number, length: shape[0])
        continue
      }
      guard !rows.isEmpty else { continue }
      let stacked = try TableArray.stacked(rows.map { column[$0] }, shape: shape, column: name.description)
      let bytes = try NumpyArchive.bytes(name: name.description, array: stacked)
      let digits = hexText(MD5.hash(bytes)).prefix(MediaNames.digestDigits)
      let path = "media/serialized_data/\(digits).npz"
      add(ArtifactFile(path: path, bytes: bytes))
      types[slot].type = types[slot].type.stored(ColumnType.ArrayStorage(path: path, key: name.description))
      isStored[at] = true
    }
    for slot in types { try addForeignTables(of: slot.type, media: media) }

    out.append("{\"_type\": \"table\", \"column_types\": ")
    let paths = foreignPaths
    let columnTypes = ColumnType.typedDict(types.map { ColumnType.Field($0.key, $0.type) })
    columnTypes.json { paths[ObjectIdentifier($0)] }.write(to: &out, style: .artifact)
    out.append(", \"columns\": ")
    table.writeNames(to: &out, style: .artifact)
    out.append(", \"data\": [")
    for row in rows {
      if row > rows.startIndex { out.append(", ") }
      out.append(UInt8(ascii: "["))
      for at in table.storage.indices {
        if at > 0 { out.append(", ") }
        if isStored[at] {
          out.append("null")
        } else if !table.storage[at].writePlain(row, to: &out, style: .artifact) {
          try write(table.storage[at][row], to: &out, media: media)
        }
      }
      out.append(UInt8(ascii: "]"))
    }
    out.append("], ")
    if let number = plan?.incrementNumber {
      out.append("\"increment_num\": ")
      out.appendDecimal(number)
      out.append(", ")
    }
    out.append("\"log_mode\": \"")
    out.append(table.logMode.rawValue)
    out.append("\", \"ncols\": ")
    out.appendDecimal(Int64(table.columnCount))
    out.append(", \"nrows\": ")
    out.appendDecimal(Int64(rows.count))
    if let plan, plan.incrementNumber != nil {
      out.append(", \"previous_increments_paths\": ")
      JSON.array(plan.previousIncrementPaths.map { .string($0) }).write(to: &out, style: .artifact)
    }
    out.append("}")
  }

  /// Stores the tables that a type points into, under names made of their content.
  private mutating func addForeignTables(of type: ColumnType, media: MediaSource) throws(MediaError) {
    let foreign: ForeignTable
    switch type {
    case .foreignKey(let table, _), .foreignIndex(let table): foreign = table
    case .union(let members):
      for member in members { try addForeignTables(of: member, media: media) }
      return
    case .list(let element, _): return try addForeignTables(of: element, media: media)
    case .typedDict(let fields):
      for field in fields { try addForeignTables(of: field.type, media: media) }
      return
    case .table(let columns): return try addForeignTables(of: columns, media: media)
    default: return
    }
    guard foreignPaths[ObjectIdentifier(foreign)] == nil else { return }
    var out = ByteBuffer(capacity: 1024)
    try write(foreign.table, rows: 0..<foreign.table.rowCount, plan: nil, to: &out, media: media)
    let bytes = out.array()
    let digits = hexText(MD5.hash(bytes)).prefix(MediaNames.digestDigits)
    let path = "media/tables/\(digits).table.json"
    add(ArtifactFile(path: path, bytes: bytes))
    foreignPaths[ObjectIdentifier(foreign)] = path
  }

  private mutating func write(_ cell: TableCell, to out: inout ByteBuffer, media: MediaSource) throws(MediaError) {
    switch cell {
    case .none: out.append("null")
    case .bool(let value): JSON.bool(value).write(to: &out, style: .artifact)
    case .int(let value): out.appendDecimal(value)
    case .bigInteger(let digits): out.append(digits)
    case .double(let value), .numpyDouble(let value):
      if value.isNaN { out.append("null") } else { out.appendDouble(value, style: .artifact) }
    case .string(let text), .numpyString(let text): JSON.writeString(text, to: &out, style: .artifact)
    case .timestamp(let time): time.artifact.write(to: &out, style: .artifact)
    case .index(let row, _): out.appendDecimal(row)
    case .bytes(let bytes): bytes.withUnsafeBytes { JSON.writeString($0, to: &out, style: .artifact) }
    case .object(let object):
      guard let form = object.artifact else {
        throw MediaError(.type, "cell: an artifact cannot hold a \(object.className); convert it to plain values")
      }
      form.write(to: &out, style: .artifact)
    case .table(let table): try write(table, rows: 0..<table.rowCount, plan: nil, to: &out, media: media)
    case .media(let medium):
      let json: JSON
      if let known = forms[ObjectIdentifier(medium)] {
        json = known
      } else {
        let form = try media(medium)
        form.files.forEach { add($0) }
        forms[ObjectIdentifier(medium)] = form.json
        json = form.json
      }
      json.write(to: &out, style: .artifact)
    case .list(let elements):
      out.append(UInt8(ascii: "["))
      for (at, element) in elements.enumerated() {
        if at > 0 { out.append(", ") }
        try write(element, to: &out, media: media)
      }
      out.append(UInt8(ascii: "]"))
    case .dict(let members):
      out.append(UInt8(ascii: "{"))
      for (at, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
        if at > 0 { out.append(", ") }
        JSON.writeString(member.key.string, to: &out, style: .artifact)
        out.append(": ")
        try write(member.value, to: &out, media: media)
      }
      out.append(UInt8(ascii: "}"))
    case .array(let array):
      var elements = self
      try array.writeElements(to: &out, separator: ", ") { (element, out) throws(MediaError) in
        try elements.write(element, to: &out, media: media)
      }
      self = elements
    }
  }
}

extension ColumnType {
  /// The shape, if the type is that of arrays, with or without missing ones.
  fileprivate var arrayShape: [Int]? {
    switch self {
    case .ndarray(let shape, _): return shape
    case .union(let members):
      let arrays = members.filter { !$0.isNone && !$0.isUnknown }
      guard arrays.count == 1, case .ndarray(let shape, _) = arrays[0] else { return nil }
      return shape
    default: return nil
    }
  }

  fileprivate func stored(_ storage: ArrayStorage) -> ColumnType {
    switch self {
    case .ndarray(let shape, _): .ndarray(shape: shape, storage: storage)
    case .union(let members): .union(of: members.map { $0.stored(storage) })
    default: self
    }
  }
}
