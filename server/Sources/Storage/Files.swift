/// Bytes that are stored once, however many files have them.
public struct BlobRecord: Sendable, Equatable {
  /// Lower-case hex; also names the object, `blobs/ab/abcdef...`.
  public var sha256: String
  /// Standard base64, as the protocol has it.
  public var md5: String
  public var size: Int64

  public init(sha256: String, md5: String, size: Int64) {
    self.sha256 = sha256
    self.md5 = md5
    self.size = size
  }

  public var objectKey: String { "blobs/\(sha256.prefix(2))/\(sha256)" }
}

/// A file of a run.
public struct FileRecord: Sendable, Equatable {
  public var id: Int64
  public var runID: Int64
  /// Path with `/`.
  public var name: String
  public var blob: BlobRecord
  public var updatedAt: Timestamp

  public init(id: Int64 = 0, runID: Int64, name: String, blob: BlobRecord, updatedAt: Timestamp = .now) {
    self.id = id
    self.runID = runID
    self.name = name
    self.blob = blob
    self.updatedAt = updatedAt
  }
}

public protocol FileStorage: Sendable {
  /// Makes the blob known and safe from the sweep for an hour; call it before the bytes are stored.
  func addBlob(_ blob: BlobRecord) async throws
  func blob(md5: String) async throws -> BlobRecord?

  /// Stores the file, in place of the one of this name, whose id it keeps.
  ///
  /// Throws `conflict` if the blob is not known: it was forgotten since it was found; add it and its bytes again.
  func putFile(_ file: FileRecord) async throws
  func file(id: Int64) async throws -> FileRecord?
  func file(runID: Int64, name: String) async throws -> FileRecord?
  /// Ordered by the bytes of their names, behind `after`. `pattern` as in `LikePattern`; `names` empty means all.
  func files(runID: Int64, names: [String], pattern: String?, after: String?, limit: Int) async throws -> [FileRecord]
  func countFiles(runID: Int64) async throws -> Int
  func deleteFiles(ids: [Int64]) async throws
}
