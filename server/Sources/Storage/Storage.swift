/// Everything the server keeps, behind one protocol.
///
/// Two implementations are planned: SQLite and files (`SQLiteStorage`), and PostgreSQL with an S3-compatible store.
/// To fit both, nothing here takes a query language or a transaction: each call is one transaction, records are values,
/// and a run changes through `commit`, which refuses to write over a version it has not read, so that several server
/// processes could share a database. `MemoryStorage` in the tests is the proof that the protocol says enough.
public protocol Storage: AccountStorage, ProjectStorage, RunStorage, HistoryStorage, FileStorage, ArtifactStorage,
  AlertStorage, SweepStorage
{
  var objects: any ObjectStorage { get }
  /// Values the server keeps for itself, such as the secret that signs URLs.
  func setting(_ name: String) async throws -> String?
  func setSetting(_ name: String, _ value: String) async throws
  /// Removes blobs and objects that nothing refers to and that were stored (or added again) before `moment`: leftovers
  /// of merges, deletions and crashes.
  func sweep(before moment: Timestamp) async throws
}
