import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import QuipuSync

/// A log, a server, and uploads of the one to the other.
private final class Fixture {
  let log: TemporaryLog
  let folder = FileTree()
  let server = StreamServer()
  var settings = SyncSettings.test()
  var notices: [UploadNotice] = []
  var progress = UploadProgress()
  var ended: UploadEnd?
  var stops = 0
  private(set) var upload: RunUpload?

  init() throws {
    log = try TemporaryLog()
    try log.header("0.1.0+quipu")
    try log.run { $0.project = "demo" }
    mkdir(folder.path + "/files", 0o777)
  }

  deinit {
    upload = nil
    for name in [".upload", ".uploaded", ".syncstate", ".synced", ".resumed"] { unlink(log.path + name) }
    rmdir(log.path + ".upload")
  }

  func rows(_ steps: Range<Int>) throws { for step in steps { try log.row(("_step", "\(step)")) } }

  func exit(_ code: Int32 = 0) throws {
    var exit = RunExitRecord()
    exit.exitCode = code
    try log.write(.exit(exit))
  }

  /// Begins an upload in a new process.
  func start(live: Bool = false, _ change: (inout RunUpload.Plan) -> Void = { _ in }) {
    upload = nil
    ended = nil
    server.network = FakeNetwork()
    var plan = RunUpload.Plan(logPath: log.path, filesDirectory: folder.path + "/files")
    plan.isLive = live
    change(&plan)
    var observer = RunUpload.Observer()
    observer.notice = { [unowned self] in notices.append($0) }
    observer.progressed = { [unowned self] in progress = $0 }
    observer.stopRequested = { [unowned self] in stops += 1 }
    observer.ended = { [unowned self] in ended = $0 }
    let made = RunUpload(sender: server.network, settings: settings, plan: plan, observer: observer)
    upload = made
    made.start()
  }

  func run(seconds: Double = 3600) { server.network.run(seconds: seconds) { ended != nil } }

  func sync(_ change: (inout RunUpload.Plan) -> Void = { _ in }) {
    start(change)
    run()
  }

  func steps(_ count: Int) -> [String] { (0..<count).map { "{\"_step\":\($0)}" } }
  var kinds: [String] { notices.map(\.kind) }
}

private func alert(_ title: String) -> Record.Payload {
  var alert = AlertRecord()
  alert.title = title
  return .alert(alert)
}

private func config(_ key: String) -> Record.Payload {
  var item = ConfigItem()
  item.key = key
  item.valueJSON = "1"
  var record = ConfigRecord()
  record.update = [item]
  return .config(record)
}

private func file(_ path: String, _ policy: FilePolicy = .now) -> Record.Payload {
  var item = FilesItem()
  item.path = path
  item.policy = policy
  var record = FilesRecord()
  record.files = [item]
  return .files(record)
}

@Suite struct RunUploadTests {
  @Test func aServerThatAsksForAPauseIsLeftInPeace() throws {
    let fixture = try Fixture()
    fixture.server.onRequest = { _ in
      .answered([HTTPHeader("ratelimit-remaining", "0"), HTTPHeader("ratelimit-reset", "280")])
    }
    fixture.start(live: true)
    fixture.run(seconds: 40)
    let timers = fixture.server.network.timerCount
    let requests = fixture.server.requests
    var turns = 0
    fixture.server.network.run(seconds: 200) {
      turns += 1
      return turns > 10_000
    }
    #expect(fixture.server.requests == requests)
    // Five looks at the log a second.
    #expect(fixture.server.network.timerCount - timers < 1100)
  }

  @Test func aRunThatSaysNothingIsAliveAllTheSame() throws {
    let fixture = try Fixture()
    fixture.start(live: true)
    fixture.run(seconds: 5)
    let before = fixture.server.requests
    fixture.run(seconds: 300)
    #expect((9...11).contains(fixture.server.requests - before))
  }

  @Test func whatALiveFileGetsAtTheVeryEndArrives() throws {
    let fixture = try Fixture()
    fixture.server.network.latency = 1
    fixture.folder.write("files/live.txt", "first")
    try fixture.log.write(file("live.txt", .live))
    fixture.start(live: true)
    fixture.server.network.latency = 3_000_000_000
    // Its first bytes are on their way when the run ends with others in it.
    fixture.server.network.run(seconds: 60) { fixture.server.network.open > 0 }
    #expect(fixture.server.network.open > 0)
    try fixture.exit()
    fixture.upload?.endOfLog()
    fixture.folder.write("files/live.txt", "first and last")
    fixture.run()
    #expect(fixture.ended == .complete)
    #expect(fixture.server.base.body("live.txt") == Array("first and last".utf8))
  }

  @Test func alertsAndChangesOfALiveRunOutlastAnOutageOfHours() throws {
    let fixture = try Fixture()
    fixture.start(live: true)
    fixture.run(seconds: 5)
    fixture.server.onRequest = { _ in .lost }
    try fixture.log.write(alert("one"), alert("two"), config("late"))
    try fixture.rows(0..<10)
    try fixture.exit()
    fixture.upload?.endOfLog()
    fixture.run(seconds: 20_000)
    #expect(fixture.ended == nil)
    #expect(fixture.progress.state == .waiting)
    fixture.server.onRequest = { _ in .answered([]) }
    fixture.run()
    #expect(fixture.ended == .complete)
    #expect(fixture.server.alerts == ["one", "two"])
    #expect(fixture.server.configs.last?["late"] != nil)
    #expect(fixture.server.rows == fixture.steps(10))
    #expect(fixture.kinds.filter { $0 == "server_unreachable" }.count == 1)
    #expect(fixture.kinds.filter { $0 == "server_reachable" }.count == 1)
  }

  @Test func alertsThatASyncCannotSendAreSentByTheNextOne() throws {
    let fixture = try Fixture()
    fixture.settings.graphQL.retries = 2
    try fixture.log.write(alert("one"), alert("two"))
    try fixture.rows(0..<3)
    try fixture.exit(4)
    var sent = 0
    fixture.server.onRequest = { request in
      let isAlert = String(decoding: request.body, as: UTF8.self).contains("NotifyScriptableRunAlert")
      guard isAlert else { return .answered([]) }
      sent += 1
      return sent == 1 ? .answered([]) : .instead(HTTPAnswer(status: 503))
    }
    fixture.sync()
    #expect(fixture.ended == .complete)
    #expect(fixture.progress.leftBehind == 1)
    #expect(fixture.server.alerts == ["one"])
    fixture.server.onRequest = { _ in .answered([]) }
    fixture.sync()
    #expect(fixture.ended == .complete)
    #expect(fixture.progress.leftBehind == 0)
    #expect(fixture.server.alerts == ["one", "two"])
    #expect(fixture.server.rows == fixture.steps(3))
    fixture.sync()
    #expect(fixture.ended == .alreadyComplete)
  }

  @Test func theLoopsEndEndsTheUpload() throws {
    let fixture = try Fixture()
    fixture.server.onRequest = { _ in .lost }
    fixture.start(live: true)
    fixture.upload?.refuse(.failure(SyncLoop.cancelled))
    #expect(fixture.ended == .cancelled)
  }

  // MARK: Places

  @Test func aLogThatComesBackFromAnotherProjectIsNotSentTwice() throws {
    let fixture = try Fixture()
    try fixture.rows(0..<20)
    try fixture.exit()
    fixture.sync()
    #expect(fixture.ended == .complete)
    let first = fixture.server.rows
    fixture.server.rows = []
    fixture.server.project = "other"
    fixture.sync { $0.project = "other" }
    #expect(fixture.ended == .complete)
    #expect(fixture.server.rows == first)
    fixture.server.project = "demo"
    fixture.sync()
    #expect(fixture.ended == .alreadyComplete)
    fixture.sync { $0.project = "other" }
    #expect(fixture.ended == .alreadyComplete)
  }

  @Test func aPlaceUnderAnotherNameIsTheSamePlace() throws {
    let fixture = try Fixture()
    fixture.folder.write("files/a.txt", "a")
    try fixture.log.write(alert("one"), file("a.txt"))
    try fixture.rows(0..<20)
    fixture.start(live: true)
    fixture.run(seconds: 20)
    #expect(fixture.server.rows.count == 20)
    try fixture.rows(20..<30)
    try fixture.exit()
    // The log names no entity; it is the server's default.
    fixture.sync { $0.entity = "team" }
    #expect(fixture.ended == .complete)
    #expect(fixture.server.rows == fixture.steps(30))
    #expect(fixture.server.alerts == ["one"])
    #expect(fixture.server.complaints.isEmpty)
  }

  @Test func theServersNameOfThePlaceTellsThatTheLogWasThere() throws {
    let fixture = try Fixture()
    fixture.folder.write("files/a.txt", "a")
    try fixture.log.write(alert("one"), file("a.txt"))
    try fixture.rows(0..<20)
    try fixture.exit()
    fixture.sync { $0.entity = "team" }
    #expect(fixture.ended == .complete)
    fixture.sync()
    #expect(fixture.ended == .complete)
    #expect(fixture.server.rows == fixture.steps(20))
    #expect(fixture.server.alerts == ["one"])
    #expect(fixture.server.exitCodes.last == 0)
    fixture.sync()
    #expect(fixture.ended == .alreadyComplete)
  }

  @Test func anIdThatWasUsedBeforeGoesOnBehindItsRows() throws {
    let fixture = try Fixture()
    fixture.server.rows = ["{\"_step\":0,\"old\":1}"]
    try fixture.rows(0..<2)
    try fixture.exit()
    fixture.sync()
    #expect(fixture.server.rows == ["{\"_step\":0,\"old\":1}", "{\"_step\":0}", "{\"_step\":1}"])
  }

  // MARK: Writers that go

  @Test func aRunWhoseWriterHasGoneEndsAsACrashedOne() throws {
    let fixture = try Fixture()
    try fixture.rows(0..<5)
    fixture.start(live: true) { $0.completesWithoutExit = false }
    fixture.run(seconds: 10)
    #expect(fixture.ended == nil)
    fixture.upload?.writerHasGone()
    fixture.run()
    #expect(fixture.ended == .complete)
    #expect(fixture.server.exitCodes == [1])
  }

  @Test func rowsThatRecoveryWroteAnewAtOtherPlacesArriveOnce() throws {
    let fixture = try Fixture()
    try fixture.rows(0..<5)
    let keep = try #require(SideFile.size(fixture.log.path))
    try fixture.rows(5..<40)
    fixture.start(live: true) { $0.completesWithoutExit = false }
    fixture.run(seconds: 10)
    #expect(fixture.server.rows == fixture.steps(40))
    try fixture.log.cut(to: UInt64(keep))
    for step in 5..<45 {
      try fixture.log.row(("_step", "\(step)"))
      try fixture.log.write(config("c\(step)"))
    }
    fixture.upload?.writerHasGone()
    fixture.run()
    #expect(fixture.ended == .complete)
    #expect(fixture.server.rows == fixture.steps(45))
    #expect(fixture.server.complaints.isEmpty)
    #expect(fixture.server.configs.last?["c44"] != nil)
  }

  @Test func aWriterThatGoesBeforeItsLogsTurnComesIsNotWaitedFor() throws {
    let first = try Fixture()
    let second = try Fixture()
    try first.rows(0..<3)
    try second.rows(0..<3)
    let server = StreamServer()
    var ends: [Int: UploadEnd] = [:]
    var observer = SyncQueue.Observer()
    observer.ended = { ends[$0] = $1 }
    let queue = SyncQueue(sender: server.network, settings: first.settings, width: 1, observer: observer)
    for fixture in [first, second] {
      var plan = RunUpload.Plan(logPath: fixture.log.path, filesDirectory: fixture.folder.path + "/files")
      plan.isLive = true
      plan.completesWithoutExit = false
      // Of one run: one after the other.
      queue.add(SyncQueue.Item(plan: plan, key: "test"))
    }
    server.network.run(seconds: 60)
    queue.writerHasGone(1)
    queue.writerHasGone(0)
    server.network.run(seconds: 600) { queue.isIdle }
    #expect(ends == [0: .complete, 1: .complete])
  }

  @Test func logsThatAreStillWrittenAreAllFollowed() throws {
    let fixtures = try (0..<7).map { _ in try Fixture() }
    let server = StreamServer()
    var streaming: Set<Int> = []
    var observer = SyncQueue.Observer()
    observer.identified = { index, _ in streaming.insert(index) }
    let queue = SyncQueue(sender: server.network, settings: fixtures[0].settings, width: 2, observer: observer)
    for (at, fixture) in fixtures.enumerated() {
      var plan = RunUpload.Plan(logPath: fixture.log.path, filesDirectory: fixture.folder.path + "/files")
      plan.isLive = true
      queue.add(SyncQueue.Item(plan: plan, key: "\(at)"))
    }
    server.network.run(seconds: 10)
    #expect(streaming == Set(0..<7))
    server.network.forgetAll()
  }

  // MARK: Limits

  @Test func theNamesOfThousandsOfFilesGoInRequestsOfBearableSize() throws {
    let fixture = try Fixture()
    try fixture.rows(0..<3)
    try fixture.exit()
    let count = 30_000
    do {
      let files = try UploadedFiles.open(log: fixture.log.path)
      for number in 0..<count {
        files.append(
          UploadedFiles.Entry(path: "media/images/a-name-of-usual-length_\(number).png", size: 1, modified: 1, md5: ""))
      }
    }
    var ledger = UploadLedger()
    ledger.server = fixture.settings.server.base
    ledger.wanted = "/demo/test"
    (ledger.entity, ledger.project, ledger.run, ledger.isSettled) = ("team", "demo", "test", true)
    #expect(ledger.write(log: fixture.log.path) == 0)
    fixture.sync()
    #expect(fixture.ended == .complete)
    #expect(fixture.server.uploadedNames.filter { $0.hasPrefix("media/") }.count == count)
    #expect(fixture.server.largestRequest < 3 << 19)
    #expect(UploadLedger.read(log: fixture.log.path)?.filesReported == Int64(count) + 2)
  }

  @Test func aSummaryThatNoServerTakesIsLeftOutOfTheStream() throws {
    let fixture = try Fixture()
    fixture.settings.lineBytes = 1000
    var item = SummaryItem()
    item.nestedKey = ["text"]
    item.valueJSON = "\"" + String(repeating: "x", count: 2000) + "\""
    var record = SummaryRecord()
    record.update = [item]
    try fixture.rows(0..<3)
    try fixture.log.write(.summary(record))
    try fixture.exit()
    fixture.sync()
    #expect(fixture.ended == .complete)
    #expect(fixture.server.summary == nil)
    #expect(fixture.server.base.body("wandb-summary.json") != nil)
    #expect(fixture.kinds == ["summary_too_long"])
  }

  @Test func aRewindToNoStepAsksTheServerForNothing() throws {
    let log = try Fixture()
    let other = try TemporaryLog()
    try other.run {
      $0.project = "demo"
      $0.branchPoint = BranchPoint()
      $0.branchPoint?.run = "test"
      $0.branchPoint?.value = 1e300
    }
    log.start { $0.logPath = other.path }
    log.run()
    #expect(log.server.requests == 0)
    guard case .unusable = log.ended else {
      Issue.record("ended with \(String(describing: log.ended))")
      return
    }
    unlink(other.path + ".uploaded")
  }

  @Test func withoutALedgerALogIsNotSentButALiveRunIsShown() throws {
    let fixture = try Fixture()
    mkdir(fixture.log.path + ".upload", 0o777)
    try fixture.rows(0..<3)
    fixture.start(live: true)
    fixture.run(seconds: 10)
    #expect(fixture.server.rows.count == 3)
    #expect(fixture.kinds == ["upload_state_unwritten"])
    fixture.sync()
    guard case .unusable = fixture.ended else {
      Issue.record("ended with \(String(describing: fixture.ended))")
      return
    }
    #expect(fixture.server.rows.count == 3)
  }

  @Test func theWishToStopIsToldOnce() throws {
    let fixture = try Fixture()
    fixture.server.stops = true
    fixture.start(live: true)
    fixture.run(seconds: 200)
    #expect(fixture.stops == 1)
  }
}
