import Storage

/// URLs that lead to bytes: signed ones that need nothing else, and the plain one that needs a key.
struct FileLinks: Sendable {
  let signer: URLSigner
  let lifetime: Double
  /// Of the client that asks.
  let baseURL: String

  func upload(runID: Int64, name: String) -> String {
    baseURL + signer.sign("PUT", path: Self.runFilePath(runID, name), lifetime: lifetime)
  }

  func download(runID: Int64, name: String) -> String {
    baseURL + signer.sign("GET", path: Self.runFilePath(runID, name), lifetime: lifetime)
  }

  /// The run file behind the client's key. Source: protocol reference, 11.3.
  func plain(project: ProjectRecord, run: String, name: String) -> String {
    let path = [project.entity, project.name, run].map { percentEncoded($0) }.joined(separator: "/")
    return "\(baseURL)/files/\(path)/\(percentEncoded(name, slashes: true))"
  }

  static func runFilePath(_ runID: Int64, _ name: String) -> String {
    "/storage/run/\(runID)/\(percentEncoded(name, slashes: true))"
  }
}
