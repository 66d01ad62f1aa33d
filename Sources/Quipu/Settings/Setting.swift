import QuipuBase
import QuipuMedia
import QuipuSync

/// What is known of one setting: its name, how its values are read, its default.
struct Setting: Sendable {
  enum Kind: Sendable {
    case flag
    case integer(minimum: Int64)
    case number
    case text
    /// A text; `~` at its start is the home directory.
    case path
    /// A list of texts. A single text is split on commas.
    case texts
    /// A list of texts. A single text is one tag, except in the environment.
    case tags
    case integers
    /// An object whose values are texts.
    case table
    case json
    case choice([String])
    case resume
    case reinit
    case moment
    /// Accepted, without meaning here.
    case unused
  }

  let name: String
  let kind: Kind
  let fallback: JSON?
  /// Never shown, neither in listings nor in messages.
  var isSecret = false
  /// A URL that may hold a password, which is not shown.
  var isURL = false
  /// HTTP headers; those that prove who sends are shown without their value.
  var isHeaders = false

  static func named(_ name: String) -> Setting? { byName[name] }

  private static let byName: [String: Setting] = {
    var result: [String: Setting] = [:]
    for setting in all { result[setting.name] = setting }
    return result
  }()

  private init(
    _ name: String, _ kind: Kind, _ fallback: JSON? = nil, isSecret: Bool = false, isURL: Bool = false,
    isHeaders: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.fallback = fallback
    self.isSecret = isSecret
    self.isURL = isURL
    self.isHeaders = isHeaders
  }

  private static func flags(_ fallback: Bool?, _ names: [String]) -> [Setting] {
    names.map { Setting($0, .flag, fallback.map(JSON.bool)) }
  }

  private static func texts(_ names: [String]) -> [Setting] { names.map { Setting($0, .text) } }
  private static func paths(_ names: [String]) -> [Setting] { names.map { Setting($0, .path) } }
  private static func numbers(_ names: [String]) -> [Setting] { names.map { Setting($0, .number) } }
  private static func counts(_ names: [String]) -> [Setting] { names.map { Setting($0, .integer(minimum: 0)) } }

  private static func number(_ name: String, _ fallback: Double) -> Setting {
    Setting(name, .number, .double(fallback))
  }

  private static func integer(_ name: String, _ fallback: Int64?, minimum: Int64 = .min) -> Setting {
    Setting(name, .integer(minimum: minimum), fallback.map(JSON.int))
  }

  /// Source: names, types and defaults of W&B's client 0.31.0; the last group is Quipu's.
  static let all: [Setting] =
    flags(
      false,
      [
        "allow_media_symlink", "allow_val_change", "console_multipart", "disable_code", "disable_git",
        "finish_timeout_raises", "force", "insecure_disable_ssl", "label_disable", "launch", "quiet", "relogin",
        "resumed", "sagemaker_disable", "silent", "stop_on_fatal_error", "table_raise_on_max_row_limit_exceeded",
        "x_cli_only_mode", "x_disable_machine_info", "x_disable_meta", "x_disable_stats", "x_disable_viewer",
        "x_server_side_derived_summary", "x_skip_transaction_log", "x_stats_no_cgroup", "x_stats_self_usage",
        "x_stats_track_process_tree", "x_sync",
      ])
    + flags(
      true,
      [
        "allow_offline_artifacts", "disable_git_fork_point", "disable_job_creation", "show_errors", "show_info",
        "show_warnings", "symlink", "x_file_stream_no_gzip", "x_primary", "x_save_requirements",
        "x_update_finish_state",
      ])
    + flags(
      nil,
      [
        "save_code", "show_colors", "show_emoji", "strict", "sync_tensorboard", "use_dot_wandb",
        "x_flow_control_custom", "x_flow_control_disabled",
      ])
    + texts([
      "app_url_override", "docker", "email", "entity", "git_commit", "host", "job_name", "launch_config_path",
      "notebook_name", "organization", "project", "run_group", "run_id", "run_job_type", "run_name", "run_notes",
      "sweep_id", "username", "x_executable", "x_jupyter_name", "x_jupyter_path", "x_jupyter_root", "x_label",
      "x_runqueue_item_id", "x_service_transport", "x_stats_dcgm_exporter", "x_stats_gpu_type",
    ])
    + paths([
      "code_dir", "credentials_file", "git_root", "identity_token_file", "program", "program_abspath",
      "program_relpath", "root_dir", "settings_system", "sweep_param_path", "x_files_dir",
      "x_stats_neuron_monitor_config_path",
    ])
    + numbers([
      "login_timeout", "x_file_stream_retry_wait_max_seconds", "x_file_stream_retry_wait_min_seconds",
      "x_file_stream_timeout_seconds", "x_file_stream_transmit_interval", "x_file_transfer_retry_wait_max_seconds",
      "x_file_transfer_retry_wait_min_seconds", "x_file_transfer_timeout_seconds",
      "x_graphql_retry_wait_max_seconds", "x_graphql_retry_wait_min_seconds", "x_graphql_timeout_seconds",
      "x_start_time",
    ])
    + counts([
      "x_file_stream_max_bytes", "x_file_stream_max_line_bytes", "x_file_stream_retry_max",
      "x_file_transfer_retry_max", "x_graphql_retry_max", "x_live_policy_rate_limit", "x_live_policy_wait_time",
      "x_network_buffer", "x_stats_cpu_count", "x_stats_cpu_logical_count", "x_stats_gpu_count",
    ])
    + [
      number("finish_timeout", 0), number("init_timeout", 90), number("x_internal_check_process", 8),
      number("x_service_wait", 30), number("x_stats_sampling_interval", 15),
      number("x_transaction_log_flush_interval", 15),
      integer("console_chunk_max_bytes", 0, minimum: 0), integer("console_chunk_max_seconds", 0, minimum: 0),
      integer("heartbeat_seconds", 30), integer("max_end_of_run_history_metrics", 10),
      integer("max_end_of_run_summary_metrics", 10), integer("summary_timeout", 60), integer("summary_warnings", 5),
      integer("x_log_level", 20), integer("x_stats_buffer_size", 0), integer("x_stats_pid", nil),
      Setting("git_remote", .text, "origin"), Setting("x_sync_dir_suffix", .text, ""),
      Setting("x_history_value_encoding", .text, "json"),
      Setting("x_stats_coreweave_metadata_base_url", .text, "http://169.254.169.254"),
      Setting("x_stats_coreweave_metadata_endpoint", .text, "/api/v2/cloud-init/meta-data"),
      Setting("base_url", .text, .string(ServerAddress.defaultBase), isURL: true),
      Setting("git_remote_url", .text, isURL: true), Setting("http_proxy", .text, isURL: true),
      Setting("https_proxy", .text, isURL: true), Setting("x_proxies", .table, isURL: true),
      Setting("api_key", .text, isSecret: true),
      Setting("azure_account_url_to_access_key", .table, isSecret: true),
      Setting("config_paths", .texts), Setting("ignore_globs", .texts, []), Setting("run_tags", .tags),
      Setting("x_stats_disk_paths", .texts, ["/"]), Setting("x_stats_gpu_device_ids", .integers),
      Setting("capture_loggers", .table),
      Setting("x_extra_http_headers", .table, isHeaders: true), Setting("x_stats_open_metrics_endpoints", .table),
      Setting("x_stats_open_metrics_http_headers", .table, isHeaders: true),
      Setting("x_stats_open_metrics_filters", .json),
      Setting("console", .choice(["auto", "off", "wrap", "redirect", "wrap_raw", "wrap_emu", "on"]), "auto"),
      Setting("mode", .choice(["online", "offline", "shared", "disabled", "dryrun", "run"]), "online"),
      Setting("job_source", .choice(["repo", "artifact", "image"])),
      Setting("resume", .resume), Setting("reinit", .reinit, "default"),
      Setting("resume_from", .moment), Setting("fork_from", .moment),
      Setting("anonymous", .unused), Setting("stop_fn", .unused),

      Setting("x_args", .texts), Setting("low_steps", .choice(LowStepPolicy.allCases.map(\.rawValue)), "drop"),
      integer("ring_bytes", 4 << 20, minimum: 0), integer("full_wait_milliseconds", 1000, minimum: -1),
      integer("media_memory_bytes", Int64(PendingMediaStore.defaultLimit), minimum: 1 << 20),
      integer("media_threads", Int64(WorkerPool.defaultThreads), minimum: 1),
      integer("table_max_rows", Int64(Table.maximumRunFileRows), minimum: 0),
      integer("table_max_artifact_rows", Int64(Table.maximumArtifactRows), minimum: 0),
    ]
}
