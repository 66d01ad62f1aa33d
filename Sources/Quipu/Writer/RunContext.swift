import QuipuBase

/// What the writer, and recovery after a crash, must know about a run besides its log.
struct RunContext: Sendable {
  var runID: String
  var logPath: String
  var filesDirectory: String
  /// Where the contents of artifacts wait for their upload.
  var stagingDirectory: String
  var lowSteps: LowStepPolicy
  /// Rows carry no step: several processes write one run.
  var isShared: Bool
  var startingStep: Int64
  /// Units: seconds that earlier parts of the run took, 0 ... 1e9.
  private(set) var startingRuntime: Double = 0
  /// CLOCK_MONOTONIC and CLOCK_REALTIME of the start, in nanoseconds.
  var startMonotonic: Int64
  var startWall: Int64
  /// Name of the console file in the files directory; nil: console text is not kept.
  var consoleFile: String?
  /// The console text goes to several files; nil: to one.
  var consoleParts: ConsoleParts?

  var json: JSON {
    [
      "run_id": .string(runID), "log": .string(logPath), "files": .string(filesDirectory),
      "staging": .string(stagingDirectory), "low_steps": .string(lowSteps.rawValue), "shared": .bool(isShared),
      "starting_step": .int(startingStep), "starting_runtime": .double(startingRuntime),
      "start_monotonic": .int(startMonotonic), "start_wall": .int(startWall),
      "console": consoleFile.map { .string($0) } ?? .null,
      "console_parts": consoleParts.map { ["bytes": .int($0.bytes), "seconds": .int($0.seconds)] } ?? .null,
    ]
  }

  init(
    runID: String, logPath: String, filesDirectory: String, stagingDirectory: String, lowSteps: LowStepPolicy,
    isShared: Bool, startingStep: Int64, startMonotonic: Int64, startWall: Int64, consoleFile: String?
  ) {
    self.runID = runID
    self.logPath = logPath
    self.filesDirectory = filesDirectory
    self.stagingDirectory = stagingDirectory
    self.lowSteps = lowSteps
    self.isShared = isShared
    self.startingStep = startingStep
    self.startMonotonic = startMonotonic
    self.startWall = startWall
    self.consoleFile = consoleFile
  }

  /// - Parameter runtime: seconds; it comes from a server or a file and may be anything.
  mutating func goOn(after runtime: Double) {
    startingRuntime = runtime.isFinite ? min(max(runtime, 0), 1e9) : 0
  }

  init?(json: JSON) {
    guard let object = json.objectValue, let runID = object["run_id"]?.stringValue,
      let logPath = object["log"]?.stringValue, let files = object["files"]?.stringValue
    else { return nil }
    self.runID = runID
    self.logPath = logPath
    filesDirectory = files
    stagingDirectory = object["staging"]?.stringValue ?? ""
    lowSteps = object["low_steps"]?.stringValue.flatMap(LowStepPolicy.init(name:)) ?? .drop
    isShared = object["shared"]?.boolValue ?? false
    startingStep = object["starting_step"]?.intValue ?? 0
    startMonotonic = object["start_monotonic"]?.intValue ?? 0
    startWall = object["start_wall"]?.intValue ?? 0
    consoleFile = object["console"]?.stringValue
    goOn(after: object["starting_runtime"]?.doubleValue ?? 0)
    if let parts = object["console_parts"]?.objectValue {
      consoleParts = ConsoleParts(bytes: parts["bytes"]?.intValue ?? 0, seconds: parts["seconds"]?.intValue ?? 0)
    }
  }
}
