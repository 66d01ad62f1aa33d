import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import QuipuSync

/// Servers that answer what nobody would, logs whose bytes somebody has changed: an upload ends, whatever it makes of
/// them.
@Suite struct UploadHostilityTests {
  private static let oddities: [JSON] = [
    nil, -1, 0, .int(.max), .int(.min), .double(1e308), .double(.nan), "", "\u{0}\r\n", [], [:], true, [[[]]],
    .string(String(repeating: "é", count: 5000)), "http://", "http://h/\u{7F}", ["a": [nil]],
  ]

  /// Another value in one place of a tree.
  private func bent(_ json: JSON, _ dice: inout Dice) -> JSON {
    if dice.chance(30) { return Self.oddities.randomElement(using: &dice) ?? nil }
    switch json {
    case .object(var object):
      guard let key = object.members.map(\.0).randomElement(using: &dice) else { return json }
      object[key] = bent(object[key] ?? nil, &dice)
      return .object(object)
    case .array(var array):
      guard let at = array.indices.randomElement(using: &dice) else { return json }
      array[at] = bent(array[at], &dice)
      return .array(array)
    default: return json
    }
  }

  private func log(_ dice: inout Dice, folder: FileTree) throws -> TemporaryLog {
    let log = try TemporaryLog()
    try log.header("0.1.0+quipu")
    let resumes = dice.chance(30)
    let branches = dice.chance(20)
    try log.run {
      $0.project = "demo"
      $0.resume = resumes
      if branches {
        $0.branchPoint = BranchPoint()
        $0.branchPoint?.run = "test"
        $0.branchPoint?.value = 3
      }
    }
    for at in 0..<40 {
      try log.row(("_step", "\(at)"), ("x", "\(at)"), ("text", "\"\(String(repeating: "t", count: at * 7))\""))
      if at % 10 == 0 { try log.output("line \(at)\n") }
    }
    folder.write("files/a.txt", "a")
    var files = FilesRecord()
    for path in ["a.txt", "../b", "none"] {
      var item = FilesItem()
      item.path = path
      files.files.append(item)
    }
    var alert = AlertRecord()
    alert.title = "one"
    var artifact = ArtifactRecord()
    artifact.type = "dataset"
    artifact.name = "set"
    artifact.finalize = true
    artifact.clientID = "c"
    var entry = ArtifactManifestEntry()
    entry.path = "p"
    entry.digest = base64(MD5.hash(Array("p".utf8)))
    entry.size = 1
    entry.localPath = folder.write("staging/p", "p")
    artifact.manifest = ArtifactManifest()
    artifact.manifest?.contents = [entry]
    try log.write(.files(files), .alert(alert), .artifact(artifact), .exit(RunExitRecord()))
    return log
  }

  private func upload(_ log: String, _ folder: FileTree, _ server: StreamServer) throws -> UploadEnd {
    var settings = SyncSettings.test()
    settings.graphQL.retries = 2
    settings.fileStream.retries = 2
    settings.transfer.retries = 2
    var observer = RunUpload.Observer()
    var end: UploadEnd?
    observer.ended = { end = $0 }
    let upload = RunUpload(
      sender: server.network, settings: settings,
      plan: RunUpload.Plan(logPath: log, filesDirectory: folder.path + "/files"), observer: observer)
    upload.start()
    var turns = 0
    server.network.run(seconds: 100_000) {
      turns += 1
      return end != nil || turns > 100_000
    }
    server.network.forgetAll()
    return try #require(end, "it hangs after \(turns) turns")
  }

  private func clean(_ log: String) {
    for name in [".upload", ".uploaded", ".syncstate", ".synced", ".resumed"] { unlink(log + name) }
  }

  @Test(arguments: 0..<150) func anAnswerThatMakesNoSenseDoesNotStopTheUploadFromEnding(_ seed: Int) throws {
    var dice = Dice(UInt64(seed))
    let folder = FileTree()
    let log = try log(&dice, folder: folder)
    defer { clean(log.path) }
    let server = StreamServer()
    let often = [5, 30, 80].randomElement(using: &dice) ?? 5
    server.bend = { answer in
      guard dice.chance(often) else { return answer }
      if dice.chance(20) { return HTTPAnswer(status: 200, body: dice.chance(50) ? [0xFF, 0xFE] : []) }
      guard let json = try? JSON(parsing: answer.body) else { return answer }
      return FakeServer.json(bent(json, &dice))
    }
    _ = try upload(log.path, folder, server)
    // And again on the side files that are left.
    server.bend = { $0 }
    let network = FakeNetwork()
    server.network = network
    _ = try upload(log.path, folder, server)
  }

  @Test(arguments: 0..<150) func aLogOrSideFileWithChangedBytesDoesNotStopTheUploadFromEnding(_ seed: Int) throws {
    var dice = Dice(UInt64(seed + 1000))
    let folder = FileTree()
    let log = try log(&dice, folder: folder)
    defer { clean(log.path) }
    let server = StreamServer()
    let isSideFile = dice.chance(40)
    if isSideFile {
      _ = try upload(log.path, folder, server)
      server.network = FakeNetwork()
      _ = try log.row(("x", "1"))
    }
    let path = log.path + (isSideFile ? [".upload", ".uploaded", ".syncstate"].randomElement(using: &dice) ?? "" : "")
    if var bytes = SideFile.read(path), !bytes.isEmpty {
      for _ in 0..<Int.random(in: 1...6, using: &dice) {
        let at = Int.random(in: bytes.indices, using: &dice)
        bytes[at] = isSideFile ? UInt8(ascii: ["9", "-", "e", "\"", "}", "0"].randomElement(using: &dice) ?? "9")
          : UInt8.random(in: 0...255, using: &dice)
      }
      if dice.chance(20) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &dice)) }
      _ = SideFile.replace(path, bytes)
    }
    _ = try upload(log.path, folder, server)
  }
}
