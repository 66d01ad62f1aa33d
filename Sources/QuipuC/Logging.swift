import CQuipu
import Glibc
import Quipu
import QuipuBase

// Logging.

/// Where the fast calls find the number of a refusal.
private func status(_ refusal: Int32) -> quipu_status {
  switch refusal {
  case 0: QuipuOK
  case 1: QuipuError.Code.finished.rawValue
  case 2: QuipuError.Code.forked.rawValue
  default: QuipuError.Code.full.rawValue
  }
}

private func badHandle(_ handle: OpaquePointer?) -> quipu_status {
  (handle == nil ? QuipuError.Code.null : QuipuError.Code.handle).rawValue
}

@c @implementation
public func quipu_run_log(_ run: OpaquePointer?, _ key: UnsafePointer<CChar>?, _ value: Double) -> quipu_status {
  guard let handle = Handles.runs.lookUp(run) else { return badHandle(run) }
  guard key != nil else { return QuipuError.Code.null.rawValue }
  return withUnsafePointer(to: key) { keys in
    withUnsafePointer(to: value) { values in
      handle._withUnsafeGuaranteedRef {
        logDoubles($0.run, keys, values, 1, step: -1, commit: 0)
      }
    }
  }
}

@c @implementation
public func quipu_run_log_doubles(
  _ run: OpaquePointer?, _ keys: UnsafePointer<UnsafePointer<CChar>?>?, _ values: UnsafePointer<Double>?,
  _ count: Int, _ step: Int64, _ commit: quipu_commit
) -> quipu_status {
  guard let handle = Handles.runs.lookUp(run) else { return badHandle(run) }
  if count == 0 { return logEmpty(handle.takeUnretainedValue().run, step, commit) }
  guard let keys, let values else { return QuipuError.Code.null.rawValue }
  guard count > 0, count <= 1 << 20 else { return QuipuError.Code.tooLarge.rawValue }
  guard step >= -1 else { return QuipuError.Code.step.rawValue }
  guard commit >= 0, commit <= 2 else { return QuipuError.Code.argument.rawValue }
  return handle._withUnsafeGuaranteedRef {
    logDoubles($0.run, keys, values, count, step: step, commit: UInt8(truncatingIfNeeded: commit))
  }
}

private func logEmpty(_ run: Run, _ step: Int64, _ commit: quipu_commit) -> quipu_status {
  attempt(nil) { () throws(QuipuError) in
    let (step, commit) = try rowArguments(step, commit)
    try run.logJSON(UnsafeRawBufferPointer(StaticString("{}")), media: [], step: step, commit: commit)
  }
}

extension UnsafeRawBufferPointer {
  fileprivate init(_ text: StaticString) { self.init(start: text.utf8Start, count: text.utf8CodeUnitCount) }
}

private func logDoubles(
  _ run: Run, _ keys: UnsafePointer<UnsafePointer<CChar>?>, _ values: UnsafePointer<Double>, _ count: Int, step: Int64,
  commit: UInt8
) -> quipu_status {
  var nameBytes = 0
  for at in 0..<count {
    guard let key = keys[at] else { return QuipuError.Code.null.rawValue }
    let size = strnlen(key, ColumnSet.maximumKeyBytes + 1)
    guard size > 0, size <= ColumnSet.maximumKeyBytes else { return QuipuError.Code.key.rawValue }
    guard isUTF8(key, size) else { return QuipuError.Code.utf8.rawValue }
    nameBytes &+= size &+ 3
  }
  return status(
    run.submitDoubles(count: count, nameBytes: nameBytes, step: step, commit: commit) { out in
      out.storeBytes(of: 0, as: UInt32.self)
      out.storeBytes(of: UInt32(truncatingIfNeeded: count), toByteOffset: 4, as: UInt32.self)
      (out + 8).copyMemory(from: values, byteCount: count &* 8)
      var names = KeyWriter(out + (8 &+ count &* 8), room: nameBytes)
      for at in 0..<count {
        if let key = keys[at] { names.append(3, key) }
      }
    })
}

/// Writes types and names behind the cells of a row, never more than was counted before: a caller may change its keys
/// meanwhile, and must not overwrite what lies behind.
private struct KeyWriter {
  private var place: UnsafeMutableRawPointer
  private var room: Int

  init(_ place: UnsafeMutableRawPointer, room: Int) {
    self.place = place
    self.room = room
  }

  @inline(__always) mutating func append(_ type: UInt8, _ key: UnsafePointer<CChar>) {
    guard room >= 3 else { return }
    let size = strnlen(key, min(room &- 3, ColumnSet.maximumKeyBytes))
    place.storeBytes(of: type, as: UInt8.self)
    place.storeBytes(of: UInt8(truncatingIfNeeded: size), toByteOffset: 1, as: UInt8.self)
    place.storeBytes(of: UInt8(truncatingIfNeeded: size >> 8), toByteOffset: 2, as: UInt8.self)
    (place + 3).copyMemory(from: key, byteCount: size)
    place += 3 &+ size
    room &-= 3 &+ size
  }
}

private func isUTF8(_ text: UnsafePointer<CChar>, _ size: Int) -> Bool {
  for at in 0..<size where text[at] < 0 { return String(validatingCString: text) != nil }
  return true
}

private func rowArguments(_ step: Int64, _ commit: quipu_commit) throws(QuipuError) -> (Int64, UInt8) {
  guard step >= -1 else {
    throw QuipuError(
      .step, kind: "step_negative", "step: \(step) is negative; use QUIPU_STEP_AUTO or a step of 0 or more")
  }
  guard commit >= 0, commit <= 2 else {
    throw QuipuError(.argument, kind: "commit_unknown", "commit: \(commit) is not a quipu_commit")
  }
  return (step, UInt8(truncatingIfNeeded: commit))
}

@c @implementation
public func quipu_run_log_items(
  _ run: OpaquePointer?, _ items: UnsafePointer<quipu_item>?, _ count: Int, _ step: Int64, _ commit: quipu_commit,
  _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let run = try theRun(run)
    let (step, commit) = try rowArguments(step, commit)
    if count > 0, items == nil { throw isNull("items") }
    guard count >= 0, count <= 1 << 20 else {
      throw QuipuError(.tooLarge, kind: "too_large", "count: \(count) items cannot be right")
    }
    if let items, count > 0, let refusal = try logNumbers(run, items, count, step: step, commit: commit) {
      if let error = Run.error(refusal) { throw error }
      return
    }
    var out = ByteBuffer(capacity: 256)
    var media: [Media] = []
    out.append(UInt8(ascii: "{"))
    for at in 0..<count {
      guard let item = items.map({ $0[at] }) else { break }
      guard let key = item.key else { throw isNull("items[\(at)].key") }
      let size = strnlen(key, ColumnSet.maximumKeyBytes + 1)
      guard size > 0, size <= ColumnSet.maximumKeyBytes else {
        throw QuipuError(
          .key, kind: size == 0 ? "key_empty" : "key_too_long",
          "items[\(at)].key: must have 1 to \(ColumnSet.maximumKeyBytes) bytes")
      }
      if at > 0 { out.append(UInt8(ascii: ",")) }
      JSON.string(try required(key, "items[\(at)].key")).write(to: &out, style: .client)
      out.append(UInt8(ascii: ":"))
      try append(item, "items[\(at)]", to: &out, media: &media)
    }
    out.append(UInt8(ascii: "}"))
    try run.logJSON(out.bytes, media: media, step: step, commit: commit)
  }
}

/// Items that are all numbers or booleans go the way of columns.
///
/// - Returns: nil if some are not.
private func logNumbers(
  _ run: Run, _ items: UnsafePointer<quipu_item>, _ count: Int, step: Int64, commit: UInt8
) throws(QuipuError) -> Int32? {
  var nameBytes = 0
  for at in 0..<count {
    guard items[at].type >= 1, items[at].type <= 3, let key = items[at].key else { return nil }
    let size = strnlen(key, ColumnSet.maximumKeyBytes + 1)
    // What is wrong with a key is said where all kinds of items are checked.
    guard size > 0, size <= ColumnSet.maximumKeyBytes, isUTF8(key, size) else { return nil }
    nameBytes &+= size &+ 3
  }
  return run.submitDoubles(count: count, nameBytes: nameBytes, step: step, commit: commit) { out in
    out.storeBytes(of: 0, as: UInt32.self)
    out.storeBytes(of: UInt32(truncatingIfNeeded: count), toByteOffset: 4, as: UInt32.self)
    var names = KeyWriter(out + (8 &+ count &* 8), room: nameBytes)
    for at in 0..<count {
      let item = items[at]
      guard let key = item.key else { continue }
      switch item.type {
      case 1: out.storeBytes(of: item.integer != 0 ? 1 : 0, toByteOffset: 8 &+ at &* 8, as: Int64.self)
      case 2: out.storeBytes(of: item.integer, toByteOffset: 8 &+ at &* 8, as: Int64.self)
      default: out.storeBytes(of: item.number, toByteOffset: 8 &+ at &* 8, as: Double.self)
      }
      names.append(UInt8(truncatingIfNeeded: item.type), key)
    }
  }
}

/// Appends the value of an item as JSON text.
func append(
  _ item: quipu_item, _ argument: String, to out: inout ByteBuffer, media: inout [Media]
) throws(QuipuError) {
  switch item.type {
  case 0: out.append("null")
  case 1: out.append(item.integer != 0 ? "true" : "false")
  case 2: out.appendDecimal(item.integer)
  case 3: out.appendDouble(item.number, style: .client)
  case 4: JSON.string(try text(item.text, "\(argument).text")).write(to: &out, style: .client)
  case 5: try json(item.text, "\(argument).text").write(to: &out, style: .client)
  case 6: try medium(item.media, "\(argument).media").write(to: &out, media: &media)
  default:
    throw QuipuError(.argument, kind: "type_unknown", "\(argument).type: \(item.type) is not a quipu_type")
  }
}

@c @implementation
public func quipu_run_log_json(
  _ run: OpaquePointer?, _ json: quipu_str, _ media: UnsafePointer<OpaquePointer?>?, _ media_count: Int,
  _ step: Int64, _ commit: quipu_commit, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let run = try theRun(run)
    let (step, commit) = try rowArguments(step, commit)
    let list = try mediaList(media, media_count)
    // Parsed here so that the caller hears about broken text; the writer parses its own copy.
    let row = try object(json, "json")
    for key in row.keys where key.string.utf8.count > ColumnSet.maximumKeyBytes {
      throw QuipuError(
        .key, kind: "key_too_long", "json: a key has \(key.string.utf8.count) bytes, the limit is "
          + "\(ColumnSet.maximumKeyBytes)")
    }
    if !list.isEmpty { try checkPlaceholders(.object(row), list.count) }
    try run.logJSON(try bytes(json, "json"), media: list, step: step, commit: commit)
  }
}

/// A mark that stands for a medium must name one that was passed.
private func checkPlaceholders(_ value: JSON, _ count: Int) throws(QuipuError) {
  switch value {
  case .object(let object):
    if object.count == 1, let index = object["$quipu"]?.intValue {
      guard index >= 0, index < Int64(count) else {
        throw QuipuError(
          .value, kind: "media_index", "json: {\"$quipu\":\(index)} names none of the \(count) media passed beside it")
      }
      return
    }
    for member in object.members { try checkPlaceholders(member.value, count) }
  case .array(let elements):
    for element in elements { try checkPlaceholders(element, count) }
  default: break
  }
}

@c @implementation
public func quipu_columns_new(
  _ keys: UnsafePointer<UnsafePointer<CChar>?>?, _ types: UnsafePointer<quipu_type>?, _ count: Int,
  _ columns: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  columns?.pointee = nil
  return attempt(error) { () throws(QuipuError) in
    guard let columns else { throw isNull("columns") }
    guard keys != nil else { throw isNull("keys") }
    guard count >= 0, count <= 1 << 20 else {
      throw QuipuError(.tooLarge, kind: "too_large", "count: \(count) columns cannot be right")
    }
    var list: [(String, Int32)] = []
    for (at, key) in try texts(keys, count, "keys").enumerated() {
      let type = types.map { $0[at] } ?? 3
      guard type >= 1, type <= 3 else {
        throw QuipuError(
          .argument, kind: "type_unknown", "types[\(at)]: \(type); a column is of type DOUBLE, INT or BOOL")
      }
      list.append((key, type))
    }
    let made = try ColumnSet(typed: list)
    guard let handle = Handles.columns.insert(made) else {
      throw QuipuError(.memory, kind: "too_many_handles", "four million sets of columns are in use: free some")
    }
    columns.pointee = handle
  }
}

@c @implementation
public func quipu_columns_free(_ columns: OpaquePointer?) {
  if columns != nil { _ = Handles.columns.remove(columns) }
}

@c @implementation
public func quipu_run_log_columns(
  _ run: OpaquePointer?, _ columns: OpaquePointer?, _ cells: UnsafeRawPointer?, _ step: Int64, _ commit: quipu_commit
) -> quipu_status {
  guard let handle = Handles.runs.lookUp(run) else { return badHandle(run) }
  guard let set = Handles.columns.lookUp(columns) else { return badHandle(columns) }
  guard let cells else { return QuipuError.Code.null.rawValue }
  guard step >= -1 else { return QuipuError.Code.step.rawValue }
  guard commit >= 0, commit <= 2 else { return QuipuError.Code.argument.rawValue }
  return handle._withUnsafeGuaranteedRef { handle in
    set._withUnsafeGuaranteedRef { set in
      status(handle.run.submitColumns(set, cells: cells, step: step, commit: UInt8(truncatingIfNeeded: commit)))
    }
  }
}
