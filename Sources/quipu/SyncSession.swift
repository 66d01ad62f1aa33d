import Glibc
import Quipu
import QuipuSync

/// One call of `quipu sync`: what is sent, what was said, how it ended.
final class SyncSession {
  private let entity: String?
  private let project: String?
  private let runID: String?
  private let follows: Bool
  private let includeSynced: Bool
  private let includeOnline: Bool
  private let display: SyncDisplay

  private var logs: [SyncLog] = []
  private var ended: [UploadEnd?] = []
  private var pages: [String] = []
  private var progress: [UploadProgress] = []
  private var failed = 0
  private var unfinished = 0

  init(
    entity: String?, project: String?, runID: String?, follows: Bool, includeSynced: Bool, includeOnline: Bool,
    display: SyncDisplay
  ) {
    self.entity = entity
    self.project = project
    self.runID = runID
    self.follows = follows
    self.includeSynced = includeSynced
    self.includeOnline = includeOnline
    self.display = display
  }

  /// Says what would be sent.
  func describe(_ paths: [String]) -> Int32 {
    let output = Output()
    for path in paths {
      let log = SyncList.look(path, includeSynced: includeSynced, includeOnline: includeOnline)
      if let problem = log.problem {
        output.line("\(log.name): \(problem)")
        failed += 1
      } else if let skip = log.skip {
        output.line("\(log.name): \(Self.text(skip))")
      } else if entity == nil, project == nil, runID == nil, let ledger = UploadLedger.read(log: path) {
        let sent = ledger.isComplete && FileTools.size(path) == ledger.logSize
        output.line(
          "\(log.name): \(sent ? "was sent" : "would be sent from row \(HumanText.grouped(ledger.rows)) on")"
            + " to \(ledger.server), \(ledger.entity)/\(ledger.project)/\(ledger.run)")
      } else {
        output.line("\(log.name): would be sent")
      }
    }
    output.flush()
    return failed > 0 ? 1 : 0
  }

  func send(_ paths: [String]) throws -> Int32 {
    var (settings, environment) = try SyncConnection.find()
    let loop = SyncLoop(environment: environment)
    // Memory is no worry here.
    settings.requestBytes = max(settings.requestBytes, 1 << 20)
    // A person waits, or a cron job: not for a week.
    if !follows {
      settings.graphQL.retries = min(settings.graphQL.retries, 8)
      settings.transfer.retries = min(settings.transfer.retries, 8)
      settings.fileStream.retries = settings.graphQL.retries
    }
    var observer = SyncQueue.Observer()
    var indices: [Int] = []
    let log = { [unowned self] (item: Int) in self.logs[indices[item]] }
    observer.started = { [display] item in display.started(item, log(item).name, now: loop.now) }
    observer.progressed = { [unowned self] item, progress in
      self.progress[indices[item]] = progress
      self.display.progressed(item, progress, now: loop.now)
    }
    observer.identified = { [unowned self] item, identity in
      self.pages[indices[item]] = settings.server.runPage(
        entity: identity.entity, project: identity.project, run: identity.run)
    }
    observer.notice = { [display] item, notice in
      // How it ends is said at the end.
      guard notice.level != .info, notice.kind != "auth_failed", notice.kind != "upload_refused" else { return }
      display.say("quipu sync: \(log(item).name): \(notice.message)", now: loop.now)
    }
    observer.ended = { [unowned self] item, end in self.ended(indices[item], item, end, loop.now) }
    let queue = SyncQueue(sender: loop, settings: settings, observer: observer)

    for (log, key) in Self.inOrder(paths.map(prepare)) {
      logs.append(log)
      ended.append(nil)
      pages.append("")
      progress.append(UploadProgress())
      guard log.problem == nil, log.skip == nil else {
        report(logs.count - 1, now: loop.now)
        continue
      }
      var plan = RunUpload.Plan(logPath: log.path, filesDirectory: log.filesDirectory)
      plan.entity = entity
      plan.project = project
      plan.runID = runID
      plan.isLive = follows && log.state == .running
      plan.completesWithoutExit = log.state != .running
      indices.append(logs.count - 1)
      queue.add(SyncQueue.Item(plan: plan, key: runID ?? key))
    }
    if follows { watchWriters(loop, queue, indices) }
    loop.run { queue.isIdle }
    return failed > 0 ? 1 : unfinished > 0 ? 3 : 0
  }

  /// The logs, each fork behind the logs of the run it starts from and never beside them: a server copies the rows that
  /// it has when the fork begins. With each the run id at the root of its forks.
  private static func inOrder(_ logs: [SyncLog]) -> [(SyncLog, String)] {
    var origins: [String: String] = [:]
    for log in logs where log.problem == nil {
      if let origin = log.origin { origins[log.runID] = origin }
    }
    let sent = Set(logs.map(\.runID))
    return logs.enumerated().map { place, log in
      var (root, depth) = (log.runID, 0)
      // A circle cannot be, but a log can say anything.
      while let origin = origins[root], sent.contains(origin), depth < logs.count {
        root = origin
        depth += 1
      }
      return (depth, place, log, root)
    }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map { ($0.2, $0.3) }
  }

  /// Looks at a log and, if it is one of ours whose process has died, completes it first.
  private func prepare(_ path: String) -> SyncLog {
    var log = SyncList.look(path, includeSynced: includeSynced, includeOnline: includeOnline)
    guard log.problem == nil, log.skip == nil else { return log }
    complete(log)
    log.state = SyncList.state(path, writerLocks: writerLocks(log))
    return log
  }

  /// Rows that a dead process left in shared memory go into its log. Only on the host of the run: elsewhere nobody can
  /// tell a dead writer from one that is not seen.
  private func complete(_ log: SyncLog) {
    guard log.isOurs, log.host == Self.hostName, RunLocation.isLocked(log.path) == false else { return }
    _ = try? Recovery.recover(path: log.path)
  }

  /// Whether a log without a lock has no writer. A lock that is held on another host is not seen through every file
  /// system; then the time of the last change has to tell.
  private func writerLocks(_ log: SyncLog) -> Bool { log.isOurs && log.host == Self.hostName }

  private static let hostName: String = {
    var name = [CChar](repeating: 0, count: 256)
    return gethostname(&name, 255) == 0 ? String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
  }()

  /// A run whose writer is gone gets no more rows: its upload ends like that of a crashed run.
  private func watchWriters(_ loop: SyncLoop, _ queue: SyncQueue, _ indices: [Int]) {
    loop.after(2_000_000_000) { [unowned self] in
      for (item, index) in indices.enumerated() where self.ended[index] == nil {
        let log = self.logs[index]
        guard log.state == .running else { continue }
        let now = SyncList.state(log.path, writerLocks: writerLocks(log))
        if now != .running {
          self.logs[index].state = now
          self.complete(log)
          queue.writerHasGone(item)
        }
      }
      if !queue.isIdle { self.watchWriters(loop, queue, indices) }
    }
  }

  // MARK: What is said

  private func ended(_ index: Int, _ item: Int, _ end: UploadEnd, _ now: Int64) {
    ended[index] = end
    switch end {
    case .complete: if progress[index].leftBehind > 0 { failed += 1 }
    case .alreadyComplete: break
    case .caughtUp, .busy: unfinished += 1
    case .refused, .unusable, .cancelled: failed += 1
    }
    let name = logs[index].name
    let rows = HumanText.count(Int(clamping: progress[index].rows), "row")
    let page = pages[index]
    switch end {
    case .complete:
      let left = progress[index].leftBehind
      let lacks = left > 0 ? ", but \(HumanText.count(Int(clamping: left), "thing")) could not be sent" : ""
      display.ended(item, "\(name): sent, \(rows)\(lacks)  \(page)", now: now)
    case .alreadyComplete: display.ended(item, "\(name): was sent before  \(page)", now: now)
    case .caughtUp:
      display.ended(item, "\(name): \(rows) sent so far, still being written (--follow stays with it)  \(page)", now: now)
    case .busy: display.ended(item, "\(name): is being sent by another process", now: now)
    case .cancelled: display.ended(item, "\(name): given up", now: now)
    case .refused(let why), .unusable(let why):
      display.ended(item, "", now: now)
      display.say("quipu sync: \(name): \(why)", now: now)
    }
  }

  private func report(_ index: Int, now: Int64) {
    let log = logs[index]
    if let problem = log.problem {
      failed += 1
      display.say("quipu sync: \(log.path): \(problem)", now: now)
    } else if let skip = log.skip {
      display.ended(-1 - index, "\(log.name): \(Self.text(skip))", now: now)
    }
  }

  private static func text(_ skip: SyncLog.Skip) -> String {
    switch skip {
    case .sent: "was sent before by the official client (--include-synced sends it again)"
    case .online: "was sent while it ran (--include-online sends it again)"
    }
  }
}
