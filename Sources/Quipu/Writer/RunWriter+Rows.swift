import QuipuBase
import QuipuRecords

/// Calls into rows: the step rules, merging, step metrics, and the history records.
///
/// Source: W&B's run semantics, "log and steps" and "step_sync".
extension RunWriter {
  static let commitNow: UInt8 = 1
  static let commitLater: UInt8 = 2

  // MARK: Fixed columns

  func processColumns(_ entry: RingEntry) {
    guard let plan = plan(for: entry.payload) else {
      drop(kind: "row_damaged", "a row could not be read back and was dropped")
      return
    }
    let cells = UnsafeRawBufferPointer(
      rebasing: entry.payload[ColumnsPayload.headerBytes..<(ColumnsPayload.headerBytes &+ plan.columns.count &* 8)])
    guard plan.isPlain else {
      if let names = ColumnsPayload.names(entry.payload) { apply(entry, Self.row(names, cells: entry.payload)) }
      return
    }
    noteMediaStep(entry)
    if entry.step >= 0 {
      if entry.step < step {
        if context.lowSteps == .keep, !context.isShared {
          writePlain(plan, cells, step: entry.step, time: entry.time)
        } else {
          dropLowStep(entry.step)
        }
        return
      }
      if entry.step > step {
        writeOpenRow()
        step = entry.step
      }
    }
    let completes = entry.commit == Self.commitNow || (entry.commit != Self.commitLater && entry.step < 0)
    if case .none = open {
      if completes {
        writePlain(plan, cells, step: step, time: entry.time)
        advanceStep()
      } else {
        var copy: [UInt64] = []
        copy.reserveCapacity(plan.columns.count)
        for at in 0..<plan.columns.count { copy.append(cells.load(fromByteOffset: at &* 8, as: UInt64.self)) }
        open = .plain(plan, copy)
        openTime = entry.time
        openStart = entry.position
      }
      return
    }
    merge(Self.row(plan.columns.map { ($0.type, $0.key) }, cells: entry.payload), time: entry.time, at: entry.position)
    if completes { completeStep() }
  }

  private func plan(for payload: UnsafeRawBufferPointer) -> ColumnPlan? {
    // Only damaged memory fails here; the cells are read without further checks.
    guard ColumnsPayload.isWhole(payload) else { return nil }
    let id = ColumnsPayload.id(payload)
    if let last = lastPlan, last.id == id, id != 0, last.plan.generation == summary.generation,
      last.plan.columns.count == ColumnsPayload.count(payload)
    {
      return last.plan
    }
    if id != 0, let plan = plansByID[id], plan.generation == summary.generation,
      plan.columns.count == ColumnsPayload.count(payload)
    {
      lastPlan = (id, plan)
      return plan
    }
    // Calls without a prepared set of columns: the names themselves are the key.
    let nameBytes = ColumnsPayload.nameBytes(payload)
    var hash = 0
    if id == 0 {
      var hasher = Hasher()
      hasher.combine(bytes: nameBytes)
      hash = hasher.finalize()
      if let known = plansByName[hash], known.plan.generation == summary.generation,
        known.plan.columns.count == ColumnsPayload.count(payload), known.names.elementsEqual(nameBytes)
      {
        return known.plan
      }
    }
    guard let names = ColumnsPayload.names(payload) else { return nil }
    let plan = ColumnPlan(names: names, tree: summary)
    if id == 0, plan.isPlain {
      if plansByName.count > 4096 { plansByName.removeAll() }
      plansByName[hash] = (Array(nameBytes), plan)
    }
    // A program that makes sets of columns without end must not fill the memory.
    if plansByID.count > 4096 { plansByID.removeAll() }
    if id != 0, plan.isPlain {
      plansByID[id] = plan
      lastPlan = (id, plan)
    }
    return plan
  }

  static func row(_ names: [(CellType, Key)], cells payload: UnsafeRawBufferPointer) -> JSONObject {
    var object = JSONObject()
    for (at, (type, key)) in names.enumerated() {
      let offset = ColumnsPayload.headerBytes &+ at &* 8
      guard offset &+ 8 <= payload.count else { break }
      switch type {
      case .double: object[key] = .double(payload.loadUnaligned(fromByteOffset: offset, as: Double.self))
      case .int: object[key] = .int(payload.loadUnaligned(fromByteOffset: offset, as: Int64.self))
      case .bool: object[key] = .bool(payload.loadUnaligned(fromByteOffset: offset, as: Int64.self) != 0)
      }
    }
    return object
  }

  private func writePlain(_ plan: ColumnPlan, _ cells: UnsafeRawBufferPointer, step: Int64, time: Int64) {
    let runtime = runtimeSeconds(time)
    let timestamp = wallSeconds(time)
    let hot = plan.hot
    let keys = plan.keys
    stream.row(step: context.isShared ? nil : step) { out in
      for at in hot.indices {
        let column = hot[at]
        let key = UnsafeRawBufferPointer(start: keys + column.keyStart, count: column.keyCount)
        column.node._withUnsafeGuaranteedRef { node in
          switch column.type {
          case .double:
            let value = cells.loadUnaligned(fromByteOffset: at &* 8, as: Double.self)
            out.appendItem(key: key) { $0.appendDouble(value, style: .core) }
            node.update(value)
          case .int:
            let value = cells.loadUnaligned(fromByteOffset: at &* 8, as: Int64.self)
            out.appendItem(key: key) { $0.appendDecimal(value) }
            node.update(.int(value))
          case .bool:
            let value = cells.loadUnaligned(fromByteOffset: at &* 8, as: Int64.self) != 0
            out.appendItem(key: key) { $0.append(value ? "true" : "false") }
            node.update(.bool(value))
          }
          if !node.isDirty { summary.markDirty(node) }
        }
      }
      appendAutomatic(&out, step: step, timestamp: timestamp, runtime: runtime)
    }
    noteAutomatic(step: step, timestamp: timestamp, runtime: runtime)
    rowsWritten &+= 1
  }

  @inline(__always)
  private func appendAutomatic(_ out: inout ByteBuffer, step: Int64, timestamp: Double?, runtime: Double) {
    if let timestamp {
      timestampKey.withUnsafeBytes { key in out.appendItem(key: key) { $0.appendDouble(timestamp, style: .core) } }
    }
    runtimeKey.withUnsafeBytes { key in out.appendItem(key: key) { $0.appendDouble(runtime, style: .core) } }
    if !context.isShared {
      stepKey.withUnsafeBytes { key in out.appendItem(key: key) { $0.appendDecimal(step) } }
    }
  }

  @inline(__always)
  private func noteAutomatic(step: Int64, timestamp: Double?, runtime: Double) {
    if let timestamp {
      timestampNode.update(timestamp)
      summary.markDirty(timestampNode)
    }
    runtimeNode.update(runtime)
    summary.markDirty(runtimeNode)
    if !context.isShared {
      stepNode.update(.int(step))
      summary.markDirty(stepNode)
    }
  }

  @inline(__always) func runtimeSeconds(_ time: Int64) -> Double {
    let elapsed = time &- context.startMonotonic
    return Double(elapsed > 0 ? elapsed : 0) / 1e9 + context.startingRuntime
  }

  @inline(__always) func wallSeconds(_ time: Int64) -> Double {
    // Microseconds, as W&B's rows have them: a double of today's date holds little more.
    Double((time &+ wallOffset) / 1000) / 1e6
  }

  // MARK: Any row

  func processRow(_ entry: RingEntry) -> Bool {
    guard let message = JSONPayload(entry.payload) else {
      drop(kind: "row_damaged", "a row could not be read back and was dropped")
      return true
    }
    guard media.areReady(message.media) else { return false }
    guard case .object(var data)? = message.parse() else {
      media.release(message.media)
      drop(kind: "row_damaged", "a row could not be read back and was dropped")
      return true
    }
    if !message.media.isEmpty {
      var binder = MediaBinder(writer: self, ids: message.media, label: "\(mediaStep)")
      guard let bound = binder.bindRow(data) else { return false }
      data = bound
      media.release(message.media)
    }
    apply(entry, data)
    return true
  }

  private func apply(_ entry: RingEntry, _ data: JSONObject) {
    noteMediaStep(entry)
    if entry.step >= 0 {
      if entry.step < step {
        if context.lowSteps == .keep, !context.isShared {
          var row = JSONObject()
          Self.merge(data, into: &row)
          writeTree(row, step: entry.step, time: entry.time)
        } else {
          dropLowStep(entry.step)
        }
        return
      }
      if entry.step > step {
        writeOpenRow()
        step = entry.step
      }
    }
    merge(data, time: entry.time, at: entry.position)
    if entry.commit == Self.commitNow || (entry.commit != Self.commitLater && entry.step < 0) { completeStep() }
  }

  private func noteMediaStep(_ entry: RingEntry) {
    if entry.step > mediaStep { mediaStep = entry.step }
    if entry.commit == Self.commitNow || (entry.commit != Self.commitLater && entry.step < 0) {
      mediaStep = mediaStep.addingReportingOverflow(1).overflow ? mediaStep : mediaStep &+ 1
    }
  }

  private func merge(_ data: JSONObject, time: Int64, at position: UInt64) {
    var row = openRowJSON() ?? JSONObject()
    // Given up first, so that the row is changed in place: a row of many calls is not copied for each.
    open = .none
    Self.merge(data, into: &row)
    open = .tree(row)
    openTime = time
    if openStart == nil { openStart = position }
  }

  func openRowJSON() -> JSONObject? {
    switch open {
    case .none: return nil
    case .tree(let row): return row
    case .plain(let plan, let cells):
      var object = JSONObject()
      for (at, column) in plan.columns.enumerated() where at < cells.count {
        switch column.type {
        case .double: object[column.key] = .double(Double(bitPattern: cells[at]))
        case .int: object[column.key] = .int(Int64(bitPattern: cells[at]))
        case .bool: object[column.key] = .bool(cells[at] != 0)
        }
      }
      return object
    }
  }

  /// Merges per leaf: the later value wins, a leaf replaces a tree and the other way round, an empty object changes
  /// nothing.
  static func merge(_ source: JSONObject, into target: inout JSONObject, isTop: Bool = true) {
    for (key, value) in source.members {
      if isTop && (key == "_step" || key.string.isEmpty) { continue }
      switch value {
      case .object(let inner):
        if inner.isEmpty { continue }
        var merged = target[key]?.objectValue ?? JSONObject()
        merge(inner, into: &merged, isTop: false)
        if !merged.isEmpty { target[key] = .object(merged) }
      case .bigInteger:
        target[key] = .double(value.doubleValue ?? .nan)
      default:
        target[key] = value
      }
    }
  }

  func completeStep() {
    writeOpenRow()
    advanceStep()
  }

  private func advanceStep() {
    let next = step.addingReportingOverflow(1)
    if !next.overflow { step = next.partialValue }
  }

  /// Writes the open row, if there is one, under the current step.
  func writeOpenRow() {
    switch open {
    case .none: return
    case .plain(let plan, let cells) where plan.generation == summary.generation:
      cells.withUnsafeBytes { writePlain(plan, $0, step: step, time: openTime) }
    default:
      if let row = openRowJSON() { writeTree(row, step: step, time: openTime) }
    }
    closeOpenRow()
  }

  private func writeTree(_ row: JSONObject, step: Int64, time: Int64) {
    var leaves: [(path: [Key], value: JSON)] = []
    var ownTimestamp = false
    for (key, value) in row.members {
      if key == "_runtime" { continue }
      if key == "_timestamp" { ownTimestamp = true }
      Self.flatten([key], value, into: &leaves)
    }
    insertStepMetrics(&leaves, step: step)
    let runtime = runtimeSeconds(time)
    let timestamp = ownTimestamp ? nil : wallSeconds(time)
    stream.row(step: context.isShared ? nil : step) { out in
      for leaf in leaves {
        let node = summary.leaf(leaf.path)
        node.encodedPath.withUnsafeBytes { key in
          out.appendItem(key: key) { leaf.value.write(to: &$0, style: .core) }
        }
      }
      appendAutomatic(&out, step: step, timestamp: timestamp, runtime: runtime)
    }
    for leaf in leaves {
      let node = summary.leaf(leaf.path)
      node.update(leaf.value)
      summary.noteStepMetric(leaf.path, leaf.value)
      summary.markDirty(node)
    }
    noteAutomatic(step: step, timestamp: timestamp, runtime: runtime)
    rowsWritten &+= 1
  }

  private static func flatten(_ path: [Key], _ value: JSON, into leaves: inout [(path: [Key], value: JSON)]) {
    if case .object(let object) = value {
      for (key, inner) in object.members { flatten(path + [key], inner, into: &leaves) }
    } else {
      leaves.append((path, value))
    }
  }

  // A step metric that a row lacks is inserted with its latest value; what was inserted may need one itself.
  private func insertStepMetrics(_ leaves: inout [(path: [Key], value: JSON)], step: Int64) {
    guard summary.insertsSteps else { return }
    for leaf in leaves { _ = summary.leaf(leaf.path) }
    var present = Set(leaves.map(\.path))
    var at = 0
    while at < leaves.count {
      if let missing = summary.stepToInsert(leaves[at].path),
        missing.path != ["_timestamp"], missing.path != ["_runtime"],
        present.insert(missing.path).inserted
      {
        leaves.append((missing.path, .double(missing.value)))
        _ = summary.leaf(missing.path)
      }
      at += 1
    }
  }

  // MARK: Summary records

  /// Writes the summary values that rows have changed since the last time.
  ///
  /// W&B's client writes them before every row. Once a second and at every point where their order against an explicit
  /// value matters gives the same final summary at a fraction of the log's size.
  func writeDerivedSummary(at time: Int64) {
    let nodes = summary.takeDirty()
    guard !nodes.isEmpty else { return }
    let seconds = Int64(runtimeSeconds(time))
    stream.summary { out in
      Self.runtimeItemKey.withUnsafeBytes { key in out.appendItem(key: key) { $0.appendDecimal(seconds) } }
      for node in nodes {
        guard let value = node.shown else { continue }
        node.encodedPath.withUnsafeBytes { key in
          out.appendItem(key: key) { value.write(to: &$0, style: .core) }
        }
      }
    }
  }

  static let runtimeItemKey: [UInt8] = SummaryTree.encode(["_wandb", "runtime"])
}
