import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords
import Synchronization

/// A table as it was when it was logged, and the two files made of it.
///
/// The files of ordinary tables are made on a worker thread. Increments are made by the writer: their content names
/// the artifacts of the increments before them.
final class TableSnapshot: Sendable {
  struct Files: Sendable {
    var runFile: [UInt8]
    var sha256: String
    var artifact: TableArtifact
  }

  private enum Source { case table(Table), curve(CurveJob) }

  private let source: Source
  let version: Int
  private let cellMedia: [Int: Media]
  private let isDeferred: Bool
  private let result = Mutex<Result<Files, MediaError>?>(nil)
  private let done = Atomic<Bool>(false)

  /// The entry's name until the key is known.
  static let provisionalEntry = "table.table.json"

  init?(_ media: Media) {
    let found: (Source, Int, [Int: Media])? = media.state.withLock { state in
      switch state.content {
      case .table(let table): (.table(table), state.tableVersion, state.cellMedia)
      case .curve(let job): (.curve(job), 0, [:])
      default: nil
      }
    }
    guard let found else { return nil }
    let (source, version, cellMedia) = found
    self.source = source
    let logMode: Table.LogMode = if case .table(let table) = source { table.logMode } else { .immutable }
    self.version = version
    self.cellMedia = cellMedia
    // A table that was handed over before is not encoded again unless it has changed since.
    let seen = media.state.withLock { state in
      let last = state.handedVersion
      state.handedVersion = version
      return last >= 0 && (logMode == .immutable || last == version)
    }
    isDeferred = seen || logMode == .incremental
  }

  /// The rows. Those of a curve are computed at the first call.
  func table() throws(MediaError) -> Table {
    switch source {
    case .table(let table): table
    case .curve(let job): try job.table()
    }
  }

  var isReady: Bool { isDeferred || done.load(ordering: .acquiring) }

  /// Makes the files, unless that is left to the writer or known to be needless.
  func encode() {
    if isDeferred { return }
    _ = files(plan: nil)
    done.store(true, ordering: .releasing)
  }

  /// The files, made now if they are not there yet.
  func files(plan: TableLogPlan?) -> Result<Files, MediaError> {
    if plan?.incrementNumber == nil, let ready = result.withLock({ $0 }) { return ready }
    for media in cellMedia.values { media.finishEncoding() }
    let made: Result<Files, MediaError>
    do throws(MediaError) {
      let table = try table()
      let artifact = try table.artifact(entry: Self.provisionalEntry, plan: plan) { cell throws(MediaError) in
        try self.artifactForm(cell)
      }
      let runFile = try table.runFile(rows: plan?.rows)
      made = .success(
        Files(runFile: runFile, sha256: hexText(runFile.withUnsafeBytes { SHA256.hash($0) }), artifact: artifact))
    } catch {
      made = .failure(error)
    }
    if plan?.incrementNumber == nil { result.withLock { $0 = made } }
    return made
  }

  private func artifactForm(_ cell: TableMedia) throws(MediaError) -> TableMediaForm {
    guard let media = cellMedia[cell.id] else { throw MediaError(.type, "cell: the medium is not known any more") }
    switch media.state.withLock({ $0.content }) {
    case .inline(let row, _): return TableMediaForm(json: row, files: [])
    case .file(let file):
      var fields = JSONObject()
      for (name, value) in file.members.members { fields[name] = value }
      if let name = file.userName {
        let path = "media/\(file.folder)/\(file.sha256.prefix(MediaNames.digestDigits))/\(name)"
        var json: JSONObject = ["_type": .string(file.type)]
        if let caption = media.caption { json["caption"] = .string(caption) }
        json["path"] = .string(path)
        json["sha256"] = .string(file.sha256)
        for (key, value) in fields.members { json[key] = value }
        guard let bytes = file.content.read() else { throw MediaError(.io, "\(name): cannot be read any more") }
        return TableMediaForm(json: .object(json), files: [ArtifactFile(path: path, bytes: bytes)])
      }
      return .file(
        type: file.type, folder: "media/" + file.folder, bytes: file.content.read() ?? [], ext: file.fileExtension,
        caption: media.caption, fields: fields)
    case .failed(let reason): throw MediaError(.value, reason)
    default: throw MediaError(.type, "cell: a value of this kind has no form in an artifact")
    }
  }
}

extension MediaBinder {
  /// Writes a table: its artifact, its run file, and the value of the row.
  mutating func bindTable(_ snapshot: TableSnapshot, media: Media, key: String) -> JSON? {
    let context = writer.context
    do throws(MediaError) {
      var table = try snapshot.table()
      if var log = tableLog(media) {
        switch table.logMode {
        case .immutable: break
        case .mutable: if log.version != snapshot.version { log.state.binding = nil }
        case .incremental: if log.state.writtenRows < table.rowCount { log.state.binding = nil }
        }
        table.log = log.state
      } else {
        table.log = TableLogState()
      }
      let plan = try table.prepareLog(runID: context.runID)
      guard plan.mustWrite else { return table.loggedValue }
      let entry = try plan.entryPath(key: key, epochMilliseconds: Clock.wall() / 1_000_000)
      let files = try snapshot.files(plan: plan.incrementNumber == nil ? nil : plan).get()
      let path = MediaNames.mediaFileName(
        folder: "media/table", key: key, step: label, digest: files.sha256, ext: ".table.json")
      guard write(files.runFile, to: path, key: key) else { return nil }
      guard let artifact = stage(files.artifact, entry: entry, key: key) else { return nil }

      let clientID = RandomText.make(128)
      let sequenceID = RandomText.make(128)
      var record = artifact
      record.runID = context.runID
      record.project = writer.identity?.project ?? ""
      record.entity = writer.identity?.entity ?? ""
      record.type = plan.artifactType
      record.name = plan.artifactName(runID: context.runID, key: key)
      record.clientID = clientID
      record.sequenceClientID = sequenceID
      record.incrementalBeta1 = plan.incrementNumber != nil
      let writer = writer
      let streamID = context.runID
      self.record {
        writer.stream.append(.artifact(record), streamID: streamID)
        writer.appendFile(path)
      }
      let binding = TableBinding(
        sha256: files.sha256, size: files.runFile.count, path: MediaNames.collapsedSlashes(path),
        artifactPath: "wandb-client-artifact://\(clientID)/\(entry)",
        latestArtifactPath: "wandb-client-artifact://\(sequenceID):latest/\(entry)")
      table.didLog(plan, runID: context.runID, binding: binding)
      setTableLog(Media.TableLog(state: table.log, version: snapshot.version), media)
      return table.loggedValue(for: table.log.binding ?? binding)
    } catch {
      writer.drop(kind: "table_failed", "\(key): \(error.message); the row is kept without the table")
      return nil
    }
  }

  /// Copies the artifact's files to where the upload takes them from, and describes them.
  private mutating func stage(_ artifact: TableArtifact, entry: String, key: String) -> ArtifactRecord? {
    var manifest = ArtifactManifest()
    manifest.version = 1
    manifest.storagePolicy = "wandb-storage-policy-v1"
    var layout = StoragePolicyConfigItem()
    layout.key = "storageLayout"
    layout.valueJSON = "\"V2\""
    manifest.storagePolicyConfig = [layout]
    var named: [(path: String, digest: String)] = []
    for file in artifact.files {
      let path = file.path == TableSnapshot.provisionalEntry ? entry : file.path
      var item = ArtifactManifestEntry()
      item.path = path
      item.digest = file.digest
      item.size = Int64(file.size)
      switch file.content {
      case .file(let source): item.localPath = source
      case .bytes(let bytes):
        let staged = writer.context.stagingDirectory + "/tmp" + RandomText.make(8)
        let code = FileTools.writeFile(staged, bytes)
        if code != 0 {
          writer.writeErrors &+= 1
          writer.drop(
            kind: "media_failed",
            "\(key): cannot write \(staged): \(FileTools.errorText(code)); the row is kept without the table")
          return nil
        }
        noteStaged(staged)
        item.localPath = staged
      }
      named.append((path, file.digest))
      manifest.contents.append(item)
    }
    manifest.contents.sort { Key($0.path) < Key($1.path) }
    var record = ArtifactRecord()
    record.digest = MediaNames.artifactDigest(named)
    record.aliases = ["latest"]
    record.manifest = manifest
    record.finalize = true
    record.digestAlgorithm = "MANIFEST_MD5"
    return record
  }
}

/// Random names of a-z and 0-9.
enum RandomText {
  private static let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)

  static func make(_ count: Int) -> String {
    var generator = SystemRandomNumberGenerator()
    var text: [UInt8] = []
    text.reserveCapacity(count)
    var rest: UInt64 = 0
    for at in 0..<count {
      // Eight letters of one draw: 36^8 is so far below 2^64 that none is likelier than another by more than 1e-6.
      if at % 8 == 0 { rest = generator.next() }
      text.append(letters[Int(rest % 36)])
      rest /= 36
    }
    return String(decoding: text, as: UTF8.self)
  }
}
