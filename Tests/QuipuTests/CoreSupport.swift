import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords
import Synchronization

@testable import Quipu

/// A directory that goes with its owner.
final class CoreDirectory: Sendable {
  let path: String

  init() {
    var name = Array("/tmp/quipu-core-XXXXXX".utf8CString)
    path = name.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress, let made = mkdtemp(start) else { return "" }
      return String(cString: made)
    }
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    if path.isEmpty { return }
    var info = stat()
    guard lstat(path, &info) == 0 else { return }
    if info.st_mode & S_IFMT == S_IFDIR {
      for name in FileTools.list(path) ?? [] { remove(path + "/" + name) }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  /// Paths of all files below, relative.
  func files(below folder: String = "") -> [String] {
    var result: [String] = []
    for name in FileTools.list(folder.isEmpty ? path : path + "/" + folder) ?? [] {
      let inner = folder.isEmpty ? name : folder + "/" + name
      if FileTools.kind(path + "/" + inner) == .directory { result += files(below: inner) } else { result.append(inner) }
    }
    return result.sorted()
  }
}

/// What a log holds, in a form that two logs can be compared by.
struct CoreLog {
  var rows: [JSONObject] = []
  var summary = JSONObject()
  var config = JSONObject()
  /// What config records set below `_wandb`.
  var clientConfig = JSONObject()
  var exitCode: Int32?
  var files: [String] = []
  var artifacts = 0
  var console: [String] = []
  var metrics: [String] = []
  var isClean = false
  /// Numbers of the records.
  var numbers: [Int64] = []

  init(_ path: String) throws {
    var found = CoreLog()
    var view = RunView()
    let scan = try LogScan(path: path) { record, _ in
      view.apply(record)
      found.numbers.append(record.num)
      switch record.payload {
      case .history(let history):
        var row = JSONObject()
        for item in history.item {
          let path = item.nestedKey.isEmpty ? [item.key] : item.nestedKey
          CoreLog.put(&row, path[...], (try? JSON(parsing: item.valueJSON)) ?? "broken")
        }
        found.rows.append(row)
      case .exit(let exit): found.exitCode = exit.exitCode
      case .files(let files): found.files += files.files.map(\.path)
      case .artifact: found.artifacts += 1
      case .config(let config):
        for item in config.update where item.nestedKey.first == "_wandb" {
          CoreLog.put(&found.clientConfig, item.nestedKey.dropFirst(), (try? JSON(parsing: item.valueJSON)) ?? "broken")
        }
      case .outputRaw(let output): found.console.append(output.line)
      case .outputLogger(let output): found.console.append(output.line)
      case .metric(let metric): found.metrics.append(metric.name + metric.globName)
      default: break
      }
    }
    self = found
    rows = rows.map { normal($0) }
    isClean = scan.isClean
    summary = normal(view.summary)
    config = view.config
  }

  private init() {}

  private static func put(_ object: inout JSONObject, _ path: ArraySlice<String>, _ value: JSON) {
    guard let first = path.first else { return }
    if path.count == 1 {
      object[Key(first)] = value
    } else {
      var inner = object[Key(first)]?.objectValue ?? JSONObject()
      put(&inner, path.dropFirst(), value)
      object[Key(first)] = .object(inner)
    }
  }

  /// Rows without the automatic time keys.
  var plainRows: [JSONObject] {
    rows.map { row in
      var row = row
      row["_timestamp"] = nil
      row["_runtime"] = nil
      return row
    }
  }

  /// Summary without the automatic keys.
  var plainSummary: JSONObject {
    var result = summary
    for key in ["_timestamp", "_runtime", "_step", "_wandb"] as [Key] { result[key] = nil }
    return result
  }
}

/// A run without its process: a ring, a log and the writer, driven by hand and with times that are the same each time.
final class CoreRun {
  let directory: CoreDirectory
  let context: RunContext
  let ring: HandOffRing
  let writer: RunWriter
  let media: PendingMediaStore
  private(set) var now: Int64 = 1_000_000_000
  let reports: CoreReports

  static func context(_ directory: CoreDirectory, lowSteps: LowStepPolicy = .drop, console: Bool = true) -> RunContext {
    RunContext(
      runID: "abc", logPath: directory.path + "/run-abc.wandb", filesDirectory: directory.path + "/files",
      stagingDirectory: directory.path + "/staging", lowSteps: lowSteps, isShared: false, startingStep: 0,
      startMonotonic: 1_000_000_000, startWall: 1_700_000_000_000_000_000, consoleFile: console ? "output.log" : nil)
  }

  init(
    _ directory: CoreDirectory = CoreDirectory(), capacity: Int = 1 << 16, lowSteps: LowStepPolicy = .drop,
    isDurable: Bool = true, parts: ConsoleParts? = nil
  ) throws {
    self.directory = directory
    var context = Self.context(directory, lowSteps: lowSteps)
    context.consoleParts = parts
    self.context = context
    mkdir(context.filesDirectory, 0o777)
    var file = try LogFile.create(path: context.logPath)
    var stream = RecordStream(position: UInt64(LogFormat.fileHeaderSize), nextNumber: 1)
    var identity = RunRecord()
    identity.runID = "abc"
    identity.project = "p"
    stream.append(.run(identity), streamID: "abc")
    var head = ByteBuffer(capacity: 64)
    BlockWriter.appendFileHeader(to: &head)
    try file.append(head.bytes)
    try file.append(stream.pending)
    stream.consume(stream.pendingBytes)
    guard
      let ring = HandOffRing.create(
        path: isDurable ? directory.path + "/x.ring" : nil, capacity: capacity,
        context: Array(context.json.text(style: .core).utf8))
    else { throw QuipuError(.internal, kind: "test", "no ring") }
    ring.store(HandOffRing.Checkpoint(tail: 0, logSize: file.position, spill: 0))
    self.ring = ring
    media = PendingMediaStore(pool: nil)
    let reports = CoreReports()
    self.reports = reports
    writer = RunWriter(
      context: context, ring: ring, file: file, stream: stream, media: media, report: { reports.add($0) })
    writer.identity = identity
  }

  var logPath: String { context.logPath }

  // MARK: Calls

  /// One call as `RunCore.submit` makes it; each is a millisecond after the one before.
  @discardableResult
  func put(
    _ kind: EntryKind, _ payload: [UInt8], step: Int64 = -1, commit: UInt8 = 0, publish: Bool = true
  ) -> Bool {
    now += 1_000_000
    guard case .at(let position) = ring.claim(payload: payload.count) else { return false }
    ring.writeHeader(at: position, payload: payload.count, kind: kind, commit: commit, step: step, time: now)
    payload.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress { ring.payload(at: position).copyMemory(from: start, byteCount: bytes.count) }
    }
    if publish { ring.publish(position) }
    return true
  }

  static func payload(_ text: String, media: [UInt64] = []) -> [UInt8] {
    var text = text
    return text.withUTF8 { bytes in
      var out = [UInt8](repeating: 0, count: JSONPayload.bytes(media: media, textCount: bytes.count))
      out.withUnsafeMutableBytes { target in
        if let start = target.baseAddress { JSONPayload.write(media: media, text: UnsafeRawBufferPointer(bytes), to: start) }
      }
      return out
    }
  }

  @discardableResult
  func row(_ text: String, step: Int64 = -1, commit: Commit = .automatic, media: [UInt64] = []) -> Bool {
    put(.row, Self.payload(text, media: media), step: step, commit: commit.rawValue)
  }

  static func columns(_ set: ColumnSet, _ cells: [UInt64], id: UInt32? = nil) -> [UInt8] {
    var out: [UInt8] = []
    withUnsafeBytes(of: id ?? set.id) { out += Array($0) }
    withUnsafeBytes(of: UInt32(set.count)) { out += Array($0) }
    for cell in cells { withUnsafeBytes(of: cell) { out += Array($0) } }
    return out + set.names
  }

  @discardableResult
  func columns(
    _ set: ColumnSet, _ values: [Double], step: Int64 = -1, commit: Commit = .automatic, named: Bool = false
  ) -> Bool {
    put(
      .columns, Self.columns(set, values.map(\.bitPattern), id: named ? 0 : nil), step: step, commit: commit.rawValue)
  }

  func set(_ path: [String], _ json: String, media: [UInt64] = []) {
    let keys = JSON.array(path.map { .string($0) }).text(style: .client)
    put(.summarySet, Self.payload("{\"path\":\(keys),\"value\":\(json)}", media: media))
  }

  func remove(_ path: [String]) {
    put(.summaryRemove, Self.payload("{\"path\":" + JSON.array(path.map { .string($0) }).text(style: .client) + "}"))
  }

  func define(_ definition: MetricDefinition) { put(.metric, Self.payload(definition.json.text(style: .client))) }

  func define(_ name: String, step: String? = nil, _ modes: String? = nil, overwrite: Bool = false) throws {
    var definition = MetricDefinition(name: name, stepMetric: step)
    if let modes { definition.modes = try MetricDefinition.modes(modes) }
    definition.overwrite = overwrite
    define(definition)
  }

  func exit(_ code: Int = 0) { put(.exit, Self.payload("{\"code\":\(code),\"explicit\":true}")) }

  /// A value that goes through a file beside the ring.
  func external(_ text: String, number: Int, step: Int64 = -1, commit: Commit = .automatic) {
    let path = "\(ring.path ?? "").big.\(number)"
    _ = FileTools.writeNew(path, Self.payload(text))
    put(.external, [EntryKind.row.rawValue] + Array(path.utf8), step: step, commit: commit.rawValue)
  }

  // MARK: The writer

  /// Everything that is in the ring goes to the log, and the checkpoint moves.
  @discardableResult
  func pump() -> Bool {
    while writer.takeEntries(now: 0) { if !writer.flush(now: 0) { return false } }
    return writer.flush(now: 0)
  }

  /// What a run that ends without an exit record holds.
  func close() throws -> CoreLog {
    pump()
    writer.writeOpenRow()
    writer.writeDerivedSummary(at: writer.lastTime)
    pump()
    return try log()
  }

  func log() throws -> CoreLog { try CoreLog(logPath) }
}

/// Diagnostics in the order of their arrival.
final class CoreReports: Sendable {
  private let list = Mutex<[Diagnostic]>([])
  func add(_ diagnostic: Diagnostic) { list.withLock { $0.append(diagnostic) } }
  var kinds: [String] { list.withLock { $0.map(\.kind) } }
}

/// Waits for something that another thread does; false after 20 seconds.
func eventually(_ condition: () -> Bool) -> Bool {
  let end = Clock.monotonic() + 20_000_000_000
  while !condition() {
    if Clock.monotonic() > end { return false }
    usleep(500)
  }
  return true
}

/// Object from text; the tests' own texts are well-formed.
func object(_ text: String) -> JSONObject { normal((try? JSON(parsing: text))?.objectValue ?? ["broken": true]) }

/// The log spells whole doubles without a fraction: as a reader sees them they are integers.
func normal(_ value: JSON) -> JSON {
  switch value {
  case .double(let number): Int64(exactly: number).map { .int($0) } ?? value
  case .array(let elements): .array(elements.map(normal))
  case .object(let inner): .object(normal(inner))
  default: value
  }
}

func normal(_ object: JSONObject) -> JSONObject {
  var result = JSONObject()
  for (key, value) in object.members { result[key] = normal(value) }
  return result
}

/// Runs a body in a forked child and gives its result, 255 for a child that died.
///
/// The compiler hides fork, because a child of many threads must do next to nothing: the bodies here do just that.
func inChild(_ body: () -> Int32) -> Int32 {
  typealias Fork = @convention(c) () -> Int32
  guard let symbol = dlsym(nil, "fork") else { return 254 }
  let fork = unsafeBitCast(symbol, to: Fork.self)
  let child = fork()
  if child == 0 {
    alarm(20)
    _exit(body())
  }
  var status: Int32 = 0
  while waitpid(child, &status, 0) < 0, errno == EINTR {}
  return status & 0x7F == 0 ? status >> 8 & 0xFF : 255
}
