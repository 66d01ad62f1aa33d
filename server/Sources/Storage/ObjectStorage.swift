/// Large immutable bytes by key, such as a directory of files or an S3 bucket.
///
/// Keys are made by the server (`blobs/..`, `history/..`), never by a client.
public protocol ObjectStorage: Sendable {
  /// A place on the local disk for bytes that are still arriving; the caller owns and removes the file.
  func stagingPath() throws -> String
  /// Takes over a staged file under a key. An object that is there already stays as it is.
  func store(stagedFile path: String, key: String) async throws
  func store(_ bytes: [UInt8], key: String) async throws
  /// A local file with the object's bytes (a remote store fetches it into its cache). Nil if there is no such object.
  func localFile(key: String) async throws -> String?
  func delete(key: String) async throws
  /// Keys that begin with `prefix`.
  func keys(prefix: String) async throws -> [String]
}
