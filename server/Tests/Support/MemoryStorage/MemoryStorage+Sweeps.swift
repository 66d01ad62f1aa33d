import Storage

extension MemoryStorage {
  public func insertSweep(_ sweep: SweepRecord) throws -> SweepRecord {
    try state.withLock { state in
      guard !state.sweeps.contains(where: { $0.projectID == sweep.projectID && isSame($0.name, sweep.name) }) else {
        throw StorageError.exists
      }
      guard state.projects.contains(where: { $0.id == sweep.projectID }) else {
        throw StorageError.failed("there is no such project")
      }
      var sweep = sweep
      sweep.id = state.newID()
      state.sweeps.append(sweep)
      return sweep
    }
  }

  public func sweep(id: Int64) -> SweepRecord? { state.withLock { $0.sweeps.first { $0.id == id } } }

  public func sweep(projectID: Int64, name: String) -> SweepRecord? {
    state.withLock { $0.sweeps.first { $0.projectID == projectID && isSame($0.name, name) } }
  }

  public func sweeps(projectID: Int64, before: Int64?, limit: Int) -> [SweepRecord] {
    let found = state.withLock { state in
      state.sweeps.reversed().filter { $0.projectID == projectID && $0.id < before ?? .max }
    }
    return Array(found.prefix(max(0, limit)))
  }

  public func countSweeps(projectID: Int64) -> Int {
    state.withLock { state in state.sweeps.count { $0.projectID == projectID } }
  }

  public func addSweepAgent(_ agent: SweepAgentRecord) throws -> SweepAgentRecord {
    try state.withLock { state in
      guard state.sweeps.contains(where: { $0.id == agent.sweepID }) else {
        throw StorageError.failed("there is no such sweep")
      }
      var agent = agent
      agent.id = state.newID()
      state.sweepAgents.append(agent)
      return agent
    }
  }

  public func sweepAgent(id: Int64) -> SweepAgentRecord? { state.withLock { $0.sweepAgents.first { $0.id == id } } }

  public func sweepAgents(sweepID: Int64) -> [SweepAgentRecord] {
    state.withLock { state in state.sweepAgents.filter { $0.sweepID == sweepID } }
  }

  public func touchSweepAgent(id: Int64, at moment: Timestamp) {
    state.withLock { state in
      guard let index = state.sweepAgents.firstIndex(where: { $0.id == id }) else { return }
      state.sweepAgents[index].heartbeatAt = moment
    }
  }

  public func openTrials(sweepID: Int64) -> [SweepTrialRecord] {
    state.withLock { state in
      state.trials.filter { $0.sweepID == sweepID && $0.isOpen }.sorted { $0.number < $1.number }
    }
  }

  public func trials(agentID: Int64) -> [SweepTrialRecord] {
    state.withLock { state in state.trials.filter { $0.agentID == agentID }.sorted { $0.number < $1.number } }
  }

  public func trialNumbers(sweepID: Int64) -> (count: Int, free: Int64) {
    state.withLock { state in
      let numbers = Set(state.trials.filter { $0.sweepID == sweepID }.map(\.number))
      return (numbers.count, (0...).first { !numbers.contains($0) } ?? 0)
    }
  }

  public func commit(_ change: SweepChange) throws {
    try state.withLock { state in
      var sweep = change.sweep
      guard let index = state.sweeps.firstIndex(where: { $0.id == sweep.id }),
        state.sweeps[index].version == sweep.version
      else { throw StorageError.conflict }
      if let added = change.added {
        guard !state.trials.contains(where: { $0.sweepID == sweep.id && $0.number == added.trial.number }) else {
          throw StorageError.conflict
        }
        let isTaken = state.runs.values.contains {
          $0.projectID == added.run.projectID && isSame($0.name, added.run.name)
        }
        guard !isTaken else { throw StorageError.exists }
      }
      sweep.version += 1
      state.sweeps[index] = sweep
      for trial in change.trials {
        guard let place = state.trials.firstIndex(where: { $0.runID == trial.runID }) else { continue }
        let number = state.trials[place].number
        state.trials[place] = trial
        state.trials[place].number = number
      }
      guard var (run, trial) = change.added else { return }
      run.id = state.newID()
      state.runs[run.id] = run
      trial.runID = run.id
      state.trials.append(trial)
    }
  }
}
