import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords
import Testing

@testable import Quipu

/// Media of files: what users name, what stands beside a file, lists, charts, and the memory of what waits.
struct CoreMediaFileTests {
  private func path(_ directory: CoreDirectory, _ name: String) -> String { directory.path + "/" + name }

  private func refusal(_ path: String) -> QuipuError? {
    do throws(QuipuError) {
      _ = try UserFile(path: path)
      return nil
    } catch { return error }
  }

  // MARK: Files of the user

  @Test func fileIsTakenWithItsDigestAndExtension() throws {
    let directory = CoreDirectory()
    _ = FileTools.writeNew(path(directory, "a.b.PNG"), Array("abc".utf8))
    let file = try UserFile(path: path(directory, "a.b.PNG"))
    #expect(file.name == "a.b.PNG" && file.fileExtension == ".PNG" && file.head == Array("abc".utf8))
    #expect(file.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test func refusedFilesAreNamedWithTheReason() {
    let directory = CoreDirectory()
    _ = FileTools.writeNew(path(directory, "empty"), [])
    mkfifo(path(directory, "pipe"), 0o600)
    #expect(refusal(path(directory, "missing"))?.code == .notFound)
    #expect(refusal(path(directory, "empty"))?.kind == "file_empty")
    #expect(refusal(directory.path)?.kind == "file_is_directory")
    #expect(refusal(path(directory, "pipe"))?.kind == "file_not_regular")
    #expect(refusal("")?.kind == "path_bad")
    for name in ["missing", "empty", "pipe"] {
      #expect(refusal(path(directory, name))?.message.hasPrefix("path: \(path(directory, name))") == true)
    }
  }

  @Test func largeFileMayBeDeletedBeforeItIsCopied() throws {
    let run = try CoreRun()
    var bytes = [UInt8](repeating: 1, count: Int(UserFile.inMemory) + 12_345)
    for at in stride(from: 0, to: bytes.count, by: 997) { bytes[at] = UInt8(truncatingIfNeeded: at) }
    let source = path(run.directory, "big.bin")
    _ = FileTools.writeNew(source, bytes)
    let file = try UserFile(path: source)
    #expect(file.content.byteCount == 0 && file.content.size == Int64(bytes.count))
    let media = Media(.video, .file(FileValue(folder: "videos", type: "video-file", file: file)))
    unlink(source)
    run.row(#"{"v":{"$quipu":0}}"#, media: [run.media.register(media)])
    let log = try run.close()
    #expect(FileTools.readAll(run.context.filesDirectory + "/" + log.files[0]) == bytes)
    #expect(log.rows[0]["v"]?.objectValue?["size"] == .int(Int64(bytes.count)))
  }

  @Test func fileThatShrankIsLeftOutOfItsRow() throws {
    let run = try CoreRun()
    let source = path(run.directory, "big.bin")
    _ = FileTools.writeNew(source, [UInt8](repeating: 1, count: Int(UserFile.inMemory) + 1))
    let file = try UserFile(path: source)
    truncate(source, 10)
    let media = Media(.video, .file(FileValue(folder: "videos", type: "video-file", file: file)))
    run.row(#"{"a":1,"v":{"$quipu":0}}"#, media: [run.media.register(media)])
    let log = try run.close()
    #expect(log.plainRows == [["a": 1, "_step": 0]])
    #expect(log.files.isEmpty && run.reports.kinds == ["media_failed"] && run.writer.writeErrors == 0)
  }

  @Test func directoryWithLinksThatLeadInCirclesIsAddedOnce() throws {
    let directory = CoreDirectory()
    let tree = path(directory, "tree")
    mkdir(tree, 0o777)
    mkdir(tree + "/inner", 0o777)
    _ = FileTools.writeNew(tree + "/inner/a", [1])
    for name in ["x", "y", "z"] { symlink(tree, tree + "/inner/" + name) }
    let artifact = try Artifact(name: "n", type: "t")
    try artifact.addDirectory(tree, copies: false)
    #expect(artifact.state.withLock { $0.entries.keys.map(\.string) } == ["inner/a"])
  }

  // MARK: Files beside a file

  private func withMask(_ labels: ClassLabels?) -> Media {
    var image = FileValue(folder: "images", type: "image-file", fileExtension: ".png", bytes: [1, 2])
    let mask = FileValue(folder: "images/mask", type: "mask", fileExtension: ".mask.png", bytes: [3])
    image.parts = [FilePart(member: "masks", name: "truth", file: mask, labels: labels, artifactForm: nil)]
    return Media(.image, .file(image))
  }

  @Test func maskStandsUnderItsNameAndItsLabelsInTheConfig() throws {
    let run = try CoreRun()
    let labels = ClassLabels(group: "mask/class_labels", key: "own", names: ["0": "sky"])
    run.row(#"{"p":{"$quipu":0}}"#, media: [run.media.register(withMask(labels))])
    let log = try run.close()
    let value = try #require(log.rows[0]["p"]?.objectValue)
    let mask = try #require(value["masks"]?.objectValue?["truth"]?.objectValue)
    #expect(mask["_type"] == "mask" && mask["size"] == 1)
    #expect(log.files.count == 2 && log.files[1].hasPrefix("media/images/mask/p_0_"))
    #expect(
      log.clientConfig["mask/class_labels"]?.objectValue?["p_wandb_delimeter_own"]
        == ["type": "mask/class_labels", "key": "p_wandb_delimeter_own", "value": ["0": "sky"]])
  }

  @Test func listSaysWhichImagesHaveMasks() throws {
    let run = try CoreRun()
    let plain = Media(.image, .file(FileValue(folder: "images", type: "image-file", fileExtension: ".png", bytes: [9])))
    run.row(#"{"l":{"$quipu":0}}"#, media: [run.media.register(.list([plain, withMask(nil)]))])
    let all = try run.close().rows[0]["l"]?.objectValue?["all_masks"]?.arrayValue
    #expect(all?.count == 2 && all?[0] == .null && all?[1].objectValue?["truth"] != nil)
  }

  // MARK: Charts

  private func chart(isSplit: Bool = false) throws -> Media {
    let table = Media.table(columns: ["x"])
    try table.changeTable { table throws(MediaError) in try table.addRow([.int(1)]) }
    return try .chart(table, .line(x: "x", y: "x", splitTable: isSplit))
  }

  private func register(_ run: CoreRun, _ media: Media) -> UInt64 {
    let id = run.media.register(media)
    run.media.item(id)?.table?.encode()
    return id
  }

  @Test(arguments: [false, true]) func chartLeavesItsKeyToATableAndAnEntryOfTheConfig(isSplit: Bool) throws {
    let run = try CoreRun()
    run.row(
      #"{"a":1,"roc":{"$quipu":0},"deep":{"b":2,"pr":{"$quipu":1}}}"#,
      media: [register(run, try chart(isSplit: isSplit)), register(run, try chart(isSplit: isSplit))])
    let log = try run.close()
    let prefix = isSplit ? "Custom Chart Tables/" : ""
    let row = log.rows[0]
    #expect(row["roc"] == nil && row["deep"] == ["b": 2])
    for key in ["roc", "deep.pr"] {
      #expect(row[Key("\(prefix)\(key)_table")]?.objectValue?["_type"] == "table-file")
      #expect(
        log.clientConfig["visualize"]?.objectValue?[Key(key)]
          == ChartPanel.line(x: "x", y: "x", splitTable: isSplit).configEntry(key))
    }
    #expect(log.artifacts == 2)
  }

  // MARK: Memory

  @Test func roomForMediaIsBoundedByTheSettingAndOneLargeValueFindsRoomAlone() {
    let store = PendingMediaStore(pool: nil)
    store.configure(memory: 100, threads: 1)
    func value(_ bytes: Int) -> Media {
      let file = FileValue(folder: "html", type: "html-file", fileExtension: ".html", bytes: .init(repeating: 0, count: bytes))
      return Media(.html, .file(file))
    }
    #expect(store.hasRoom(1000))
    let first = store.register(value(60))
    #expect(store.hasRoom(40) && !store.hasRoom(41))
    let second = store.register(value(40))
    #expect(!store.hasRoom(1))
    store.release([first, second])
    #expect(store.hasRoom(1000))
  }

  /// One thread, on which the table's turn comes before that of the picture in its cell.
  @Test func tableEncodesAPictureThatWaitsBehindIt() throws {
    let pixels = [UInt8](repeating: 7, count: 4)
    let picture = try pixels.withUnsafeBytes {
      try Media.image(try ArrayView(base: $0.baseAddress, dtype: .u8, shape: [2, 2]))
    }
    let table = Media.table(columns: ["p"])
    let cells = try table.attachments(media: [picture])
    try table.changeTable { table throws(MediaError) in try table.addRow([.media(cells.media[0])]) }
    #expect(picture.takeUnencoded().count == 1)
    let store = PendingMediaStore(pool: nil)
    let snapshot = try #require(store.item(store.register(table))?.table)
    snapshot.encode()
    #expect(snapshot.isReady && picture.isReady)
  }

  @Test func poolStartsNoMoreThreadsThanTheSettingAllowsAndBeginsJobsInOrder() {
    let pool = WorkerPool(finished: {})
    pool.setMaximum(3)
    let state = Recorder()
    for number in 0..<200 { pool.run { state.note(number) } }
    while state.count < 200 { usleep(500) }
    #expect(state.mostAtOnce <= 3)
    #expect(state.isNearlyInOrder(within: 3))
  }

  /// What ran, and how many at once.
  private final class Recorder: @unchecked Sendable {
    // @unchecked: guarded by the mutex.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var order: [Int] = []
    private var running = 0
    private(set) var mostAtOnce = 0

    init() { pthread_mutex_init(lock, nil) }
    deinit { lock.deallocate() }

    var count: Int {
      pthread_mutex_lock(lock)
      defer { pthread_mutex_unlock(lock) }
      return order.count
    }

    func note(_ number: Int) {
      pthread_mutex_lock(lock)
      running += 1
      mostAtOnce = max(mostAtOnce, running)
      pthread_mutex_unlock(lock)
      usleep(100)
      pthread_mutex_lock(lock)
      order.append(number)
      running -= 1
      pthread_mutex_unlock(lock)
    }

    /// A job may be overtaken by those that run beside it, not by many more.
    func isNearlyInOrder(within threads: Int) -> Bool {
      var highest = -1
      for (at, number) in order.enumerated() {
        if at - number > 20 * threads { return false }
        highest = max(highest, number)
      }
      return highest == order.count - 1
    }
  }
}
