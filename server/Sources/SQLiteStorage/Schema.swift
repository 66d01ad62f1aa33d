import GRDB
import Storage

/// The tables, and how older files come to have them.
enum Schema {
  /// "Quip", in the header of every database of ours.
  static let applicationID: Int64 = 0x5175_6970
  /// Counts migrations; a file says in `user_version` which it has.
  static let version: Int64 = 3

  /// Refuses what is not ours or is newer than this program, before anything is written to it.
  static func check(_ db: Database) throws {
    let application = try db.one("PRAGMA application_id") { $0.int() } ?? 0
    let version = try db.one("PRAGMA user_version") { $0.int() } ?? 0
    if application != applicationID {
      let isEmpty = try db.one("SELECT 1 FROM sqlite_master LIMIT 1") { $0.int() } == nil
      guard isEmpty && application == 0 else {
        throw StorageError.failed("\(db.filePath) is not a database of this program")
      }
    } else if version > Self.version {
      throw StorageError.failed(
        "\(db.filePath) was written by a newer version of this program"
          + " (its schema is \(version), this version knows \(Self.version))")
    }
  }

  /// - Complexity: one pragma if the file is up to date.
  static func migrate(_ pool: DatabasePool) throws {
    let version = try pool.unsafeRead { try $0.one("PRAGMA user_version") { $0.int() } ?? 0 }
    guard version < Self.version else { return }
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1", migrate: first)
    migrator.registerMigration("2 artifacts", migrate: artifacts)
    migrator.registerMigration("3 sweeps", migrate: sweeps)
    try migrator.migrate(pool)
  }

  // `AUTOINCREMENT` wherever an id leaves the server or keys a cache: it must not come to mean something else.
  @Sendable
  private static func first(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE settings (
          name TEXT NOT NULL PRIMARY KEY,
          value TEXT NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE api_keys (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          name TEXT NOT NULL,
          digest TEXT NOT NULL UNIQUE,
          hint TEXT NOT NULL,
          is_read_only INTEGER NOT NULL,
          created_at INTEGER NOT NULL
        );

        CREATE TABLE entities (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          name TEXT NOT NULL UNIQUE,
          is_team INTEGER NOT NULL,
          created_at INTEGER NOT NULL
        );

        CREATE TABLE projects (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          entity INTEGER NOT NULL REFERENCES entities(id),
          name TEXT NOT NULL,
          description TEXT,
          created_at INTEGER NOT NULL,
          UNIQUE (entity, name)
        );

        CREATE TABLE runs (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          project INTEGER NOT NULL REFERENCES projects(id),
          name TEXT NOT NULL,
          created_at INTEGER NOT NULL,
          version INTEGER NOT NULL,
          state TEXT NOT NULL,
          exit_code INTEGER,
          heartbeat_at INTEGER NOT NULL,
          is_stop_requested INTEGER NOT NULL,
          history_line_count INTEGER NOT NULL,
          events_line_count INTEGER NOT NULL,
          log_line_count INTEGER NOT NULL,
          last_step INTEGER,
          completed_timestamp REAL,
          recent_requests BLOB NOT NULL,
          fork_run INTEGER,
          fork_step INTEGER,
          display_name TEXT NOT NULL,
          group_name TEXT,
          job_type TEXT,
          sweep TEXT,
          host TEXT,
          program TEXT,
          commit_hash TEXT,
          repo TEXT,
          tags TEXT NOT NULL,
          description TEXT,
          notes TEXT,
          history_tail TEXT,
          events_tail TEXT,
          UNIQUE (project, name)
        );
        CREATE INDEX runs_by_age ON runs (project, created_at, id);

        CREATE TABLE configs (
          run INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
          text TEXT NOT NULL
        );
        CREATE TABLE summaries (
          run INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
          text TEXT NOT NULL
        );

        CREATE TABLE segments (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
          stream INTEGER NOT NULL,
          writer TEXT NOT NULL,
          age INTEGER NOT NULL,
          row_count INTEGER NOT NULL,
          value_count INTEGER NOT NULL,
          first_step INTEGER NOT NULL,
          last_step INTEGER NOT NULL,
          byte_count INTEGER NOT NULL,
          object_key TEXT,
          body BLOB
        );
        CREATE INDEX segments_by_run ON segments (run, stream, age, id);
        CREATE INDEX segments_by_object ON segments (object_key) WHERE object_key IS NOT NULL;

        CREATE TABLE console (
          run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
          writer TEXT NOT NULL,
          number INTEGER NOT NULL,
          content TEXT NOT NULL,
          PRIMARY KEY (run, writer, number)
        ) WITHOUT ROWID;

        CREATE TABLE blobs (
          sha256 TEXT NOT NULL PRIMARY KEY,
          md5 TEXT NOT NULL,
          size INTEGER NOT NULL,
          added_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX blobs_by_md5 ON blobs (md5);
        CREATE INDEX blobs_by_age ON blobs (added_at);

        CREATE TABLE files (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
          name TEXT NOT NULL,
          blob TEXT NOT NULL REFERENCES blobs(sha256),
          updated_at INTEGER NOT NULL,
          UNIQUE (run, name)
        );
        CREATE INDEX files_by_blob ON files (blob);

        CREATE TABLE alerts (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
          title TEXT NOT NULL,
          text TEXT NOT NULL,
          severity TEXT NOT NULL,
          wait_seconds REAL NOT NULL,
          created_at INTEGER NOT NULL
        );
        CREATE INDEX alerts_by_title ON alerts (run, title);

        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = 1;
        """)
  }
}
