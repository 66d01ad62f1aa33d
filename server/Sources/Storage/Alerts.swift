public struct AlertRecord: Sendable, Equatable {
  public var id: Int64
  public var runID: Int64
  public var title: String
  public var text: String
  /// INFO, WARN or ERROR.
  public var severity: String
  /// Seconds in which the same title is not announced again.
  public var waitSeconds: Double
  public var createdAt: Timestamp

  public init(
    id: Int64 = 0, runID: Int64, title: String, text: String, severity: String, waitSeconds: Double,
    createdAt: Timestamp = .now
  ) {
    self.id = id
    self.runID = runID
    self.title = title
    self.text = text
    self.severity = severity
    self.waitSeconds = waitSeconds
    self.createdAt = createdAt
  }
}

public protocol AlertStorage: Sendable {
  /// Stores the alert unless one of the same run and title is younger than its wait.
  /// - Returns: whether it was stored.
  func addAlert(_ alert: AlertRecord) async throws -> Bool
  /// Newest first.
  func alerts(runID: Int64, limit: Int) async throws -> [AlertRecord]
}
