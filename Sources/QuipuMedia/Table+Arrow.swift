import QuipuBase

extension Table {
  /// A table from a stream of Arrow's C interface, which dataframe libraries export (polars, pyarrow, DuckDB...).
  ///
  /// Numbers, booleans, texts and points in time are copied column by column. Null is a missing cell, a NaN a number.
  /// Lists and structs become lists and dictionaries, binary values bytes, decimals objects of class Decimal;
  /// categories become what they stand for. Times with a time zone are shown in UTC.
  ///
  /// - Parameters:
  ///   - stream: a `struct ArrowArrayStream` of struct arrays. It is read to its end and released, after an error too.
  ///   - optional: whether columns may be null, one per column or one for all; default true.
  ///   - logMode: default `.immutable`.
  /// - Throws: `type` for a column type without a place in tables (unions, run-end encoding), `value` for a stream that
  ///   is malformed or fails.
  /// - Source: Apache Arrow, "The Arrow C stream interface".
  public init(
    arrowStream stream: UnsafeMutableRawPointer, optional: [Bool] = [true], allowMixedTypes: Bool = false,
    logMode: LogMode = .immutable
  ) throws(MediaError) {
    let source = ArrowStream(stream)
    defer { source.release() }
    let schema = try source.schema()
    guard schema.format == "+s" else {
      throw MediaError(.type, "stream: holds arrays of one column (\(schema.format)); pass a table or record batches")
    }
    self.init(
      columns: schema.children.map { ColumnName($0.name) }, types: schema.children.map(\.declaredType),
      optional: optional, allowMixedTypes: allowMixedTypes, logMode: logMode)
    var gathered = [TableColumn](repeating: TableColumn(), count: schema.children.count)
    var rows = 0
    while try source.next(schema, { (batch) throws(MediaError) in
      for at in gathered.indices {
        let part = try batch.child(at)
        let column = try part.column(from: batch.offset, count: batch.length)
        gathered[at].append(contentsOf: column)
      }
      rows &+= batch.length
    }) {}
    if rows > 0 && !gathered.isEmpty { try addRows(packed: gathered) }
  }
}

extension ArrowSchema {
  /// What a column of this type starts with. Lists and structs may have nulls inside, which the first value need not
  /// show; everything else is learned.
  fileprivate var declaredType: ColumnType {
    guard dictionary.isEmpty else { return .unknown }
    switch format {
    case "+l", "+L": return .list(element: children.first?.insideType ?? .unknown, length: nil)
    case "+s": return .typedDict(children.map { ColumnType.Field(Key($0.name), $0.insideType) })
    default: return format.hasPrefix("+w:") ? .list(element: children.first?.insideType ?? .unknown, length: nil) : .unknown
    }
  }

  private var insideType: ColumnType { declaredType.optional }
}

extension ArrowArray {
  private func unsupported() -> MediaError {
    MediaError(.type, "column '\(schema.name)': Arrow type \(schema.format) cannot be held by a table; convert it first")
  }

  /// The rows `start ..< start + count` as a column.
  func column(from start: Int, count: Int) throws(MediaError) -> TableColumn {
    guard count > 0 else { return TableColumn() }
    guard start &+ count <= length else {
      throw MediaError(.value, "stream: column '\(schema.name)' has \(length) rows, its batch \(start &+ count)")
    }
    if schema.format == "n" { return TableColumn(missing: count) }
    guard schema.dictionary.isEmpty, var column = try packed(from: start, count: count) else {
      let values = try dictionary().map { values throws(MediaError) in
        try values.column(from: 0, count: values.length)
      }
      var column = TableColumn()
      for row in start..<(start &+ count) { column.append(try cell(row, values)) }
      return column
    }
    if validity != nil {
      var missing = [Bool](repeating: false, count: count)
      for row in 0..<count { missing[row] = isMissing(start &+ row) }
      column.setMissing(missing, asNaN: false)
    }
    return column
  }

  private static let numbers: [String: DType] = [
    "c": .i8, "C": .u8, "s": .i16, "S": .u16, "i": .i32, "I": .u32, "l": .i64, "L": .u64, "e": .f16, "f": .f32,
    "g": .f64,
  ]

  /// Unit and width of points in time; nil for other types. A time zone may follow.
  private static func time(_ format: String) -> (unit: TableTimeUnit, dtype: DType, isUTC: Bool)? {
    switch format {
    case "tdD": return (.days, .i32, false)
    case "tdm": return (.milliseconds, .i64, false)
    default: break
    }
    let isUTC = format.utf8.count > 4
    if format.hasPrefix("tss:") { return (.seconds, .i64, isUTC) }
    if format.hasPrefix("tsm:") { return (.milliseconds, .i64, isUTC) }
    if format.hasPrefix("tsu:") { return (.microseconds, .i64, isUTC) }
    if format.hasPrefix("tsn:") { return (.nanoseconds, .i64, isUTC) }
    return nil
  }

  /// The rows of a type that columns keep packed; nil for other types.
  private func packed(from start: Int, count: Int) throws(MediaError) -> TableColumn? {
    let first = offset &+ start
    if let dtype = Self.numbers[schema.format] {
      return try TableColumnData.array(try view(dtype, first, count)).column()
    }
    // A zone is part of each text, so such times stay cells, but for nanoseconds, which have no text.
    if let time = Self.time(schema.format), !time.isUTC || time.unit == .nanoseconds {
      return try TableColumnData.times(try view(time.dtype, first, count), unit: time.unit).column()
    }
    switch schema.format {
    case "b":
      let bits = try buffer(1).assumingMemoryBound(to: UInt8.self)
      return TableColumn(bools: (first..<(first &+ count)).map { bits[$0 >> 3] >> UInt8($0 & 7) & 1 == 1 })
    case "u", "U":
      let wide = schema.format == "U"
      let raw = try buffer(1)
      var offsets: [Int64] = []
      offsets.reserveCapacity(count &+ 1)
      for at in first...(first &+ count) {
        offsets.append(
          wide
            ? raw.loadUnaligned(fromByteOffset: at &* 8, as: Int64.self)
            : Int64(raw.loadUnaligned(fromByteOffset: at &* 4, as: Int32.self)))
      }
      guard let last = offsets.last, let size = Int(exactly: last), size >= 0 else { throw malformed() }
      let text = size == 0 ? UnsafeRawBufferPointer(start: nil, count: 0)
        : UnsafeRawBufferPointer(start: try buffer(2), count: size)
      return try Self.strings(text, offsets)
    case "vu":
      var text: [UInt8] = []
      var offsets: [Int64] = [0]
      offsets.reserveCapacity(count &+ 1)
      for row in start..<(start &+ count) {
        if !isMissing(row) { text.append(contentsOf: try viewed(row)) }
        offsets.append(Int64(text.count))
      }
      var result: TableColumn?
      var failure: MediaError?
      text.withUnsafeBytes { raw in
        do throws(MediaError) { result = try Self.strings(raw, offsets) } catch { failure = error }
      }
      if let failure { throw failure }
      return result
    default: return nil
    }
  }

  private func malformed() -> MediaError { MediaError(.value, "stream: column '\(schema.name)' has impossible offsets") }

  private func view(_ dtype: DType, _ first: Int, _ count: Int) throws(MediaError) -> ArrayView {
    try ArrayView(base: try buffer(1) + first &* dtype.itemSize, dtype: dtype, shape: [count])
  }

  private static func strings(_ text: UnsafeRawBufferPointer, _ offsets: [Int64]) throws(MediaError) -> TableColumn {
    var result = TableColumn()
    var failure: MediaError?
    offsets.withUnsafeBufferPointer { offsets in
      do throws(MediaError) {
        result = try TableColumnData.strings(text, offsets: offsets).column()
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return result
  }

  /// The bytes of a text or binary view.
  private func viewed(_ row: Int) throws(MediaError) -> UnsafeRawBufferPointer {
    let view = try buffer(1) + (offset &+ row) &* 16
    let size = Int(view.loadUnaligned(as: Int32.self))
    guard size >= 0 else { throw malformed() }
    if size <= 12 { return UnsafeRawBufferPointer(start: view + 4, count: size) }
    let number = Int(view.loadUnaligned(fromByteOffset: 8, as: Int32.self))
    let start = Int(view.loadUnaligned(fromByteOffset: 12, as: Int32.self))
    guard number >= 0, start >= 0 else { throw malformed() }
    return UnsafeRawBufferPointer(start: try buffer(2 &+ number) + start, count: size)
  }

  /// Where the parts of a list, a text or a binary value lie.
  private func range(_ row: Int, wide: Bool) throws(MediaError) -> Range<Int> {
    let raw = try buffer(1)
    let at = offset &+ row
    let (low, high): (Int64, Int64)
    if wide {
      low = raw.loadUnaligned(fromByteOffset: at &* 8, as: Int64.self)
      high = raw.loadUnaligned(fromByteOffset: at &* 8 &+ 8, as: Int64.self)
    } else {
      low = Int64(raw.loadUnaligned(fromByteOffset: at &* 4, as: Int32.self))
      high = Int64(raw.loadUnaligned(fromByteOffset: at &* 4 &+ 4, as: Int32.self))
    }
    guard low >= 0, low <= high, let from = Int(exactly: low), let to = Int(exactly: high) else { throw malformed() }
    return from..<to
  }

  /// One value of any type.
  ///
  /// - Parameters:
  ///   - row: counted from the array's offset.
  ///   - values: the dictionary if the array has one and it was read before.
  private func cell(_ row: Int, _ values: TableColumn? = nil) throws(MediaError) -> TableCell {
    guard row >= 0, row < length else { throw malformed() }
    if isMissing(row) { return .none }
    if !schema.dictionary.isEmpty {
      guard let dtype = Self.numbers[schema.format] else { throw unsupported() }
      let index = try TableColumnData.array(try view(dtype, offset &+ row, 1)).column()[0]
      guard case .int(let number) = index, let at = Int(exactly: number) else { throw malformed() }
      if let values {
        guard at >= 0, at < values.count else { throw malformed() }
        return values[at]
      }
      return try dictionary()?.cell(at) ?? .none
    }
    if let column = try packed(from: row, count: 1) { return column[0] }
    if let time = Self.time(schema.format) {
      let column = try TableColumnData.times(try view(time.dtype, offset &+ row, 1), unit: time.unit).column()
      return .timestamp(time.unit.timestamp(column.ints[0], isUTC: true))
    }
    switch schema.format {
    case "z", "Z":
      let range = try range(row, wide: schema.format == "Z")
      return .bytes(range.isEmpty ? [] : Array(UnsafeRawBufferPointer(start: try buffer(2), count: range.upperBound)[range]))
    case "vz": return .bytes(Array(try viewed(row)))
    case "+l", "+L": return .list(try child(0).cells(try range(row, wide: schema.format == "+L")))
    case "+s":
      var members: [TableCell.Member] = []
      for at in schema.children.indices {
        members.append(TableCell.Member(Key(schema.children[at].name), try child(at).cell(offset &+ row)))
      }
      return .dict(members)
    case "+m":
      var members = JSONObject()
      for pair in try child(0).cells(try range(row, wide: false)) {
        guard case .dict(let parts) = pair, parts.count == 2, case .string(let key) = parts[0].value else {
          throw unsupported()
        }
        var text = ByteBuffer()
        try parts[1].value.writeRunForm(to: &text)
        members[Key(key)] = (try? JSON(parsing: text.bytes)) ?? .null
      }
      // Keys differ from row to row, which dictionaries of a column may not.
      return .object(TableObject(className: "map", run: .object(members), artifact: .object(members)))
    default: break
    }
    if schema.format.hasPrefix("+w:"), let size = Int(schema.format.dropFirst(3)), size >= 0, size <= 1 << 24 {
      let at = (offset &+ row) &* size
      return .list(try child(0).cells(at..<(at &+ size)))
    }
    if schema.format.hasPrefix("w:"), let size = Int(schema.format.dropFirst(2)), size >= 0, size <= 1 << 30 {
      return .bytes(Array(UnsafeRawBufferPointer(start: try buffer(1) + (offset &+ row) &* size, count: size)))
    }
    return try special(row)
  }

  private func cells(_ rows: Range<Int>) throws(MediaError) -> [TableCell] {
    var result: [TableCell] = []
    for row in rows { result.append(try cell(row)) }
    return result
  }

  /// Decimals, times of day and durations, which tables keep as objects.
  private func special(_ row: Int) throws(MediaError) -> TableCell {
    let format = schema.format
    let at = offset &+ row
    if format.hasPrefix("d:") {
      let parts = format.dropFirst(2).utf8.split(separator: UInt8(ascii: ",")).compactMap { Int(String(Substring($0))) }
      guard parts.count == 2 || (parts.count == 3 && parts[2] == 128), parts[1] >= 0, parts[1] <= 38 else {
        throw unsupported()
      }
      let raw = try buffer(1) + at &* 16
      let high = raw.loadUnaligned(fromByteOffset: 8, as: Int64.self)
      let value = Int128(high) << 64 | Int128(raw.loadUnaligned(as: UInt64.self))
      var digits = String(value.magnitude)
      let scale = parts[1]
      if scale > 0 {
        digits = String(repeating: "0", count: max(0, scale &+ 1 &- digits.utf8.count)) + digits
        digits = digits.dropLast(scale) + "." + digits.suffix(scale)
      }
      let text = value < 0 ? "-" + digits : digits
      return .object(TableObject(className: "Decimal", run: .string(text), artifact: .double(Double(text) ?? .nan)))
    }
    let perSecond: Int64
    switch format.utf8.last {
    case UInt8(ascii: "s")?: perSecond = 1
    case UInt8(ascii: "m")?: perSecond = 1000
    case UInt8(ascii: "u")?: perSecond = 1_000_000
    default: perSecond = 1_000_000_000
    }
    if ["tDs", "tDm", "tDu", "tDn"].contains(format) {
      let value = try buffer(1).loadUnaligned(fromByteOffset: at &* 8, as: Int64.self)
      let seconds = Double(value / perSecond) + Double(value % perSecond) / Double(perSecond)
      return .object(TableObject(className: "timedelta", run: .double(seconds), artifact: .double(seconds)))
    }
    guard ["tts", "ttm", "ttu", "ttn"].contains(format) else { throw unsupported() }
    let raw = try buffer(1)
    let value = perSecond <= 1000
      ? Int64(raw.loadUnaligned(fromByteOffset: at &* 4, as: Int32.self))
      : raw.loadUnaligned(fromByteOffset: at &* 8, as: Int64.self)
    let microseconds = perSecond > 1_000_000 ? value / 1000 : value &* (1_000_000 / perSecond)
    guard case .string(let iso) = TableTimeUnit.microseconds.timestamp(microseconds).run else { throw malformed() }
    // The text behind the date.
    let text = JSON.string(String(iso.dropFirst(11)))
    return .object(TableObject(className: "time", run: text, artifact: text))
  }
}
