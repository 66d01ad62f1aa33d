// Messages of config, history, summary and metrics.
// Each lists its fields once, in `visitFields`; coding and JSON follow from that list.

/// Changes of the run's config.
public struct ConfigRecord: RecordMessage {
  public var update: [ConfigItem] = []
  /// Honoured by sync; the Python client never writes it.
  public var remove: [ConfigItem] = []
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.messages(1, "update", &update)
    visitor.messages(2, "remove", &remove)
    visitor.message(200, "_info", &info)
  }
}

/// One config value.
public struct ConfigItem: RecordMessage {
  /// Top-level key, taken literally (dots mean nothing).
  public var key = ""
  /// Path; wins over `key`.
  public var nestedKey: [String] = []
  /// JSON text.
  public var valueJSON = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "key", &key)
    visitor.repeated(2, "nested_key", &nestedKey)
    visitor.scalar(16, "value_json", &valueJSON)
  }
}

/// One finished step: a row of metrics.
public struct HistoryRecord: RecordMessage {
  public var item: [HistoryItem] = []
  /// Step number; informational on sync.
  public var step: HistoryStep?
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.messages(1, "item", &item)
    visitor.message(2, "step", &step)
    visitor.message(200, "_info", &info)
  }
}

/// One value of a row.
public struct HistoryItem: RecordMessage {
  /// Accepted by readers; not written to files by 0.31.0.
  public var key = ""
  /// Path of the leaf, one element per nesting level; wins over `key`.
  public var nestedKey: [String] = []
  /// The value with its type, beside or instead of `valueJSON`.
  public var value: Value?
  /// JSON; the only form by default.
  public var valueJSON = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "key", &key)
    visitor.repeated(2, "nested_key", &nestedKey)
    visitor.scalar(16, "value_json", &valueJSON)
    // Behind the other fields, where the official writer puts members of a oneof.
    visitValue(&visitor)
  }
}

/// Number of a step.
public struct HistoryStep: RecordMessage {
  public var num: Int64 = 0

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "num", &num)
  }
}

/// Changes of the run's summary.
public struct SummaryRecord: RecordMessage {
  public var update: [SummaryItem] = []
  /// Items carry a key path and no value.
  public var remove: [SummaryItem] = []
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.messages(1, "update", &update)
    visitor.messages(2, "remove", &remove)
    visitor.message(200, "_info", &info)
  }
}

/// One summary value, or the path of one to remove.
public struct SummaryItem: RecordMessage {
  /// One-level path.
  public var key = ""
  /// Path; wins over `key`.
  public var nestedKey: [String] = []
  /// JSON text.
  public var valueJSON = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "key", &key)
    visitor.repeated(2, "nested_key", &nestedKey)
    visitor.scalar(16, "value_json", &valueJSON)
  }
}

/// Which direction of a metric is better.
public struct MetricGoal: OpenEnum {
  public var rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let unset = MetricGoal(rawValue: 0)
  public static let minimize = MetricGoal(rawValue: 1)
  public static let maximize = MetricGoal(rawValue: 2)

  public static let protoNames: [StaticString] = ["GOAL_UNSET", "GOAL_MINIMIZE", "GOAL_MAXIMIZE"]
}

/// One metric definition.
public struct MetricRecord: RecordMessage {
  /// Metric name, empty if `globName` is set.
  public var name = ""
  /// A name ending in `*`, instead of `name`.
  public var globName = ""
  /// X axis metric.
  public var stepMetric = ""
  /// Only inside the config (`_wandb.m`), never in files.
  public var stepMetricIndex: Int32 = 0
  public var options: MetricOptions?
  public var summary: Flags<MetricSummary>?
  /// The client 0.31.0 has no way to set it; sync honours it.
  public var goal = MetricGoal(rawValue: 0)
  public var control: MetricControl?
  /// Never in files; sync ignores such records.
  public var expandedFromGlob = false
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "name", &name)
    visitor.scalar(2, "glob_name", &globName)
    visitor.scalar(4, "step_metric", &stepMetric)
    visitor.scalar(5, "step_metric_index", &stepMetricIndex)
    visitor.message(6, "options", &options)
    visitor.message(7, "summary", &summary)
    visitor.scalar(8, "goal", &goal)
    visitor.message(9, "_control", &control)
    visitor.scalar(10, "expanded_from_glob", &expandedFromGlob)
    visitor.message(200, "_info", &info)
  }
}

/// Options of a metric definition.
public struct MetricOptions: RecordMessage {
  /// Default true when step_metric is given.
  public var stepSync = false
  public var hidden = false
  /// Always true.
  public var defined = false

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "step_sync", &stepSync)
    visitor.scalar(2, "hidden", &hidden)
    visitor.scalar(3, "defined", &defined)
  }
}

/// How a metric definition meets an earlier one.
public struct MetricControl: RecordMessage {
  /// Replace, instead of merge with, the earlier definition.
  public var overwrite = false

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "overwrite", &overwrite)
  }
}

/// Statistics that the summary keeps of a metric.
public enum MetricSummary: FlagKind {
  public static let min: UInt8 = 1
  public static let max: UInt8 = 2
  public static let mean: UInt8 = 3
  public static let best: UInt8 = 4
  public static let last: UInt8 = 5
  public static let none: UInt8 = 6
  public static let copy: UInt8 = 7
  public static let first: UInt8 = 8

  public static let fields: [(number: UInt8, name: StaticString)] = [
    (1, "min"), (2, "max"), (3, "mean"), (4, "best"), (5, "last"), (6, "none"), (7, "copy"), (8, "first"),
  ]
}
