import AsyncHTTPClient
import Logging
import NIOCore
import QuipuBase
import Storage

/// Posts alerts to the webhook that the server was told, if any; the run that raised one never waits for it.
///
/// The body is JSON with `text` (one line for chat programs: Slack, Mattermost and others show it as it is) and the
/// parts `title`, `body`, `severity`, `entity`, `project`, `run`, `displayName`, `createdAt`.
final class AlertSender: Sendable {
  private let webhook: String?
  private let logger: Logger

  init(webhook: String?, logger: Logger) {
    self.webhook = webhook
    self.logger = logger
  }

  func send(_ alert: AlertRecord, run: RunRecord, project: ProjectRecord) {
    guard let webhook else { return }
    let body: JSON = [
      "text": .string("[\(alert.severity)] \(project.entity)/\(project.name)/\(run.displayName): \(alert.title)"),
      "title": .string(alert.title), "body": .string(alert.text), "severity": .string(alert.severity),
      "entity": .string(project.entity), "project": .string(project.name), "run": .string(run.name),
      "displayName": .string(run.displayName), "createdAt": .string(alert.createdAt.text),
    ]
    let text = body.text(style: .core)
    Task { [logger] in
      var request = HTTPClientRequest(url: webhook)
      request.method = .POST
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(NIOCore.ByteBuffer(string: text))
      for attempt in 0..<3 {
        do {
          let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
          if response.status.code < 500 {
            if response.status.code >= 400 {
              logger.warning("the webhook refused an alert", metadata: ["status": "\(response.status.code)"])
            }
            return
          }
        } catch {
          logger.warning("the webhook cannot be reached", metadata: ["error": "\(error)"])
        }
        try? await Task.sleep(for: .seconds(1 << (2 * attempt)))
      }
    }
  }
}
