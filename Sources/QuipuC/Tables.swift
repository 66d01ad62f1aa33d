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
    let mode: Table.LogMode
    switch given.log_mode {
    case 0: mode = .immutable
    case 1: mode = .mutable
    case 2: mode = .incremental
    default: throw QuipuError(.argument, kind: "log_mode_unknown", "log_mode: \(given.log_mode) is not known")
    }
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
    let medium = try medium(item.media, "\(argument).media")
    let attached = try table.attachments(media: [medium])
    if let inner = attached.tables.first { return .table(inner) }
    guard let reference = attached.media.first else {
      throw QuipuError(.internal, kind: "cell_media", "\(argument): the medium could not be attached")
    }
    return .media(reference)
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

@c @implementation
public func quipu_table_add_column(
  _ table: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ values: UnsafePointer<quipu_array>?, _ optional: Int32,
  _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let target = try medium(table, "table")
    let name = try required(name, "name")
    let array = try view(values, "values")
    try shaped { () throws(QuipuError) in
      try target.changeTable { table throws(MediaError) in
        try table.addColumn(name, .array(array), optional: optional != 0)
      }
    }
  }
}

@c @implementation
public func quipu_table_add_column_text(
  _ table: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ values: UnsafePointer<quipu_str>?, _ count: Int,
  _ optional: Int32, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let target = try medium(table, "table")
    let name = try required(name, "name")
    guard count >= 0, count <= 1 << 32 else {
      throw QuipuError(.tooLarge, kind: "too_large", "count: \(count) texts cannot be right")
    }
    if count > 0, values == nil { throw isNull("values") }
    var cells: [TableCell] = []
    cells.reserveCapacity(min(count, 1 << 20))
    for at in 0..<count {
      guard let value = values.map({ $0[at] }) else { break }
      cells.append(.string(try text(value, "values[\(at)]")))
    }
    try shaped { () throws(QuipuError) in
      try target.changeTable { table throws(MediaError) in
        try table.addColumn(name, .cells(cells), optional: optional != 0)
      }
    }
  }
}

@c @implementation
public func quipu_table_add_column_json(
  _ table: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ json: quipu_str, _ media: UnsafePointer<OpaquePointer?>?,
  _ media_count: Int, _ arrays: UnsafePointer<quipu_array>?, _ array_count: Int, _ optional: Int32, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let target = try medium(table, "table")
    let name = try required(name, "name")
    guard case .array(let values) = try QuipuC.json(json, "json") else {
      throw QuipuError(.value, kind: "json_not_array", "json: must be a JSON array")
    }
    let attached = try target.attachments(
      media: try mediaList(media, media_count), arrays: try views(arrays, array_count))
    try shaped { () throws(QuipuError) in try target.changeTable { table throws(MediaError) in
      var cells: [TableCell] = []
      cells.reserveCapacity(values.count)
      for value in values { cells.append(try TableCell(taggedJSON: value, attachments: attached)) }
      try table.addColumn(name, .cells(cells), optional: optional != 0)
    } }
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
