import CQuipu
import Glibc
import Quipu
import QuipuBase
import QuipuMedia

// Tables.

/// A row or column of the wrong length is a matter of shape in the contract.
private func shaped(_ body: () throws(QuipuError) -> Void) throws(QuipuError) {
  do throws(QuipuError) { try body() } catch {
    var refused = error
    let counts = refused.message.hasPrefix("row: ") || refused.message.hasPrefix("data: ")
    if refused.code == .value, counts { refused.code = .shape }
    throw refused
  }
}

private func logMode(_ value: quipu_table_log_mode) throws(QuipuError) -> Table.LogMode {
  switch value {
  case 0: .immutable
  case 1: .mutable
  case 2: .incremental
  default: throw QuipuError(.argument, kind: "log_mode_unknown", "log_mode: \(value) is not known")
  }
}

@c @implementation
public func quipu_table_new(
  _ columns: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int, _ options: UnsafePointer<quipu_table_options>?,
  _ table: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  table?.pointee = nil
  return attempt(error) { () throws(QuipuError) in
    guard let table else { throw isNull("table") }
    guard count >= 0, count <= 1 << 16 else {
      throw QuipuError(.tooLarge, kind: "too_large", "count: \(count) columns cannot be right")
    }
    let given = try copyOptions(options, quipu_table_options(), "options")
    let mode = try logMode(given.log_mode)
    let names = try texts(columns, count, "columns")
    if given.schema_json.size > 0 {
      let schema = try object(given.schema_json, "schema_json")
      let declared: Table
      do throws(MediaError) {
        declared = try Table(
          names: names, schema: schema, logMode: mode, allowMixedTypes: given.allow_mixed_types != 0)
      } catch {
        throw QuipuError(error)
      }
      try give(.table(declared), to: table)
      return
    }
    try give(
      .table(
        columns: names, logMode: mode, allowMixedTypes: given.allow_mixed_types != 0, required: given.required != 0),
      to: table)
  }
}

@c @implementation
public func quipu_table_add_row(
  _ table: OpaquePointer?, _ cells: UnsafePointer<quipu_item>?, _ count: Int, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let target = try medium(table, "table")
    guard count >= 0, count <= 1 << 16 else {
      throw QuipuError(.tooLarge, kind: "too_large", "count: \(count) cells cannot be right")
    }
    if count > 0, cells == nil { throw isNull("cells") }
    if let width = target.table?.columnCount, width != count {
      throw QuipuError(
        .shape, kind: "table_row_width", "count: \(count) cells for \(width) columns; pass one per column")
    }
    var row: [TableCell] = []
    for at in 0..<count {
      guard let item = cells.map({ $0[at] }) else { break }
      row.append(try cell(item, "cells[\(at)]", in: target))
    }
    try target.changeTable { table throws(MediaError) in try table.addRow(row) }
  }
}

private func cell(_ item: quipu_item, _ argument: String, in table: Media) throws(QuipuError) -> TableCell {
  switch item.type {
  case 0: return .none
  case 1: return .bool(item.integer != 0)
  case 2: return .int(item.integer)
  case 3: return .double(item.number)
  case 4: return .string(try text(item.text, "\(argument).text"))
  case 5:
    let value = try json(item.text, "\(argument).text")
    do throws(MediaError) { return try TableCell(taggedJSON: value) } catch { throw QuipuError(error) }
  case 6:
    return try table.cell(try medium(item.media, "\(argument).media"))
  default:
    throw QuipuError(.argument, kind: "type_unknown", "\(argument).type: \(item.type) is not a quipu_type")
  }
}

private func views(
  _ arrays: UnsafePointer<quipu_array>?, _ count: Int
) throws(QuipuError) -> [ArrayView] {
  guard count > 0 else { return [] }
  guard let arrays else { throw isNull("arrays") }
  var result: [ArrayView] = []
  for at in 0..<count { result.append(try view(arrays[at], "arrays[\(at)]")) }
  return result
}

@c @implementation
public func quipu_table_add_rows_json(
  _ table: OpaquePointer?, _ json: quipu_str, _ media: UnsafePointer<OpaquePointer?>?, _ media_count: Int,
  _ arrays: UnsafePointer<quipu_array>?, _ array_count: Int, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let target = try medium(table, "table")
    let raw = try bytes(json, "json")
    let attached = try target.attachments(
      media: try mediaList(media, media_count), arrays: try views(arrays, array_count))
    try shaped { () throws(QuipuError) in
      try target.changeTable { table throws(MediaError) in try table.addRows(json: raw, attachments: attached) }
    }
  }
}

/// The cells of a column; borrows the caller's memory.
private func columnData(
  _ cells: quipu_cells, _ argument: String, in table: Media
) throws(QuipuError) -> TableColumnData {
  let data: TableColumnData
  switch cells.form {
  case 0:
    let array = try view(cells.array, "\(argument).array")
    data = cells.missing_is_nan != 0 && cells.valid == nil ? .plainFloats(array) : .array(array)
  case 1:
    guard cells.count >= 0, cells.count < 1 << 40 else {
      throw QuipuError(.tooLarge, kind: "too_large", "\(argument).count: \(cells.count) texts cannot be right")
    }
    guard let offsets = cells.offsets else {
      if cells.count > 0 { throw isNull("\(argument).offsets") }
      data = .cells([])
      break
    }
    data = .strings(
      try bytes(cells.text, "\(argument).text"), offsets: UnsafeBufferPointer(start: offsets, count: cells.count + 1))
  case 2:
    guard let unit = TableTimeUnit(rawValue: cells.unit) else {
      throw QuipuError(.argument, kind: "time_unit_unknown", "\(argument).unit: \(cells.unit) is not a quipu_time_unit")
    }
    data = .times(try view(cells.array, "\(argument).array"), unit: unit)
  case 3:
    guard case .array(let values) = try json(cells.text, "\(argument).text") else {
      throw QuipuError(.value, kind: "json_not_array", "\(argument).text: must be a JSON array")
    }
    let attached = try table.attachments(
      media: try mediaList(cells.media, cells.media_count, "\(argument).media"),
      arrays: try views(cells.arrays, cells.array_count))
    var list: [TableCell] = []
    list.reserveCapacity(values.count)
    for value in values {
      do throws(MediaError) {
        list.append(try TableCell(taggedJSON: value, attachments: attached))
      } catch {
        throw QuipuError(error)
      }
    }
    data = .cells(list)
  default:
    throw QuipuError(
      .argument, kind: "cells_form_unknown", "\(argument).form: \(cells.form) is not a quipu_cells_form")
  }
  guard let valid = cells.valid else { return data }
  let flags = UnsafeBufferPointer(start: valid, count: data.count)
  return .masked(data, valid: flags, asNaN: cells.missing_is_nan != 0)
}

@c @implementation
public func quipu_table_add_rows(
  _ table: OpaquePointer?, _ columns: UnsafePointer<quipu_cells>?, _ count: Int, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let target = try medium(table, "table")
    guard count >= 0, count <= 1 << 16 else {
      throw QuipuError(.tooLarge, kind: "too_large", "count: \(count) columns cannot be right")
    }
    if count > 0, columns == nil { throw isNull("columns") }
    var data: [TableColumnData] = []
    for at in 0..<count {
      guard let cells = columns.map({ $0[at] }) else { break }
      data.append(try columnData(cells, "columns[\(at)]", in: target))
    }
    try shaped { () throws(QuipuError) in
      try target.changeTable { table throws(MediaError) in try table.addRows(columns: data) }
    }
  }
}

@c @implementation
public func quipu_table_add_column(
  _ table: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ cells: UnsafePointer<quipu_cells>?, _ optional: Int32,
  _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let target = try medium(table, "table")
    let name = try required(name, "name")
    guard let cells else { throw isNull("cells") }
    let data = try columnData(cells.pointee, "cells", in: target)
    try shaped { () throws(QuipuError) in
      try target.changeTable { table throws(MediaError) in
        try table.addColumn(name, data, optional: optional != 0)
      }
    }
  }
}

@c @implementation
public func quipu_table_from_arrow(
  _ stream: OpaquePointer?, _ options: UnsafePointer<quipu_table_options>?,
  _ table: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  table?.pointee = nil
  return attempt(error) { () throws(QuipuError) in
    guard let stream else { throw isNull("stream") }
    guard let table else { throw isNull("table") }
    let given = try copyOptions(options, quipu_table_options(), "options")
    var optional = [given.required == 0]
    if given.schema_json.size > 0 {
      switch try object(given.schema_json, "schema_json")["optional"] {
      case .bool(let value)?: optional = [value]
      case .array(let values)?: optional = values.map { $0.boolValue ?? true }
      default: break
      }
    }
    let mode = try logMode(given.log_mode)
    let made: Table
    do throws(MediaError) {
      made = try Table(
        arrowStream: UnsafeMutableRawPointer(stream), optional: optional,
        allowMixedTypes: given.allow_mixed_types != 0, logMode: mode)
    } catch {
      throw QuipuError(error)
    }
    try give(.table(made), to: table)
  }
}

@c @implementation
public func quipu_table_json(
  _ table: OpaquePointer?, _ start: Int64, _ count: Int64, _ out: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(out)
  return attempt(error) { () throws(QuipuError) in
    guard out != nil else { throw isNull("out") }
    guard let content = try medium(table, "table").table else {
      throw QuipuError(.handle, kind: "not_a_table", "table: is a media handle, but not of a table")
    }
    let first = Int(clamping: max(0, start))
    let (end, overflow) = first.addingReportingOverflow(Int(clamping: max(0, count)))
    do throws(MediaError) {
      give(try content.jsonText(rows: min(first, content.rowCount)..<(overflow ? .max : max(end, first))), to: out)
    } catch {
      throw QuipuError(error)
    }
  }
}

@c @implementation
public func quipu_joined_table_new(
  _ table1: OpaquePointer?, _ path1: UnsafePointer<CChar>?, _ table2: OpaquePointer?, _ path2: UnsafePointer<CChar>?,
  _ key1: UnsafePointer<CChar>?, _ key2: UnsafePointer<CChar>?, _ joined: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  joined?.pointee = nil
  return attempt(error) { () throws(QuipuError) in
    guard let joined else { throw isNull("joined") }
    let first: Media? = table1 == nil ? nil : try medium(table1, "table1")
    let second: Media? = table2 == nil ? nil : try medium(table2, "table2")
    let key = JSON.string(try required(key1, "key1"))
    let other = try text(key2, "key2")
    try give(
      try .joinedTable(
        tables: [first, second], paths: [try text(path1, "path1"), try text(path2, "path2")],
        key: other.map { .array([key, .string($0)]) } ?? key), to: joined)
  }
}

@c @implementation
public func quipu_partitioned_table_new(
  _ parts_path: UnsafePointer<CChar>?, _ table: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  table?.pointee = nil
  return attempt(error) { () throws(QuipuError) in
    guard let table else { throw isNull("table") }
    try give(.partitionedTable(path: try required(parts_path, "parts_path")), to: table)
  }
}

@c @implementation
public func quipu_table_alter(
  _ table: OpaquePointer?, _ command_json: quipu_str, _ other: OpaquePointer?, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let target = try medium(table, "table")
    let command = try object(command_json, "command_json")
    let foreign: Media? = other == nil ? nil : try medium(other, "other")
    try target.alterTable(command, other: foreign)
  }
}

@c @implementation
public func quipu_table_row_count(_ table: OpaquePointer?) -> Int { Handles.media.object(table)?.table?.rowCount ?? 0 }

@c @implementation
public func quipu_table_column_count(_ table: OpaquePointer?) -> Int {
  Handles.media.object(table)?.table?.columnCount ?? 0
}
