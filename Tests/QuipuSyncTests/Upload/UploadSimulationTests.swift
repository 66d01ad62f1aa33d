import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import QuipuSync

/// Random numbers that are the same in every run of the test.
struct Dice: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) {
    state = seed
    state = next() ^ seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// A run as its program has it, and its log, which grows record by record and may lose its end.
private final class SimulatedRun {
  let folder = FileTree()
  let path: String
  let filesDirectory: String
  /// What the log will hold, in order; the run record stands before it.
  private var records: [Record.Payload] = []
  private var file: LogFile
  private var framer = BlockWriter()
  private var num: Int64 = 0
  private var written = 0
  /// Where the log ends after each record.
  private var ends: [UInt64] = []
  private var torn: [UInt8] = []

  var rowCount = 0
  var alerts: [String] = []
  var artifacts: [String] = []
  var files: Set<String> = []
  let exitCode: Int32?

  init(_ dice: inout Dice) throws {
    path = folder.path + "/run-test.wandb"
    filesDirectory = folder.path + "/files"
    mkdir(filesDirectory, 0o777)
    file = try LogFile.create(path: path)
    var out = ByteBuffer()
    BlockWriter.appendFileHeader(to: &out)
    try file.append(out.bytes)
    exitCode = dice.chance(75) ? Int32.random(in: 0...3, using: &dice) : nil
    for at in 0..<Int.random(in: 5...120, using: &dice) { add(at, &dice) }
    if let exitCode {
      var exit = RunExitRecord()
      exit.exitCode = exitCode
      records.append(.exit(exit))
    }
    var header = HeaderRecord()
    header.versionInfo = VersionInfo()
    header.versionInfo?.producer = dice.chance(50) ? "0.1.0+quipu" : "0.31.0+abc"
    var run = RunRecord()
    run.runID = "test"
    run.project = "demo"
    run.startTime = Timestamp(seconds: 1000, nanos: 0)
    records.insert(.header(header), at: 0)
    records.insert(.run(run), at: 1)
  }

  private func add(_ at: Int, _ dice: inout Dice) {
    switch Int.random(in: 0..<100, using: &dice) {
    case 0..<55:
      var history = HistoryRecord()
      let long = dice.chance(5) ? String(repeating: "x", count: 3000) : "y"
      for (key, value) in [("k", "\(rowCount)"), ("t", "\"\(long)\""), ("_step", "\(rowCount)")] {
        var item = HistoryItem()
        item.nestedKey = [key]
        item.valueJSON = value
        history.item.append(item)
      }
      rowCount += 1
      records.append(.history(history))
    case 55..<65:
      var stats = StatsRecord()
      stats.timestamp = Timestamp(seconds: 1000 + Int64(at), nanos: 0)
      var item = StatsItem()
      item.key = "cpu"
      item.valueJSON = "\(at)"
      stats.item = [item]
      records.append(.stats(stats))
    case 65..<80:
      var output = OutputRawRecord()
      output.outputType = dice.chance(70) ? .stdout : .stderr
      output.line = ["step \(at)\n", "\rprogress \(at)", "a\nb\n\n\nc\n", "\u{1B}[Aup \(at)", "part ", "\n"]
        .randomElement(using: &dice)!
      output.timestamp = Timestamp(seconds: 1000 + Int64(at), nanos: 0)
      records.append(.outputRaw(output))
    case 80..<85: records.append(.summary(summary("best", "\(at)")))
    case 85..<89:
      var config = ConfigRecord()
      var item = ConfigItem()
      item.key = "c\(at)"
      item.valueJSON = "\(at)"
      config.update = [item]
      records.append(.config(config))
    case 89..<92:
      var alert = AlertRecord()
      alert.title = "alert \(at)"
      alerts.append(alert.title)
      records.append(.alert(alert))
    case 92..<98:
      var item = FilesItem()
      item.path = "f\(Int.random(in: 0..<6, using: &dice)).txt"
      item.policy = [FilePolicy.now, .end, .live].randomElement(using: &dice)!
      folder.write("files/" + item.path, "content \(at)")
      files.insert(item.path)
      var record = FilesRecord()
      record.files = [item]
      records.append(.files(record))
    default: records.append(.artifact(artifact(at)))
    }
  }

  private func summary(_ key: String, _ value: String) -> SummaryRecord {
    var item = SummaryItem()
    item.nestedKey = [key]
    item.valueJSON = value
    var record = SummaryRecord()
    record.update = [item]
    return record
  }

  private func artifact(_ at: Int) -> ArtifactRecord {
    var record = ArtifactRecord()
    record.type = "dataset"
    record.name = "set-\(at % 3)"
    record.finalize = true
    record.clientID = "client-\(at)"
    artifacts.append(record.clientID)
    var manifest = ArtifactManifest()
    manifest.version = 1
    for part in 0..<3 {
      var entry = ArtifactManifestEntry()
      let content = "artifact \(at) \(part)"
      entry.path = "p\(part)"
      entry.digest = base64(MD5.hash(Array(content.utf8)))
      entry.size = Int64(content.utf8.count)
      entry.localPath = folder.write("staging-\(at)/p\(part)", content)
      manifest.contents.append(entry)
    }
    record.manifest = manifest
    return record
  }

  var isWritten: Bool { written == records.count && torn.isEmpty }

  private func append(_ payload: Record.Payload, isTorn: Bool = false) throws {
    num += 1
    var body = ByteBuffer()
    Record(num: num, runID: nil, payload).encode(into: &body)
    var out = ByteBuffer()
    framer.append(body.bytes, to: &out)
    let bytes = out.array()
    // A writer is seen in the middle of a write.
    let cut = isTorn ? bytes.count / 2 : 0
    try bytes[..<(bytes.count - cut)].withUnsafeBytes { try file.append($0) }
    torn = Array(bytes.suffix(cut))
  }

  private func mend() throws {
    if !torn.isEmpty { try torn.withUnsafeBytes { try file.append($0) } }
    torn = []
  }

  /// Writes some more records.
  func write(_ count: Int, _ dice: inout Dice) throws {
    try mend()
    for _ in 0..<count where written < records.count {
      try append(records[written], isTorn: dice.chance(20))
      written += 1
      ends.append(file.position + UInt64(torn.count))
      if !torn.isEmpty { return }
    }
  }

  /// The writer dies: what it was writing is torn, and its last records are written anew by recovery, with others
  /// between them that lie elsewhere in the log.
  func dieAndRecover(_ dice: inout Dice) throws {
    if !torn.isEmpty { ends.removeLast() }
    torn = []
    guard let keep = (max(2, ends.count - 6)...max(2, ends.count)).randomElement(using: &dice), keep <= ends.count
    else {
      // Not even the run record was whole.
      try file.truncate(to: UInt64(LogFormat.fileHeaderSize))
      framer.seek(to: file.position)
      ends = []
      written = 0
      return
    }
    try file.truncate(to: ends[keep - 1])
    framer.seek(to: file.position)
    let last = written
    ends.removeLast(ends.count - keep)
    written = keep
    try append(.summary(summary("recovered", "1")))
    while written < last {
      try append(records[written])
      if dice.chance(30) { try append(.summary(summary("recovered", "\(written)"))) }
      written += 1
      ends.append(file.position)
    }
  }
}

/// Uploads that are killed at any point and begun anew, over a network that loses requests and answers, of a log that
/// grows, is torn and is repaired meanwhile: in the end everything is there once.
@Suite struct UploadSimulationTests {
  @Test(arguments: 0..<300) func everythingArrivesOnceWhateverHappens(_ seed: Int) throws {
    var dice = Dice(UInt64(seed))
    let run = try SimulatedRun(&dice)
    let server = StreamServer()
    var trouble = dice.chance(80) ? 12 : 0
    var answersLost = false
    var settings = SyncSettings.test()
    settings.requestBytes = [200, 2000, 256 << 10].randomElement(using: &dice)!
    var lives = 0
    var end: UploadEnd?
    while end != .complete {
      lives += 1
      if lives > 8 { trouble = 0 }
      let network = FakeNetwork()
      network.latency = [1_000_000, 50_000_000, 2_000_000_000].randomElement(using: &dice)!
      server.network = network
      var faults = Dice(UInt64(seed * 100 + lives))
      server.onRequest = { sent in
        guard faults.chance(trouble) else { return .answered([]) }
        switch Int.random(in: 0..<5, using: &faults) {
        case 0: return .lost
        case 1:
          answersLost = true
          return .answerLost
        case 2: return .instead(HTTPAnswer(status: 502))
        case 3: return .instead(HTTPAnswer(status: 429, headers: [HTTPHeader("retry-after", "3")]))
        default: return .answered([HTTPHeader("ratelimit-remaining", "0"), HTTPHeader("ratelimit-reset", "45")])
        }
      }
      // Of a log that is whole, nobody can tell whether it was followed or sent later.
      var plan = RunUpload.Plan(logPath: run.path, filesDirectory: run.filesDirectory)
      plan.isLive = !run.isWritten || dice.chance(30)
      var steps = 0
      let fuse = lives > 8 ? Int.max : Int.random(in: 1...[20, 100, 600].randomElement(using: &dice)!, using: &dice)
      var observer = RunUpload.Observer()
      observer.ended = { end = $0 }
      end = nil
      weak var gone: RunUpload?
      do {
        let upload = RunUpload(sender: network, settings: settings, plan: plan, observer: observer)
        gone = upload
        let pace = Int64.random(in: 1...400, using: &dice) * 1_000_000
        func writeOn() {
          _ = network.after(Int64.random(in: 0...2 * pace, using: &dice)) { [unowned upload] in
            #expect(throws: Never.self) { try run.write(Int.random(in: 1...4, using: &dice), &dice) }
            if run.isWritten, dice.chance(50) {
              upload.endOfLog()
            } else {
              writeOn()
            }
          }
        }
        if plan.isLive { writeOn() }
        _ = network.after(0) { [unowned upload] in upload.start() }
        network.run(seconds: 20_000) {
          steps += 1
          return end != nil || steps > min(fuse, 200_000)
        }
        try #require(end != nil || steps > fuse, "life \(lives) hangs: \(upload.state)")
        try #require(steps <= 200_000, "life \(lives) turns round and round: \(upload.state)")
        let ledger = UploadLedger.read(log: run.path)
        if let ledger { #expect(ledger.rows <= server.rows.count) }
        network.forgetAll()
      }
      #expect(gone == nil, "a dead upload is kept")
      if end == nil, !run.isWritten || dice.chance(20) { try run.dieAndRecover(&dice) }
      if !plan.isLive, end == .unusable("\(run.path): has no run record, so nothing says which run it is") { end = nil }
      #expect(end == nil || end == .complete, "life \(lives)")
      if let found = end, found != .complete { return }
    }

    #expect(server.complaints.isEmpty)
    let whole = try Replayed(LogReplay(path: run.path))
    #expect(server.rows == whole.history)
    #expect(server.rows.count == run.rowCount)
    #expect(server.events == whole.events)
    #expect(server.console == whole.console.sorted { $0.key < $1.key }.map(\.value))
    let replay = try LogReplay(path: run.path)
    _ = try Replayed(replay)
    let summary = replay.takeSummary()
    #expect(server.summary == summary)
    #expect(server.exitCodes.last == Int64(run.exitCode ?? 1))
    #expect(Set(server.alerts) == Set(run.alerts))
    if !answersLost, lives == 1 { #expect(server.alerts == run.alerts) }
    let config = try JSON(parsing: replay.takeConfig(client: LibraryVersion.text)).objectValue
    for (key, value) in config?.members ?? [] where key.string.hasPrefix("c") {
      #expect(server.configs.last { $0[key] != nil }?[key] == value)
    }
    for path in run.files {
      #expect(server.uploadedNames.contains(path))
      let put = server.base.puts.last { $0.path == path }?.body
      #expect(put == SideFile.read(run.filesDirectory + "/" + path))
    }
    let made = server.base.operations.filter { $0.name == "CreateArtifact" }
      .compactMap { $0.variables["input"]?.objectValue?["clientID"]?.stringValue }
    #expect(Set(made) == Set(run.artifacts))
    #expect(server.base.operations.count { $0.name == "CommitArtifact" } >= run.artifacts.count)
    let ledger = try #require(UploadLedger.read(log: run.path))
    #expect(ledger.isComplete && ledger.rows == run.rowCount && ledger.artifacts == run.artifacts.count)

    // Once more: there is nothing to do.
    let before = server.requests
    server.network = FakeNetwork()
    var again: UploadEnd?
    var observer = RunUpload.Observer()
    observer.ended = { again = $0 }
    let upload = RunUpload(
      sender: server.network, settings: settings,
      plan: RunUpload.Plan(logPath: run.path, filesDirectory: run.filesDirectory), observer: observer)
    upload.start()
    #expect(again == .alreadyComplete)
    #expect(server.requests == before)
  }
}

extension RunUpload {
  fileprivate var state: String {
    "phase \(phase), read to the end \(atEnd), in flight \(inFlight != nil), pending \(replay?.pendingBytes ?? -1), "
      + "files \(files?.waiting ?? -1), artifacts \(artifacts?.waiting ?? -1), alerts \(alerts.count), "
      + "upsert \(upsertUnderWay) \(upsertAfter ?? -1), timer \(timer != nil), last \(isLastRequest)"
  }
}
