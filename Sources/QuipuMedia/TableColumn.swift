import Glibc
import QuipuBase

/// The cells of one column: packed while all are of one plain kind or missing, else one by one.
struct TableColumn: Sendable {
  enum Form: UInt8, Sendable {
    /// No cell but missing ones yet.
    case empty
    case doubles, numpyDoubles, ints, bools, strings, times, cells
  }

  // Separate fields and not the payloads of an enum: an append to a field happens in place.
  private(set) var form = Form.empty
  private(set) var count = 0
  private(set) var doubles: [Double] = []
  /// Integers, or points in time in `unit`.
  private(set) var ints: [Int64] = []
  private(set) var bools: [Bool] = []
  /// All strings one after the other, UTF-8; `ends[i]` is where string i ends.
  private(set) var text: [UInt8] = []
  private(set) var ends: [Int] = []
  private(set) var cells: [TableCell] = []
  private(set) var unit = TableTimeUnit.nanoseconds
  /// Which rows of a packed column are missing; empty if none is.
  private(set) var missing: [Bool] = []
  /// What a missing row holds: a plain NaN, or null.
  private(set) var missingIsNaN = false

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

  /// Points in time since 1970 UTC; the least integer is no time.
  init(times: [Int64], unit: TableTimeUnit) {
    form = times.isEmpty ? .empty : .times
    count = times.count
    ints = times
    self.unit = unit
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

  /// `count` missing cells.
  init(missing count: Int) {
    self.count = count
    missing = [Bool](repeating: true, count: count)
  }

  /// Marks rows as missing, whatever they hold.
  mutating func setMissing(_ rows: [Bool], asNaN: Bool) {
    guard rows.count == count, rows.contains(true) else { return }
    if form == .cells {
      for row in rows.indices where rows[row] { cells[row] = asNaN ? .double(.nan) : .none }
    } else {
      missing = rows
      missingIsNaN = asNaN
    }
  }

  // MARK: Reading

  /// Where the bytes of string `row` lie in `text`.
  func stringRange(_ row: Int) -> Range<Int> {
    let start = row == 0 ? 0 : ends[row &- 1]
    return start..<max(start, ends[row])
  }

  @inline(__always)
  func isMissing(_ row: Int) -> Bool { row < missing.count && missing[row] }

  /// - Parameter row: 0 ..< count.
  subscript(row: Int) -> TableCell {
    if isMissing(row) { return missingCell }
    switch form {
    case .empty: return .none
    case .doubles: return .double(doubles[row])
    case .numpyDoubles: return .numpyDouble(doubles[row])
    case .ints: return .int(ints[row])
    case .bools: return .bool(bools[row])
    case .strings: return .string(String(decoding: text[stringRange(row)], as: UTF8.self))
    case .times: return .timestamp(unit.timestamp(ints[row]))
    case .cells: return cells[row]
    }
  }

  private var missingCell: TableCell { missingIsNaN ? .double(.nan) : .none }

  // MARK: Growing

  mutating func append(_ cell: TableCell) {
    switch cell {
    case .double(let value) where accept(.doubles, cell): doubles.append(value)
    case .numpyDouble(let value) where accept(.numpyDoubles, cell): doubles.append(value)
    case .int(let value) where accept(.ints, cell): ints.append(value)
    case .bool(let value) where accept(.bools, cell): bools.append(value)
    case .string(var value) where accept(.strings, cell):
      value.withUTF8 { text.append(contentsOf: $0) }
      ends.append(text.count)
    case .none, .double:
      if appendMissing(cell) { return }
      generalize()
      cells.append(cell)
    default:
      generalize()
      cells.append(cell)
    }
    count &+= 1
    if !missing.isEmpty { missing.append(false) }
  }

  mutating func append(contentsOf other: TableColumn) {
    guard other.count > 0 else { return }
    guard count > 0 else {
      self = other
      return
    }
    let hasMissing = !missing.isEmpty || !other.missing.isEmpty
    let sameMissing = missing.isEmpty || other.missing.isEmpty || missingIsNaN == other.missingIsNaN
    guard form == other.form, sameMissing, form != .times || unit == other.unit else {
      for row in 0..<other.count { append(other[row]) }
      return
    }
    if hasMissing {
      if missing.isEmpty {
        missing = [Bool](repeating: false, count: count)
        missingIsNaN = other.missingIsNaN
      }
      missing.append(contentsOf: other.missing)
      missing.append(contentsOf: repeatElement(false, count: other.count &- other.missing.count))
    }
    let base = text.count
    doubles.append(contentsOf: other.doubles)
    ints.append(contentsOf: other.ints)
    bools.append(contentsOf: other.bools)
    text.append(contentsOf: other.text)
    ends.reserveCapacity(ends.count &+ other.ends.count)
    for end in other.ends { ends.append(end &+ base) }
    cells.append(contentsOf: other.cells)
    count &+= other.count
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
    case .ints, .times: ints.removeLast(extra)
    case .bools: bools.removeLast(extra)
    case .strings:
      ends.removeLast(extra)
      text.removeLast(text.count &- (ends.last ?? 0))
    case .cells: cells.removeLast(extra)
    }
    if missing.count > newCount { missing.removeLast(missing.count &- newCount) }
    count = newCount
  }

  /// Whether a cell of form `wanted` can be appended in place.
  @inline(__always)
  private mutating func accept(_ wanted: Form, _ cell: TableCell) -> Bool {
    if form == wanted { return true }
    guard form == .empty else { return false }
    // A plain NaN before anything else is a missing cell, whose column may turn out to be one of texts.
    if wanted == .doubles, case .double(let value) = cell, value.isNaN { return false }
    if count > 0 { fill(wanted) }
    form = wanted
    return true
  }

  /// Places for the missing cells before the first that is not.
  private mutating func fill(_ wanted: Form) {
    switch wanted {
    case .doubles, .numpyDoubles: doubles = [Double](repeating: 0, count: count)
    case .ints, .times: ints = [Int64](repeating: 0, count: count)
    case .bools: bools = [Bool](repeating: false, count: count)
    case .strings: ends = [Int](repeating: 0, count: count)
    case .empty, .cells: break
    }
  }

  /// Appends a null or a plain NaN to a packed column; false if it has to be kept as a cell.
  private mutating func appendMissing(_ cell: TableCell) -> Bool {
    var isNaN = false
    if case .double(let value) = cell {
      guard value.isNaN else { return false }
      isNaN = true
    }
    guard form != .cells, missing.isEmpty || missingIsNaN == isNaN else { return false }
    if missing.isEmpty {
      missing = [Bool](repeating: false, count: count)
      missingIsNaN = isNaN
    }
    missing.append(true)
    switch form {
    case .doubles, .numpyDoubles: doubles.append(0)
    case .ints, .times: ints.append(0)
    case .bools: bools.append(false)
    case .strings: ends.append(text.count)
    case .empty, .cells: break
    }
    count &+= 1
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
    if let quick = learnedFromOne(type, start) { return quick }
    var type = type
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

  /// One cell of a packed column speaks for all, but for missing values and texts that name an artifact. Nil: each
  /// cell has to be looked at.
  private func learnedFromOne(_ type: ColumnType, _ start: Int) -> (type: ColumnType?, refused: Int)? {
    let sample: TableCell
    switch form {
    case .numpyDoubles: sample = .numpyDouble(0)
    case .ints: sample = .int(0)
    case .bools: sample = .bool(false)
    case .times: sample = .timestamp(TableTimestamp())
    case .doubles:
      guard !doubles[start...].contains(where: \.isNaN) else { return nil }
      sample = .double(0)
    case .strings:
      guard !hasArtifactNames(from: start) else { return nil }
      sample = .string("")
    case .empty, .cells: return nil
    }
    let firstMissing = missing.isEmpty ? nil : missing[start...].firstIndex(of: true)
    let firstPresent = missing.isEmpty ? start : missing[start...].firstIndex(of: false)
    guard let firstPresent else { return nil }
    guard let learned = type.assigning(sample) else {
      // A constant refuses the sample and may take the cells.
      return type.containsConst ? nil : (nil, firstPresent)
    }
    guard !learned.containsConst else { return nil }
    guard let firstMissing else { return (learned, start) }
    guard let all = learned.assigning(.none) else { return (nil, firstMissing) }
    return (all, start)
  }

  private func hasArtifactNames(from start: Int) -> Bool {
    let prefix = Array("wandb-artifact://".utf8)
    return text.withUnsafeBufferPointer { text in
      for row in start..<count {
        let range = stringRange(row)
        guard range.count >= prefix.count, let base = text.baseAddress, base[range.lowerBound] == prefix[0] else {
          continue
        }
        if memcmp(base + range.lowerBound, prefix, prefix.count) == 0 { return true }
      }
      return false
    }
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
