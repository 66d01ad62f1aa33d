import QuipuBase
import QuipuSync

/// Whose key it is.
///
/// Source: http.md, sections 2.1 and 7.
struct Viewer: Sendable {
  var username: String?
  var entity: String?

  /// - Parameter done: nil: the server does not know the key.
  static func ask(
    _ requester: Requester, waiting: @escaping (RequestError, Int64) -> Void,
    _ done: @escaping (Result<Viewer?, RequestError>) -> Void
  ) -> UInt64 {
    requester.graphQL("Viewer", RunOperations.viewer, JSONObject(), waiting: waiting) { result in
      switch result {
      case .failure(let error): done(.failure(error))
      case .success(let data):
        guard let found = data["viewer"]?.objectValue else {
          done(.success(nil))
          return
        }
        done(
          .success(
            Viewer(
              username: found["username"]?.stringValue ?? found["email"]?.stringValue,
              entity: found["entity"]?.stringValue)))
      }
    }
  }
}
