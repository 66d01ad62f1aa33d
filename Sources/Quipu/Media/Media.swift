import Glibc
import QuipuBase
import QuipuMedia
import Synchronization

/// A value that is more than a number: an image, a histogram, a point cloud, a table, a list of these.
///
/// A medium may be logged any number of times and by several runs. What a log call needs is kept until it is written;
/// the caller may let go at once.
///
/// Threads: all calls from any thread. Blocking: making an image copies its pixels; encoding happens on library threads.
public final class Media: Sendable {
  /// What kind of value it is.
  enum Kind: Sendable {
    case image, histogram, object3D, table, array, list, audio, video, html, molecule, plotly, bokeh, graph, chart
    case joinedTable, partitionedTable
    /// What belongs to an image.
    case mask, boxes, classes

    /// Whether logging it makes an artifact.
    var makesArtifacts: Bool { self == .table || self == .joinedTable || self == .partitionedTable }
  }

  enum Content: Sendable {
    /// What still has to be encoded.
    case pending(any PendingFile)
    case file(FileValue)
    /// A value without a file: its form in a row and in the summary.
    case inline(row: JSON, summary: JSON)
    case table(Table)
    /// The table of a chart, computed when it is written.
    case curve(CurveJob)
    case list([Media])
    case chart(ChartValue)
    /// A value that exists in artifacts only.
    case artifactValue(ArtifactValue)
    /// What lies over an image.
    case layer(ImageLayer)
    /// Encoding failed: the reason.
    case failed(String)
  }

  struct TableLog: Sendable {
    var state: TableLogState
    var version: Int
  }

  struct State: Sendable {
    var content: Content
    /// Number of forks at the time the value was first logged and at the time a thread began it; nil: neither yet. After a
    /// fork those were another process's threads.
    var queuedSince: Int?
    var encodingSince: Int?
    /// What the first log call of a run wrote: run id to value. Logging it again repeats it.
    var bound: [String: JSON] = [:]
    /// Grows with every change of a table.
    var tableVersion = 0
    /// Media in the cells of a table, by the number the cells know them by.
    var cellMedia: [Int: Media] = [:]
    /// The version of the table that was last handed to the writer, -1 before the first.
    var handedVersion = -1
    /// Its rows at that time.
    var handedRows = 0
    /// Limits of this table alone.
    var ownLimits: (run: Int?, artifact: Int?) = (nil, nil)
    /// What the writer has done with the table, by run.
    var tableLogs: [String: TableLog] = [:]
    /// Where it lies in an artifact, once the writer has recorded that.
    var place: ArtifactPlace?
    /// The version of the table that a call put into an artifact and logged; 0 for other media. Nil: no call did.
    var placedVersion: Int?
  }

  private static let nextSerial = Atomic<UInt64>(1)
  /// Tells media apart.
  let serial = Media.nextSerial.add(1, ordering: .relaxed).oldValue
  let kind: Kind
  let caption: String?
  let state: Mutex<State>

  init(_ kind: Kind, _ content: Content, caption: String? = nil) {
    self.kind = kind
    self.caption = caption
    state = Mutex(State(content: content))
  }

  /// About how many bytes the value keeps in memory until it is written.
  var weight: Int {
    let list: (Int, [Media]) = state.withLock { state in
      switch state.content {
      case .pending(let work): (work.byteCount, [])
      case .file(let file): (file.parts.reduce(file.content.byteCount) { $0 &+ $1.file.content.byteCount }, [])
      case .chart(let chart): (0, [chart.table])
      case .table(let table): (table.rowCount &* table.columnCount &* 16, Array(state.cellMedia.values))
      case .curve(let job): (job.byteCount, [])
      case .list(let items): (0, items)
      default: (0, [])
      }
    }
    return list.1.reduce(list.0) { $0 &+ $1.weight }
  }

  /// True when the writer can use the value without waiting.
  var isReady: Bool {
    let list: [Media]? = state.withLock { state in
      switch state.content {
      case .pending: nil
      case .list(let items): items
      default: []
      }
    }
    guard let list else { return false }
    return list.allSatisfy(\.isReady)
  }

  /// The table behind a chart.
  var chartTable: Media? {
    state.withLock { state in
      if case .chart(let chart) = state.content { chart.table } else { nil }
    }
  }

  /// Media of this value, cells of tables included, that nobody has asked to encode yet; marks them as asked for.
  func takeUnencoded() -> [Media] {
    let items: [Media]? = state.withLock { state in
      let generation = ProcessState.generation.load(ordering: .relaxed)
      let isQueued = state.queuedSince == generation
      state.queuedSince = generation
      switch state.content {
      case .pending: return isQueued ? [] : nil
      case .list(let items): return items
      case .table: return Array(state.cellMedia.values)
      case .chart(let chart): return [chart.table]
      default: return []
      }
    }
    guard let items else { return [self] }
    return items.flatMap { $0.takeUnencoded() }
  }

  /// Encodes the content, unless another thread has begun to. Called on a library thread.
  func encode() {
    let work: (any PendingFile)? = state.withLock { state in
      guard case .pending(let work) = state.content else { return nil }
      let generation = ProcessState.generation.load(ordering: .relaxed)
      if state.encodingSince == generation { return nil }
      state.encodingSince = generation
      return work
    }
    guard let work else { return }
    let content: Content
    do throws(MediaError) { content = .file(try work.encode()) } catch { content = .failed(error.message) }
    state.withLock { $0.content = content }
  }

  /// Encodes what is not encoded yet, here where no other thread is at it. Afterwards the value is ready.
  func finishEncoding() {
    let items: [Media] = state.withLock { state in
      switch state.content {
      case .list(let items): items
      default: []
      }
    }
    for item in items { item.finishEncoding() }
    encode()
    // A thread that has begun is running, so this ends.
    while !isReady { usleep(200) }
  }
}

extension QuipuError {
  /// A refusal of the media module in the words of the contract.
  package init(_ error: MediaError) {
    let code: Code
    switch error.code {
    case .type: code = .value
    case .io: code = .file
    case .fileNotFound: code = .notFound
    case .unidentifiedImage: code = .format
    case .memory: code = .tooLarge
    case .runtime: code = .shape
    default: code = .value
    }
    self.init(code, kind: error.kind, error.message)
  }
}

extension MediaError {
  /// The stable word for this kind of refusal.
  var kind: String {
    switch code {
    case .type: "media_type"
    case .index: "media_index"
    case .io: "media_io"
    case .fileNotFound: "file_not_found"
    case .unidentifiedImage: "image_unidentified"
    case .runtime: "media_runtime"
    case .key: "media_key"
    case .memory: "media_too_large"
    case .unsupported: "media_unsupported"
    case .assertion: "media_assertion"
    case .notFinite: "histogram_not_finite"
    default: "media_value"
    }
  }
}
