// Messages of console, stats, alerts, files and TensorBoard.
// Each lists its fields once, in `visitFields`; coding and JSON follow from that list.

/// Stream of console text.
public struct OutputType: OpenEnum {
  public var rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let stderr = OutputType(rawValue: 0)
  public static let stdout = OutputType(rawValue: 1)

  public static let protoNames: [StaticString] = ["STDERR", "STDOUT"]
}

/// Console text as it was written.
public struct OutputRawRecord: RecordMessage {
  /// STDERR = 0 (absent), STDOUT = 1.
  public var outputType = OutputType(rawValue: 0)
  /// Client time; not used by sync.
  public var timestamp: Timestamp?
  /// One write() call, not one line; may be empty, may hold \r, \n and escape sequences.
  public var line = ""
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "output_type", &outputType)
    visitor.message(2, "timestamp", &timestamp)
    visitor.scalar(3, "line", &line)
    visitor.message(200, "_info", &info)
  }
}

/// Console text after processing.
public struct OutputRecord: RecordMessage {
  public var outputType = OutputType(rawValue: 0)
  public var timestamp: Timestamp?
  public var line = ""
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "output_type", &outputType)
    visitor.message(2, "timestamp", &timestamp)
    visitor.scalar(3, "line", &line)
    visitor.message(200, "_info", &info)
  }
}

/// Lines of a captured logger.
public struct OutputLoggerRecord: RecordMessage {
  /// `LEVEL:logger:message\n`.
  public var line = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "line", &line)
  }
}

/// Kind of a stats sample.
public struct StatsType: OpenEnum {
  public var rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let system = StatsType(rawValue: 0)

  public static let protoNames: [StaticString] = ["SYSTEM"]
}

/// One sample of system metrics.
public struct StatsRecord: RecordMessage {
  /// SYSTEM = 0 (absent).
  public var statsType = StatsType(rawValue: 0)
  /// REQUIRED: without it the official sync crashes.
  public var timestamp: Timestamp?
  public var item: [StatsItem] = []
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "stats_type", &statsType)
    visitor.message(2, "timestamp", &timestamp)
    visitor.messages(3, "item", &item)
    visitor.message(200, "_info", &info)
  }
}

/// One system metric.
public struct StatsItem: RecordMessage {
  /// Without the `system.` prefix that the server sees.
  public var key = ""
  /// JSON number.
  public var valueJSON = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "key", &key)
    visitor.scalar(16, "value_json", &valueJSON)
  }
}

/// A notification to send.
public struct AlertRecord: RecordMessage {
  public var title = ""
  public var text = ""
  /// `INFO`, `WARN` or `ERROR`.
  public var level = ""
  /// Milliseconds; default 60000.
  public var waitDuration: Int64 = 0
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "title", &title)
    visitor.scalar(2, "text", &text)
    visitor.scalar(3, "level", &level)
    visitor.scalar(4, "wait_duration", &waitDuration)
    visitor.message(200, "_info", &info)
  }
}

/// Files to upload.
public struct FilesRecord: RecordMessage {
  public var files: [FilesItem] = []
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.messages(1, "files", &files)
    visitor.message(200, "_info", &info)
  }
}

/// When a file is uploaded.
public struct FilePolicy: OpenEnum {
  public var rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let now = FilePolicy(rawValue: 0)
  public static let end = FilePolicy(rawValue: 1)
  public static let live = FilePolicy(rawValue: 2)

  public static let protoNames: [StaticString] = ["NOW", "END", "LIVE"]
}

/// What a file is.
public struct FileType: OpenEnum {
  public var rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let other = FileType(rawValue: 0)
  public static let wandb = FileType(rawValue: 1)
  public static let media = FileType(rawValue: 2)
  public static let artifact = FileType(rawValue: 3)

  public static let protoNames: [StaticString] = ["OTHER", "WANDB", "MEDIA", "ARTIFACT"]
}

/// One file to upload.
public struct FilesItem: RecordMessage {
  /// Relative to `files/`, `/` separators, a literal path (no globbing on sync).
  public var path = ""
  /// NOW = 0, END = 1, LIVE = 2.
  public var policy = FilePolicy(rawValue: 0)
  /// OTHER = 0, WANDB = 1, MEDIA = 2, ARTIFACT = 3; the Python client leaves it 0, paths starting with `media` count
  /// as MEDIA.
  public var type = FileType(rawValue: 0)

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "path", &path)
    visitor.scalar(2, "policy", &policy)
    visitor.scalar(3, "type", &type)
  }
}

/// A TensorBoard directory to follow.
public struct TBRecord: RecordMessage {
  public var logDir = ""
  public var save = false
  public var rootDir = ""
  public var namespace: String?
  public var savePath = ""
  public var ignoreTimestamp = false
  public var ignoreHostname = false
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "log_dir", &logDir)
    visitor.scalar(2, "save", &save)
    visitor.scalar(3, "root_dir", &rootDir)
    visitor.optional(4, "namespace", &namespace)
    visitor.scalar(5, "save_path", &savePath)
    visitor.scalar(6, "ignore_timestamp", &ignoreTimestamp)
    visitor.scalar(7, "ignore_hostname", &ignoreHostname)
    visitor.message(200, "_info", &info)
  }
}
