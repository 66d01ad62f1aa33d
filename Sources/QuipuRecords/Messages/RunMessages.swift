// Messages of header, run and exit.
// Each lists its fields once, in `visitFields`; coding and JSON follow from that list.

/// The first record of a log: who wrote it.
public struct HeaderRecord: RecordMessage {
  public var versionInfo: VersionInfo?
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.message(1, "version_info", &versionInfo)
    visitor.message(200, "_info", &info)
  }
}

/// Versions of the writing software.
public struct VersionInfo: RecordMessage {
  /// `<version>+<build commit>`, e.g. `0.31.0+15f8cbc5…` (40 hex digits).
  public var producer = ""
  /// Minimum server version, `0.70.0`.
  public var minConsumer = ""
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "producer", &producer)
    visitor.scalar(2, "min_consumer", &minConsumer)
    visitor.message(200, "_info", &info)
  }
}

/// Identity and start of the run; written again for each later change.
public struct RunRecord: RecordMessage {
  /// 8 characters a–z0–9 unless chosen by the user.
  public var runID = ""
  /// Absent unless the user set one; sync then uses the default entity of the API key.
  public var entity = ""
  /// Absent → server default `uncategorized`.
  public var project = ""
  /// The whole initial config, one update per top-level key, plus a `_wandb` item.
  public var config: ConfigRecord?
  /// Not written by clients (server → client on resume).
  public var summary: SummaryRecord?
  public var runGroup = ""
  public var jobType = ""
  /// Run name; absent → the server invents one.
  public var displayName = ""
  public var notes = ""
  public var tags: [String] = []
  /// Never written.
  public var settings: SettingsRecord?
  public var sweepID = ""
  /// Host name.
  public var host = ""
  /// Written when non-zero; first step of the history.
  public var startingStep: Int64 = 0
  /// Server id; not in files.
  public var storageID = ""
  /// When the run was initialised, microsecond precision; base of `_runtime` of stats on sync.
  public var startTime: Timestamp?
  /// The server did resume.
  public var resumed = false
  public var telemetry: TelemetryRecord?
  /// Seconds already spent by the resumed run.
  public var runtime: Int32 = 0
  /// Remote and commit of the repository, if any.
  public var git: GitRepoRecord?
  /// Set in later `run` records of a forked run.
  public var forked = false
  /// Fork_from / resume_from.
  public var branchPoint: BranchPoint?
  /// True when resume is "allow" or "must": resume is settled at sync time.
  public var resume = false
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "run_id", &runID)
    visitor.scalar(2, "entity", &entity)
    visitor.scalar(3, "project", &project)
    visitor.message(4, "config", &config)
    visitor.message(5, "summary", &summary)
    visitor.scalar(6, "run_group", &runGroup)
    visitor.scalar(7, "job_type", &jobType)
    visitor.scalar(8, "display_name", &displayName)
    visitor.scalar(9, "notes", &notes)
    visitor.repeated(10, "tags", &tags)
    visitor.message(11, "settings", &settings)
    visitor.scalar(12, "sweep_id", &sweepID)
    visitor.scalar(13, "host", &host)
    visitor.scalar(14, "starting_step", &startingStep)
    visitor.scalar(16, "storage_id", &storageID)
    visitor.message(17, "start_time", &startTime)
    visitor.scalar(18, "resumed", &resumed)
    visitor.message(19, "telemetry", &telemetry)
    visitor.scalar(20, "runtime", &runtime)
    visitor.message(21, "git", &git)
    visitor.scalar(22, "forked", &forked)
    visitor.message(23, "branch_point", &branchPoint)
    visitor.scalar(24, "resume", &resume)
    visitor.message(200, "_info", &info)
  }
}

/// Remote and commit of the repository.
public struct GitRepoRecord: RecordMessage {
  public var remoteURL = ""
  public var commit = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "remote_url", &remoteURL)
    visitor.scalar(2, "commit", &commit)
  }
}

/// Where a forked or rewound run leaves its parent.
public struct BranchPoint: RecordMessage {
  /// Run id before the `?`.
  public var run = ""
  /// Number after `=`.
  public var value: Double = 0
  /// `_step`.
  public var metric = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "run", &run)
    visitor.scalar(2, "value", &value)
    visitor.scalar(3, "metric", &metric)
  }
}

/// Settings of the client.
public struct SettingsRecord: RecordMessage {
  public var item: [SettingsItem] = []
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.messages(1, "item", &item)
    visitor.message(200, "_info", &info)
  }
}

/// One setting.
public struct SettingsItem: RecordMessage {
  public var key = ""
  public var valueJSON = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "key", &key)
    visitor.scalar(16, "value_json", &valueJSON)
  }
}

/// End of the run, normally the last record.
public struct RunExitRecord: RecordMessage {
  /// 0 is absent.
  public var exitCode: Int32 = 0
  /// Whole seconds, filled in by the core; not used by sync.
  public var runtime: Int32 = 0
  /// Sync uploads everything but leaves the run unfinished on the server.
  public var notComplete = false
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "exit_code", &exitCode)
    visitor.scalar(2, "runtime", &runtime)
    visitor.scalar(3, "not_complete", &notComplete)
    visitor.message(200, "_info", &info)
  }
}

/// Tells that the machine is about to be taken away.
public struct RunPreemptingRecord: RecordMessage {
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.message(200, "_info", &info)
  }
}

/// Reserved; readers ignore it.
public struct FinalRecord: RecordMessage {
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.message(200, "_info", &info)
  }
}

/// Reserved; readers ignore it.
public struct FooterRecord: RecordMessage {
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.message(200, "_info", &info)
  }
}
