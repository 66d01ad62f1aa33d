import GRDB
import Storage
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// The storage protocol over one directory: `quipu.sqlite` (in WAL mode) and files.
///
/// What is acknowledged survives the death of the process. A loss of power can take the last moments with it: the
/// log is forced to the disk when it is folded into the database, not at each commit.
public final class SQLiteStorage: Storage {
  let files: FileObjectStorage
  /// Nil when closed. A call in progress holds on to it.
  private let pool: Mutex<DatabasePool?>
  private let databasePath: String
  private let device: dev_t
  private let inode: ino_t
  private let directoryIsFree: Task<Void, Never>
  /// What is left to do after opening.
  private let chores = Mutex<Task<Void, Never>?>(nil)

  public var objects: any ObjectStorage { files }

  /// Opens a data directory, or makes one.
  /// - Throws: `failed` if another process has it, if it was written by a newer version, or if it cannot be read or
  ///   written; `damaged` if the database is not one; `full`.
  public init(directory: String) async throws {
    try FileSystem.makeDirectories(directory)
    databasePath = directory + "/quipu.sqlite"
    var isFree: Task<Void, Never>?
    do {
      let lock = try DirectoryLock(directory: directory)
      isFree = lock.ended
      directoryIsFree = lock.ended
      files = try FileObjectStorage(root: directory + "/objects", staging: directory + "/staging")
      // SQLite would make it readable by all; its other files take over the mode.
      let status = try FileSystem.makeFile(databasePath)
      (device, inode) = (status.st_dev, status.st_ino)
      pool = Mutex(try Self.openDatabase(databasePath, lock))
    } catch {
      await isFree?.value
      throw error
    }
    let leftovers = try FileSystem.names(in: files.staging)
    let task = Task.detached(priority: .background) { [weak self, files] in
      for name in leftovers { unlink("\(files.staging)/\(name)") }
      // What this cannot do is left to the next sweep.
      try? await self?.sweep(before: Timestamp.now.adding(seconds: -3600))
    }
    chores.withLock { $0 = task }
  }

  private static func openDatabase(_ path: String, _ lock: DirectoryLock) throws -> DatabasePool {
    try mapErrors(path) {
      let pool = try DatabasePool(path: path, configuration: configuration(lock))
      try Schema.migrate(pool)
      return pool
    }
  }

  deinit { chores.withLock { $0?.cancel() } }

  /// Waits for the calls in progress and frees the directory. Calls that come later fail.
  public func close() async {
    chores.withLock { $0?.cancel() }
    pool.withLock { $0 = nil }
    await directoryIsFree.value
  }

  /// Waits for what is left to do after opening.
  package func finishOpening() async { await chores.withLock { $0 }?.value }

  private static func configuration(_ lock: DirectoryLock) -> Configuration {
    var configuration = Configuration()
    configuration.label = "quipu"
    configuration.busyMode = .timeout(10)
    configuration.maximumReaderCount = 4
    configuration.prepareDatabase { db in
      // Every connection keeps this closure, and with it the lock, until it is closed.
      try withExtendedLifetime(lock) { try Schema.check(db) }
      // 8 MB for each connection; the log is folded in every 16 MB and kept no longer than 64 MB.
      try db.execute(
        sql: """
          PRAGMA cache_size = -8000;
          PRAGMA temp_store = MEMORY;
          PRAGMA cell_size_check = ON;
          PRAGMA trusted_schema = OFF;
          PRAGMA wal_autocheckpoint = 4000;
          PRAGMA journal_size_limit = 67108864;
          """)
    }
    return configuration
  }

  // MARK: Access

  /// Reads from one state of the database. Ends early with `CancellationError` if the task is cancelled.
  func read<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) async throws -> Value {
    let pool = try openPool()
    do {
      return try await pool.read { db in try Self.mapErrors(databasePath, db) { try body(db) } }
    } catch let error as DatabaseError {
      throw StorageError(error, path: databasePath)
    }
  }

  /// Writes all of `body` or nothing. What has begun is carried through, whatever becomes of the task.
  func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
    let pool = try openPool()
    return try await withCheckedThrowingContinuation { continuation in
      pool.asyncWriteWithoutTransaction { [self, pool] db in
        defer { withExtendedLifetime(pool) {} }
        continuation.resume(with: Result { try transaction(db, body) })
      }
    }
  }

  private func transaction<Value>(_ db: Database, _ body: (Database) throws -> Value) throws -> Value {
    try checkFile()
    return try Self.mapErrors(databasePath, db) {
      var value: Value?
      try db.inTransaction(.immediate) {
        value = try body(db)
        return .commit
      }
      guard let value else { throw StorageError.failed("\(databasePath): the transaction did not run") }
      return value
    }
  }

  private func openPool() throws -> DatabasePool {
    guard let pool = pool.withLock({ $0 }) else { throw StorageError.failed("\(databasePath) is closed") }
    return pool
  }

  /// SQLite would go on writing to a file that has no name any more, and every acknowledgement would be a lie.
  private func checkFile() throws {
    guard let status = FileSystem.status(databasePath), status.st_ino == inode, status.st_dev == device else {
      throw StorageError.failed("\(databasePath) was removed or replaced while the server was running")
    }
  }

  private static func mapErrors<Value>(
    _ path: String, _ db: Database? = nil, _ body: () throws -> Value
  ) throws -> Value {
    do {
      return try body()
    } catch let error as DatabaseError {
      // The task was cancelled in the middle of a statement.
      if error.resultCode == .SQLITE_INTERRUPT || error.resultCode == .SQLITE_ABORT { throw CancellationError() }
      throw StorageError(error, path: path, systemError: db?.systemError ?? 0)
    }
  }

  // MARK: Settings

  public func setting(_ name: String) async throws -> String? {
    try await read { try $0.one("SELECT value FROM settings WHERE name = ?", [name]) { $0.text() } }
  }

  public func setSetting(_ name: String, _ value: String) async throws {
    try await write { db in
      _ = try db.run(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, value])
    }
  }
}
