import GRDB
import GRDBSQLite
import Storage

#if canImport(Glibc)
  import Glibc
#endif

/// The storage protocol over one directory: `quipu.sqlite` (in WAL mode) and files.
///
/// What is acknowledged survives the death of the process. A loss of power can take the last moments with it: the
/// log is forced to the disk when it is folded into the database, not at each commit.
public final class SQLiteStorage: Storage {
  let pool: DatabasePool
  let files: FileObjectStorage
  private let lock: DirectoryLock
  private let databasePath: String
  private let device: dev_t
  private let inode: ino_t
  private let sweep: Task<Void, Never>

  public var objects: any ObjectStorage { files }

  /// Opens a data directory, or makes one.
  /// - Throws: `failed` if another process has it, if it was written by a newer version, or if it cannot be read or
  ///   written; `damaged` if the database is not one; `full`.
  public init(directory: String) async throws {
    try FileSystem.makeDirectories(directory)
    lock = try DirectoryLock(directory: directory)
    files = try FileObjectStorage(root: directory + "/objects", staging: directory + "/staging")
    databasePath = directory + "/quipu.sqlite"
    // SQLite would make it readable by all; its other files take over the mode.
    let status = try FileSystem.makeFile(databasePath)
    (device, inode) = (status.st_dev, status.st_ino)
    pool = try Self.mapErrors(databasePath) { [databasePath] in
      let pool = try DatabasePool(path: databasePath, configuration: Self.configuration())
      try Schema.migrate(pool)
      return pool
    }
    let leftovers = try FileSystem.names(in: files.staging)
    sweep = Task.detached(priority: .background) { [pool, files, lock] in
      for name in leftovers { unlink("\(files.staging)/\(name)") }
      await Self.sweepObjects(of: pool, files, storedBefore: Timestamp.now.adding(seconds: -3600))
      // Nobody else gets the directory as long as this runs.
      withExtendedLifetime(lock) {}
    }
  }

  deinit { close() }

  /// Ends all work and frees the directory; calls that come later fail.
  public func close() {
    sweep.cancel()
    try? pool.close()
    lock.release()
  }

  private static func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.label = "quipu"
    configuration.busyMode = .timeout(10)
    configuration.maximumReaderCount = 4
    configuration.prepareDatabase { db in
      try Schema.check(db)
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

  /// Reads from one state of the database.
  func read<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) async throws -> Value {
    do {
      return try await pool.read { db in try Self.mapErrors(databasePath, db) { try body(db) } }
    } catch let error as DatabaseError {
      throw StorageError(error, path: databasePath)
    }
  }

  /// Writes all of `body` or nothing.
  /// - Parameter afterwards: runs when the transaction is stored and before any other may begin.
  func write<Value: Sendable>(
    _ body: @Sendable (Database) throws -> Value, afterwards: @Sendable (Value) throws -> Void = { _ in }
  ) async throws -> Value {
    do {
      return try await pool.writeWithoutTransaction { db in
        try checkFile()
        let value = try Self.mapErrors(databasePath, db) {
          var value: Value?
          try db.inTransaction(.immediate) {
            value = try body(db)
            return .commit
          }
          return value
        }
        guard let value else { throw StorageError.failed("\(databasePath): the transaction did not run") }
        try afterwards(value)
        return value
      }
    } catch let error as DatabaseError {
      throw StorageError(error, path: databasePath)
    }
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
      throw StorageError(error, path: path, systemError: db.map { sqlite3_system_errno($0.sqliteConnection) } ?? 0)
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
