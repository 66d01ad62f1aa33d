import QuipuBase

/// Why a request failed for good.
package enum RequestError: Error, Sendable, Equatable {
  /// No answer, after all attempts.
  case failure(HTTPFailure)
  /// An answer that is not a success: its status, and the first message found in it (else the beginning of its body).
  case status(Int, String)
  /// Status 200 with a list of errors: the first one's message.
  case graphQL(String)
  /// An answer that is not what it should be.
  case malformed(String)

  /// One line for a person.
  package var message: String {
    switch self {
    case .failure(let failure): failure.message
    case .status(let status, let text): text.isEmpty ? "status \(status)" : "status \(status): \(text)"
    case .graphQL(let text), .malformed(let text): text
    }
  }
}

/// Sends requests of one server until they succeed or have failed for good: credentials, retries, waits.
///
/// Threads: the loop's thread only.
package final class Requester {
  package let sender: any RequestSender
  package let settings: SyncSettings

  package init(sender: any RequestSender, settings: SyncSettings) {
    self.sender = sender
    self.settings = settings
  }

  /// Sends with credentials if the URL is the server's, again and again as `policy` says.
  ///
  /// - Parameter waiting: called before each wait with what went wrong and the wait in nanoseconds.
  /// - Returns: a number for `cancel`.
  @discardableResult
  package func send(
    _ request: HTTPRequest, _ policy: RetryPolicy, waiting: ((RequestError, Int64) -> Void)? = nil,
    _ done: @escaping (Result<HTTPAnswer, RequestError>) -> Void
  ) -> UInt64 {
    done(.failure(.malformed("not built yet")))
    return 0
  }

  /// Sends a GraphQL operation.
  ///
  /// - Parameters:
  ///   - name: the operation's name in `text`.
  ///   - policy: nil: that of the settings.
  /// - Returns: the member `data` of the answer, as an object.
  @discardableResult
  package func graphQL(
    _ name: String, _ text: String, _ variables: JSONObject, policy: RetryPolicy? = nil,
    waiting: ((RequestError, Int64) -> Void)? = nil, _ done: @escaping (Result<JSONObject, RequestError>) -> Void
  ) -> UInt64 {
    done(.failure(.malformed("not built yet")))
    return 0
  }

  /// Gives up on a request; its `done` is called with `.cancelled`.
  package func cancel(_ request: UInt64) {}
}
