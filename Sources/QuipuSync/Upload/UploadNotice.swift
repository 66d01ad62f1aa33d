/// What an upload tells its owner.
package struct UploadNotice: Sendable, Equatable {
  package enum Level: Sendable { case info, warning, error }
  package var level: Level
  /// A stable word: "run_url", "server_unreachable", "server_reachable", "auth_failed", "stop_requested", ...
  package var kind: String
  /// One line for a person. Never a credential.
  package var message: String

  package init(_ level: Level, kind: String, _ message: String) {
    self.level = level
    self.kind = kind
    self.message = message
  }
}
