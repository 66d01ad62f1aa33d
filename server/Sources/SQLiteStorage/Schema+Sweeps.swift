import GRDB

extension Schema {
  @Sendable
  static func sweeps(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE sweeps (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          project INTEGER NOT NULL REFERENCES projects(id),
          name TEXT NOT NULL,
          created_at INTEGER NOT NULL,
          version INTEGER NOT NULL,
          updated_at INTEGER NOT NULL,
          state TEXT NOT NULL,
          display_name TEXT,
          description TEXT,
          config TEXT NOT NULL,
          UNIQUE (project, name)
        );

        CREATE TABLE sweep_agents (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          sweep INTEGER NOT NULL REFERENCES sweeps(id),
          name TEXT NOT NULL,
          host TEXT NOT NULL,
          created_at INTEGER NOT NULL,
          heartbeat_at INTEGER NOT NULL
        );
        CREATE INDEX sweep_agents_by_sweep ON sweep_agents (sweep);

        CREATE TABLE sweep_trials (
          run INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
          sweep INTEGER NOT NULL REFERENCES sweeps(id),
          number INTEGER NOT NULL,
          agent INTEGER NOT NULL REFERENCES sweep_agents(id),
          handed_out_at INTEGER NOT NULL,
          attempts INTEGER NOT NULL,
          was_reported INTEGER NOT NULL,
          is_open INTEGER NOT NULL,
          UNIQUE (sweep, number)
        );
        CREATE INDEX sweep_trials_by_agent ON sweep_trials (agent);
        CREATE INDEX sweep_trials_open ON sweep_trials (sweep, number) WHERE is_open;

        CREATE INDEX runs_by_sweep ON runs (project, sweep, id) WHERE sweep IS NOT NULL;

        PRAGMA user_version = 3;
        """)
  }
}
