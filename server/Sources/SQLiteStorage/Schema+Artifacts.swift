import GRDB

extension Schema {
  @Sendable
  static func artifacts(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE artifact_types (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          project INTEGER NOT NULL REFERENCES projects(id),
          name TEXT NOT NULL,
          created_at INTEGER NOT NULL,
          UNIQUE (project, name)
        );

        CREATE TABLE artifact_collections (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          project INTEGER NOT NULL REFERENCES projects(id),
          kind INTEGER NOT NULL,
          name TEXT NOT NULL,
          type INTEGER NOT NULL REFERENCES artifact_types(id),
          next_version INTEGER NOT NULL,
          created_at INTEGER NOT NULL,
          updated_at INTEGER NOT NULL,
          UNIQUE (project, name)
        );
        CREATE INDEX artifact_collections_by_type ON artifact_collections (type);

        CREATE TABLE artifacts (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          sequence INTEGER NOT NULL REFERENCES artifact_collections(id),
          run INTEGER REFERENCES runs(id) ON DELETE SET NULL,
          state TEXT NOT NULL,
          digest TEXT NOT NULL,
          digest_algorithm TEXT NOT NULL,
          size INTEGER NOT NULL,
          file_count INTEGER NOT NULL,
          created_at INTEGER NOT NULL,
          updated_at INTEGER,
          history_step INTEGER,
          ttl_seconds INTEGER,
          distributed_id TEXT,
          tags TEXT NOT NULL,
          requested_aliases TEXT NOT NULL,
          description TEXT,
          metadata TEXT
        );
        CREATE INDEX artifacts_by_digest ON artifacts (sequence, digest);
        CREATE INDEX artifacts_by_run ON artifacts (run) WHERE run IS NOT NULL;

        CREATE TABLE artifact_client_ids (
          name TEXT NOT NULL,
          is_sequence INTEGER NOT NULL,
          artifact INTEGER NOT NULL REFERENCES artifacts(id),
          PRIMARY KEY (name, is_sequence)
        ) WITHOUT ROWID;

        CREATE TABLE artifact_memberships (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          collection INTEGER NOT NULL REFERENCES artifact_collections(id),
          artifact INTEGER NOT NULL REFERENCES artifacts(id),
          version INTEGER NOT NULL,
          created_at INTEGER NOT NULL,
          UNIQUE (collection, version),
          UNIQUE (artifact, collection)
        );

        CREATE TABLE artifact_aliases (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          collection INTEGER NOT NULL REFERENCES artifact_collections(id),
          membership INTEGER NOT NULL REFERENCES artifact_memberships(id) ON DELETE CASCADE,
          name TEXT NOT NULL,
          UNIQUE (collection, name)
        );
        CREATE INDEX artifact_aliases_by_membership ON artifact_aliases (membership);

        CREATE TABLE artifact_manifests (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          artifact INTEGER NOT NULL REFERENCES artifacts(id),
          kind TEXT NOT NULL,
          base INTEGER,
          digest TEXT NOT NULL,
          blob TEXT REFERENCES blobs(sha256)
        );
        CREATE INDEX artifact_manifests_by_artifact ON artifact_manifests (artifact);
        CREATE INDEX artifact_manifests_by_blob ON artifact_manifests (blob) WHERE blob IS NOT NULL;

        CREATE TABLE artifact_uploads (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          artifact INTEGER NOT NULL REFERENCES artifacts(id),
          name TEXT NOT NULL,
          md5 TEXT NOT NULL,
          digest TEXT NOT NULL,
          blob TEXT REFERENCES blobs(sha256),
          created_at INTEGER NOT NULL,
          UNIQUE (artifact, name)
        );
        CREATE INDEX artifact_uploads_by_age ON artifact_uploads (created_at);
        CREATE INDEX artifact_uploads_by_blob ON artifact_uploads (blob) WHERE blob IS NOT NULL;

        CREATE TABLE artifact_parts (
          upload INTEGER NOT NULL REFERENCES artifact_uploads(id) ON DELETE CASCADE,
          number INTEGER NOT NULL,
          md5 TEXT NOT NULL,
          blob TEXT REFERENCES blobs(sha256),
          PRIMARY KEY (upload, number)
        ) WITHOUT ROWID;
        CREATE INDEX artifact_parts_by_blob ON artifact_parts (blob) WHERE blob IS NOT NULL;

        CREATE TABLE artifact_files (
          artifact INTEGER NOT NULL REFERENCES artifacts(id),
          name TEXT NOT NULL,
          digest TEXT NOT NULL,
          blob TEXT REFERENCES blobs(sha256),
          reference TEXT,
          reference_size INTEGER,
          PRIMARY KEY (artifact, name),
          CHECK ((blob IS NULL) <> (reference IS NULL))
        ) WITHOUT ROWID;
        CREATE INDEX artifact_files_by_blob ON artifact_files (blob) WHERE blob IS NOT NULL;

        CREATE TABLE artifact_runs (
          run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
          role INTEGER NOT NULL,
          artifact INTEGER NOT NULL REFERENCES artifacts(id),
          PRIMARY KEY (run, role, artifact)
        ) WITHOUT ROWID;
        CREATE INDEX artifact_runs_by_artifact ON artifact_runs (artifact, role);

        PRAGMA user_version = 2;
        """)
  }

  /// Of a row of `blobs`: nothing has it. An index answers each part.
  static let blobIsUnused = """
    NOT EXISTS (SELECT 1 FROM files WHERE blob = sha256)
    AND NOT EXISTS (SELECT 1 FROM artifact_files WHERE blob = sha256)
    AND NOT EXISTS (SELECT 1 FROM artifact_manifests WHERE blob = sha256)
    AND NOT EXISTS (SELECT 1 FROM artifact_uploads WHERE blob = sha256)
    AND NOT EXISTS (SELECT 1 FROM artifact_parts WHERE blob = sha256)
    """
}
