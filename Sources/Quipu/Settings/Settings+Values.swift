import QuipuBase

extension Settings {
  // The run

  /// "" lets the server choose.
  public var project: String { text("project") ?? "" }
  public var entity: String? { text("entity") }
  /// nil until the run has one.
  public var runID: String? { text("run_id") }
  public var runName: String? { text("run_name") }
  public var runNotes: String? { text("run_notes") }
  public var runTags: [String]? { texts("run_tags") }
  public var runGroup: String? { text("run_group") }
  public var runJobType: String? { text("run_job_type") }
  public var sweepID: String? { text("sweep_id") }
  /// Absolute path of the file with a sweep's parameters.
  public var sweepParamPath: String? { text("sweep_param_path") }
  /// YAML files merged into the config, as given.
  public var configPaths: [String] { texts("config_paths") ?? [] }

  public var mode: Mode { text("mode").flatMap(Mode.init(name:)) ?? .online }
  public var isOffline: Bool { mode == .offline || mode == .disabled }
  public var isDisabled: Bool { mode == .disabled }
  public var resume: Resume? { text("resume").flatMap(Resume.init(name:)) }
  public var resumeFrom: RunMoment? { text("resume_from").flatMap(RunMoment.init(parsing:)) }
  public var forkFrom: RunMoment? { text("fork_from").flatMap(RunMoment.init(parsing:)) }
  public var reinit: Reinit { text("reinit").flatMap(Reinit.init(name:)) ?? .default }
  public var allowValChange: Bool { flag("allow_val_change") }
  public var force: Bool { flag("force") }

  // The process

  public var host: String { text("host") ?? "" }
  /// As shown in the metadata.
  public var program: String? { text("program") }
  public var programPath: String? { text("program_abspath") }
  /// Relative to the git root, else to the working directory; nil if the program lies elsewhere or is no file.
  public var programRelativePath: String? { text("program_relpath") }
  public var executable: String? { text("x_executable") }
  public var docker: String? { text("docker") }
  public var email: String? { text("email") }
  public var username: String? { text("username") }

  // Code and git

  public var saveCode: Bool? { optionalFlag("save_code") }
  public var codeDirectory: String? { text("code_dir") }
  public var disableCode: Bool { flag("disable_code") }
  public var disableGit: Bool { flag("disable_git") }
  public var gitRemote: String { text("git_remote") ?? "origin" }
  public var gitRemoteURL: String? { text("git_remote_url") }
  public var gitCommit: String? { text("git_commit") }

  // Console and terminal

  /// `off`, `wrap`, `redirect`, `wrap_raw` or `wrap_emu`.
  public var console: String { text("console") ?? "wrap" }
  public var consoleMultipart: Bool { flag("console_multipart") }
  /// Units: bytes; 0: no rotation by size.
  public var consoleChunkMaxBytes: Int64 { integer("console_chunk_max_bytes") ?? 0 }
  /// Units: seconds; 0: no rotation by time.
  public var consoleChunkMaxSeconds: Int64 { integer("console_chunk_max_seconds") ?? 0 }
  public var quiet: Bool { flag("quiet") }
  public var silent: Bool { flag("silent") }
  public var showErrors: Bool { flag("show_errors") }
  public var showInfo: Bool { flag("show_info") }
  public var showWarnings: Bool { flag("show_warnings") }
  public var maxEndOfRunHistoryMetrics: Int64 { integer("max_end_of_run_history_metrics") ?? 10 }
  public var maxEndOfRunSummaryMetrics: Int64 { integer("max_end_of_run_summary_metrics") ?? 10 }

  // Files

  /// Make `latest-run` and the other links.
  public var symlink: Bool { flag("symlink") }
  public var ignoreGlobs: [String] { texts("ignore_globs") ?? [] }
  public var allowMediaSymlink: Bool { flag("allow_media_symlink") }
  /// Appended to the run directory's name.
  public var syncDirectorySuffix: String { text("x_sync_dir_suffix") ?? "" }

  // What is recorded

  public var disableMeta: Bool { flag("x_disable_meta") }
  public var disableStats: Bool { flag("x_disable_stats") }
  public var disableMachineInfo: Bool { flag("x_disable_machine_info") }
  public var saveRequirements: Bool { flag("x_save_requirements") }
  /// Units: seconds, at least 0.1.
  public var statsSamplingInterval: Double { number("x_stats_sampling_interval") ?? 15 }
  /// Name of this writer in shared mode.
  public var label: String? { text("x_label") }
  public var primary: Bool { flag("x_primary") }

  /// Units: seconds; 0: no limit.
  public var finishTimeout: Double { number("finish_timeout") ?? 0 }
  public var finishTimeoutRaises: Bool { flag("finish_timeout_raises") }

  // Quipu's own

  public var lowSteps: LowStepPolicy { text("low_steps").flatMap(LowStepPolicy.init(name:)) ?? .drop }
  /// Units: bytes.
  public var ringBytes: Int64 { integer("ring_bytes") ?? 4 << 20 }
  /// Units: bytes; for the whole process.
  public var mediaMemoryBytes: Int64 { integer("media_memory_bytes") ?? Int64(PendingMediaStore.defaultLimit) }
  /// For the whole process.
  public var mediaThreads: Int64 { integer("media_threads") ?? Int64(WorkerPool.defaultThreads) }
  /// Units: milliseconds; -1: never wait.
  public var fullWaitMilliseconds: Int64 { integer("full_wait_milliseconds") ?? 1000 }
}
