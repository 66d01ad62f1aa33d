import QuipuBase

/// The cells of one column: packed while all are of one plain kind, else one by one.
struct TableColumn: Sendable {
  enum Form: UInt8, Sendable {
    case empty, doubles, numpyDoubles, ints, bools, strings, cells
  }

  // Separate fields and not the payloads of an enum: an append to a field happens in place.
  private(set) var form = Form.empty
  private(set) var count = 0
  private(set) var doubles: [Double] = []
  private(set) var ints: [Int64] = []
  private(set) var bools: [Bool] = []
  /// All strings one after the other, UTF-8; `ends[i]` is where string i ends.
  private(set) var text: [UInt8] = []
  private(set) var ends: [Int] = []
  private(set) var cells: [TableCell] = []

  init() {}

  init(doubles: [Double], numpy: Bool) {
    form = doubles.isEmpty ? .empty : numpy ? .numpyDoubles : .doubles
    count = doubles.count
    self.doubles = doubles
  }

  init(ints: [Int64]) {
    form = ints.isEmpty ? .empty : .ints
    count = ints.count
    self.ints = ints
  }

  init(bools: [Bool]) {
    form = bools.isEmpty ? .empty : .bools
    count = bools.count
    self.bools = bools
  }

  /// - Parameter text: checked UTF-8; `ends` ascends up to its size.
  init(text: [UInt8], ends: [Int]) {
    form = ends.isEmpty ? .empty : .strings
    count = ends.count
    self.text = text
    self.ends = ends
  }

  init(cells: [TableCell]) {
    for cell in cells { append(cell) }
  }

  // MARK: Reading

  /// Where the bytes of string `row` lie in `text`.
  func stringRange(_ row: Int) -> Range<Int> {
    let start = row == 0 ? 0 : ends[row &- 1]
    return start..<max(start, ends[row])
  }

  /// - Parameter row: 0 ..< count.
  subscript(row: Int) -> TableCell {
    switch form {
    case .empty: .none
    case .doubles: .double(doubles[row])
    case .numpyDoubles: .numpyDouble(doubles[row])
    case .ints: .int(ints[row])
    case .bools: .bool(bools[row])
    case .strings: .string(String(decoding: text[stringRange(row)], as: UTF8.self))
    case .cells: cells[row]
    }
  }

  // MARK: Growing

  mutating func append(_ cell: TableCell) {
    switch cell {
    case .double(let value) where accept(.doubles): doubles.append(value)
    case .numpyDouble(let value) where accept(.numpyDoubles): doubles.append(value)
    case .int(let value) where accept(.ints): ints.append(value)
    case .bool(let value) where accept(.bools): bools.append(value)
    case .string(var value) where accept(.strings):
      value.withUTF8 { text.append(contentsOf: $0) }
      ends.append(text.count)
    default:
      generalize()
      cells.append(cell)
    }
    count &+= 1
  }

  mutating func append(contentsOf other: TableColumn) {
    guard other.count > 0 else { return }
    guard form != .empty else {
      self = other
      return
    }
    if form == other.form {
      let base = text.count
      doubles.append(contentsOf: other.doubles)
      ints.append(contentsOf: other.ints)
      bools.append(contentsOf: other.bools)
      text.append(contentsOf: other.text)
      ends.append(contentsOf: other.ends.lazy.map { $0 &+ base })
      cells.append(contentsOf: other.cells)
      count &+= other.count
    } else {
      for row in 0..<other.count { append(other[row]) }
    }
  }

  /// Drops the rows from `newCount` on.
  mutating func truncate(to newCount: Int) {
    guard newCount < count else { return }
    if newCount <= 0 {
      self = TableColumn()
      return
    }
    let extra = count &- newCount
    switch form {
    case .empty: break
    case .doubles, .numpyDoubles: doubles.removeLast(extra)
    case .ints: ints.removeLast(extra)
    case .bools: bools.removeLast(extra)
    case .strings:
      ends.removeLast(extra)
      text.removeLast(text.count &- (ends.last ?? 0))
    case .cells: cells.removeLast(extra)
    }
    count = newCount
  }

  @inline(__always)
  private mutating func accept(_ wanted: Form) -> Bool {
    if form == wanted { return true }
    guard form == .empty else { return false }
    form = wanted
    return true
  }

  private mutating func generalize() {
    guard form != .cells else { return }
    let old = self
    self = TableColumn()
    form = .cells
    count = old.count
    cells.reserveCapacity(old.count &+ 1)
    for row in 0..<old.count { cells.append(old[row]) }
  }

  // MARK: Types

  /// The type after all cells from `start` on have been added to `type`.
  ///
  /// - Returns: nil and the row when one is refused.
  func learned(by type: ColumnType, from start: Int = 0) -> (type: ColumnType?, refused: Int) {
    guard start < count else { return (type, 0) }
    var type = type
    // One cell of a packed column speaks for all, but for missing values and texts that name an artifact.
    switch form {
    case .numpyDoubles, .ints, .bools:
      let next = type.assigning(self[start])
      guard let next, form != .numpyDoubles || !next.containsConst, form != .ints || !next.containsConst,
        form != .bools || !next.containsConst
      else { break }
      return (next, start)
    case .doubles:
      if let next = type.assigning(.double(0)), !next.containsConst, !doubles[start...].contains(where: \.isNaN) {
        return (next, start)
      }
    case .strings:
      if let next = type.assigning(.string("")), !next.containsConst {
        let prefix = Array("wandb-artifact://".utf8)
        let plain = !(start..<count).contains { row in
          let range = stringRange(row)
          return range.count >= prefix.count && text[range].starts(with: prefix)
        }
        if plain { return (next, start) }
      }
    case .empty, .cells: break
    }
    var accepted = type.accepted
    for row in start..<count {
      let cell = self[row]
      if let kind = cell.plainKind, accepted.contains(kind) { continue }
      guard let next = type.assigning(cell) else { return (nil, row) }
      type = next
      accepted = next.accepted
    }
    return (type, start)
  }
}

extension ColumnType {
  /// Whether values, and not only their types, decide.
  var containsConst: Bool {
    switch self {
    case .const: true
    case .union(let members): members.contains(where: \.containsConst)
    default: false
    }
  }
}

extension TableCell {
  /// The kind of a scalar whose type is plain, nil for everything else.
  @inline(__always)
  var plainKind: ColumnType.Accepted? {
    switch self {
    case .none: ColumnType.Accepted.none
    case .bool: .boolean
    case .int, .bigInteger, .numpyDouble: .number
    case .double(let value): value.isNaN ? ColumnType.Accepted.none : .number
    // A text that names an artifact has a type of its own.
    case .string(let text): text.utf8.first == UInt8(ascii: "w") ? nil : .string
    case .timestamp: .timestamp
    default: nil
    }
  }
}
