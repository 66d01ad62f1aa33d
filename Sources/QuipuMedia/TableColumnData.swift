import QuipuBase

/// A whole column handed over at once. The buffers are borrowed for the call and copied.
public enum TableColumnData {
  /// - numpy: whether the values are NumPy scalars, whose NaN is a number; false means plain floats, whose NaN is a
  ///   missing value.
  case doubles(UnsafeBufferPointer<Double>, numpy: Bool)
  case integers(UnsafeBufferPointer<Int64>)
  /// One byte per value, 0 is false.
  case booleans(UnsafeBufferPointer<UInt8>)
  /// UTF-8 texts one after the other; text i lies at `offsets[i] ..< offsets[i + 1]`, so there is one offset more than
  /// there are rows.
  case strings(UnsafeRawBufferPointer, offsets: UnsafeBufferPointer<Int64>)
  /// Rows along the first axis: NumPy scalars of a one-axis array, else an array per row.
  case array(ArrayView)
  /// The same, but a NaN of a one-axis array is a missing value.
  case plainFloats(ArrayView)
  /// Points in time since 1970 UTC, one axis of integers; the least `Int64` is no time.
  case times(ArrayView, unit: TableTimeUnit)
  case cells([TableCell])
  /// The same with some of the rows missing.
  /// - valid: one byte per row; 0: the row is missing, and what is in its place does not matter.
  /// - asNaN: whether a missing cell is a plain NaN (as in pandas), else null.
  indirect case masked(TableColumnData, valid: UnsafeBufferPointer<UInt8>, asNaN: Bool)

  /// Number of cells.
  public var count: Int {
    switch self {
    case .doubles(let values, _): values.count
    case .integers(let values): values.count
    case .booleans(let values): values.count
    case .strings(_, let offsets): max(0, offsets.count &- 1)
    case .array(let view), .plainFloats(let view), .times(let view, _): view.shape.first ?? 0
    case .cells(let cells): cells.count
    case .masked(let data, _, _): data.count
    }
  }

  func column() throws(MediaError) -> TableColumn {
    switch self {
    case .doubles(let values, let numpy): return TableColumn(doubles: Array(values), numpy: numpy)
    case .integers(let values): return TableColumn(ints: Array(values))
    case .booleans(let values): return TableColumn(bools: values.map { $0 != 0 })
    case .strings(let bytes, let offsets):
      guard let first = offsets.first else { return TableColumn() }
      guard first >= 0, let last = offsets.last, last <= Int64(bytes.count), first <= last else {
        throw MediaError(.value, "offsets: must ascend within the \(bytes.count) bytes of text")
      }
      let body = UnsafeRawBufferPointer(rebasing: bytes[Int(first)..<Int(last)])
      var ends: [Int] = []
      ends.reserveCapacity(offsets.count &- 1)
      var previous = first
      for offset in offsets.dropFirst() {
        guard offset >= previous, offset <= last else {
          throw MediaError(.value, "offsets: must ascend within the \(bytes.count) bytes of text")
        }
        ends.append(Int(offset &- first))
        previous = offset
      }
      // Valid as a whole and cut between characters is valid piece by piece.
      let isText = String(validating: body.bindMemory(to: UInt8.self), as: UTF8.self) != nil
      let cutsCharacter = ends.contains { $0 < body.count && body[$0] & 0xc0 == 0x80 }
      guard isText, !cutsCharacter else {
        throw MediaError(.value, "text: not UTF-8; encode the strings before handing them over")
      }
      return TableColumn(text: Array(body), ends: ends)
    case .array(let view):
      guard let extent = view.shape.first else {
        throw MediaError(.value, "data: an array without axes is no column; pass one row per table row")
      }
      if view.shape.count == 1 {
        if view.dtype.isFloating { return TableColumn(doubles: try view.doubles(), numpy: true) }
        if let whole = try Self.integers(view) {
          return view.dtype == .bool ? TableColumn(bools: whole.map { $0 != 0 }) : TableColumn(ints: whole)
        }
        let array = try TableArray(view)
        return TableColumn(cells: (0..<extent).map { array.element($0) })
      }
      let array = try TableArray(view)
      return TableColumn(cells: (0..<extent).map { array.row($0) ?? .none })
    case .plainFloats(let view):
      guard view.shape.count == 1, view.dtype.isFloating else { return try TableColumnData.array(view).column() }
      return TableColumn(doubles: try view.doubles(), numpy: false)
    case .times(let view, let unit):
      guard view.shape.count == 1, let whole = try Self.integers(view), view.dtype != .bool else {
        throw MediaError(.value, "data: points in time must be integers along one axis")
      }
      return TableColumn(times: whole, unit: unit)
    case .cells(let cells): return TableColumn(cells: cells)
    case .masked(let data, let valid, let asNaN):
      var column = try data.column()
      guard valid.count == column.count else {
        throw MediaError(.value, "data: \(valid.count) flags of validity for \(column.count) values; pass one per row")
      }
      column.setMissing(valid.map { $0 == 0 }, asNaN: asNaN)
      return column
    }
  }

  /// The values of integers or booleans; nil for other types and for values beyond `Int64`.
  private static func integers(_ view: ArrayView) throws(MediaError) -> [Int64]? {
    guard view.dtype.isInteger || view.dtype == .bool else { return nil }
    var values: [Int64] = []
    values.reserveCapacity(view.count)
    try view.forEachIntegerBlock { (block) throws(MediaError) in values.append(contentsOf: block) }
    return view.dtype == .u64 && values.contains(where: { $0 < 0 }) ? nil : values
  }
}
