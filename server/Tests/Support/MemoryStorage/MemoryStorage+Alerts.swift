import Storage

extension MemoryStorage {
  public func addAlert(_ alert: AlertRecord) throws -> Bool {
    try state.withLock { state in
      guard state.runs[alert.runID] != nil else { throw StorageError.failed("there is no such run") }
      let isTooSoon = state.alerts.contains {
        $0.runID == alert.runID && isSame($0.title, alert.title)
          && $0.createdAt.seconds + $0.waitSeconds > alert.createdAt.seconds
      }
      guard !isTooSoon else { return false }
      var alert = alert
      alert.id = state.newID()
      if alert.waitSeconds.isNaN { alert.waitSeconds = 0 }
      state.alerts.append(alert)
      return true
    }
  }

  public func alerts(runID: Int64, limit: Int) -> [AlertRecord] {
    let found = state.withLock { state in state.alerts.filter { $0.runID == runID } }
    return Array(found.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }.prefix(max(0, limit)))
  }
}
