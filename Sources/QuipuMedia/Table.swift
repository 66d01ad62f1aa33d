import QuipuBase

/// Rows of cells under named columns, each column of one type that is learned from the values.
///
/// A value: copies share their storage until one of them changes, so a copy is a cheap snapshot that another thread
/// may encode while the original grows. Not thread-safe as such: one thread at a time per variable.
///
/// What happens when a table is logged is in Table+Log.swift, the two files it becomes in Table+RunFile.swift and
/// Table+Artifact.swift.
public struct Table: Sendable {
  /// A column's name: text, or an integer, which stays an integer in the files.
  public enum ColumnName: Sendable, Hashable, CustomStringConvertible {
    case text(Key)
    case integer(Int64)

    public init(_ text: String) { self = .text(Key(text)) }

    /// The name as the column types know it.
    public var description: String {
      switch self {
      case .text(let key): key.string
      case .integer(let number): String(number)
      }
    }

    var key: Key { Key(description) }
  }

  /// What a second log of the same table does. The raw value is the word in the files.
  public enum LogMode: String, Sendable, CaseIterable {
    /// It repeats the first.
    case immutable = "IMMUTABLE"
    /// It writes all rows again if something changed.
    case mutable = "MUTABLE"
    /// It writes the rows that are new.
    case incremental = "INCREMENTAL"

    /// - Throws: `assertion` when `word` is none of the three.
    public init(word: String) throws(MediaError) {
      guard let mode = Self(rawValue: word) else {
        throw MediaError(.assertion, "log_mode: '\(word)' is none of IMMUTABLE, MUTABLE, INCREMENTAL")
      }
      self = mode
    }
  }

  /// Rows that a run file holds at most.
  public static let maximumRunFileRows = 10_000
  /// Rows that an artifact holds at most.
  public static let maximumArtifactRows = 200_000
  /// Tables inside tables, at most.
  public static let maximumNesting = 32

  /// The type of all columns with one name.
  struct Slot: Sendable {
    var key: Key
    var type: ColumnType { didSet { accepted = type.accepted } }
    private(set) var accepted: ColumnType.Accepted

    init(key: Key, type: ColumnType) {
      self.key = key
      self.type = type
      accepted = type.accepted
    }
  }

  public private(set) var columns: [ColumnName]
  public private(set) var rowCount = 0
  public let logMode: LogMode
  /// What was logged already.
  public var log = TableLogState()
  var storage: [TableColumn]
  private(set) var slots: [Slot] = []
  /// For each column the slot that checks its values; nil for a duplicate whose values nobody checks and for columns
  /// without a type.
  private(set) var slotOfColumn: [Int?] = []
  private var slotOfKey: [Key: Int] = [:]
  private var untyped: Key?
  private(set) var nesting = 0

  /// An empty table.
  ///
  /// - Parameters:
  ///   - columns: names; duplicates are allowed, the last of equal names decides the type.
  ///   - types: declared types, one per column; nil (the default) learns all types. Columns beyond a shorter list stay
  ///     without a type, so that rows are refused.
  ///   - optional: whether a column may be null, one per column or a single one for all; default true.
  ///   - allowMixedTypes: whether every column takes every value; default false.
  ///   - logMode: default `.immutable`.
  public init(
    columns: [ColumnName] = [ColumnName("Input"), ColumnName("Output"), ColumnName("Expected")],
    types: [ColumnType]? = nil, optional: [Bool] = [true], allowMixedTypes: Bool = false, logMode: LogMode = .immutable
  ) {
    self.columns = columns
    self.logMode = logMode
    storage = [TableColumn](repeating: TableColumn(), count: columns.count)
    for (at, name) in columns.enumerated() {
      let base: ColumnType
      if allowMixedTypes {
        base = .any
      } else if let types {
        guard at < types.count else { break }
        base = types[at]
      } else {
        base = .unknown
      }
      guard optional.count == 1 || at < optional.count else { break }
      let isOptional = optional.count == 1 ? optional[0] : optional[at]
      let slot = Slot(key: name.key, type: isOptional ? .union(of: [base, .none]) : base)
      if let old = slotOfKey[slot.key] {
        slots[old] = slot
      } else {
        slotOfKey[slot.key] = slots.count
        slots.append(slot)
      }
    }
    assignSlots()
  }

  /// The types of all columns as one type, in the order in which the columns came.
  public var columnTypes: ColumnType { .typedDict(slots.map { ColumnType.Field($0.key, $0.type) }) }

  public var columnCount: Int { columns.count }

  /// The type of a column, nil if there is none of that name.
  public func type(of column: ColumnName) -> ColumnType? { slotOfKey[column.key].map { slots[$0].type } }

  /// The cell at a place, nil outside the table.
  public func cell(row: Int, column: Int) -> TableCell? {
    guard row >= 0, row < rowCount, column >= 0, column < storage.count else { return nil }
    return storage[column][row]
  }

  private mutating func assignSlots() {
    slotOfColumn = [Int?](repeating: nil, count: columns.count)
    var taken: Set<Key> = []
    untyped = nil
    for at in columns.indices.reversed() {
      let key = columns[at].key
      guard taken.insert(key).inserted else { continue }
      slotOfColumn[at] = slotOfKey[key]
      if slotOfColumn[at] == nil { untyped = key }
    }
  }

  // MARK: - Rows

  /// Adds one row.
  ///
  /// - Parameter cells: one per column.
  /// - Throws: `value` for another number of cells, `type` for a cell that does not fit its column. The table is
  ///   unchanged then.
  public mutating func addRow(_ cells: [TableCell]) throws(MediaError) {
    try append(cells)
    rowsChanged()
  }

  /// Adds one row given as the text of a JSON array of tagged cells.
  ///
  /// - Throws: as `addRow(_:)`, and `value` if the text is not such an array.
  public mutating func addRow(
    json: UnsafeRawBufferPointer, attachments: TableCell.Attachments = .init()
  ) throws(MediaError) {
    var cells: [TableCell] = []
    cells.reserveCapacity(columns.count)
    var reader = TableRowReader(json, attachments: attachments)
    try reader.readRow(into: &cells)
    try reader.expectEnd()
    try addRow(cells)
  }

  /// Adds rows given as the text of a JSON array of arrays of tagged cells: all of them, or none if one is refused.
  ///
  /// - Throws: as `addRow(_:)`, and `value` if the text is not such an array.
  /// - Returns: the number of rows added.
  @discardableResult
  public mutating func addRows(
    json: UnsafeRawBufferPointer, attachments: TableCell.Attachments = .init()
  ) throws(MediaError) -> Int {
    let before = (rows: rowCount, slots: slots, nesting: nesting)
    var reader = TableRowReader(json, attachments: attachments)
    do throws(MediaError) {
      var cells: [TableCell] = []
      cells.reserveCapacity(columns.count)
      try reader.beginRows()
      while try reader.nextRow(into: &cells) { try append(cells) }
      try reader.expectEnd()
    } catch {
      for at in storage.indices { storage[at].truncate(to: before.rows) }
      rowCount = before.rows
      slots = before.slots
      nesting = before.nesting
      throw error
    }
    let added = rowCount &- before.rows
    if added > 0 { rowsChanged() }
    return added
  }

  /// Adds rows given column by column: all of them, or none if a value is refused.
  ///
  /// - Parameter data: one per column, all of the same length.
  /// - Throws: `value` when the numbers do not agree, `type` for a value that does not fit its column.
  public mutating func addRows(columns data: [TableColumnData]) throws(MediaError) {
    guard data.count == columns.count else { throw wrongWidth(data.count) }
    var fresh: [TableColumn] = []
    for part in data { fresh.append(try part.column()) }
    try addRows(packed: fresh)
  }

  /// - Parameter fresh: one per column.
  mutating func addRows(packed fresh: [TableColumn]) throws(MediaError) {
    guard let count = fresh.first?.count, count > 0 else { return }
    guard fresh.allSatisfy({ $0.count == count }) else {
      throw MediaError(.value, "data: columns of different lengths \(fresh.map(\.count)); pass one value per row each")
    }
    if fresh.contains(where: { $0.cells.contains { $0.nesting > 0 } }) {
      // Tables in cells and row numbers of other tables need a look at every cell of a row.
      var cells: [TableCell] = []
      let before = (slots: slots, nesting: nesting, rows: rowCount)
      for row in 0..<count {
        cells.removeAll(keepingCapacity: true)
        for column in fresh { cells.append(column[row]) }
        do throws(MediaError) {
          try append(cells)
        } catch {
          for at in storage.indices { storage[at].truncate(to: before.rows) }
          (slots, nesting, rowCount) = before
          throw error
        }
      }
    } else {
      if let untyped { throw withoutType(untyped) }
      var learned = slots
      for (at, column) in fresh.enumerated() {
        guard let slot = slotOfColumn[at] else { continue }
        let result = column.learned(by: learned[slot].type)
        guard let type = result.type else { throw refused(column[result.refused], at: at) }
        learned[slot].type = type
      }
      slots = learned
      for at in fresh.indices { storage[at].append(contentsOf: fresh[at]) }
      rowCount &+= count
    }
    rowsChanged()
  }

  /// Adds one row without touching the log state; all or nothing.
  private mutating func append(_ cells: [TableCell]) throws(MediaError) {
    guard cells.count == columns.count else { throw wrongWidth(cells.count) }
    if let untyped { throw withoutType(untyped) }
    var changed: [(slot: Int, type: ColumnType)] = []
    var depth = nesting
    for at in cells.indices {
      let kind = cells[at].plainKind
      if kind == nil { depth = max(depth, cells[at].nesting) }
      guard let slot = slotOfColumn[at] else { continue }
      if let kind, slots[slot].accepted.contains(kind) { continue }
      if case .index(_, let table) = cells[at], !slots[slot].type.isForeignIndex {
        // The column turns into a plain index, and every earlier cell must be one.
        let index = ColumnType.foreignIndex(table: table)
        guard storage[at].learned(by: index).type != nil else { throw refused(cells[at], at: at) }
        changed.append((slot, index))
        continue
      }
      guard let type = slots[slot].type.assigning(cells[at]) else { throw refused(cells[at], at: at) }
      changed.append((slot, type))
    }
    guard depth <= Self.maximumNesting else {
      throw MediaError(.value, "cell: tables nested deeper than \(Self.maximumNesting); flatten them")
    }
    nesting = depth
    for (slot, type) in changed { slots[slot].type = type }
    for at in cells.indices { storage[at].append(cells[at]) }
    rowCount &+= 1
  }

  private func wrongWidth(_ found: Int) -> MediaError {
    let names = columns.map(\.description).joined(separator: ", ")
    return MediaError(.value, "row: \(found) values for the \(columns.count) columns (\(names)); pass one per column")
  }

  private func withoutType(_ key: Key) -> MediaError {
    MediaError(.type, "column '\(key.string)': has no type; give dtype and optional one entry per column")
  }

  private func refused(_ cell: TableCell, at column: Int) -> MediaError {
    let name = columns[column].description
    let known = slotOfColumn[column].map { slots[$0].type.text } ?? "nothing"
    return MediaError(
      .type,
      "column '\(name)': a value of type \(ColumnType(of: cell).text) does not fit \(known); "
        + "convert it, cast the column or set allow_mixed_types")
  }

  // MARK: - Columns

  /// Adds a column.
  ///
  /// - Parameters:
  ///   - name: a new name.
  ///   - data: one value per row; any number for a table without columns.
  ///   - optional: whether the column may be null; default false.
  /// - Throws: `assertion` for a name that exists or a wrong length, `type` for values that do not fit one type,
  ///   `unsupported` for an incremental table. The table is unchanged then.
  public mutating func addColumn(
    _ name: String, _ data: TableColumnData, optional: Bool = false
  ) throws(MediaError) {
    guard logMode != .incremental else {
      throw MediaError(.unsupported, "add_column: not possible with log_mode INCREMENTAL; use MUTABLE or IMMUTABLE")
    }
    let name = ColumnName(name)
    guard !columns.contains(name) else {
      throw MediaError(.assertion, "name: the table has a column '\(name)' already; choose a new name")
    }
    let column = try data.column()
    let expected = columns.isEmpty ? column.count : rowCount
    guard column.count == expected else {
      throw MediaError(.assertion, "data: \(column.count) values for \(expected) rows; pass one per row")
    }
    var depth = nesting
    for cell in column.cells { depth = max(depth, cell.nesting) }
    guard depth <= Self.maximumNesting else {
      throw MediaError(.value, "cell: tables nested deeper than \(Self.maximumNesting); flatten them")
    }
    var start: ColumnType = optional ? ColumnType.unknown.optional : .unknown
    if case .index(_, let table)? = column.cells.first { start = .foreignIndex(table: table) }
    let result = column.learned(by: start)
    guard let type = result.type else { throw uncastable(column[result.refused], to: start, name) }
    nesting = depth
    columns.append(name)
    storage.append(column)
    if let old = slotOfKey[name.key] {
      // An integer and a text of the same spelling share a type; the newcomer decides.
      slots[old].type = type
      if let earlier = slotOfColumn.firstIndex(of: old) { slotOfColumn[earlier] = nil }
      slotOfColumn.append(old)
    } else {
      slotOfKey[name.key] = slots.count
      slotOfColumn.append(slots.count)
      slots.append(Slot(key: name.key, type: type))
    }
    rowCount = expected
    structureChanged()
  }

  /// Gives a column another type that all its values must fit.
  ///
  /// - Throws: `assertion` for an unknown column, `type` for a value that does not fit.
  public mutating func cast(_ column: ColumnName, to type: ColumnType, optional: Bool = false) throws(MediaError) {
    guard let at = columns.lastIndex(of: column) else {
      throw MediaError(.assertion, "column: the table has no column '\(column)'")
    }
    let isKey: Bool
    switch type {
    case .foreignKey, .foreignIndex, .primaryKey: isKey = true
    default: isKey = false
    }
    guard !(isKey && optional) else {
      throw MediaError(.assertion, "optional: a key column cannot be optional; pass false")
    }
    if case .primaryKey = type,
      let other = slots.first(where: { if case .primaryKey = $0.type { $0.key != column.key } else { false } })
    {
      throw MediaError(.assertion, "column: '\(other.key.string)' is the primary key already; a table has one")
    }
    let start = optional ? ColumnType.union(of: [type, .none]) : type
    let result = storage[at].learned(by: start)
    guard let learned = result.type else { throw uncastable(storage[at][result.refused], to: start, column) }
    if let slot = slotOfKey[column.key] {
      slots[slot].type = learned
    } else {
      slotOfKey[column.key] = slots.count
      slots.append(Slot(key: column.key, type: learned))
      assignSlots()
    }
    structureChanged()
  }

  /// Declares a column of strings the key of the rows.
  public mutating func setPrimaryKey(_ column: ColumnName) throws(MediaError) {
    try cast(column, to: .primaryKey)
  }

  /// Declares a column of strings to hold keys of another table's column.
  public mutating func setForeignKey(
    _ column: ColumnName, table: ForeignTable, column other: ColumnName
  ) throws(MediaError) {
    guard table.table.columns.contains(other) else {
      throw MediaError(.assertion, "column: the other table has no column '\(other)'")
    }
    guard table.table.nesting < Self.maximumNesting else {
      throw MediaError(.value, "table: tables nested deeper than \(Self.maximumNesting); flatten them")
    }
    try cast(column, to: .foreignKey(table: table, column: other.description))
    nesting = max(nesting, table.table.nesting &+ 1)
  }

  private func uncastable(_ cell: TableCell, to type: ColumnType, _ column: ColumnName) -> MediaError {
    MediaError(
      .type,
      "column '\(column)': a value of type \(ColumnType(of: cell).text) does not fit \(type.text); "
        + "convert the values or choose another type")
  }

  // MARK: - Log state

  private mutating func rowsChanged() {
    if logMode != .immutable { log.binding = nil }
  }

  private mutating func structureChanged() {
    if logMode == .mutable { log.binding = nil }
  }
}

extension ColumnType {
  var isForeignIndex: Bool { if case .foreignIndex = self { true } else { false } }
}

extension TableCell {
  /// How many tables deep the cell goes.
  var nesting: Int {
    switch self {
    case .table(let table): table.nesting &+ 1
    case .index(_, let table): table.table.nesting &+ 1
    case .list(let elements): elements.reduce(0) { max($0, $1.nesting) }
    case .dict(let members): members.reduce(0) { max($0, $1.value.nesting) }
    default: 0
    }
  }
}
