import Glibc
import QuipuBase

/// What is sampled for a run, from its settings.
///
/// Source: run.md 13 and the settings `x_stats_*` of the W&B client 0.31.0.
struct StatsOptions: Sendable {
  /// Units: nanoseconds, at least 0.1 s.
  var interval: Int64 = 15_000_000_000
  /// The process that is watched.
  var processID: Int32 = getpid()
  /// CPU time of its descendants counts too.
  var tracksTree = false
  /// Limits of control groups are not looked at.
  var ignoresCgroup = false
  /// Adds what the library itself uses.
  var samplesSelf = false
  var diskPaths = ["/"]
  /// Number of processors if the user says so.
  var processors: Int64?
  /// Appended to each key: several processes write one run.
  var suffix = ""
  /// GPUs to report; nil: all.
  var gpuIDs: [Int64]?
  /// What the user says about the GPUs; it wins over what is found.
  var gpuCount: UInt32?
  var gpuType: String?
  /// Nil: none.
  var endpoints: MetricsEndpoints.Plan?

  init() {}

  init(_ settings: Settings) {
    interval = Self.nanoseconds(settings.statsSamplingInterval)
    if let given = settings.integer("x_stats_pid"), let number = Int32(exactly: given), number > 0 {
      processID = number
    }
    tracksTree = settings.flag("x_stats_track_process_tree")
    ignoresCgroup = settings.flag("x_stats_no_cgroup")
    samplesSelf = settings.flag("x_stats_self_usage")
    diskPaths = settings.texts("x_stats_disk_paths") ?? ["/"]
    if let count = settings.integer("x_stats_cpu_logical_count"), count > 0 { processors = count }
    if let label = settings.label, !label.isEmpty { suffix = "/l:" + label }
    gpuIDs = settings.value("x_stats_gpu_device_ids")?.arrayValue?.compactMap(\.intValue)
    if let count = settings.integer("x_stats_gpu_count").flatMap(UInt32.init(exactly:)), count > 0 { gpuCount = count }
    endpoints = MetricsEndpoints.Plan(settings)
    if let type = settings.text("x_stats_gpu_type"), !type.isEmpty { gpuType = type }
  }

  /// A year is for ever.
  private static func nanoseconds(_ seconds: Double) -> Int64 {
    guard seconds >= 0.1 else { return 100_000_000 }
    return Int64(min(seconds, 31_536_000) * 1e9)
  }
}
