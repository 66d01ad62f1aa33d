import Storage

extension MemoryStorage {
  public func segments(runID: Int64, stream: RowStream) -> [SegmentRecord] {
    state.withLock { state in
      state.segments.filter { $0.runID == runID && $0.stream == stream }
        .sorted { ($0.order, $0.id) < ($1.order, $1.id) }
    }
  }

  public func console(runID: Int64, after: (writer: String, number: Int64)?, limit: Int) -> [ConsoleLine] {
    let lines = state.withLock { $0.console[runID] ?? [] }
    let behind = lines.drop { line in
      guard let after else { return false }
      return isSame(line.writer, after.writer) ? line.number <= after.number : isBefore(line.writer, after.writer)
    }
    return Array(behind.prefix(max(0, limit)))
  }

  public func consoleTail(runID: Int64, limit: Int) -> [ConsoleLine] {
    state.withLock { ($0.console[runID] ?? []).suffix(max(0, limit)) }
  }
}
