import QuipuBase
import QuipuRecords

/// Uploads the files of a run: names to the server in batches, bytes to the signed URLs that it answers with.
///
/// A file is sent when its bytes are others than those of its last upload, told by size and time of change, then by
/// MD5. It is sent as long as it was when it was looked at; one that changes meanwhile is sent again.
///
/// What fails is reported and left behind, unless trying again later can help: a file that is not there yet is looked
/// at again, and a server that stays away for longer than a request is tried is asked again while the run lasts.
///
/// Source: http.md, sections 9.7 and 11.
///
/// Threads: the loop's thread only.
package final class RunFiles {
  package struct Progress: Sendable, Equatable {
    /// Uploads that had to be made, done and failed ones included. A live file counts each time.
    package var files: Int64 = 0
    package var filesDone: Int64 = 0
    package var filesFailed: Int64 = 0
    /// Of the same uploads. Units: bytes.
    package var bytes: Int64 = 0
    package var bytesDone: Int64 = 0
  }

  /// One path of the run and how far its upload is.
  final class Item {
    enum Stage { case resting, queued, hashing, naming, ready, sending, waiting }

    let path: String
    var isLive = false
    var isEnd = false
    var isOptional = false
    /// Bytes that are not on disk.
    var generated: [UInt8]?
    var stage = Stage.resting
    /// Was asked for while it was under way: looked at once more.
    var again = false
    /// What is going to be sent: the bytes whose digest this is.
    var content = SignedUpload.Content.bytes([])
    var local: LocalFile?
    var digest = ContentDigest([])
    var timeIsSettled = true
    /// Whether this upload is part of `progress`.
    var isCounted = false
    var size: Int64 = 0
    var tries = 0
    var freshURLs = 0
    var url = ""
    var headers: [HTTPHeader] = []
    var timer: UInt64?
    // Of live files: what the last look saw, since when it keeps changing, when the last upload began and ended.
    var seen: FileFacts?
    var restlessSince: Int64?
    var sentAt: Int64 = 0
    var sentFor: Int64 = 0

    init(_ path: String) { self.path = path }
  }

  let requester: Requester
  let entity: String
  let project: String
  let runID: String
  let directory: String
  let settings: SyncSettings
  let transfers: TransferQueue
  let hasher: FileHasher
  private let ignored: [[Unicode.Scalar]]
  var sender: any RequestSender { requester.sender }

  /// What the server has, by path: what was given at the start and what was sent since.
  var uploaded: [Key: UploadedFile] = [:]
  package internal(set) var progress = Progress()

  /// Whether live files are looked at while the run lasts. Default false: the log is that of a run that is over.
  package var isLive = false { didSet { watch() } }
  /// A file was sent, and so many bytes. To be named in the file stream's `uploaded`, and to be remembered. A path may
  /// come several times; the last entry holds.
  package var onUploaded: (_ entry: UploadedFiles.Entry, _ bytes: Int64) -> Void = { _, _ in }
  /// A file was left behind, and why.
  package var onNotice: (UploadNotice) -> Void = { _ in }
  /// Everything that was asked for is done or has failed. Live files are looked at all the same.
  package var onIdle: () -> Void = {}

  var items: [Key: Item] = [:]
  /// Items that are not at rest.
  var busy = 0
  var isFinishing = false
  var isCancelled = false
  private var checks: [Item] = []
  private var checkTimer: UInt64?
  var naming: [Item] = []
  var namingTimer: UInt64?
  var namesUnderWay = 0
  /// Items with a URL that is not used yet.
  var readyCount = 0
  var liveItems: [Item] = []
  var livePosition = 0
  var liveTimer: UInt64?
  var requests: Set<UInt64> = []
  var uploads: [ObjectIdentifier: SignedUpload] = [:]

  /// - Parameters:
  ///   - entity: as the server named it when the run was made; likewise project and run.
  ///   - filesDirectory: the run's `files`.
  ///   - remembered: what earlier processes have uploaded, as they were told by `onUploaded`.
  ///   - transfers: shared with others of the run; nil: its own, as wide as the settings say.
  package init(
    requester: Requester, entity: String, project: String, runID: String, filesDirectory: String,
    settings: SyncSettings, remembered: [UploadedFiles.Entry] = [], transfers: TransferQueue? = nil
  ) {
    self.requester = requester
    self.entity = entity
    self.project = project
    self.runID = runID
    directory = filesDirectory
    self.settings = settings
    for entry in remembered {
      guard let digest = ContentDigest(hex: entry.md5) else { continue }
      uploaded[Key(entry.path)] = UploadedFile(digest: digest, size: entry.size, modified: entry.modified)
    }
    self.transfers = transfers ?? TransferQueue(limit: settings.concurrentTransfers)
    hasher = FileHasher(sender: requester.sender)
    ignored = settings.ignoreGlobs.filter { !$0.isEmpty }.map { Array($0.unicodeScalars) }
  }

  /// Nothing is under way.
  package var isIdle: Bool { busy == 0 }
  /// Uploads that were made.
  package var done: Int64 { progress.filesDone }
  /// Files that the server did not take.
  package private(set) var leftBehind: Int64 = 0
  /// Files that are looked at, sent, or waited for.
  package var waiting: Int64 { Int64(busy) }

  // MARK: Asking

  /// Uploads a file below the files directory: at once, at the end, or at once and whenever it changes.
  ///
  /// Several policies for a path add up. Paths that match an ignore pattern are left out in silence.
  ///
  /// - Parameter ifThere: it is no trouble if there is no such file.
  package func add(_ path: String, _ policy: FilePolicy, ifThere: Bool = false) {
    guard !isCancelled, !isIgnored(path) else { return }
    guard LocalFile.isSafe(path) else {
      onNotice(notice(path, FileProblem.name.text))
      return
    }
    let item = item(path)
    item.generated = nil
    item.isOptional = ifThere
    switch policy {
    case .end:
      item.isEnd = true
      if isFinishing { wake(item) }
    case .live:
      if !item.isLive {
        item.isLive = true
        liveItems.append(item)
        watch()
      }
      wake(item)
    default: wake(item)
    }
  }

  /// Uploads bytes that the uploader made itself, at once.
  package func addGenerated(_ path: String, _ bytes: [UInt8]) {
    guard !isCancelled, LocalFile.isSafe(path), !isIgnored(path) else { return }
    let item = item(path)
    item.generated = bytes
    wake(item)
  }

  /// Uploads what was put off to the end, and live files a last time. More may be added afterwards.
  ///
  /// `onIdle` is called when all is done, even if there was nothing to do, but not from inside this call.
  package func finish() {
    guard !isCancelled else { return }
    isFinishing = true
    if let liveTimer { sender.cancelTimer(liveTimer) }
    liveTimer = nil
    if let namingTimer { sender.cancelTimer(namingTimer) }
    namingTimer = nil
    askWhenReady()
    for item in items.values where item.isEnd || item.isLive || item.stage == .waiting { wake(item) }
    sender.after(0) { [weak self] in self?.reportIdle() }
  }

  /// Gives everything up; nothing is called any more.
  package func cancel() {
    isCancelled = true
    onUploaded = { _, _ in }
    onNotice = { _ in }
    onIdle = {}
    for timer in [checkTimer, namingTimer, liveTimer] { if let timer { sender.cancelTimer(timer) } }
    for item in items.values { if let timer = item.timer { sender.cancelTimer(timer) } }
    hasher.cancel()
    for request in requests { requester.cancel(request) }
    for upload in uploads.values { upload.cancel() }
    items = [:]
    checks = []
    naming = []
    liveItems = []
    busy = 0
  }

  private func isIgnored(_ path: String) -> Bool {
    guard !ignored.isEmpty else { return false }
    let name = Array(path.unicodeScalars)
    return ignored.contains { Glob.matches($0, name) }
  }

  private func item(_ path: String) -> Item {
    let key = Key(path)
    if let item = items[key] { return item }
    let item = Item(path)
    items[key] = item
    return item
  }

  // MARK: Looking

  func wake(_ item: Item) {
    switch item.stage {
    case .queued: return
    case .hashing, .naming, .ready, .sending:
      item.again = true
      return
    case .resting: busy += 1
    case .waiting:
      if let timer = item.timer { sender.cancelTimer(timer) }
      item.timer = nil
    }
    item.stage = .queued
    checks.append(item)
    guard checkTimer == nil else { return }
    checkTimer = sender.after(0) { [weak self] in self?.check() }
  }

  private func check() {
    checkTimer = nil
    // Each costs a few system calls; others use the loop too.
    let batch = checks.prefix(128)
    checks.removeFirst(batch.count)
    for item in batch { check(item) }
    if !checks.isEmpty, checkTimer == nil {
      checkTimer = sender.after(0) { [weak self] in self?.check() }
    }
  }

  private func check(_ item: Item) {
    if let bytes = item.generated {
      item.local = nil
      item.timeIsSettled = false
      compare(item, ContentDigest(MD5.hash(bytes)), .bytes(bytes))
      return
    }
    switch LocalFile.find(item.path, in: directory) {
    case .failure(let problem): troubled(item, problem)
    case .success(let local):
      item.local = local
      if let known = uploaded[Key(item.path)], known.modified != 0, known.modified == local.facts.modified,
        known.size == local.facts.size
      {
        settle(item, known, sent: false)
        return
      }
      item.stage = .hashing
      hasher.hash(local.path) { [weak self] result in
        guard let self, !isCancelled else { return }
        switch result {
        case .failure(let problem): troubled(item, problem)
        case .success(let outcome):
          item.local = LocalFile(path: local.path, facts: outcome.facts)
          item.timeIsSettled = outcome.timeIsSettled
          compare(item, outcome.digest, .file(path: local.path, offset: 0, size: outcome.facts.size))
        }
      }
    }
  }

  private func compare(_ item: Item, _ digest: ContentDigest, _ content: SignedUpload.Content) {
    let size = content.size
    item.digest = digest
    item.content = content
    if var known = uploaded[Key(item.path)], known.digest == digest, known.size == size {
      known.modified = item.timeIsSettled ? item.local?.facts.modified ?? 0 : 0
      uploaded[Key(item.path)] = known
      settle(item, known, sent: false)
      return
    }
    count(item, size)
    item.freshURLs = 0
    name(item)
  }

  /// An upload that is tried again is one upload.
  private func count(_ item: Item, _ size: Int64) {
    if item.isCounted {
      progress.bytes += size - item.size
    } else {
      item.isCounted = true
      progress.files += 1
      progress.bytes += size
    }
    item.size = size
  }

  // MARK: Ends

  /// The server has the file.
  func settle(_ item: Item, _ file: UploadedFile, sent: Bool) {
    if item.isCounted {
      progress.filesDone += 1
      progress.bytesDone += item.size
    }
    // Before the caller hears of it, who would take the run for finished.
    if rest(item) { wake(item) }
    if sent {
      let entry = UploadedFiles.Entry(
        path: item.path, size: file.size, modified: file.modified, md5: file.digest.hex)
      onUploaded(entry, file.size)
    }
    reportIdle()
  }

  /// - Parameter mayWorkLater: the server's doing, not the file's: another upload of the log should try again.
  func fail(_ item: Item, _ reason: String, mayWorkLater: Bool) {
    if !item.isCounted { count(item, 0) }
    progress.filesFailed += 1
    if mayWorkLater { leftBehind += 1 }
    progress.bytes -= item.size
    if rest(item) { wake(item) }
    onNotice(notice(item.path, reason))
    reportIdle()
  }

  /// Returns whether it has to be looked at again.
  private func rest(_ item: Item) -> Bool {
    item.stage = .resting
    item.isCounted = false
    item.tries = 0
    item.url = ""
    item.headers = []
    item.content = .bytes([])
    busy -= 1
    let again = item.again && !isCancelled
    item.again = false
    if !again && !item.isLive && !item.isEnd { items[Key(item.path)] = nil }
    return again
  }

  func reportIdle() {
    if busy == 0 { onIdle() }
  }

  /// A file that cannot be read. It may be there later: a record can come before its file where a directory is shared.
  func troubled(_ item: Item, _ problem: FileProblem) {
    let limit = isFinishing ? 1 : 5
    if problem.isPassing && item.tries < limit && !(problem == .missing && isFinishing) {
      let wait = isFinishing ? 500_000_000 : Int64(1_000_000_000) << Int64(item.tries)
      item.tries += 1
      later(item, wait)
    } else if problem == .missing && (item.isOptional || item.isLive && !isFinishing) {
      // A live one that comes later is found by the look each second.
      if rest(item) { wake(item) }
      reportIdle()
    } else {
      fail(item, problem.text, mayWorkLater: false)
    }
  }

  /// Puts an item aside.
  func later(_ item: Item, _ wait: Int64) {
    item.stage = .waiting
    item.timer = sender.after(wait) { [weak self] in
      item.timer = nil
      guard let self, item.stage == .waiting else { return }
      wake(item)
    }
  }

  func notice(_ path: String, _ reason: String) -> UploadNotice {
    UploadNotice(.warning, kind: "file_not_uploaded", "file \(path) was not uploaded: it \(reason)")
  }
}
