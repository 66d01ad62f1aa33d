import RunFilters
import Storage

extension MemoryStorage {
  public func run(id: Int64) -> RunRecord? { state.withLock { $0.runs[id] } }

  public func run(projectID: Int64, name: String) -> RunRecord? {
    state.withLock { $0.runs.values.first { $0.projectID == projectID && isSame($0.name, name) } }
  }

  public func insertRun(_ run: RunRecord) throws -> RunRecord {
    try state.withLock { state in
      guard !state.runs.values.contains(where: { $0.projectID == run.projectID && isSame($0.name, run.name) }) else {
        throw StorageError.exists
      }
      guard state.projects.contains(where: { $0.id == run.projectID }) else {
        throw StorageError.failed("there is no such project")
      }
      var run = run
      run.id = state.newID()
      state.runs[run.id] = run
      return run
    }
  }

  public func deleteRun(id: Int64) async throws {
    let keys = state.withLock { state in
      state.runs[id] = nil
      state.console[id] = nil
      state.files.removeAll { $0.runID == id }
      state.alerts.removeAll { $0.runID == id }
      state.trials.removeAll { $0.runID == id }
      let keys = state.segments.filter { $0.runID == id }.compactMap(\.objectKey)
      state.segments.removeAll { $0.runID == id }
      return keys
    }
    for key in keys { try await objects.delete(key: key) }
  }

  @discardableResult
  public func commit(_ change: RunChange) throws -> [Int64] {
    try state.withLock { state in
      var run = change.run
      guard state.runs[run.id]?.version == run.version else { throw StorageError.conflict }
      let old = Set(state.segments.filter { $0.runID == run.id }.map(\.id))
      let removed = Set(change.removedSegments)
      guard old.isSuperset(of: removed), removed.count == change.removedSegments.count else {
        throw StorageError.conflict
      }
      let isTaken = state.runs.values.contains {
        $0.id != run.id && $0.projectID == run.projectID && isSame($0.name, run.name)
      }
      guard !isTaken else { throw StorageError.exists }

      run.version += 1
      state.runs[run.id] = run
      state.segments.removeAll { removed.contains($0.id) }
      let ids = change.addedSegments.map { added in
        var segment = added
        segment.id = state.newID()
        segment.runID = run.id
        state.segments.append(segment)
        return segment.id
      }
      for line in change.console {
        var lines = state.console[run.id] ?? []
        lines.removeAll { isSame($0.writer, line.writer) && $0.number == line.number }
        lines.append(line)
        lines.sort { isSame($0.writer, $1.writer) ? $0.number < $1.number : isBefore($0.writer, $1.writer) }
        state.console[run.id] = lines
      }
      return ids
    }
  }

  public func runs(_ query: RunQuery) throws -> RunPage {
    let after = try query.after.map { try RunCursor(text: $0) }
    let found = matches(query)
      .map { (run: $0, cursor: RunCursor(of: $0, in: query)) }
      .filter { run in after.map { $0.precedes(run.cursor, in: query.order) } ?? true }
      .sorted { $0.cursor.precedes($1.cursor, in: query.order) }
    let page = found.prefix(max(0, query.limit))
    return RunPage(runs: page.map { ($0.run, $0.cursor.text) }, hasNext: page.count < found.count)
  }

  public func countRuns(_ query: RunQuery) -> Int { matches(query).count }

  private func matches(_ query: RunQuery) -> [RunRecord] {
    let runs = state.withLock { state in state.runs.values.filter { $0.projectID == query.projectID } }
    return runs.filter { run in query.filter.map { $0.matches(RunView(of: run, in: query)) } ?? true }
  }
}

extension SegmentRecord {
  var objectKey: String? { if case .object(let key) = body { key } else { nil } }
}
