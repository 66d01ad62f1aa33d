import Glibc
import QuipuBase
import QuipuMedia
import Synchronization

/// Config, summary, metric definitions, identity, files, alerts, console.
extension Run {
  private func submit(_ kind: EntryKind, _ json: JSON, media: [Media] = []) throws(QuipuError) {
    guard let core else { return }
    try checkOpen()
    let ids = try Run.take(media, core)
    try Run.settle(core.submit(kind, json: json, media: ids), media, ids)
  }

  private func report(_ diagnostics: [Diagnostic]) {
    for diagnostic in diagnostics { Diagnostics.shared.report(diagnostic, run: id) }
  }

  func checkOpen() throws(QuipuError) {
    guard let core else { return }
    if core.generation != ProcessState.generation.load(ordering: .relaxed), let error = Run.refusal(.forked) {
      throw error
    }
    if core.isFinishing, let error = Run.refusal(.finished) { throw error }
  }

  // MARK: Config

  /// Adds values to the config.
  ///
  /// - Throws: `configChanged` if a value would change and `allowChange` is false: nothing is applied then.
  public func updateConfig(_ values: JSONObject, allowChange: Bool = false) throws(QuipuError) {
    try changeConfig { store, diagnostics throws(QuipuError) in
      try store.update(values, allowValChange: allowChange, diagnostics: &diagnostics)
    }
  }

  /// Adds values that the config lacks.
  public func setConfigDefaults(_ values: JSONObject) throws(QuipuError) {
    try changeConfig { store, diagnostics throws(QuipuError) in
      try store.setDefaults(values, diagnostics: &diagnostics)
    }
  }

  /// Adds values and locks them: later changes are ignored with a diagnostic.
  public func lockConfig(_ values: JSONObject, owner: String) throws(QuipuError) {
    try changeConfig { store, _ throws(QuipuError) in
      try store.lock(values, owner: owner, allowValChange: true)
    }
  }

  private func changeConfig(
    _ change: (inout ConfigStore, inout [Diagnostic]) throws(QuipuError) -> [ConfigStore.Item]
  ) throws(QuipuError) {
    try checkOpen()
    var diagnostics: [Diagnostic] = []
    // Change and hand-off are one step, so that two threads' changes reach the log in the order they took effect.
    let result: Result<Void, QuipuError> = state.withLock { state in
      do throws(QuipuError) {
        let items = try change(&state.config, &diagnostics)
        guard !items.isEmpty else { return .success(()) }
        try submit(.config, .array(items.map { .array([.string($0.key.string), $0.value]) }))
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    report(diagnostics)
    if case .failure(let error) = result, error.code == .full { core?.reportFull() }
    try result.get()
  }

  /// The config as the program set it.
  public var config: JSONObject { state.withLock { $0.config.asJSON } }

  // MARK: Metrics

  /// Says how a metric is summarised and drawn.
  ///
  /// - Parameters:
  ///   - name: a key; `.` separates nested keys, `\.` is a dot in a key; may end in `*`.
  ///   - stepMetric: the x axis.
  ///   - summary: comma-separated: min, max, mean, last, first, best, copy, none.
  ///   - goal: "minimize" or "maximize", used by `best`.
  /// - Throws: `name` or `value` errors; the earlier definition stays.
  public func defineMetric(
    _ name: String, stepMetric: String? = nil, stepSync: Bool? = nil, hidden: Bool? = nil, summary: String? = nil,
    goal: String? = nil, overwrite: Bool = false
  ) throws(QuipuError) {
    if name.isEmpty {
      throw QuipuError(.name, kind: "metric_empty_name", "name: is empty; give the key of the metric")
    }
    if let star = name.utf8.firstIndex(of: UInt8(ascii: "*")), name.utf8.index(after: star) != name.utf8.endIndex {
      throw QuipuError(
        .name, kind: "metric_bad_glob", "name: \"\(name)\" has a * that is not at the end; only prefixes can be matched")
    }
    var definition = MetricDefinition(name: name)
    definition.stepMetric = stepMetric.flatMap { $0.isEmpty ? nil : $0 }
    definition.stepSync = stepSync
    definition.hidden = hidden
    if let summary { definition.modes = try MetricDefinition.modes(summary) }
    switch goal?.lowercased() {
    case nil, ""?: break
    case "minimize"?, "min"?: definition.goal = .minimize
    case "maximize"?, "max"?: definition.goal = .maximize
    case let other?:
      throw QuipuError(.value, kind: "metric_bad_goal", "goal: \"\(other)\" is neither minimize nor maximize")
    }
    definition.overwrite = overwrite
    if definition.modes?.contains(.copy) == true {
      report([
        Diagnostic(.warning, kind: "metric_copy_deprecated", "summary: \"copy\" has no effect and may be left out")
      ])
    }
    try submit(.metric, definition.json)
  }

  // MARK: Summary

  /// Sets a summary value: it replaces what is there and ends the metric's modes.
  ///
  /// - Parameter path: nested keys, at least one.
  public func setSummary(_ path: [String], _ value: any LogValue) throws(QuipuError) {
    var text = ByteBuffer(capacity: 128)
    var media: [Media] = []
    value.write(to: &text, media: &media)
    let json: JSON
    do { json = try JSON(parsing: text.bytes) } catch {
      throw QuipuError(.value, kind: "not_serializable", "value: \(error.reason)")
    }
    try setSummary(path, json: json, media: media)
  }

  public func setSummary(_ key: String, _ value: any LogValue) throws(QuipuError) { try setSummary([key], value) }

  func setSummary(_ path: [String], json: JSON, media: [Media]) throws(QuipuError) {
    guard let first = path.first else {
      throw QuipuError(.argument, kind: "path_empty", "path: is empty; name at least one key")
    }
    try Run.check(key: first, named: "path")
    try Media.refuseCharts(media, "value")
    if media.contains(where: \.isLayer) { throw Media.notAlone }
    var value = json
    if case .double(let number) = value, number.isNaN { value = .null }
    guard core != nil else {
      state.withLock { $0.summary[Key(first)] = value }
      return
    }
    try submit(
      .summarySet, .object(["path": .array(path.map { .string($0) }), "value": value]), media: media)
  }

  /// Removes a summary value or tree; removing what is not there does nothing.
  public func removeSummary(_ path: [String]) throws(QuipuError) {
    guard !path.isEmpty else {
      throw QuipuError(.argument, kind: "path_empty", "path: is empty; name at least one key")
    }
    try submit(.summaryRemove, .object(["path": .array(path.map { .string($0) })]))
  }

  /// The summary with everything logged before this call; the open row is not in it.
  ///
  /// Blocking: until the writer has come that far, at most `timeoutMilliseconds` (-1: for ever).
  /// - Throws: `timeout`.
  public func summary(timeoutMilliseconds: Int64 = -1) throws(QuipuError) -> JSONObject {
    guard let core else { return state.withLock { $0.summary } }
    if core.generation != ProcessState.generation.load(ordering: .relaxed), let error = Run.refusal(.forked) {
      throw error
    }
    guard core.flush(until: Run.end(timeoutMilliseconds)) else {
      throw QuipuError(.timeout, kind: "timeout", "the writer has not come that far in \(timeoutMilliseconds) ms")
    }
    return core.withWriter { $0.summary.json }
  }

  // MARK: Identity

  public func setName(_ name: String) throws(QuipuError) {
    try checkOpen()
    state.withLock { $0.name = name }
    try submit(.identity, ["name": .string(name)])
  }

  public func setNotes(_ notes: String) throws(QuipuError) {
    try checkOpen()
    state.withLock { $0.notes = notes }
    try submit(.identity, ["notes": .string(notes)])
  }

  /// - Throws: `name` if a tag is empty or longer than 64 code points.
  public func setTags(_ tags: [String]) throws(QuipuError) {
    try checkOpen()
    for tag in tags {
      if tag.isEmpty { throw QuipuError(.name, kind: "tag_empty", "tags: a tag is empty; tags have 1 to 64 characters") }
      if tag.unicodeScalars.count > 64 {
        throw QuipuError(
          .name, kind: "tag_too_long", "tags: \"\(tag)\" has \(tag.unicodeScalars.count) characters, the limit is 64")
      }
    }
    state.withLock { $0.tags = tags }
    try submit(.identity, ["tags": .array(tags.map { .string($0) })])
  }

  // MARK: Alerts, files, console

  /// - Parameters:
  ///   - level: "INFO", "WARN" or "ERROR".
  ///   - waitMilliseconds: alerts of this title are not repeated within that time; 0: 60,000.
  public func alert(
    title: String, text: String, level: String = "INFO", waitMilliseconds: Int64 = 0
  ) throws(QuipuError) {
    guard level.isEmpty || level == "INFO" || level == "WARN" || level == "ERROR" else {
      throw QuipuError(
        .value, kind: "alert_bad_level", "level: \"\(level)\" is none of INFO, WARN, ERROR")
    }
    guard waitMilliseconds >= 0 else {
      throw QuipuError(.argument, kind: "alert_bad_wait", "wait: \(waitMilliseconds) ms is negative")
    }
    try submit(
      .alert,
      [
        "title": .string(title), "text": .string(text), "level": .string(level.isEmpty ? "INFO" : level),
        "wait": .int(waitMilliseconds == 0 ? 60_000 : waitMilliseconds),
      ])
  }

  /// Tells that the machine is about to be taken away.
  public func markPreempting() throws(QuipuError) {
    guard let core else { return }
    if let error = Run.refusal(core.submit(.preempting, payload: 0) { _ in }) { throw error }
  }

  /// Adds files to the run: links those that match below its files.
  ///
  /// - Returns: their paths inside the run.
  /// Blocking: looks at the file system.
  public func save(
    _ pattern: String, basePath: String? = nil, policy: String = "live", isPattern: Bool = true
  ) throws(QuipuError) -> [String] {
    guard core != nil else { return [] }
    try checkOpen()
    let plan = try SavePlan.make(
      pattern: pattern, basePath: basePath, policy: policy, glob: isPattern, filesDirectory: filesDirectory)
    let outcome = plan.execute(filesDirectory: filesDirectory, symlinks: settings.symlink)
    report(outcome.diagnostics)
    if !outcome.saved.isEmpty {
      let items = outcome.saved.map { file -> JSON in
        ["path": .string(file.destination), "policy": .int(Run.policyNumber(file.policy))]
      }
      try submit(.files, .array(items))
    }
    return outcome.saved.map { filesDirectory + "/" + $0.destination }
  }

  static func policyNumber(_ policy: SavePlan.Policy) -> Int64 {
    switch policy {
    case .now: 0
    case .end: 1
    case .live: 2
    }
  }

  /// Records a file that the program has written below the run's files.
  public func recordFile(_ path: String, policy: String = "now") throws(QuipuError) {
    guard let policy = SavePlan.Policy(rawValue: policy) else {
      throw QuipuError(.argument, kind: "save_bad_policy", "policy: use live, now or end")
    }
    guard !path.isEmpty, path.utf8.first != UInt8(ascii: "/"), !path.utf8.contains(0),
      !path.utf8.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual("..".utf8) })
    else {
      throw QuipuError(.argument, kind: "path_bad", "path: must be relative to the run's files and stay below them")
    }
    try submit(.files, .array([["path": .string(path), "policy": .int(Run.policyNumber(policy))]]))
  }

  /// `name==version` lines for requirements.txt.
  public func recordRequirements(_ lines: String) throws(QuipuError) {
    guard let core else { return }
    var text = lines
    let result = text.withUTF8 { core.submit(.requirements, text: UnsafeRawBufferPointer($0)) }
    if let error = Run.refusal(result) { throw error }
  }

  /// Where console text comes from.
  public enum OutputStream: UInt8, Sendable {
    case stdout = 1
    case stderr = 2
    /// Lines that are taken as they are.
    case lines = 3
  }

  /// Console text for output.log. Nothing is printed.
  public func output(_ stream: OutputStream, _ text: String) throws(QuipuError) {
    var text = text
    let result = text.withUTF8 { output(stream, bytes: UnsafeRawBufferPointer($0)) }
    if let error = Run.refusal(result) { throw error }
  }

  func output(_ stream: OutputStream, bytes: UnsafeRawBufferPointer) -> RunCore.Refusal {
    guard let core, settings.console != "off" || stream == .lines else { return .none }
    return core.submit(.output, payload: bytes.count &+ 1) { out in
      out.storeBytes(of: stream.rawValue, as: UInt8.self)
      if let start = bytes.baseAddress { (out + 1).copyMemory(from: start, byteCount: bytes.count) }
    }
  }

  // MARK: State and end

  static func end(_ timeoutMilliseconds: Int64) -> Int64 {
    guard timeoutMilliseconds >= 0 else { return Int64.max }
    let nanoseconds = timeoutMilliseconds.multipliedReportingOverflow(by: 1_000_000)
    if nanoseconds.overflow { return Int64.max }
    let end = Clock.monotonic().addingReportingOverflow(nanoseconds.partialValue)
    return end.overflow ? Int64.max : end.partialValue
  }

  public var stats: RunStats {
    var stats = core?.stats ?? RunStats()
    if let online { online.fill(&stats) }
    return stats
  }

  /// The step of the open row, or the next one.
  public var step: Int64 {
    guard let core else { return 0 }
    _ = core.flush(until: Run.end(5000))
    return core.withWriter { $0.step }
  }

  public var isFinished: Bool { core?.isFinishing ?? state.withLock { $0.exitCode != nil } }

  /// Waits until everything logged so far is in the log file (not on the device).
  ///
  /// - Throws: `timeout`, `diskFull`, `forked`.
  public func flush(timeoutMilliseconds: Int64 = -1) throws(QuipuError) {
    guard let core else { return }
    if core.generation != ProcessState.generation.load(ordering: .relaxed), let error = Run.refusal(.forked) {
      throw error
    }
    if core.flush(until: Run.end(timeoutMilliseconds)) { return }
    throw core.stats.isDiskFailing
      ? QuipuError(
        .diskFull, kind: "disk_full", "\(logPath): the disk takes nothing; free space, what is kept is written then")
      : QuipuError(.timeout, kind: "timeout", "not everything was written in \(timeoutMilliseconds) ms; it goes on")
  }

  /// Ends the run. A further call only waits for what is left.
  ///
  /// Blocking: until everything is on disk and, online, with the server; at most `timeoutMilliseconds` (-1: for ever)
  /// and the setting `finish_timeout`.
  /// - Throws: `timeout`, `diskFull`, `forked`; `auth`, `server` and others if the upload was refused for good.
  public func finish(exitCode: Int32 = 0, timeoutMilliseconds: Int64 = -1) throws(QuipuError) {
    // First of all: in a child of a fork the state's lock may be held by a thread that does not exist there.
    if let core, core.generation != ProcessState.generation.load(ordering: .relaxed),
      let error = Run.refusal(.forked)
    {
      throw error
    }
    let isFirst = state.withLock { state in
      let first = state.exitCode == nil
      if first { state.exitCode = exitCode }
      return first
    }
    guard let core else { return }
    var limit = timeoutMilliseconds
    if let setting = Settings.nanoseconds(settings.finishTimeout).map({ max($0 / 1_000_000, 1) }) {
      limit = limit < 0 ? setting : min(limit, setting)
    }
    let end = Run.end(limit)
    if isFirst {
      core.requestFinish(exitCode, isExplicit: true)
      if exitCode == 0, settings.resume == .auto { ResumeFile(directory: settings.wandbDirectory).remove() }
    }
    if core.waitFinished(until: end) {
      let stats = core.stats
      if stats.recordsLost > 0 {
        throw QuipuError(
          .diskFull, kind: "disk_full",
          "\(logPath): the disk took not everything; the rest is in shared memory until `quipu recover \(directory)`")
      }
      try waitForUpload(until: end, milliseconds: limit, rowsWritten: stats.rowsWritten)
      return
    }
    throw core.stats.isDiskFailing
      ? QuipuError(
        .diskFull, kind: "disk_full",
        "\(logPath): the disk takes nothing; the rest stays in shared memory until `quipu recover \(directory)`")
      : QuipuError(.timeout, kind: "timeout", "not everything was written in \(timeoutMilliseconds) ms; it goes on")
  }

  private func waitForUpload(until end: Int64, milliseconds: Int64, rowsWritten: UInt64) throws(QuipuError) {
    guard let online else { return }
    guard online.waitEnded(until: end) else {
      online.isGivenUp.store(true, ordering: .relaxed)
      throw QuipuError(
        .timeout, kind: "upload_timeout",
        online.timeoutMessage(milliseconds: milliseconds, rowsWritten: rowsWritten))
    }
    if let failure = online.failure { throw failure }
  }

  // MARK: Online

  /// Waits until the server has taken up the run, so that its page, entity and name are known.
  ///
  /// Blocking: at most `timeoutMilliseconds` (-1: for ever).
  /// - Throws: `timeout`; `state` if the run is not online; `auth`, `server` and others if the server refuses it.
  public func waitOnline(timeoutMilliseconds: Int64 = -1) throws(QuipuError) {
    if isForked, let error = Run.refusal(.forked) { throw error }
    guard let online else {
      throw QuipuError(.state, kind: "run_offline", "run \(id) is not online: its mode is \(settings.mode.rawValue)")
    }
    if online.waitIdentified(until: Run.end(timeoutMilliseconds)) {
      if online.snapshot.identity == nil, let failure = online.failure { throw failure }
      return
    }
    let trouble = online.snapshot.trouble
    throw QuipuError(
      .timeout, kind: "timeout",
      "the server has not taken up the run in \(timeoutMilliseconds) ms" + (trouble.isEmpty ? "" : ": \(trouble)"))
  }

  /// True once somebody has asked, on the server, that the run stop. Nothing stops by itself.
  public var isStopRequested: Bool { !isForked && online?.isStopRequested == true }

  /// Sets what is called, once, when the run is asked to stop; nil: nothing.
  ///
  /// On a library thread; at once, before this returns, if it was asked before. It must not wait for the library.
  public func setStopHandler(_ handler: (() -> Void)?) throws(QuipuError) {
    if isForked, let error = Run.refusal(.forked) { throw error }
    online?.setStopHandler(handler)
  }

  /// The address of the run's page; nil: not online, or not known yet (see ``waitOnline(timeoutMilliseconds:)``).
  public var url: String? { isForked ? nil : online.flatMap { online in online.snapshot.identity.map(online.url) } }

  /// The "Run history" and "Run summary" blocks that W&B's client prints at the end.
  public var report: String {
    guard let core else { return "" }
    return core.withWriter { writer in
      var samples: [(key: String, sample: MetricSample)] = []
      for (key, node) in writer.summary.root.children ?? [] where !node.isTree {
        samples.append((key.string, node.sample))
      }
      return RunBlocks.lines(
        history: samples, summary: writer.summary.json,
        historyLimit: Int(clamping: settings.maxEndOfRunHistoryMetrics),
        summaryLimit: Int(clamping: settings.maxEndOfRunSummaryMetrics)
      ).map { $0 + "\n" }.joined()
    }
  }

  /// Everything about the run.
  public var info: JSONObject {
    let state = state.withLock { $0 }
    let upload = online?.snapshot
    let known = upload?.identity
    let project = known?.project ?? settings.project
    let entity = known?.entity ?? settings.entity ?? ""
    var info = JSONObject()
    info["id"] = .string(id)
    let serverName = known.flatMap { $0.displayName.isEmpty ? nil : $0.displayName }
    info["name"] = (state.name ?? serverName).map { .string($0) } ?? .null
    info["project"] = .string(isDisabled && settings.isProjectDefault ? "dummy" : project)
    info["entity"] = .string(isDisabled ? "dummy" : entity)
    info["notes"] = state.notes.map { .string($0) } ?? .null
    info["tags"] = .array(state.tags.map { .string($0) })
    info["group"] = .string(settings.runGroup ?? "")
    info["job_type"] = .string(settings.runJobType ?? "")
    let parts = [entity, project, id].filter { !$0.isEmpty }
    info["path"] = .string(parts.joined(separator: "/"))
    info["mode"] = .string(settings.mode.rawValue)
    info["dir"] = .string(filesDirectory)
    info["sync_dir"] = .string(directory)
    info["log_path"] = .string(logPath)
    info["start_time"] = .double(Double(startTime / 1000) / 1e6)
    info["step"] = .int(core.map { core in core.withWriter { $0.step } } ?? 0)
    info["starting_step"] = .int(startingStep)
    info["offline"] = .bool(!isDisabled && online == nil)
    info["disabled"] = .bool(isDisabled)
    info["resumed"] = .bool(resumed)
    info["finished"] = .bool(isFinished)
    info["exit_code"] = state.exitCode.map { .int(Int64($0)) } ?? .null
    let sweep = known.flatMap { $0.sweep.isEmpty ? nil : $0.sweep } ?? settings.sweepID
    info["sweep_id"] = sweep.map { .string($0) } ?? .null
    info["url"] = .null
    info["project_url"] = .null
    info["sweep_url"] = .null
    if let online, let known {
      info["url"] = .string(online.url(of: known))
      info["project_url"] = .string(online.address.projectPage(entity: known.entity, project: known.project))
      if let sweep {
        info["sweep_url"] = .string(
          online.address.sweepPage(entity: known.entity, project: known.project, sweep: sweep))
      }
    }
    let uploadState = upload.flatMap { UploadState(rawValue: $0.progress.state.rawValue) } ?? .off
    info["upload_state"] = .string(uploadState.name)
    info["settings"] = .object(settings.settingsJSON)
    return info
  }
}
