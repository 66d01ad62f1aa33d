/// A column of a run by which filters and orders can go. The raw value is the name in the protocol (§15.2).
public enum RunField: String, Sendable, CaseIterable {
  case commit, createdAt, description, displayName, duration, group, heartbeatAt, host, jobType, name, notes, state
  case sweep, tags, username

  /// Whether values are instants, which compare as such however they are written.
  public var isInstant: Bool { self == .createdAt || self == .heartbeatAt }

  /// - Parameter text: the name in camel case or snake case, or another spelling in use.
  init?(spelled text: String) {
    switch text {
    case "created_at": self = .createdAt
    case "display_name": self = .displayName
    case "heartbeat_at", "updatedAt", "updated_at": self = .heartbeatAt
    case "groupName", "group_name": self = .group
    case "job_type": self = .jobType
    case "sweepName", "sweep_name": self = .sweep
    case "user", "user.username": self = .username
    default: self.init(rawValue: text)
    }
  }
}
