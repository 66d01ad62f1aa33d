import QuipuBase

extension Table {
  /// Appends the run file, the short form of the table in the run directory: `{"columns":[…],"data":[[…],…]}` with
  /// media shown by their class names.
  ///
  /// - Parameters:
  ///   - rows: the rows to write; nil (the default) means all. The part outside the table is ignored.
  ///   - limit: rows beyond this many are left out silently; default 10 000.
  /// - Throws: `type` for a cell that the file cannot hold.
  public func writeRunFile(
    to out: inout ByteBuffer, rows: Range<Int>? = nil, limit: Int = Table.maximumRunFileRows
  ) throws(MediaError) {
    out.append("{\"columns\":")
    writeNames(to: &out, style: .client)
    out.append(",\"data\":[")
    let all = (rows ?? 0..<rowCount).clamped(to: 0..<rowCount)
    for row in all.prefix(max(0, limit)) {
      if row > all.lowerBound { out.append(UInt8(ascii: ",")) }
      out.append(UInt8(ascii: "["))
      for at in storage.indices {
        if at > 0 { out.append(UInt8(ascii: ",")) }
        if !storage[at].writePlain(row, to: &out, style: .client) {
          try storage[at][row].writeRunForm(to: &out)
        }
      }
      out.append(UInt8(ascii: "]"))
    }
    out.append("]}")
  }

  /// The run file's bytes.
  public func runFile(
    rows: Range<Int>? = nil, limit: Int = Table.maximumRunFileRows
  ) throws(MediaError) -> [UInt8] {
    var out = ByteBuffer(capacity: 4096)
    try writeRunFile(to: &out, rows: rows, limit: limit)
    return out.array()
  }

  /// Rows in the form of the run file, beside the columns, their types and the number of all rows.
  ///
  /// - Parameter rows: what lies outside the table is left out.
  /// - Throws: `type` for a cell that the run file cannot hold.
  public func jsonText(rows: Range<Int>) throws(MediaError) -> String {
    var out = ByteBuffer(capacity: 4096)
    out.append("{\"column_types\":")
    columnTypes.json().write(to: &out, style: .client)
    out.append(",\"nrows\":")
    out.appendDecimal(Int64(rowCount))
    out.append(",")
    var body = ByteBuffer(capacity: 4096)
    try writeRunFile(to: &body, rows: rows, limit: .max)
    out.append(UnsafeRawBufferPointer(rebasing: body.bytes.dropFirst()))
    return out.string()
  }

  func writeNames(to out: inout ByteBuffer, style: JSONStyle) {
    let names = columns.map { name -> JSON in
      switch name {
      case .text(let key): .string(key.string)
      case .integer(let number): .int(number)
      }
    }
    JSON.array(names).write(to: &out, style: style)
  }
}

extension TableColumn {
  /// Writes a cell of a packed column; false for a column of general cells.
  @inline(__always)
  func writePlain(_ row: Int, to out: inout ByteBuffer, style: JSONStyle) -> Bool {
    if isMissing(row) {
      out.append(missingIsNaN && style == .client ? "NaN" : "null")
      return true
    }
    switch form {
    case .doubles, .numpyDoubles:
      let value = doubles[row]
      if style == .artifact && value.isNaN {
        out.append("null")
      } else {
        out.appendDouble(value, style: style)
      }
    case .ints: out.appendDecimal(ints[row])
    case .bools: if bools[row] { out.append("true") } else { out.append("false") }
    case .strings:
      text.withUnsafeBytes { bytes in
        JSON.writeString(UnsafeRawBufferPointer(rebasing: bytes[stringRange(row)]), to: &out, style: style)
      }
    case .times:
      let time = unit.timestamp(ints[row])
      (style == .client ? time.run : time.artifact).write(to: &out, style: style)
    case .empty, .cells: return false
    }
    return true
  }
}

extension TableCell {
  func writeRunForm(to out: inout ByteBuffer) throws(MediaError) {
    switch self {
    case .none: out.append("null")
    case .bool(let value): JSON.bool(value).write(to: &out, style: .client)
    case .int(let value): out.appendDecimal(value)
    case .bigInteger(let digits): out.append(digits)
    case .double(let value), .numpyDouble(let value): out.appendDouble(value, style: .client)
    case .string(let text), .numpyString(let text): JSON.writeString(text, to: &out, style: .client)
    case .timestamp(let time): time.run.write(to: &out, style: .client)
    case .index(let row, _): out.appendDecimal(row)
    case .media(let medium): JSON.writeString(medium.className, to: &out, style: .client)
    case .table: out.append("\"Table\"")
    case .bytes(let bytes):
      out.append(UInt8(ascii: "["))
      for (at, byte) in bytes.enumerated() {
        if at > 0 { out.append(UInt8(ascii: ",")) }
        out.appendDecimal(UInt64(byte))
      }
      out.append(UInt8(ascii: "]"))
    case .object(let object):
      guard let form = object.run else {
        throw MediaError(.type, "cell: a run file cannot hold a \(object.className); convert it to plain values")
      }
      form.write(to: &out, style: .client)
    case .list(let elements):
      out.append(UInt8(ascii: "["))
      for (at, element) in elements.enumerated() {
        if at > 0 { out.append(UInt8(ascii: ",")) }
        try element.writeRunForm(to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .dict(let members):
      out.append(UInt8(ascii: "{"))
      for (at, member) in members.enumerated() {
        if at > 0 { out.append(UInt8(ascii: ",")) }
        JSON.writeString(member.key.string, to: &out, style: .client)
        out.append(UInt8(ascii: ":"))
        try member.value.writeRunForm(to: &out)
      }
      out.append(UInt8(ascii: "}"))
    case .array(let array):
      try array.writeElements(to: &out, separator: ",") { (element, out) throws(MediaError) in
        try element.writeRunForm(to: &out)
      }
    }
  }
}

extension TableArray {
  /// Writes nested lists; an array without axes becomes a list of one element.
  func writeElements(
    to out: inout ByteBuffer, separator: StaticString,
    _ write: (TableCell, inout ByteBuffer) throws(MediaError) -> Void
  ) throws(MediaError) {
    let extents = shape.isEmpty ? [1] : shape
    var next = 0
    func level(_ axis: Int, _ out: inout ByteBuffer) throws(MediaError) {
      out.append(UInt8(ascii: "["))
      for at in 0..<extents[axis] {
        if at > 0 { out.append(separator) }
        if axis == extents.count &- 1 {
          try write(element(next), &out)
          next &+= 1
        } else {
          try level(axis &+ 1, &out)
        }
      }
      out.append(UInt8(ascii: "]"))
    }
    try level(0, &out)
  }
}
