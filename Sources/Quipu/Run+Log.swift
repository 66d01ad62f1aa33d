import QuipuBase
import QuipuMedia
import Synchronization

/// When a row is complete.
public enum Commit: UInt8, Sendable {
  /// Without a step: now. With a step: when a later step arrives.
  case automatic = 0
  case now = 1
  case later = 2
}

/// Something that can be a value of a row.
public protocol LogValue {
  /// Appends the value as JSON text; media are added to the list and referred to by their place in it.
  func write(to out: inout ByteBuffer, media: inout [Media])
}

extension Double: LogValue {
  public func write(to out: inout ByteBuffer, media: inout [Media]) { out.appendDouble(self, style: .client) }
}
extension Float: LogValue {
  public func write(to out: inout ByteBuffer, media: inout [Media]) { out.appendDouble(Double(self), style: .client) }
}
extension Int: LogValue {
  public func write(to out: inout ByteBuffer, media: inout [Media]) { out.appendDecimal(Int64(self)) }
}
extension Int64: LogValue {
  public func write(to out: inout ByteBuffer, media: inout [Media]) { out.appendDecimal(self) }
}
extension Bool: LogValue {
  public func write(to out: inout ByteBuffer, media: inout [Media]) { out.append(self ? "true" : "false") }
}
extension String: LogValue {
  public func write(to out: inout ByteBuffer, media: inout [Media]) { JSON.string(self).write(to: &out, style: .client) }
}
extension JSON: LogValue {
  public func write(to out: inout ByteBuffer, media: inout [Media]) { write(to: &out, style: .client) }
}
extension Media: LogValue {
  public func write(to out: inout ByteBuffer, media: inout [Media]) {
    out.append("{\"$quipu\":")
    out.appendDecimal(Int64(media.count))
    out.append(UInt8(ascii: "}"))
    media.append(self)
  }
}
extension Array: LogValue where Element: LogValue {
  public func write(to out: inout ByteBuffer, media: inout [Media]) {
    out.append(UInt8(ascii: "["))
    for (at, element) in enumerated() {
      if at > 0 { out.append(UInt8(ascii: ",")) }
      element.write(to: &out, media: &media)
    }
    out.append(UInt8(ascii: "]"))
  }
}
extension Optional: LogValue where Wrapped: LogValue {
  public func write(to out: inout ByteBuffer, media: inout [Media]) {
    if let self { self.write(to: &out, media: &media) } else { out.append("null") }
  }
}

/// A fixed set of columns for the fastest way to log.
public final class ColumnSet: Sendable {
  let id: UInt32
  let types: [CellType]
  /// Types and names as they stand in an entry: u8 type, u16 length, UTF-8 bytes, each.
  let names: [UInt8]
  public var count: Int { types.count }

  private static let nextID = Atomic<UInt32>(1)

  /// Longest key in bytes.
  public static let maximumKeyBytes = 65_535

  /// - Parameters:
  ///   - keys: name and type of each column, at least one.
  /// - Throws: `key` errors.
  public convenience init(doubles keys: [String]) throws(QuipuError) {
    try self.init(keys.map { ($0, CellType.double) })
  }

  init(_ columns: [(name: String, type: CellType)]) throws(QuipuError) {
    guard !columns.isEmpty else {
      throw QuipuError(.argument, kind: "columns_empty", "keys: a set of columns needs at least one key")
    }
    var names: [UInt8] = []
    for (name, type) in columns {
      try Run.check(key: name)
      names.append(type.rawValue)
      let size = UInt16(truncatingIfNeeded: name.utf8.count)
      names.append(UInt8(truncatingIfNeeded: size))
      names.append(UInt8(truncatingIfNeeded: size >> 8))
      names.append(contentsOf: name.utf8)
    }
    self.names = names
    types = columns.map(\.type)
    id = Self.nextID.add(1, ordering: .relaxed).oldValue
  }
}

extension Run {
  static func check(key: String, named argument: String = "key") throws(QuipuError) {
    let size = key.utf8.count
    if size == 0 { throw QuipuError(.key, kind: "key_empty", "\(argument): is empty; give the value a name") }
    if size > ColumnSet.maximumKeyBytes {
      throw QuipuError(
        .key, kind: "key_too_long", "\(argument): has \(size) bytes, the limit is \(ColumnSet.maximumKeyBytes)")
    }
  }

  static func refusal(_ refusal: RunCore.Refusal) -> QuipuError? {
    switch refusal {
    case .none: nil
    case .finished:
      QuipuError(.finished, kind: "run_finished", "the run is finished: start another one to log more")
    case .forked:
      QuipuError(
        .forked, kind: "run_forked", "the run belongs to the parent process: log there, or start a run in this process")
    case .full:
      QuipuError(
        .full, kind: "ring_full", "the hand-off ring is full: the call was dropped and counted; a larger ring_bytes helps")
    }
  }

  static let noMediaRoom = QuipuError(
    .full, kind: "media_memory_full",
    "media before this call still wait to be written: the call was dropped and counted; more media_memory_bytes helps")

  // MARK: Fast

  /// One row of fixed columns.
  ///
  /// - Parameters:
  ///   - cells: one 8-byte cell per column: a double, or an Int64 (integers, and 0 or 1 for booleans).
  ///   - step: -1: the current step.
  /// - Complexity: about 100 ns, no allocation, no system call while the ring has room.
  @inline(__always)
  func submit(_ columns: ColumnSet, cells: UnsafeRawPointer, step: Int64, commit: UInt8) -> RunCore.Refusal {
    guard let core else { return .none }
    let cellBytes = columns.types.count &* 8
    let payload = ColumnsPayload.headerBytes &+ cellBytes &+ columns.names.count
    return core.submit(.columns, payload: payload, step: step, commit: commit) { out in
      out.storeBytes(of: columns.id, as: UInt32.self)
      out.storeBytes(of: UInt32(truncatingIfNeeded: columns.types.count), toByteOffset: 4, as: UInt32.self)
      (out + 8).copyMemory(from: cells, byteCount: cellBytes)
      columns.names.withUnsafeBytes { names in
        if let start = names.baseAddress { (out + (8 &+ cellBytes)).copyMemory(from: start, byteCount: names.count) }
      }
    }
  }

  /// One row of fixed columns, all doubles.
  ///
  /// - Throws: `shape` if there is not one value per column; `finished`, `forked`, `full`.
  public func log(
    _ columns: ColumnSet, _ values: [Double], step: Int64? = nil, commit: Commit = .automatic
  ) throws(QuipuError) {
    guard values.count == columns.count else {
      throw QuipuError(
        .shape, kind: "columns_width", "values: \(values.count) for \(columns.count) columns; pass one per column")
    }
    let step = try checked(step)
    let result = values.withUnsafeBytes { bytes -> RunCore.Refusal in
      guard let start = bytes.baseAddress else { return .none }
      return submit(columns, cells: start, step: step, commit: commit.rawValue)
    }
    if let error = Run.refusal(result) { throw error }
  }

  private func checked(_ step: Int64?) throws(QuipuError) -> Int64 {
    guard let step else { return -1 }
    guard step >= 0 else {
      throw QuipuError(.step, kind: "step_negative", "step: \(step) is negative; steps start at 0, nil is the current one")
    }
    return step
  }

  // MARK: Any value

  /// Adds values to a row.
  ///
  /// - Parameters:
  ///   - values: keys and values; numbers, texts, booleans, arrays, JSON trees, media.
  ///   - step: nil: the current step.
  ///   - commit: when the row is complete.
  /// - Throws: `key`, `step`, `finished`, `forked`, `full`.
  /// W&B: `wandb.log(data, step, commit)`.
  public func log(
    _ values: KeyValuePairs<String, any LogValue>, step: Int64? = nil, commit: Commit = .automatic
  ) throws(QuipuError) {
    var text = ByteBuffer(capacity: 256)
    var media: [Media] = []
    text.append(UInt8(ascii: "{"))
    for (at, (key, value)) in values.enumerated() {
      try Run.check(key: key)
      if at > 0 { text.append(UInt8(ascii: ",")) }
      JSON.string(key).write(to: &text, style: .client)
      text.append(UInt8(ascii: ":"))
      value.write(to: &text, media: &media)
    }
    text.append(UInt8(ascii: "}"))
    try log(text: text.bytes, media: media, step: try checked(step), commit: commit.rawValue)
  }

  /// A JSON object as a row.
  public func log(_ row: JSONObject, step: Int64? = nil, commit: Commit = .automatic) throws(QuipuError) {
    var text = ByteBuffer(capacity: 256)
    JSON.object(row).write(to: &text, style: .client)
    try log(text: text.bytes, media: [], step: try checked(step), commit: commit.rawValue)
  }

  // A table's key names a file of its artifact: one that cannot is refused while the caller can still be told.
  private static func checkTableKeys(_ text: UnsafeRawBufferPointer, _ media: [Media]) throws(QuipuError) {
    guard case .object(let row)? = try? JSON(parsing: text) else { return }
    try checkTableKeys(row, media)
  }

  private static func checkTableKeys(_ object: JSONObject, _ media: [Media]) throws(QuipuError) {
    for (key, value) in object.members {
      if case .array = value { try Media.refuseCharts(in: value, media, "key \(key.string)") }
      guard let inner = value.objectValue else { continue }
      guard inner.count == 1, let at = inner[MediaBinder.placeholder]?.intValue, at >= 0, at < Int64(media.count) else {
        try checkTableKeys(inner, media)
        continue
      }
      let medium = media[Int(at)]
      let tableKey: String
      switch medium.state.withLock({ $0.content }) {
      case .table: tableKey = key.string
      case .chart(let chart): tableKey = chart.panel.tableKey(key.string)
      case .artifactValue: tableKey = key.string
      default: continue
      }
      do throws(MediaError) { _ = try MediaNames.artifactEntryPath(tableKey + ".table.json") } catch {
        throw QuipuError(.value, kind: "artifact_path_bad", "key: \(error.message)")
      }
    }
  }

  /// A row as checked JSON text of an object.
  func log(text: UnsafeRawBufferPointer, media: [Media], step: Int64, commit: UInt8) throws(QuipuError) {
    guard let core else { return }
    try checkOpen()
    if media.contains(where: { $0.kind == .chart || $0.kind.makesArtifacts }) { try Run.checkTableKeys(text, media) }
    let ids = try Run.take(media, core)
    try Run.settle(core.submit(.row, text: text, media: ids, step: step, commit: commit), media, ids)
  }

  /// Checks the media of a call and has them encoded.
  ///
  /// - Throws: `value` for what cannot be logged, `full`.
  static func take(_ media: [Media], _ core: RunCore) throws(QuipuError) -> [UInt64] {
    if media.isEmpty { return [] }
    for medium in media {
      if medium.isLayer { throw Media.notAlone }
      try medium.check(core.tableLimits)
    }
    guard core.waitForMediaRoom(media) else { throw noMediaRoom }
    return media.map { ProcessState.shared.media.register($0, owner: core.mediaOwner, limits: core.tableLimits) }
  }

  /// Lets go of the media of a call that was not taken.
  static func settle(_ result: RunCore.Refusal, _ media: [Media], _ ids: [UInt64]) throws(QuipuError) {
    guard let error = refusal(result) else {
      for medium in media where medium.kind.makesArtifacts { medium.notePlaced() }
      return
    }
    ProcessState.shared.media.release(ids)
    throw error
  }
}

/// What the C entry points use: the same calls without Swift's conveniences.
extension Run {
  /// A row as JSON text of an object that has been checked.
  package func logJSON(
    _ text: UnsafeRawBufferPointer, media: [Media], step: Int64, commit: UInt8
  ) throws(QuipuError) { try log(text: text, media: media, step: step, commit: commit) }

  /// - Returns: 0, or why the call was not taken: 1 finished, 2 forked, 3 full.
  @inline(__always)
  package func submitColumns(_ columns: ColumnSet, cells: UnsafeRawPointer, step: Int64, commit: UInt8) -> Int32 {
    submit(columns, cells: cells, step: step, commit: commit).rawValue
  }

  /// A row of doubles whose names follow the cells; `fill` writes the whole payload.
  package func submitDoubles(
    count: Int, nameBytes: Int, step: Int64, commit: UInt8, _ fill: (UnsafeMutableRawPointer) -> Void
  ) -> Int32 {
    guard let core else { return 0 }
    let payload = ColumnsPayload.headerBytes &+ count &* 8 &+ nameBytes
    return core.submit(.columns, payload: payload, step: step, commit: commit, fill).rawValue
  }

  /// The error that a number of `submitColumns` or `submitDoubles` means; nil for 0.
  package static func error(_ refusal: Int32) -> QuipuError? {
    RunCore.Refusal(rawValue: refusal).flatMap { Run.refusal($0) }
  }

  package func setSummaryJSON(_ path: [String], _ json: JSON, media: [Media]) throws(QuipuError) {
    try setSummary(path, json: json, media: media)
  }

  /// Has something done in the child of every fork.
  package static func inEveryChild(_ hook: @escaping () -> Void) { ProcessState.shared.inEveryChild(hook) }

  /// True if the run belongs to a parent process.
  package var isForked: Bool {
    core.map { $0.generation != ProcessState.generation.load(ordering: .relaxed) } ?? false
  }

  /// The exit code for runs that are still open when the process ends. Default: the code given to exit().
  public static func setExitCode(_ code: Int32) { ProcessState.shared.setExitCode(code) }

  /// Finishes every open run of the process.
  ///
  /// - Returns: false if not all were done in time.
  /// Blocking: at most `timeoutMilliseconds` (-1: for ever).
  public static func finishAll(exitCode: Int32, timeoutMilliseconds: Int64 = -1) -> Bool {
    let end = end(timeoutMilliseconds)
    let written = ProcessState.shared.finishAll(exitCode, until: end)
    return ProcessState.shared.waitForUploads(until: end) && written
  }
}

extension ColumnSet {
  /// - Parameter columns: key and `quipu_type` (1 bool, 2 int, 3 double) of each column.
  package convenience init(typed columns: [(String, Int32)]) throws(QuipuError) {
    try self.init(columns.map { ($0.0, CellType(rawValue: UInt8(truncatingIfNeeded: $0.1)) ?? .double) })
  }
}
