import QuipuBase

/// Asks a server for a run that is to go on.
///
/// Source: http.md, sections 9.3 and 9.4.
package enum ResumeQuery {
  package enum Wish: Sendable, Equatable {
    /// Go on behind the last row.
    case resume
    /// Cut the rows behind this step and go on there.
    case rewind(step: Int64)
  }

  /// - Parameters:
  ///   - entity, project: "" for the server's defaults.
  ///   - done: the run; nil if there is none (never for a rewind).
  /// - Returns: the number of the request, for `Requester.cancel`.
  /// Threads: the loop's thread.
  @discardableResult
  package static func ask(
    _ wish: Wish, entity: String, project: String, run: String, requester: Requester, policy: RetryPolicy? = nil,
    waiting: ((RequestError, Int64) -> Void)? = nil, _ done: @escaping (Result<ResumedRun?, RequestError>) -> Void
  ) -> UInt64 {
    var variables = JSONObject()
    if !project.isEmpty { variables["project"] = .string(project) }
    if !entity.isEmpty { variables["entity"] = .string(entity) }
    let name: String
    let text: String
    switch wish {
    case .resume:
      (name, text) = ("RunResumeStatus", RunOperations.resumeStatus)
      variables["name"] = .string(run)
    case .rewind(let step):
      (name, text) = ("RewindRun", RunOperations.rewind)
      variables["runName"] = .string(run)
      variables["metricName"] = "_step"
      variables["metricValue"] = .int(step)
    }
    return requester.graphQL(name, text, variables, policy: policy, waiting: waiting) { result in
      switch result {
      case .failure(let error): done(.failure(error))
      case .success(let data):
        do throws(ServerAnswerError) {
          switch wish {
          case .resume: done(.success(try ResumedRun.read(data)))
          case .rewind(let step): done(.success(try ResumedRun.readRewound(data, step: step)))
          }
        } catch {
          done(.failure(.malformed(error.message)))
        }
      }
    }
  }
}
