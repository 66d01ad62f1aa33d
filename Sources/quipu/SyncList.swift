import Glibc
import Quipu
import QuipuSync

/// One log that `quipu sync` looks at.
struct SyncLog {
  enum Skip {
    /// Sent before: our ledger or the official client's mark says so.
    case sent
    /// The official client sent it while it ran.
    case online
  }

  var path: String
  var runID: String
  /// Where the run was started, as its log says.
  var host = ""
  /// The run it is a fork of.
  var origin: String?
  var state: RunState
  var isOurs: Bool
  var skip: Skip?
  /// Why nothing can be sent, in one line.
  var problem: String?

  /// The run directory's name, or the file's if it lies elsewhere.
  var name: String {
    let directory = PathTools.directory(path)
    let base = PathTools.name(directory)
    return base.hasPrefix("run-") || base.hasPrefix("offline-run-") ? base : PathTools.name(path)
  }

  /// The run's `files` directory.
  var filesDirectory: String { PathTools.join(PathTools.directory(path), "files") }
}

/// Finds the logs that a person means.
enum SyncList {
  /// - Parameters:
  ///   - places: files, run directories, `wandb` directories, directories that hold one, run ids; empty: the latest run
  ///     here, or with `all` everything here.
  ///   - all: every run below the places.
  /// - Throws: code `.notFound`.
  /// - Returns: paths in the order in which the runs were started.
  static func find(_ places: [String], all: Bool) throws -> [String] {
    var found: [String] = []
    if places.isEmpty && !all { return [try RunLocation.find(".")] }
    for place in places.isEmpty ? ["."] : places {
      let path = PathTools.expandHome(place)
      let inside = FileTools.kind(path) == .directory ? logs(below: path) : []
      if !inside.isEmpty {
        found += inside
      } else {
        found.append(try RunLocation.find(place))
      }
    }
    var seen: Set<String> = []
    let here = PathTools.workingDirectory()
    let absolute = found.map { real(PathTools.absolute($0, workingDirectory: here)) }.filter { seen.insert($0).inserted }
    // Of two starts in one second the later has a number behind its name.
    let order = absolute.map { (stamp($0), PathTools.directory($0), $0) }
    return order.sorted { $0 < $1 }.map(\.2)
  }

  /// Without symbolic links: `latest-run` is the directory it names.
  private static func real(_ path: String) -> String {
    guard let found = realpath(path, nil) else { return path }
    defer { free(found) }
    return String(cString: found)
  }

  /// The logs of a run directory, of a `wandb` directory, or of the one below.
  static func logs(below path: String) -> [String] {
    let own = logs(in: path)
    if !own.isEmpty { return own }
    for wandb in [path, PathTools.join(path, "wandb"), PathTools.join(path, ".wandb")] {
      let names = (FileTools.list(wandb) ?? []).filter { $0.hasPrefix("run-") || $0.hasPrefix("offline-run-") }
      let all = names.flatMap { logs(in: PathTools.join(wandb, $0)) }
      if !all.isEmpty { return all }
    }
    return []
  }

  private static func logs(in directory: String) -> [String] {
    (FileTools.list(directory) ?? []).filter { $0.hasSuffix(".wandb") && $0 != ".wandb" }
      .map { PathTools.join(directory, $0) }.filter { FileTools.kind($0) == .file }
  }

  /// `20260131_235959` of the run directory's name: the order in which runs of one id build on each other.
  private static func stamp(_ path: String) -> String {
    let name = PathTools.name(PathTools.directory(path))
    return String(name.drop { !$0.isNumber }.prefix(15))
  }

  /// Looks at a log: whose it is, how it stands, whether it was sent.
  static func look(_ path: String, includeSynced: Bool, includeOnline: Bool) -> SyncLog {
    var log = SyncLog(path: path, runID: "", state: .crashed, isOurs: false)
    do throws(LogPeek.Failure) {
      let peek = try LogPeek(path)
      log.runID = peek.run.runID
      log.isOurs = peek.isOurs
      log.host = peek.run.host
      if let branch = peek.run.branchPoint, branch.run != peek.run.runID { log.origin = branch.run }
    } catch {
      switch error {
      case .file(let problem): log.problem = "cannot be read: \(FileTools.errnoText(problem.code))"
      case .badHeader: log.problem = "is not a .wandb log"
      case .noRun: log.problem = "has no run record, so nothing says which run it is"
      }
    }
    let ledger = UploadLedger.read(log: path)
    if !includeSynced, ledger == nil, SyncedMarker.exists(log: path) { log.skip = .sent }
    let isOnline = PathTools.name(PathTools.directory(path)).hasPrefix("run-")
    if isOnline, !log.isOurs, !includeOnline, log.problem == nil { log.skip = log.skip ?? .online }
    return log
  }

  /// How the run stands, by its end record, its writer's lock and the time of the last change.
  static func state(_ path: String, writerLocks: Bool) -> RunState {
    var idle: Int64?
    if let modified = RunLocation.modified(path) { idle = max(Int64(time(nil)) - modified, 0) }
    return RunState(exit: nil, locked: RunLocation.isLocked(path), idle: idle, writerLocks: writerLocks)
  }
}
