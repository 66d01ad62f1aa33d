import HistoryColumns
import Logging
import QuipuBase
import Storage

/// What can be done to runs, whoever asks for it.
final class RunService: Sendable {
  let storage: any Storage
  let histories: HistoryService
  let configuration: ServerConfiguration
  let logger: Logger
  /// Held by whoever reads a run in order to change it.
  let locks = KeyedLock<Int64>()

  init(storage: any Storage, histories: HistoryService, configuration: ServerConfiguration, logger: Logger) {
    self.storage = storage
    self.histories = histories
    self.configuration = configuration
    self.logger = logger
  }

  // MARK: Finding

  /// The project, or nil. Without an entity it is the server's user's.
  func project(entity: String?, name: String?) async throws -> ProjectRecord? {
    try await storage.project(
      entity: Self.given(entity) ?? configuration.user, name: Self.given(name) ?? Self.defaultProject)
  }

  /// - Throws: 404 naming what is missing.
  func run(entity: String?, project: String?, name: String) async throws -> RunRecord {
    guard let project = try await self.project(entity: entity, name: project) else {
      throw ServerFault(404, "project \(Self.given(entity) ?? configuration.user)/\(project ?? "") not found")
    }
    guard let run = try await storage.run(projectID: project.id, name: name) else {
      throw ServerFault(404, "run \(project.entity)/\(project.name)/\(name) not found")
    }
    return run
  }

  /// By the id that the graph calls `id`.
  func run(globalID: String) async throws -> RunRecord {
    guard let id = GlobalID.parse(globalID, kind: "Run"), let run = try await storage.run(id: id) else {
      throw ServerFault(404, "there is no run with the id '\(globalID)'")
    }
    return run
  }

  static let defaultProject = "uncategorized"

  static func given(_ text: String?) -> String? { text.flatMap { $0.isEmpty ? nil : $0 } }

  /// The project, made now if there is none; a team of that name too, so that scripts with `entity=` run unchanged.
  func ensureProject(entity: String?, name: String?) async throws -> (ProjectRecord, isNew: Bool) {
    let entity = Self.given(entity) ?? configuration.user
    let name = Self.given(name) ?? Self.defaultProject
    try Names.checkEntity(entity)
    try Names.checkProject(name)
    let owner = try await storage.ensureEntity(named: entity, isTeam: entity != configuration.user)
    return try await storage.ensureProject(entity: owner, name: name)
  }

  // MARK: Changing

  /// Reads the run, changes it and writes it back, in turn with all others who do.
  @discardableResult
  func change<Result: Sendable>(
    runID: Int64, _ body: (inout RunChange) async throws -> Result
  ) async throws -> Result {
    try await locks.with(runID) {
      for _ in 0..<8 {
        guard let run = try await storage.run(id: runID) else { throw ServerFault(404, "the run was deleted") }
        var change = RunChange(run: run)
        let result = try await body(&change)
        do {
          try await storage.commit(change)
          return result
        } catch StorageError.conflict { continue }
      }
      throw ServerFault(503, "the run is being changed by others; try again")
    }
  }

  func stop(runID: Int64) async throws {
    try await change(runID: runID) { $0.run.isStopRequested = true }
  }

  func delete(runID: Int64) async throws {
    try await locks.with(runID) {
      try await storage.deleteRun(id: runID)
      histories.forget(runID: runID)
    }
  }

  func setState(runID: Int64, _ text: String) async throws {
    guard let state = RunState(rawValue: text) else {
      let all = RunState.allCases.map(\.rawValue).joined(separator: ", ")
      throw ServerFault(400, "'\(text)' is not a state; there are \(all)")
    }
    try await change(runID: runID) { $0.run.state = state }
  }

  /// Forgets the rows after `step`. Events and console start anew, as the client numbers them from 0 again.
  /// Source: protocol reference, 9.4.
  func rewind(runID: Int64, to step: Int64) async throws -> RunRecord {
    try await change(runID: runID) { change in
      let (added, removed) = try await histories.cut(runID: runID, after: step)
      change.addedSegments = added
      change.removedSegments = removed
      change.removedSegments += try await storage.segments(runID: runID, stream: .events).map(\.id)
      change.removesConsole = true
      let view = try await histories.view(runID: runID, stream: .history)
      let own = (change.run.fork?.step).map { $0 &+ 1 } ?? Int64.min
      var rows = ByteBuffer()
      let count = own > step ? 0 : try view.write(steps: own..<(step &+ 1), keys: ["_step"], as: .objects, to: &rows)
      change.run.historyLineCount = Int64(count)
      change.run.lastStep = min(step, view.lastStep ?? step)
      change.run.historyTail = try await tail(of: view, upTo: step)
      change.run.eventsLineCount = 0
      change.run.eventsTail = nil
      change.run.logLineCount = 0
      Self.beginLife(&change.run)
      return change.run
    }
  }

  /// The last row's text with a step of at most `step`.
  func tail(of view: HistoryView, upTo step: Int64) async throws -> String? {
    // Steps may have gaps: look back over twice as many steps each time.
    guard let first = view.firstStep, let last = view.lastStep, step >= first else { return nil }
    let end = min(step, last)
    var width: Int64 = 16
    while true {
      let (back, isFar) = end.subtractingReportingOverflow(width)
      let start = isFar ? first : max(first, back)
      var rows = ByteBuffer()
      let count = try view.write(steps: start..<(end &+ 1), as: .strings, to: &rows)
      if count > 0 {
        return (try? JSON(parsing: rows.bytes))?.arrayValue?.last?.stringValue
      }
      if start == first { return nil }
      width = width > Int64.max / 4 ? Int64.max : width * 4
    }
  }

  /// The run begins or goes on: what its last end left behind is taken away.
  static func beginLife(_ run: inout RunRecord) {
    run.state = .running
    run.exitCode = nil
    run.completedTimestamp = nil
    run.isStopRequested = false
    run.recentRequests = []
    run.heartbeatAt = .now
  }
}
