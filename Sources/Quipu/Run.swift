import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords
import QuipuSync
import Synchronization

/// One run: what a program records about one execution.
///
/// Calls copy their input into the run's hand-off ring and return; a library thread writes the log. A row whose call has
/// returned survives the death of the process.
///
/// Threads: all methods from any thread. Blocking: only where a method says so. After a fork the child's copy answers
/// `forked`; the child may start runs of its own. Runs that are still open when the process exits are finished with its
/// exit status.
public final class Run: Sendable {
  public let id: String
  public let settings: Settings
  /// Absolute path of the run directory; "" for a disabled run.
  public let directory: String
  /// Absolute path of the directory with the run's files; "" for a disabled run.
  public let filesDirectory: String
  public let logPath: String
  /// Units: nanoseconds since 1970.
  public let startTime: Int64
  public let startingStep: Int64
  /// Whether the run goes on with one that was there before.
  public let resumed: Bool

  let core: RunCore?
  /// nil: the run does not go online.
  let online: OnlineRun?
  let state: Mutex<State>

  struct State: Sendable {
    var config: ConfigStore
    var name: String?
    var notes: String?
    var tags: [String]
    var exitCode: Int32?
    // A disabled run has no writer: its summary lives here.
    var summary = JSONObject()
    var step: Int64 = 0
  }

  public var isDisabled: Bool { core == nil }

  /// Process-wide settings by W&B name, between the environment and the options' settings.
  public static let setup = Mutex<JSONObject>(JSONObject())

  // MARK: Start

  /// Starts a run.
  ///
  /// - Throws: `name`, `setting`, `value` or `directory` errors; with resume, resumeFrom or force also `resume`,
  ///   `noAPIKey`, `auth`, `server` and network errors. Nothing is left behind then.
  /// Blocking: a few small file operations. Online with resume or resumeFrom also the server's answer, at most
  /// `init_timeout`; offline with resume the reading of the earlier log.
  /// W&B: `wandb.init()`.
  public static func start(_ options: RunOptions = RunOptions()) throws(QuipuError) -> Run {
    var context = ProcessContext.current()
    let changed = Run.freezeEnvironment(&context)
    let setup = Run.setup.withLock { $0 }
    var (settings, diagnostics) = try Settings.resolve(options: options, setup: setup, context: context)
    var (config, more) = try ConfigStore.build(options: options, settings: settings, context: context)
    diagnostics += more

    let auto = ResumeFile(directory: settings.wandbDirectory)
    if settings.resume == .auto, !settings.isDisabled {
      // The file may come from anywhere: what is not an id is no reason to refuse the start.
      let earlier = auto.read().flatMap { id in (try? Setting.checkRunID(id)) == nil ? nil : id }
      if let earlier, settings.runID == nil {
        settings.set("run_id", .string(earlier))
      } else if let earlier, let own = settings.runID, Key(earlier) != Key(own) {
        diagnostics.append(
          Diagnostic(
            .warning, kind: "auto_resume_id_ignored",
            "the run id \(own) was given, so the run \(earlier) is not resumed automatically"))
      }
    }
    let id = settings.runID ?? RandomText.make(8)
    settings.set("run_id", .string(id))
    if !changed.isEmpty {
      diagnostics.append(
        Diagnostic(
          .warning, kind: "env_changed",
          "environment variables changed after the first run of the process are ignored: "
            + changed.joined(separator: ", ")))
    }
    let sync = try OnlineStart.prepare(&settings, context, &diagnostics)
    for diagnostic in diagnostics { Diagnostics.shared.report(diagnostic, run: id) }
    if settings.isDisabled { return Run(disabled: id, settings: settings, config: config, context: context) }
    let continuation = try OnlineStart.continuation(id, settings, sync, context)
    if let continuation { try config.goOn(with: continuation) }
    return try Run(
      id: id, settings: settings, config: config, options: options, context: context, auto: auto, sync: sync,
      continuation: continuation)
  }

  private static let firstContext = Mutex<ProcessContext?>(nil)

  /// The settings in the environment are read once per process, at its first start.
  ///
  /// - Returns: names of variables that have changed since.
  private static func freezeEnvironment(_ context: inout ProcessContext) -> [String] {
    let present = context
    guard let first = firstContext.withLock({ stored -> ProcessContext? in
      if stored == nil { stored = present }
      return stored
    }) else { return [] }
    let changed = present.changedVariables(since: first)
    for name in changed { context.environment[name] = first.environment[name] }
    return changed
  }

  private init(disabled id: String, settings: Settings, config: ConfigStore, context: ProcessContext) {
    self.id = id
    self.settings = settings
    directory = ""
    filesDirectory = ""
    logPath = ""
    startTime = context.now
    startingStep = 0
    resumed = false
    core = nil
    online = nil
    state = Mutex(
      State(
        config: config, name: settings.runName ?? "dummy-\(id)", notes: settings.runNotes, tags: settings.runTags ?? []))
  }

  private init(
    id: String, settings: Settings, config: ConfigStore, options: RunOptions, context: ProcessContext,
    auto: ResumeFile, sync: SyncSettings?, continuation: Continuation?
  ) throws(QuipuError) {
    let startMonotonic = Clock.monotonic()
    let startWall = context.now
    var place = RunDirectory.Options(
      root: settings.rootDirectory, id: id, offline: sync == nil, startedAt: startWall / 1_000_000_000)
    place.symlink = settings.symlink
    place.useDotWandb = settings.optionalFlag("use_dot_wandb")
    let made = try RunDirectory.create(place)
    for diagnostic in made.diagnostics { Diagnostics.shared.report(diagnostic, run: id) }

    if settings.resume == .auto { auto.write(id) } else { auto.remove() }

    let start = continuation?.startingStep ?? (settings.resumeFrom ?? settings.forkFrom).map { $0.step &+ 1 } ?? 0
    let label = settings.label.map { "_\($0)" } ?? ""
    var run = RunContext(
      runID: id, logPath: made.logPath, filesDirectory: made.filesDirectory,
      stagingDirectory: Run.stagingDirectory(context), lowSteps: settings.lowSteps, isShared: settings.mode == .shared,
      startingStep: start, startMonotonic: startMonotonic, startWall: startWall,
      consoleFile: settings.console == "off" ? nil : "output\(label).log")
    if settings.consoleMultipart, run.consoleFile != nil {
      run.consoleParts = ConsoleParts(bytes: settings.consoleChunkMaxBytes, seconds: settings.consoleChunkMaxSeconds)
    }
    run.goOn(after: continuation?.runtime ?? 0)

    self.id = id
    self.settings = settings
    directory = made.path
    filesDirectory = made.filesDirectory
    logPath = made.logPath
    startTime = startWall
    startingStep = start
    resumed = continuation?.isResumed ?? false
    state = Mutex(
      State(
        config: config, name: settings.runName ?? continuation?.name, notes: settings.runNotes ?? continuation?.notes,
        tags: settings.runTags ?? continuation?.tags ?? []))

    let writerID = UniqueID.make()
    var identity = Run.identity(id, settings, config, options, startWall: startWall)
    identity.startingStep = start
    if let continuation {
      identity.resumed = continuation.isResumed
      identity.runtime = Int32(run.startingRuntime)
    }
    let file: LogFile
    var stream = RecordStream(position: UInt64(LogFormat.fileHeaderSize), nextNumber: 1)
    do {
      var created = try LogFile.create(path: made.logPath)
      _ = RecordLock.take(created.descriptor)
      Run.appendBeginning(
        &stream, identity: identity, settings: settings, options: options, startWall: startWall, writerID: writerID)
      if let summary = continuation?.summary, !summary.isEmpty {
        stream.append(.summary(SummaryRecord(setting: summary)), streamID: id)
      }
      var head = ByteBuffer(capacity: 64)
      BlockWriter.appendFileHeader(to: &head)
      try created.append(head.bytes)
      let before = created.position
      try created.append(stream.pending)
      stream.consume(Int(created.position &- before))
      file = created
    } catch {
      unlink(made.logPath)
      Run.removeEmptyDirectories(made)
      throw QuipuError(
        error.code == ENOSPC || error.code == EDQUOT ? .diskFull : .directory, kind: "log_failed",
        "\(made.logPath): cannot be written: \(FileTools.errorText(error.code)); choose another directory with dir")
    }

    ProcessState.shared.media.configure(memory: settings.mediaMemoryBytes, threads: settings.mediaThreads)
    guard let ring = Run.makeRing(settings, run, directory: made.path, id: id) else {
      unlink(made.logPath)
      Run.removeEmptyDirectories(made)
      throw QuipuError(.memory, kind: "no_memory", "the system gives no memory for the hand-off ring")
    }
    ring.store(HandOffRing.Checkpoint(tail: 0, logSize: file.position, spill: 0))
    let writer = RunWriter(
      context: run, ring: ring, file: file, stream: stream, media: ProcessState.shared.media,
      report: { Diagnostics.shared.report($0, run: id) })
    writer.identity = identity
    // As if the program had set it: statistics begin anew.
    for (key, value) in continuation?.summary.members ?? [] { writer.summary.set([key], value) }
    let core = RunCore(
      writer: writer, ring: ring, runID: id, fullWaitMilliseconds: settings.fullWaitMilliseconds,
      tableLimits: TableLimits(settings))
    guard ProcessState.shared.add(core) else {
      ring.removeFile()
      unlink(made.logPath)
      Run.removeEmptyDirectories(made)
      throw QuipuError(.memory, kind: "no_thread", "the system gives no thread for the log's writer")
    }
    self.core = core
    if !settings.disableStats {
      var facts: EnvironmentRecord?
      if !settings.disableMeta, !settings.disableMachineInfo {
        facts = EnvironmentRecord()
        facts?.writerID = writerID
      }
      SystemMonitor.shared.add(core, StatsOptions(settings), facts: facts)
    }
    CodeRecorder(settings, filesDirectory: made.filesDirectory, language: options.language)?.start(core)
    if settings.console == "redirect", !core.captureConsole() {
      Diagnostics.shared.report(
        Diagnostic(
          .warning, kind: "console_not_captured",
          "console \"redirect\": the system gives no descriptors or threads for it; console output is not recorded"),
        run: id)
    }

    OnlineStart.prepareLedger(
      continuation, identity, log: made.logPath, settings, writerID: writerID, server: sync?.server)
    guard let sync, let loop = ProcessState.shared.syncLoop(context.environment) else {
      online = nil
      if sync != nil {
        Diagnostics.shared.report(
          Diagnostic(
            .error, kind: "no_thread",
            "the system gives no thread for the upload; `quipu sync \(made.path)` sends the run later"), run: id)
      }
      return
    }
    let online = OnlineRun(
      runID: id, address: sync.server, logPath: made.logPath, directory: made.path,
      exitLimit: Settings.nanoseconds(settings.finishTimeout) ?? Int64.max, loop: loop)
    self.online = online
    ProcessState.shared.add(online)
    core.onDone { online.logHasEnded() }
    var plan = RunUpload.Plan(logPath: made.logPath, filesDirectory: made.filesDirectory)
    plan.isLive = true
    online.begin(sync, plan)
  }

  static func stagingDirectory(_ context: ProcessContext) -> String {
    let environment = context.environment
    let data: String
    if let given = environment["QUIPU_DATA_DIR"] ?? environment["WANDB_DATA_DIR"], !given.isEmpty {
      data = context.absolutePath(given)
    } else if let shared = environment["XDG_DATA_HOME"], !shared.isEmpty {
      data = shared + "/wandb"
    } else {
      data = context.homeDirectory + "/.local/share/wandb"
    }
    return data + "/artifacts/staging"
  }

  private static func makeRing(_ settings: Settings, _ run: RunContext, directory: String, id: String) -> HandOffRing? {
    var capacity = 65_536
    let wanted = min(max(settings.ringBytes, 65_536), 1 << 30)
    while Int64(capacity) < wanted { capacity *= 2 }
    let context = Array(run.json.text(style: .core).utf8)
    let name = "/\(getpid())-\(RandomText.make(8))" + RingPlace.suffix
    var places: [String?] = [RingPlace.directory().map { $0 + name }, directory + "/" + id + RingPlace.suffix, nil]
    if context.count > HandOffRing.contextCapacity { places = [nil] }
    for place in places {
      if let ring = HandOffRing.create(path: place, capacity: capacity, context: place == nil ? [] : context) {
        if place == nil {
          Diagnostics.shared.report(
            Diagnostic(
              .warning, kind: "ring_not_durable",
              "neither /dev/shm nor the run directory can hold the hand-off ring: rows of the last milliseconds are "
                + "lost if the process is killed"), run: id)
        }
        return ring
      }
    }
    // Memory is short: the smallest ring there is.
    return HandOffRing.create(path: nil, capacity: 65_536, context: [])
  }

  private static func removeEmptyDirectories(_ place: RunDirectory) {
    for path in [
      place.filesDirectory, place.logsDirectory, place.path + "/tmp/code", place.path + "/tmp", place.path,
    ] { rmdir(path) }
  }

  // MARK: The first records

  private static func identity(
    _ id: String, _ settings: Settings, _ config: ConfigStore, _ options: RunOptions, startWall: Int64
  ) -> RunRecord {
    var record = RunRecord()
    record.runID = id
    record.entity = settings.entity ?? ""
    record.project = settings.project
    record.runGroup = settings.runGroup ?? ""
    record.jobType = settings.runJobType ?? ""
    record.displayName = settings.runName ?? ""
    record.notes = settings.runNotes ?? ""
    record.tags = settings.runTags ?? []
    record.sweepID = settings.sweepID ?? ""
    record.host = settings.host
    record.startTime = Timestamp(nanoseconds: startWall / 1000 * 1000)
    record.resume = settings.resume == .allow || settings.resume == .must
    if let moment = settings.resumeFrom ?? settings.forkFrom {
      var point = BranchPoint()
      point.run = moment.runID
      point.value = Double(moment.step)
      point.metric = "_step"
      record.branchPoint = point
    }
    var values = ConfigRecord()
    for (key, value) in config.initialItems {
      var item = ConfigItem()
      item.key = key.string
      item.valueJSON = value.text(style: .client)
      values.update.append(item)
    }
    record.config = values
    var telemetry = TelemetryRecord()
    telemetry.cliVersion = QuipuVersion.text
    telemetry.platform = QuipuVersion.platform
    if let language = options.language, language.hasPrefix("python ") {
      telemetry.pythonVersion = String(language.dropFirst(7))
    }
    record.telemetry = telemetry
    if !settings.disableGit {
      if let git = gitFacts(settings) { record.git = git }
    }
    return record
  }

  private static func gitFacts(_ settings: Settings) -> GitRepoRecord? {
    var record = GitRepoRecord()
    let found = settings.gitRoot.flatMap { GitFacts.find(from: $0, remote: settings.gitRemote) }
    if let commit = settings.gitCommit ?? found?.commit { record.commit = commit }
    if let remote = settings.gitRemoteURL ?? found?.remote {
      record.remoteURL = SecretText.redacted(URLText.withoutPassword(remote))
    }
    return record.commit.isEmpty && record.remoteURL.isEmpty ? nil : record
  }

  private static func appendBeginning(
    _ stream: inout RecordStream, identity: RunRecord, settings: Settings, options: RunOptions, startWall: Int64,
    writerID: String
  ) {
    var version = VersionInfo()
    version.producer = QuipuVersion.text + "+quipu"
    version.minConsumer = "0.70.0"
    var header = HeaderRecord()
    header.versionInfo = version
    stream.append(.header(header), streamID: identity.runID)
    stream.append(.run(identity), streamID: identity.runID)
    guard !settings.disableMeta else { return }
    var wanted = HostFacts.Options(startedAt: startWall)
    wanted.program = settings.programPath ?? settings.program
    wanted.arguments = settings.arguments
    wanted.executable = settings.executable
    wanted.host = settings.host
    wanted.root = settings.rootDirectory
    wanted.machine = !settings.disableMachineInfo
    wanted.git = !settings.disableGit
    wanted.gitRoot = settings.gitRoot
    if let language = options.language, language.hasPrefix("python ") {
      wanted.python = "CPython " + language.dropFirst(7)
    }
    var environment = EnvironmentRecord(HostFacts.collect(wanted), git: identity.git)
    environment.writerID = writerID
    environment.docker = settings.docker ?? ""
    environment.email = settings.email ?? ""
    if !settings.disableMachineInfo {
      if let count = settings.integer("x_stats_cpu_count").flatMap(UInt32.init(exactly:)) {
        environment.cpuCount = count
      }
      if let count = settings.integer("x_stats_cpu_logical_count").flatMap(UInt32.init(exactly:)) {
        environment.cpuCountLogical = count
      }
    }
    stream.append(.environment(environment))
  }
}

/// Version of the library.
public enum QuipuVersion {
  public static let text = LibraryVersion.text
  #if arch(x86_64)
    static let platform = "linux-x86_64"
  #elseif arch(arm64)
    static let platform = "linux-aarch64"
  #else
    static let platform = "linux"
  #endif
}

extension EnvironmentRecord {
  init(_ facts: HostFacts, git: GitRepoRecord?) {
    self.init()
    os = facts.os ?? ""
    python = facts.python ?? ""
    startedAt = Timestamp(nanoseconds: facts.startedAt)
    host = facts.host ?? ""
    username = facts.userName ?? ""
    executable = facts.executable ?? ""
    program = facts.program ?? ""
    codePath = facts.codePath ?? ""
    codePathLocal = facts.codePathLocal ?? ""
    args = facts.arguments
    root = facts.root ?? ""
    self.git = git
    cpuCount = facts.cpuCount ?? 0
    cpuCountLogical = facts.cpuCountLogical ?? 0
    if let model = facts.cpuModel {
      var info = CpuInfo()
      info.model = model
      info.count = facts.cpuCount ?? 0
      info.countLogical = facts.cpuCountLogical ?? 0
      cpu = info
    }
    if let total = facts.memoryTotal {
      var info = MemoryInfo()
      info.total = total
      memory = info
    }
    for place in facts.disks {
      var info = DiskInfo()
      info.total = place.total
      info.used = place.used
      disk[Key(place.mount)] = info
    }
    for (name, value) in facts.slurm { slurm[Key(name)] = value }
  }
}

/// A UUID of version 7: time first, then random.
enum UniqueID {
  static func make() -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    var generator = SystemRandomNumberGenerator()
    for start in [0, 8] {
      let draw: UInt64 = generator.next()
      for at in 0..<8 { bytes[start + at] = UInt8(truncatingIfNeeded: draw >> UInt64(at * 8)) }
    }
    let milliseconds = UInt64(bitPattern: Clock.wall() / 1_000_000)
    for at in 0..<6 { bytes[at] = UInt8(truncatingIfNeeded: milliseconds >> UInt64((5 - at) * 8)) }
    bytes[6] = bytes[6] & 0x0F | 0x70
    bytes[8] = bytes[8] & 0x3F | 0x80
    let text = Array(hexText(bytes).utf8)
    let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(decoding: text[$0], as: UTF8.self) }
    return parts.joined(separator: "-")
  }
}

/// `wandb-resume.json`: which run a start with resume "auto" continues.
struct ResumeFile {
  let path: String
  init(directory: String) { path = directory + "/wandb-resume.json" }

  func read() -> String? {
    guard let bytes = FileTools.readAll(path), let json = try? JSON(parsing: String(decoding: bytes, as: UTF8.self))
    else { return nil }
    return json.objectValue?["run_id"]?.stringValue
  }

  func write(_ id: String) {
    unlink(path)
    _ = FileTools.writeNew(path, Array(JSON.object(["run_id": .string(id)]).text(style: .artifact).utf8))
  }

  func remove() { unlink(path) }
}
