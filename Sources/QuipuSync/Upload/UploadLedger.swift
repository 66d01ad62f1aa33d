import Glibc
import QuipuBase
import QuipuRecords

/// What a server has acknowledged of a log, in a side file beside it: `<log>.upload`.
///
/// Everything is counted in rows, events and lines, not in bytes of the log: a log whose end was repaired after a crash
/// has the same rows at other places. With these counts an upload that was killed goes on at the row it has not heard
/// of, at the same offset, so that a row which did arrive is written over by itself.
///
/// The file is replaced after each acknowledgement. It survives the death of the process, not that of the machine; then
/// some rows are sent again, at the same offsets.
package struct UploadLedger: Sendable, Equatable {
  // Where to. A ledger for another place counts for nothing.
  package var server = ""
  /// Entity, project and run as they were asked for.
  package var wanted = ""
  // Entity, project and run as the server names them.
  package var entity = ""
  package var project = ""
  package var run = ""

  /// The server knows the run and how it goes on is settled: the members below hold.
  package var isSettled = false
  package var storageID = ""
  package var displayName = ""
  /// An existing run goes on.
  package var isResumed = false
  /// Rows with a lower step are moved to the next free one.
  package var startingStep: Int64 = 0
  /// Units: seconds that earlier parts of the run took.
  package var startingRuntime = 0.0
  /// Lines that the server had before this log.
  package var historyBase: Int64 = 0
  package var eventsBase: Int64 = 0
  package var consoleBase: Int64 = 0
  // A shared run: the id of this writer, its name, and what it leaves to others. Set when the run is started.
  package var sharedWriter: String?
  package var label: String?
  package var isPrimary = true
  package var updatesFinishState = true
  package var isServerSideSummary = false

  // How far it came.
  package var rows: Int64 = 0
  package var events: Int64 = 0
  /// Console lines that the server has and that cannot change any more.
  package var consoleLines: Int64 = 0
  package var alerts: Int64 = 0
  package var artifacts: Int64 = 0
  /// Uploaded files that the stream has named.
  package var filesReported: Int64 = 0
  package var isComplete = false
  /// Size of the log when all of it was sent. Units: bytes.
  package var logSize: Int64 = 0

  /// The same for other places that the log was sent to, the latest last: it may go back to one of them. Theirs are
  /// empty.
  package var elsewhere: [UploadLedger] = []
  private static let mostPlaces = 16

  package init() {}

  package static func path(of log: String) -> String { log + ".upload" }

  /// What the start of a shared run leaves for its upload, now or later, here or elsewhere: the log does not say it.
  package static func ofSharedRun(
    writer: String, label: String?, isPrimary: Bool, updatesFinishState: Bool, isServerSideSummary: Bool
  ) -> UploadLedger {
    var ledger = UploadLedger()
    ledger.sharedWriter = writer
    ledger.label = label
    ledger.isPrimary = isPrimary
    ledger.updatesFinishState = updatesFinishState
    ledger.isServerSideSummary = isServerSideSummary
    return ledger
  }

  /// What the start of a run that the server has resumed or rewound leaves for its upload.
  ///
  /// - Parameters:
  ///   - entity, project, run: as in the log's run record.
  package static func ofResumedRun(
    _ found: ResumedRun, server: ServerAddress, entity: String, project: String, run: String
  ) -> UploadLedger {
    var ledger = UploadLedger()
    ledger.server = server.base
    ledger.wanted = wanted(entity, project, run)
    ledger.run = run
    ledger.entity = entity
    ledger.project = project
    ledger.take(found)
    return ledger
  }

  /// The run goes on where the server has it.
  mutating func take(_ found: ResumedRun) {
    isResumed = true
    storageID = found.storageID
    if !found.entity.isEmpty { entity = found.entity }
    if !found.project.isEmpty { project = found.project }
    displayName = found.displayName
    historyBase = found.historyLines
    eventsBase = found.eventLines
    consoleBase = found.consoleLines
    startingStep = found.startingStep
    startingRuntime = found.runtime
  }

  // MARK: Places

  static func wanted(_ entity: String, _ project: String, _ run: String) -> String { "\(entity)/\(project)/\(run)" }

  /// What is known of a place.
  ///
  /// - Parameters:
  ///   - server: its base URL.
  ///   - entity, project, run: as they are asked for.
  /// - Returns: nil if the log never went there; `isElsewhere`: it went somewhere else last.
  func place(
    server: String, entity: String, project: String, run: String
  ) -> (ledger: UploadLedger, isElsewhere: Bool)? {
    func isIt(_ ledger: UploadLedger) -> Bool {
      ledger.server == server
        && (ledger.wanted == Self.wanted(entity, project, run)
          || ledger.isSettled && ledger.entity == entity && ledger.project == project && ledger.run == run)
    }
    if isIt(self) { return (self, false) }
    guard let at = elsewhere.lastIndex(where: isIt) else { return nil }
    var found = elsewhere[at]
    found.elsewhere = leaving().elsewhere
    found.elsewhere.removeAll(where: isIt)
    found.filesReported = 0
    return (found, true)
  }

  /// An empty ledger for another place, which remembers this one.
  func leaving() -> UploadLedger {
    var next = UploadLedger()
    next.elsewhere = elsewhere
    if isSettled || isResumed {
      var own = self
      own.elsewhere = []
      next.elsewhere.append(own)
    }
    next.elsewhere = next.elsewhere.suffix(Self.mostPlaces)
    return next
  }

  /// The server has named the place: if the log went there before, under another name, the counts of then hold.
  ///
  /// - Returns: whether it did.
  mutating func adopt() -> Bool {
    guard
      let at = elsewhere.lastIndex(where: {
        $0.isSettled && $0.server == server && $0.entity == entity && $0.project == project && $0.run == run
      })
    else { return false }
    var found = elsewhere.remove(at: at)
    found.elsewhere = elsewhere
    found.wanted = wanted
    found.storageID = storageID
    found.displayName = displayName
    found.filesReported = 0
    found.isComplete = false
    self = found
    return true
  }

  // MARK: The file

  /// - Returns: nil if there is none, or none that can be read.
  package static func read(log: String) -> UploadLedger? {
    guard let bytes = SideFile.read(path(of: log), limit: 16 << 20),
      let object = (try? JSON(parsing: String(decoding: bytes, as: UTF8.self)))?.objectValue,
      object["version"]?.intValue == 1
    else { return nil }
    var ledger = UploadLedger(object)
    ledger.elsewhere = (object["elsewhere"]?.arrayValue ?? []).suffix(mostPlaces).compactMap { other in
      other.objectValue.map { UploadLedger($0) }
    }
    return ledger
  }

  private init(_ object: JSONObject) {
    var ledger = UploadLedger()
    ledger.server = object["server"]?.stringValue ?? ""
    ledger.wanted = object["wanted"]?.stringValue ?? ""
    ledger.entity = object["entity"]?.stringValue ?? ""
    ledger.project = object["project"]?.stringValue ?? ""
    ledger.run = object["run"]?.stringValue ?? ""
    ledger.isSettled = object["settled"]?.boolValue ?? false
    ledger.storageID = object["storage_id"]?.stringValue ?? ""
    ledger.displayName = object["display_name"]?.stringValue ?? ""
    ledger.isResumed = object["resumed"]?.boolValue ?? false
    ledger.startingStep = object["starting_step"]?.intValue ?? 0
    ledger.startingRuntime = object["starting_runtime"]?.doubleValue ?? 0
    ledger.historyBase = object.count("history_base")
    ledger.eventsBase = object.count("events_base")
    ledger.consoleBase = object.count("console_base")
    ledger.sharedWriter = object["shared_writer"]?.stringValue
    ledger.label = object["label"]?.stringValue
    ledger.isPrimary = object["primary"]?.boolValue ?? true
    ledger.updatesFinishState = object["updates_finish_state"]?.boolValue ?? true
    ledger.isServerSideSummary = object["server_side_summary"]?.boolValue ?? false
    ledger.rows = object.count("rows")
    ledger.events = object.count("events")
    ledger.consoleLines = object.count("console_lines")
    ledger.alerts = object.count("alerts")
    ledger.artifacts = object.count("artifacts")
    ledger.filesReported = object.count("files_reported")
    ledger.isComplete = object["complete"]?.boolValue ?? false
    ledger.logSize = object.count("log_size")
    self = ledger
  }

  /// - Returns: 0, or what the system reported; the file then says what it said before.
  package func write(log: String) -> Int32 {
    var object = object
    object["version"] = 1
    if !elsewhere.isEmpty { object["elsewhere"] = .array(elsewhere.map { .object($0.object) }) }
    return SideFile.replace(Self.path(of: log), Array((JSON.object(object).text(style: .core) + "\n").utf8))
  }

  private var object: JSONObject {
    var object: JSONObject = [
      "server": .string(server), "wanted": .string(wanted), "entity": .string(entity), "project": .string(project),
      "run": .string(run), "settled": .bool(isSettled), "storage_id": .string(storageID),
      "display_name": .string(displayName), "resumed": .bool(isResumed), "starting_step": .int(startingStep),
      "starting_runtime": .double(startingRuntime), "history_base": .int(historyBase),
      "events_base": .int(eventsBase), "console_base": .int(consoleBase), "rows": .int(rows), "events": .int(events),
      "console_lines": .int(consoleLines), "alerts": .int(alerts), "artifacts": .int(artifacts),
      "files_reported": .int(filesReported), "complete": .bool(isComplete), "log_size": .int(logSize),
    ]
    if let sharedWriter {
      object["shared_writer"] = .string(sharedWriter)
      object["label"] = label.map { .string($0) }
      object["primary"] = .bool(isPrimary)
      object["updates_finish_state"] = .bool(updatesFinishState)
      object["server_side_summary"] = .bool(isServerSideSummary)
    }
    return object
  }
}

extension JSONObject {
  fileprivate func count(_ key: Key) -> Int64 { max(self[key]?.intValue ?? 0, 0) }
}

/// The run files that have been uploaded: a line each in `<log>.uploaded`, appended as they succeed.
///
/// The open file also is the lock that keeps two uploads of one log apart, in one process or in several.
package final class UploadedFiles {
  package struct Entry: Sendable, Equatable {
    package var path: String
    package var size: Int64
    /// Units: nanoseconds since 1970, as the file system has it.
    package var modified: Int64
    package var md5: String

    package init(path: String, size: Int64, modified: Int64, md5: String) {
      self.path = path
      self.size = size
      self.modified = modified
      self.md5 = md5
    }
  }

  package private(set) var entries: [Entry] = []
  private let descriptor: Int32

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  package enum OpenError: Error, Sendable, Equatable {
    /// Another upload of this log is under way.
    case busy
    /// The side file cannot be made.
    case file(Int32)
  }

  package static func path(of log: String) -> String { log + ".uploaded" }

  package static func open(log: String) throws(OpenError) -> UploadedFiles {
    let descriptor = Glibc.open(path(of: log), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .file(errno) }
    guard RecordLock.take(descriptor) else {
      close(descriptor)
      throw .busy
    }
    let files = UploadedFiles(descriptor)
    for line in (SideFile.read(path(of: log)) ?? []).split(separator: 10) {
      // A line that was cut by a kill is no entry.
      guard let object = (try? JSON(parsing: String(decoding: line, as: UTF8.self)))?.objectValue,
        let path = object["path"]?.stringValue, let size = object["size"]?.intValue,
        let modified = object["mtime"]?.intValue, let md5 = object["md5"]?.stringValue
      else { continue }
      files.entries.append(Entry(path: path, size: size, modified: modified, md5: md5))
    }
    return files
  }

  /// - Returns: 0, or what the system reported: the file is then uploaded again by the next upload.
  @discardableResult
  package func append(_ entry: Entry) -> Int32 {
    entries.append(entry)
    let object: JSONObject = [
      "path": .string(entry.path), "size": .int(entry.size), "mtime": .int(entry.modified), "md5": .string(entry.md5),
    ]
    // A leading line end closes a line that a kill cut short; empty lines are nothing.
    return SideFile.writeAll(descriptor, Array(("\n" + JSON.object(object).text(style: .core) + "\n").utf8))
  }

  /// Forgets everything: the log goes to another place.
  package func clear() {
    entries = []
    _ = ftruncate(descriptor, 0)
  }

  /// The child of a fork must not hold the lock.
  package func abandonInChild() { close(descriptor) }
}
