import Glibc
import QuipuBase
import QuipuRecords
import Testing

@testable import QuipuSync

/// A run whose files are uploaded to a fake server.
private final class Fixture {
  let folder = FileTree()
  let server = FakeServer()
  let requester: Requester
  var files: RunFiles
  private(set) var uploaded: [UploadedFiles.Entry] = []
  private(set) var notices: [UploadNotice] = []
  private(set) var idle = 0

  init(remembered: [UploadedFiles.Entry] = [], _ change: (inout SyncSettings) -> Void = { _ in }) {
    var settings = SyncSettings.test()
    change(&settings)
    requester = Requester(sender: server.network, settings: settings)
    files = RunFiles(
      requester: requester, entity: "team", project: "demo", runID: "r1", filesDirectory: folder.path,
      settings: settings, remembered: remembered)
    listen()
  }

  /// As after a restart of the process.
  func restart() {
    files.cancel()
    files = RunFiles(
      requester: requester, entity: "team", project: "demo", runID: "r1", filesDirectory: folder.path,
      settings: files.settings, remembered: uploaded)
    listen()
  }

  private func listen() {
    files.onUploaded = { [unowned self] entry, _ in uploaded.append(entry) }
    files.onNotice = { [unowned self] in notices.append($0) }
    files.onIdle = { [unowned self] in idle += 1 }
  }

  func run(seconds: Double = 3600) { server.network.run(seconds: seconds) { files.isIdle } }

  func finish() {
    files.finish()
    run()
  }
}

private func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

@Suite struct RunFilesTests {
  @Test func filesOfAMomentShareARequest() {
    let run = Fixture()
    run.folder.write("a.txt", "alpha")
    run.folder.write("media/images/b.png", "bravo")
    run.folder.write("empty", "")
    for name in ["a.txt", "media/images/b.png", "empty"] { run.files.add(name, .now) }
    run.files.addGenerated("config.yaml", Array("x: 1\n".utf8))
    run.finish()
    #expect(run.server.names("CreateRunFiles").map { Set($0) } == [["a.txt", "media/images/b.png", "empty", "config.yaml"]])
    let variables = run.server.operations.first?.variables
    #expect(variables?["entity"] == "team" && variables?["project"] == "demo" && variables?["run"] == "r1")
    #expect(text(run.server.body("a.txt")) == "alpha")
    #expect(text(run.server.body("media/images/b.png")) == "bravo")
    #expect(run.server.body("empty") == [])
    #expect(text(run.server.body("config.yaml")) == "x: 1\n")
    #expect(Set(run.uploaded.map(\.path)) == ["a.txt", "media/images/b.png", "empty", "config.yaml"])
    #expect(run.files.progress.filesDone == 4 && run.files.progress.bytesDone == 15)
    #expect(run.files.progress.files == 4 && run.files.progress.bytes == 15)
    #expect(run.notices.isEmpty && run.idle > 0)
  }

  @Test func finishingWithoutFilesTellsThatNothingIsUnderWay() {
    let run = Fixture()
    run.files.finish()
    #expect(run.idle == 0)
    run.server.network.run(seconds: 1)
    #expect(run.idle == 1 && run.server.operations.isEmpty)
  }

  @Test func headersOfTheAnswerAreSentAsTheyAreAndNoCredentials() {
    let run = Fixture()
    run.server.uploadHeaders = [
      "Content-Type: text/plain", "x-amz-acl:  private ", "no colon", "Host: elsewhere", "Bad: a\r\nInjected: b",
    ]
    run.folder.write("a", "a")
    run.files.add("a", .now)
    run.finish()
    #expect(
      run.server.puts.first?.headers == [HTTPHeader("Content-Type", "text/plain"), HTTPHeader("x-amz-acl", "private")])
  }

  @Test func noCredentialsGoToASignedURLOfTheServerItself() {
    let run = Fixture()
    run.server.onGraphQL = { _, _ in
      FakeServer.json([
        "data": [
          "createRunFiles": [
            "runID": "x", "uploadHeaders": [],
            "files": [["name": "a", "uploadUrl": "http://server.test:8080/storage/a?sig=1"]],
          ]
        ]
      ])
    }
    run.folder.write("a", "a")
    run.files.add("a", .now)
    run.finish()
    #expect(run.server.puts.count == 1)
    #expect(run.server.puts.first?.headers.contains { $0.name.lowercased() == "authorization" } == false)
  }

  @Test func sameContentIsNotSentAgain() {
    let run = Fixture()
    run.folder.write("a", "one")
    run.files.add("a", .now)
    run.run()
    run.files.add("a", .now)
    run.run()
    // The same bytes, written again.
    run.folder.write("a", "one")
    run.folder.age("a", 50)
    run.files.add("a", .now)
    run.run()
    #expect(run.server.puts.count == 1)
    run.folder.write("a", "two")
    run.files.add("a", .now)
    run.run()
    #expect(run.server.puts.count == 2 && text(run.server.body("a")) == "two")
  }

  @Test func aRestartSendsOnlyWhatChanged() {
    let run = Fixture()
    run.folder.write("same", "one")
    run.folder.write("touched", "one")
    run.folder.write("changed", "one")
    for name in ["same", "touched", "changed"] { run.files.add(name, .end) }
    run.files.addGenerated("config.yaml", [1, 2])
    run.finish()
    #expect(run.server.puts.count == 4)
    run.folder.age("touched", 20)
    run.folder.write("changed", "two")
    run.restart()
    for name in ["same", "touched", "changed"] { run.files.add(name, .end) }
    run.files.addGenerated("config.yaml", [1, 2])
    run.finish()
    #expect(run.server.puts.map(\.path).dropFirst(4) == ["changed"])
    #expect(run.server.names("CreateRunFiles").last == ["changed"])
  }

  @Test func aFileThatChangedAMomentAgoIsComparedByItsContent() {
    let run = Fixture()
    run.folder.write("a", "one", fresh: true)
    run.files.add("a", .now)
    run.run()
    // Its time says nothing: a change of the same size could follow within the clock's grain.
    #expect(run.uploaded.first?.modified == 0)
    #expect(run.uploaded.first?.md5 == hexText(MD5.hash(Array("one".utf8))))
  }

  @Test func manyFilesGoInBatchesAndFewAtOnce() {
    let run = Fixture { $0.concurrentTransfers = 7 }
    for at in 0..<1203 {
      run.folder.write("f\(at)", "\(at)")
      run.files.add("f\(at)", .now)
    }
    run.finish()
    #expect(run.server.puts.count == 1203)
    #expect(run.server.network.mostOpen == 7)
    let sizes = run.server.names("CreateRunFiles").map(\.count)
    #expect(sizes.allSatisfy { $0 <= 500 } && sizes.reduce(0, +) == 1203 && sizes.count <= 6)
    #expect(Set(run.server.puts.map(\.path)).count == 1203)
  }

  @Test func aNameThatTheServerRefusesDoesNotHoldUpTheOthers() {
    let run = Fixture()
    run.server.onGraphQL = { _, variables in
      let names = variables["files"]?.arrayValue ?? []
      return names.contains("bad") ? FakeServer.error("file name not allowed") : nil
    }
    for name in (0..<40).map({ "f\($0)" }) + ["bad"] {
      run.folder.write(name, name)
      run.files.add(name, .now)
    }
    run.finish()
    #expect(run.server.puts.count == 40)
    #expect(run.notices.map(\.kind) == ["file_not_uploaded"])
    #expect(run.notices.first?.message.contains("bad") == true)
    #expect(run.notices.first?.message.contains("not allowed") == true)
  }

  @Test func aServerThatRefusesEverythingIsNotAskedWithoutEnd() {
    let run = Fixture()
    run.server.onGraphQL = { _, _ in FakeServer.error("run not found") }
    for at in 0..<500 {
      run.folder.write("f\(at)", "")
      run.files.add("f\(at)", .now)
    }
    run.finish()
    #expect(run.server.operations.count < 50)
    #expect(run.notices.count == 500 && run.files.progress.filesFailed == 500)
  }

  @Test func anAnswerWithAnotherNumberOfFilesIsRefused() {
    let run = Fixture()
    run.server.onGraphQL = { _, _ in
      FakeServer.json(["data": ["createRunFiles": ["runID": "x", "uploadHeaders": [], "files": []]]])
    }
    run.folder.write("a", "a")
    run.files.add("a", .now)
    run.finish()
    #expect(run.server.puts.isEmpty && run.notices.count == 1)
  }

  @Test func anUploadURLThatIsNotWebIsRefused() {
    let run = Fixture()
    run.server.onGraphQL = { _, _ in
      FakeServer.json([
        "data": [
          "createRunFiles": [
            "runID": "x", "uploadHeaders": [], "files": [["name": "a", "uploadUrl": "file:///etc/x"]],
          ]
        ]
      ])
    }
    run.folder.write("a", "a")
    run.files.add("a", .now)
    run.finish()
    #expect(run.server.network.sent.count == 1 && run.notices.count == 1)
  }

  @Test func anExpiredURLIsReplacedOnce() {
    let run = Fixture()
    var refusals = 1
    run.server.onPut = { _ in
      refusals -= 1
      return refusals >= 0 ? HTTPAnswer(status: 403) : nil
    }
    run.folder.write("a", "a")
    run.files.add("a", .now)
    run.run()
    #expect(run.server.puts.count == 1 && run.server.names("CreateRunFiles") == [["a"], ["a"]])
    #expect(run.notices.isEmpty)
    refusals = .max
    run.folder.write("b", "b")
    run.files.add("b", .now)
    run.finish()
    #expect(run.server.puts.count == 1 && run.server.names("CreateRunFiles").count == 4)
    #expect(run.notices.count == 1 && run.uploaded.count == 1)
  }

  @Test func aFileThatTheStorageRefusesIsLeftOut() {
    let run = Fixture()
    run.server.onPut = { $0 == "a" ? HTTPAnswer(status: 404) : nil }
    for name in ["a", "b"] {
      run.folder.write(name, name)
      run.files.add(name, .now)
    }
    run.finish()
    #expect(run.uploaded.map(\.path) == ["b"])
    #expect(run.notices.count == 1)
    #expect(run.files.progress.filesFailed == 1 && run.files.progress.filesDone == 1)
  }

  @Test func passingTroubleIsTriedAgain() {
    let run = Fixture()
    var trouble = [HTTPAnswer(status: 503), HTTPAnswer(status: 429), HTTPAnswer(status: 500)]
    run.server.onPut = { _ in trouble.popLast() }
    run.folder.write("a", "a")
    run.files.add("a", .now)
    run.finish()
    #expect(run.server.puts.count == 1 && run.notices.isEmpty && trouble.isEmpty)
  }

  @Test func aServerThatIsAwayForHoursGetsTheFilesWhenItIsBack() {
    let run = Fixture()
    run.folder.write("a", "a")
    run.server.isGone = true
    run.files.add("a", .now)
    run.server.network.run(seconds: 4 * 3600)
    #expect(!run.files.isIdle && run.notices.isEmpty)
    // Asked again and again, but not busily.
    #expect(run.server.network.sent.count < 300)
    run.server.isGone = false
    run.run()
    #expect(run.server.puts.count == 1)
  }

  @Test func aServerThatIsAwayAtTheEndIsGivenUp() {
    let run = Fixture()
    run.folder.write("a", "a")
    run.server.isGone = true
    run.files.add("a", .now)
    run.files.finish()
    run.run(seconds: 4 * 3600)
    #expect(run.files.isIdle && run.notices.count == 1)
  }

  // MARK: Trouble with files

  @Test func aFileThatComesLaterIsWaitedFor() {
    let run = Fixture()
    run.files.add("late", .now)
    run.run(seconds: 2)
    #expect(!run.files.isIdle)
    run.folder.write("late", "here")
    run.run()
    #expect(text(run.server.body("late")) == "here" && run.notices.isEmpty)
  }

  @Test func aMissingFileIsReportedAtTheEnd() {
    let run = Fixture()
    run.files.add("missing", .now)
    run.files.add("missing/too", .end)
    run.finish()
    #expect(run.notices.count == 2 && run.server.operations.isEmpty)
  }

  @Test func whatIsNoFileIsReported() {
    let run = Fixture()
    run.folder.write("directory/x", "")
    mkfifo(run.folder.path + "/pipe", 0o600)
    symlink("loop", run.folder.path + "/loop")
    for name in ["directory", "pipe", "loop"] { run.files.add(name, .now) }
    run.finish()
    #expect(run.notices.count == 3 && run.server.operations.isEmpty)
  }

  @Test(.enabled(if: geteuid() != 0, "the superuser can read everything"))
  func aFileThatMayNotBeReadIsReported() {
    let run = Fixture()
    chmod(run.folder.write("secret", "x"), 0)
    run.files.add("secret", .now)
    run.finish()
    #expect(run.notices.count == 1 && run.server.operations.isEmpty)
  }

  @Test func aFileThatShrinksWhileItIsSentIsSentAsItIsLater() {
    let run = Fixture()
    run.folder.write("a", "long content")
    var shrunk = false
    run.server.network.onSend = { request in
      if request.method == .put, !shrunk {
        shrunk = true
        run.folder.write("a", "short", fresh: true)
      }
    }
    run.files.add("a", .now)
    run.finish()
    #expect(run.server.puts.map { text($0.body) } == ["short"])
    #expect(run.uploaded.last?.md5 == hexText(MD5.hash(Array("short".utf8))))
  }

  @Test func aFileThatChangesWhileItIsSentIsSentAgain() {
    let run = Fixture()
    run.folder.write("a", "one")
    var changed = false
    run.server.network.onSend = { request in
      if request.method == .put, !changed {
        changed = true
        run.folder.write("a", "two")
        run.folder.age("a", 30)
      }
    }
    run.files.add("a", .now)
    run.finish()
    #expect(text(run.server.puts.last?.body) == "two")
    #expect(run.uploaded.last?.md5 == hexText(MD5.hash(Array("two".utf8))))
  }

  @Test func generatedBytesThatChangeUnderWayArriveInTheEnd() {
    let run = Fixture()
    run.files.addGenerated("s.json", Array("1".utf8))
    run.server.network.onSend = { request in
      if request.method == .put, run.server.puts.isEmpty { run.files.addGenerated("s.json", Array("2".utf8)) }
    }
    run.finish()
    #expect(text(run.server.body("s.json")) == "2")
  }

  // MARK: What a log may name

  @Test(arguments: ["../x", "/etc/passwd", "a/../../x", "..", ".", "", "a//b", "a/./b", "a\0b", "a/"])
  func pathsThatLeaveTheRunAreRefused(path: String) {
    let run = Fixture()
    run.files.add(path, .now)
    run.files.addGenerated(path, [1])
    run.finish()
    #expect(run.server.operations.isEmpty && run.notices.count == 1)
  }

  @Test func aLinkThatSaveMadeIsFollowed() {
    let run = Fixture()
    let elsewhere = FileTree()
    symlink(elsewhere.write("original", "content"), run.folder.path + "/saved")
    run.files.add("saved", .now)
    run.finish()
    #expect(text(run.server.body("saved")) == "content")
  }

  @Test func aDirectoryThatIsALinkOutOfTheRunIsNotEntered() {
    let run = Fixture()
    let elsewhere = FileTree()
    elsewhere.write("secret", "content")
    symlink(elsewhere.path, run.folder.path + "/door")
    run.folder.write("inside/x", "fine")
    symlink("inside", run.folder.path + "/window")
    run.files.add("door/secret", .now)
    run.files.add("window/x", .now)
    run.finish()
    #expect(run.server.puts.map(\.path) == ["window/x"] && run.notices.count == 1)
  }

  @Test(.enabled(if: geteuid() == 0, "only the superuser can give a link away"))
  func aLinkOfSomebodyElseToWhatIsNotTheirsIsNotFollowed() {
    let run = Fixture()
    let elsewhere = FileTree()
    symlink(elsewhere.write("secret", "content"), run.folder.path + "/planted")
    lchown(run.folder.path + "/planted", 12345, 12345)
    let own = elsewhere.write("own", "theirs")
    chown(own, 12345, 12345)
    symlink(own, run.folder.path + "/saved")
    lchown(run.folder.path + "/saved", 12345, 12345)
    run.files.add("planted", .now)
    run.files.add("saved", .now)
    run.finish()
    #expect(run.server.puts.map(\.path) == ["saved"] && run.notices.count == 1)
  }

  @Test func ignoredPathsAreLeftOutInSilence() {
    let run = Fixture { $0.ignoreGlobs = ["*.ckpt", "media/*", "exact"] }
    for name in ["a.ckpt", "deep/b.ckpt", "media/images/x.png", "exact", "kept"] {
      run.folder.write(name, name)
      run.files.add(name, .now)
    }
    run.files.addGenerated("exact", [1])
    run.finish()
    #expect(run.server.puts.map(\.path) == ["kept"] && run.notices.isEmpty)
  }

  // MARK: Policies

  @Test func filesForTheEndWaitForIt() {
    let run = Fixture()
    run.folder.write("a", "one")
    run.files.add("a", .end)
    run.server.network.run(seconds: 60)
    #expect(run.server.operations.isEmpty)
    run.folder.write("a", "two")
    run.finish()
    #expect(run.server.puts.map { text($0.body) } == ["two"])
  }

  @Test func aLiveFileIsSentWhenItHasChangedAndRests() {
    let run = Fixture()
    run.files.isLive = true
    run.folder.write("a", "one")
    run.files.add("a", .live)
    run.server.network.run(seconds: 30)
    #expect(run.server.puts.map { text($0.body) } == ["one"])
    run.folder.write("a", "two")
    run.folder.age("a", 40)
    run.server.network.run(seconds: 30)
    #expect(run.server.puts.map { text($0.body) } == ["one", "two"])
    run.server.network.run(seconds: 60)
    run.finish()
    #expect(run.server.puts.count == 2)
  }

  @Test func aLiveFileThatNeverRestsIsSentNowAndThen() {
    let run = Fixture()
    run.files.isLive = true
    run.folder.write("a", "0")
    run.files.add("a", .live)
    for at in 1...120 {
      run.server.network.run(seconds: 1)
      run.folder.write("a", "\(at)")
      run.folder.age("a", 1000 - at)
    }
    #expect((4...12).contains(run.server.puts.count))
    run.finish()
    #expect(text(run.server.body("a")) == "120")
  }

  @Test func liveFilesOfARunThatIsOverAreNotWatched() {
    let run = Fixture()
    run.folder.write("a", "one")
    run.files.add("a", .live)
    run.run()
    run.folder.write("a", "two")
    run.folder.age("a", 40)
    run.server.network.run(seconds: 60)
    #expect(run.server.puts.count == 1)
    run.finish()
    #expect(run.server.puts.map { text($0.body) } == ["one", "two"])
  }

  @Test func aLiveFileMayComeLater() {
    let run = Fixture()
    run.files.isLive = true
    run.files.add("later", .live)
    run.server.network.run(seconds: 120)
    #expect(run.files.isIdle && run.notices.isEmpty)
    run.folder.write("later", "x")
    run.server.network.run(seconds: 10)
    #expect(text(run.server.body("later")) == "x")
  }

  @Test func nothingIsCalledAfterCancel() {
    let run = Fixture()
    for at in 0..<50 {
      run.folder.write("f\(at)", "\(at)")
      run.files.add("f\(at)", .live)
    }
    run.server.network.run(seconds: 10) { run.server.puts.count > 3 }
    let before = run.uploaded.count
    run.files.cancel()
    run.server.network.run(seconds: 3600)
    #expect(run.uploaded.count == before && run.idle == 0 && run.notices.isEmpty)
  }
}

@Suite struct FileTransferTests {
  @Test func hashingIsDoneInSlices() {
    let network = FakeNetwork()
    let hasher = FileHasher(sender: network)
    let folder = FileTree()
    let large = folder.write("large", "")
    truncate(large, 12 << 20)
    let small = folder.write("small", "abc")
    var order: [String] = []
    var parts: [ContentDigest] = []
    hasher.hash(large, partSize: 5 << 20) { result in
      order.append("large")
      parts = (try? result.get())?.parts ?? []
    }
    hasher.hash(small) { result in
      order.append("small")
      #expect((try? result.get())?.digest.hex == "900150983cd24fb0d6963f7d28e17f72")
    }
    network.run()
    #expect(network.timerCount >= 3)
    #expect(order == ["small", "large"])
    #expect(parts.count == 3 && parts[0] == parts[1] && parts[2] != parts[0])
    #expect(parts[2] == ContentDigest(MD5.hash([UInt8](repeating: 0, count: 2 << 20))))
  }

  @Test func digestsHaveThreeForms() throws {
    let bytes = MD5.hash(Array("foobar".utf8))
    let digest = ContentDigest(bytes)
    #expect(digest.bytes == bytes && digest.hex == "3858f62230ac3c915f300c664312c63f")
    #expect(digest.base64 == base64(bytes))
    #expect(ContentDigest(hex: "3858F62230ac3c915f300c664312c63f") == digest)
    for bad in ["", "3858f62230ac3c915f300c664312c63", "3858f62230ac3c915f300c664312c63g"] {
      #expect(ContentDigest(hex: bad) == nil)
    }
  }

  @Test func smallFilesGoToAzureAsOneBlob() {
    let server = FakeServer()
    let upload = SignedUpload(requester: Requester(sender: server.network, settings: .test()))
    let headers = [HTTPHeader("x-ms-blob-type", "BlockBlob")]
    upload.put(.bytes([1]), to: "https://a.test/storage/b?sas", headers: headers) { _ in }
    server.network.run()
    #expect(server.puts.count == 1 && server.puts.first?.headers == headers)
  }

  @Test func largeFilesGoToAzureInBlocks() {
    let server = FakeServer()
    let folder = FileTree()
    let path = folder.write("large", "")
    truncate(path, off_t(SignedUpload.azureBlockThreshold) + 5)
    let upload = SignedUpload(requester: Requester(sender: server.network, settings: .test()))
    let headers = [
      HTTPHeader("x-ms-blob-type", "BlockBlob"), HTTPHeader("Content-MD5", "abc="), HTTPHeader("Content-Type", "a/b"),
    ]
    var isDone = false
    upload.put(
      .file(path: path, offset: 0, size: SignedUpload.azureBlockThreshold + 5), to: "https://a.test/storage/b?sas",
      headers: headers
    ) { result in isDone = (try? result.get()) != nil }
    server.network.run()
    let urls = server.network.sent.map(\.request.url)
    #expect(isDone && urls.count == 6)
    #expect(urls.first == "https://a.test/storage/b?sas&comp=block&blockid=MDAwMDAwMDA%3D")
    #expect(urls.last == "https://a.test/storage/b?sas&comp=blocklist")
    #expect(server.puts.dropLast().allSatisfy { $0.headers.isEmpty })
    #expect(
      server.puts.last?.headers
        == [HTTPHeader("x-ms-blob-content-md5", "abc="), HTTPHeader("x-ms-blob-content-type", "a/b")])
    #expect(text(server.puts.last?.body)?.contains("<Latest>MDAwMDAwMDQ=</Latest></BlockList>") == true)
  }

  @Test func transfersThatEndAtOnceDoNotPileUp() {
    let queue = TransferQueue(limit: 2)
    var count = 0
    var held: (() -> Void)?
    queue.enqueue { held = $0 }
    for _ in 0..<100_000 {
      queue.enqueue { ended in
        count += 1
        ended()
        ended()
      }
    }
    #expect(count == 100_000 && queue.running == 1)
    held?()
    #expect(queue.running == 0 && queue.waitingCount == 0)
  }
}
