import RunFilters

/// A run as filters and orders see it.
public struct RunView: RunFields {
  public let run: RunRecord
  private let state: RunState
  private let username: String

  public init(of run: RunRecord, in query: RunQuery) {
    self.run = run
    state = query.stateNow(run.state, run.heartbeatAt)
    username = query.username
  }

  public func field(_ field: RunField) -> FieldValue {
    switch field {
    case .commit: text(run.commit)
    case .createdAt: .number(run.createdAt.seconds)
    case .description: text(run.description)
    case .displayName: .string(run.displayName)
    case .duration: .number(Double(run.heartbeatAt.microseconds &- run.createdAt.microseconds) / 1e6)
    case .group: text(run.group)
    case .heartbeatAt: .number(run.heartbeatAt.seconds)
    case .host: text(run.host)
    case .jobType: text(run.jobType)
    case .name: .string(run.name)
    case .notes: text(run.notes)
    case .state: .string(state.rawValue)
    case .sweep: text(run.sweep)
    case .tags: .list(run.tags.map { .string($0) })
    case .username: .string(username)
    }
  }

  public func config(_ path: [String]) -> FieldValue {
    var text = run.config
    return text.withUTF8 { findConfig(path: path, in: UnsafeRawBufferPointer($0)) }
  }

  public func summary(_ path: [String]) -> FieldValue {
    var text = run.summary
    return text.withUTF8 { findJSON(path: path, in: UnsafeRawBufferPointer($0)) }
  }

  private func text(_ text: String?) -> FieldValue { text.map { .string($0) } ?? .missing }
}
