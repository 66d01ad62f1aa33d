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
  private let limits: TableLimits
  private let isDeferred: Bool
  private let result = Mutex<Result<Files, MediaError>?>(nil)
  private let done = Atomic<Bool>(false)

  /// The entry's name until the key is known.
  static let provisionalEntry = "table.table.json"

  /// For a log call.
  convenience init?(_ media: Media, limits: TableLimits = TableLimits()) {
    // A table that was handed over before is not encoded again unless it has changed since.
    self.init(media, limits) { state, table in
      let last = state.handedVersion
      state.handedVersion = state.tableVersion
      state.handedRows = table?.rowCount ?? 0
      let mode = table?.logMode ?? .immutable
      return mode == .incremental || (last >= 0 && (mode == .immutable || last == state.tableVersion))
    }
  }

  /// As an object of an artifact; nil for other media.
  convenience init?(partOfArtifact media: Media, limits: TableLimits = TableLimits()) {
    self.init(media, limits) { _, _ in true }
  }

  private init?(_ media: Media, _ limits: TableLimits, isDeferred: (inout Media.State, Table?) -> Bool) {
    typealias Found = (Source, Int, [Int: Media], TableLimits, Bool)
    let found: Found? = media.state.withLock { state in
      switch state.content {
      case .table(let table):
        (
          .table(table), state.tableVersion, state.cellMedia, limits.overridden(by: state.ownLimits),
          isDeferred(&state, table)
        )
      case .curve(let job): (.curve(job), 0, [:], limits, isDeferred(&state, nil))
      default: nil
      }
    }
    guard let found else { return nil }
    (source, version, cellMedia, self.limits, self.isDeferred) = found
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
    let made: Result<Files, MediaError>
    do throws(MediaError) {
      let artifact = try artifact(entry: Self.provisionalEntry, plan: plan)
      let runFile = try table().runFile(rows: plan?.rows, limit: limits.runRows)
      made = .success(
        Files(runFile: runFile, sha256: hexText(runFile.withUnsafeBytes { SHA256.hash($0) }), artifact: artifact))
    } catch {
      made = .failure(error)
    }
    if plan?.incrementNumber == nil { result.withLock { $0 = made } }
    return made
  }

  /// The table as a part of an artifact, under any name.
  func artifact(entry: String, plan: TableLogPlan? = nil) throws(MediaError) -> TableArtifact {
    for media in cellMedia.values { media.finishEncoding() }
    return try table().artifact(entry: entry, plan: plan, limit: limits.artifactRows) { cell throws(MediaError) in
      try self.artifactForm(cell)
    }
  }

  private func artifactForm(_ cell: TableMedia) throws(MediaError) -> TableMediaForm {
    guard let media = cellMedia[cell.id] else { throw MediaError(.type, "cell: the medium is not known any more") }
    return try media.artifactForm()
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
      // A table of an artifact of the user is referred to there.
      let place = plan.incrementNumber == nil ? media.place(version: snapshot.version) : nil
      let target: ArtifactPlace
      if let place, place.isOfUser {
        guard recordReference(place, entry: entry, key: key) else { return nil }
        target = place
      } else {
        guard
          let made = recordArtifact(
            files.artifact.files.map { file in
              var file = file
              if file.path == TableSnapshot.provisionalEntry { file.path = entry }
              return file
            }, entry: entry, key: key, type: plan.artifactType,
            name: plan.artifactName(runID: context.runID, key: key), isIncremental: plan.incrementNumber != nil)
        else { return nil }
        if files.artifact.isCut { writer.reportCut(key) }
        target = made
        var placed = made
        placed.version = snapshot.version
        if plan.incrementNumber == nil { record { media.setPlace(placed) } }
      }
      let writer = writer
      record { writer.appendFile(path) }
      let binding = TableBinding(
        sha256: files.sha256, size: files.runFile.count, path: MediaNames.collapsedSlashes(path),
        artifactPath: target.url, latestArtifactPath: target.latestURL)
      table.didLog(plan, runID: context.runID, binding: binding)
      setTableLog(Media.TableLog(state: table.log, version: snapshot.version), media)
      return table.loggedValue(for: table.log.binding ?? binding)
    } catch {
      writer.drop(kind: "table_failed", "\(key): \(error.message); the row is kept without the table")
      return nil
    }
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
