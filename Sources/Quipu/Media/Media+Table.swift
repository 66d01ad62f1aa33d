import QuipuBase
import QuipuMedia
import Synchronization

/// Tables.
extension Media {
  /// A table with typed columns; types follow the values.
  ///
  /// - Parameters:
  ///   - columns: names.
  ///   - required: null is not allowed.
  ///   - allowMixedTypes: any value in any column.
  public static func table(
    columns: [String], logMode: Table.LogMode = .immutable, allowMixedTypes: Bool = false, required: Bool = false
  ) -> Media {
    Media(
      .table,
      .table(
        Table(
          columns: columns.map { Table.ColumnName($0) }, optional: [!required], allowMixedTypes: allowMixedTypes,
          logMode: logMode)))
  }

  public static func table(_ table: Table) -> Media { Media(.table, .table(table)) }

  /// The table as it is now; nil for other media.
  public var table: Table? {
    state.withLock { state in
      if case .table(let table) = state.content { table } else { nil }
    }
  }

  /// Changes the table. If the body throws nothing is changed.
  ///
  /// - Throws: `state` if this is no table, and what the body throws in the words of the contract.
  public func changeTable(_ body: (inout Table) throws(MediaError) -> Void) throws(QuipuError) {
    let result: Result<Void, QuipuError> = state.withLock { state in
      guard case .table(var table) = state.content else {
        return .failure(QuipuError(.handle, kind: "not_a_table", "table: is a media handle, but not of a table"))
      }
      // Taken out so that the change is made in place: a table of a million rows is not copied for one more.
      state.content = .failed("the table is being changed")
      do throws(MediaError) {
        try body(&table)
        state.content = .table(table)
        state.tableVersion += 1
        return .success(())
      } catch {
        state.content = .table(table)
        return .failure(QuipuError(error))
      }
    }
    try result.get()
  }

  /// Adds a row to a table; the cells of media come from `cell`.
  ///
  /// - Throws: `shape` (number of cells), `value` (a cell does not fit its column).
  public func addRow(_ cells: [TableCell]) throws(QuipuError) {
    try changeTable { table throws(MediaError) in try table.addRow(cells) }
  }

  /// A medium as a cell of this table.
  ///
  /// - Throws: `value` for a kind that cells cannot hold.
  public func cell(_ medium: Media) throws(QuipuError) -> TableCell {
    let attached = try attachments(media: [medium])
    if medium.kind == .table, let inner = attached.tables.first { return .table(inner) }
    guard let reference = attached.media.first else {
      throw QuipuError(.internal, kind: "cell_media", "cell: the medium could not be attached")
    }
    return .media(reference)
  }

  /// Numbers that cells know their media by.
  private static let nextCellMedium = Atomic<Int>(1)

  /// Media as the cells of this table refer to them: every list of the result has one place per medium.
  public func attachments(media: [Media], arrays: [ArrayView] = []) throws(QuipuError) -> TableCell.Attachments {
    try Media.refuseCharts(media, "cell")
    var result = TableCell.Attachments()
    for medium in media {
      let inner = medium.table ?? Table(columns: [])
      result.tables.append(inner)
      result.foreignTables.append(ForeignTable(inner, identity: medium.serial))
      if medium.kind == .table {
        let cells = medium.state.withLock { $0.cellMedia }
        state.withLock { state in for (id, media) in cells { state.cellMedia[id] = media } }
      }
      let id = Media.nextCellMedium.add(1, ordering: .relaxed).oldValue
      let (name, type): (String, ColumnType)
      switch medium.kind {
      case .image:
        if let overlays = medium.overlays, overlays.hasMasksOrBoxes, overlays.classSet == nil {
          throw QuipuError(
            .value, kind: "artifact_image_without_classes",
            "cell: an image with masks or boxes needs class labels or classes to be put into a table")
        }
        (name, type) = ("Image", .image(medium.overlays?.layers ?? ColumnType.ImageLayers()))
      case .object3D: (name, type) = ("Object3D", .media("object3D-file"))
      case .histogram, .array: (name, type) = ("Histogram", .pythonObject(className: "Histogram"))
      case .table: (name, type) = ("Table", .media("table"))
      case .list: (name, type) = ("list", .pythonObject(className: "list"))
      case .audio: (name, type) = ("Audio", .media("audio-file"))
      case .video: (name, type) = ("Video", .media("video-file"))
      case .html: (name, type) = ("Html", .media("html-file"))
      case .bokeh: (name, type) = ("Bokeh", .media("bokeh-file"))
      case .joinedTable: (name, type) = ("JoinedTable", .media("joined-table"))
      case .partitionedTable: (name, type) = ("PartitionedTable", .media("partitioned-table"))
      case .classes: (name, type) = ("Classes", .pythonObject(className: "Classes"))
      case .molecule: (name, type) = ("Molecule", .pythonObject(className: "Molecule"))
      case .plotly: (name, type) = ("Plotly", .pythonObject(className: "Plotly"))
      case .graph: (name, type) = ("Graph", .pythonObject(className: "Graph"))
      case .chart: (name, type) = ("CustomChart", .pythonObject(className: "CustomChart"))
      case .mask, .boxes: throw Media.notAlone
      }
      result.media.append(TableMedia(className: name, type: type, id: id))
      state.withLock { $0.cellMedia[id] = medium }
    }
    for array in arrays {
      do throws(MediaError) { result.arrays.append(try TableArray(array)) } catch { throw QuipuError(error) }
    }
    return result
  }

  /// A change that has no call of its own, as a JSON object:
  /// `{"op":"cast","column":c,"type":t,"optional":b}`, `{"op":"set_pk","column":c}`,
  /// `{"op":"set_fk","column":c,"other_column":d}` with the other table beside it,
  /// `{"op":"limits","rows":n,"artifact_rows":n}` for limits of this table alone (null: those of the run).
  public func alterTable(_ command: JSONObject, other: Media? = nil) throws(QuipuError) {
    func bad(_ what: String) -> QuipuError {
      QuipuError(.value, kind: "table_command", "command_json: \(what)")
    }
    if command["op"]?.stringValue == "limits" {
      func limit(_ name: Key) -> Int? { command[name]?.intValue.map { max(0, Int(clamping: $0)) } }
      let limits = (limit("rows"), limit("artifact_rows"))
      state.withLock { $0.ownLimits = limits }
      return
    }
    let column: Table.ColumnName
    switch command["column"] {
    case .string(let name)?: column = Table.ColumnName(name)
    case .int(let number)?: column = .integer(number)
    default: throw bad("needs the member \"column\"")
    }
    switch command["op"]?.stringValue {
    case "cast"?:
      guard let type = command["type"] else { throw bad("cast needs the member \"type\"") }
      let optional = command["optional"]?.boolValue ?? false
      try changeTable { table throws(MediaError) in
        try table.cast(column, to: try ColumnType(json: type), optional: optional)
      }
    case "set_pk"?:
      try changeTable { table throws(MediaError) in try table.setPrimaryKey(column) }
    case "set_fk"?:
      guard let other, let foreign = other.table else { throw bad("set_fk needs the other table") }
      guard let name = command["other_column"]?.stringValue else { throw bad("set_fk needs \"other_column\"") }
      let reference = ForeignTable(foreign, identity: other.serial)
      try changeTable { table throws(MediaError) in
        try table.setForeignKey(column, table: reference, column: Table.ColumnName(name))
      }
    default: throw bad("\"op\" must be cast, set_pk, set_fk or limits")
    }
  }
}

extension Table {
  /// A table from a declaration: `{"names":[…],"types":[…],"optional":true or […]}`, all members optional.
  package init(names: [String], schema: JSONObject, logMode: LogMode, allowMixedTypes: Bool) throws(MediaError) {
    var columns = names.map { ColumnName($0) }
    if let given = schema["names"]?.arrayValue {
      columns = []
      for name in given {
        switch name {
        case .string(let text): columns.append(ColumnName(text))
        case .int(let number): columns.append(.integer(number))
        default: throw MediaError(.assertion, "names: must be texts or integers")
        }
      }
    }
    var types: [ColumnType]?
    if let given = schema["types"]?.arrayValue {
      var list: [ColumnType] = []
      for type in given { list.append(try ColumnType(json: type)) }
      types = list
    }
    var optional = [true]
    switch schema["optional"] {
    case .bool(let value)?: optional = [value]
    case .array(let values)?: optional = values.map { $0.boolValue ?? true }
    default: break
    }
    self.init(columns: columns, types: types, optional: optional, allowMixedTypes: allowMixedTypes, logMode: logMode)
  }
}
