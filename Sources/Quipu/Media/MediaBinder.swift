import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords

/// Puts the media of one call into the run: writes their files, records them, and replaces each placeholder by the
/// value that rows and summary hold.
///
/// Files come first, records last, so that a full disk can be waited for without leaving half a call in the log: what is
/// recorded, and what media remember of being logged, takes effect only when the whole call is bound.
///
/// Source: W&B's rich data types, "Rules common to all types".
struct MediaBinder {
  let writer: RunWriter
  let ids: [UInt64]
  /// The counter, or the word `summary`, that enters file names.
  let label: String
  private var records: [() -> Void] = []
  private var mustWait = false
  // What this call has bound so far, by the medium's number: a second use in the same call repeats the first.
  private var bound: [UInt64: JSON] = [:]
  private var tableLogs: [UInt64: Media.TableLog] = [:]
  // Files with names of their own, which a later attempt would not find again.
  private var staged: [String] = []
  // Tables of charts, which stand at the top level of the row under keys of their own.
  private var chartTables: [(key: String, value: JSON)] = []

  static let placeholder: Key = "$quipu"

  init(writer: RunWriter, ids: [UInt64], label: String) {
    self.writer = writer
    self.ids = ids
    self.label = label
  }

  /// - Returns: nil if a file cannot be written now (the disk is full): to be called again later.
  mutating func bindRow(_ row: JSONObject) -> JSONObject? {
    var result = JSONObject()
    for (key, value) in row.members {
      if let bound = bind(value, path: [key.string]) { result[key] = bound }
      if mustWait { return giveUp() }
    }
    for table in chartTables { result[Key(table.key)] = table.value }
    for record in records { record() }
    return result
  }

  mutating func bindSummary(_ value: JSON, key: String) -> JSON? {
    let bound = bind(value, path: [key], inSummary: true)
    if mustWait { return giveUp() }
    for record in records { record() }
    return bound ?? .null
  }

  private func giveUp<R>() -> R? {
    for path in staged { unlink(path) }
    return nil
  }

  /// - Returns: nil if the value has to be left out.
  private mutating func bind(_ value: JSON, path: [String], inSummary: Bool = false) -> JSON? {
    let key = path.last ?? ""
    switch value {
    case .object(let object):
      if let id = mediumID(value) { return bindMedia(id, path: path, inSummary: inSummary) }
      var result = JSONObject()
      for (inner, value) in object.members {
        if let bound = bind(value, path: path + [inner.string], inSummary: inSummary) { result[inner] = bound }
        if mustWait { return nil }
      }
      return .object(result)
    case .array(let elements):
      let items = elements.compactMap { mediumID($0).flatMap { writer.media.item($0) } }
      if !elements.isEmpty, items.count == elements.count {
        return bindList(items.map(\.media), items: items, key: key, inSummary: inSummary)
      }
      var result: [JSON] = []
      for element in elements {
        if let bound = bind(element, path: path, inSummary: inSummary) { result.append(bound) }
        if mustWait { return nil }
      }
      return .array(result)
    default: return value
    }
  }

  /// The number of the medium that a value stands for.
  private func mediumID(_ value: JSON) -> UInt64? {
    guard let object = value.objectValue, object.count == 1, let index = object[Self.placeholder]?.intValue, index >= 0,
      index < Int64(ids.count)
    else { return nil }
    return ids[Int(index)]
  }

  private mutating func bindMedia(_ id: UInt64, path: [String], inSummary: Bool) -> JSON? {
    let key = path.last ?? ""
    guard let item = writer.media.item(id) else {
      writer.drop(kind: "media_lost", "\(key): the media of a call were lost with the process; the row is kept without")
      return nil
    }
    if case .chart(let chart) = item.media.state.withLock({ $0.content }) {
      bindChart(chart, item, key: path.joined(separator: "."))
      return nil
    }
    return bindItem(item, key: key, inSummary: inSummary)
  }

  /// Writes the table of a chart, and to the config how it is drawn.
  private mutating func bindChart(_ chart: ChartValue, _ item: PendingMediaStore.Item, key: String) {
    let tableKey = chart.panel.tableKey(key)
    guard let snapshot = item.table, let value = bindTable(snapshot, media: chart.table, key: tableKey) else { return }
    chartTables.append((tableKey, value))
    recordConfig(["_wandb", chart.panel.configMember.string, key], chart.panel.configEntry(key))
  }

  mutating func bindItem(_ item: PendingMediaStore.Item, key: String, inSummary: Bool) -> JSON? {
    let media = item.media
    switch media.state.withLock({ $0.content }) {
    case .inline(let row, let summary): return inSummary ? summary : row
    case .list(let items): return bindList(items, items: [], key: key, inSummary: inSummary)
    case .table, .curve:
      guard let snapshot = item.table else { return nil }
      return bindTable(snapshot, media: media, key: key)
    case .artifactValue(let value): return bindArtifactValue(value, item, key: key)
    case .file(let file):
      if let earlier = known(media) { return earlier }
      guard let value = bindFile(file, media: media, key: key) else { return nil }
      remember(media, value, owner: owner)
      return value
    case .failed(let reason):
      writer.drop(kind: "media_failed", "\(key): \(reason); the row is kept without it")
      return nil
    // Charts stand in dictionaries only, layers in images: the calls refuse them elsewhere.
    case .chart, .layer, .pending: return nil
    }
  }

  /// What the first log call of the run made of a medium, this call included.
  func known(_ media: Media) -> JSON? {
    let owner = owner
    return bound[media.serial] ?? media.state.withLock { $0.bound[owner] }
  }

  mutating func remember(_ media: Media, _ value: JSON, owner: String) {
    bound[media.serial] = value
    records.append { media.state.withLock { $0.bound[owner] = value } }
  }

  /// Writes the files of one value and makes its JSON form.
  ///
  /// - Parameter caption: whether the value tells the medium's caption.
  mutating func bindFile(_ file: FileValue, media: Media, caption: Bool = true, key: String) -> JSON? {
    guard var value = bindOneFile(file, media: media, caption: caption, key: key) else { return nil }
    for (name, member) in file.members.members { value[name] = member }
    for part in file.parts {
      guard let bound = bindOneFile(part.file, media: nil, caption: false, key: key) else { return nil }
      var members = value[part.member]?.objectValue ?? JSONObject()
      members[Key(part.name)] = .object(bound)
      value[part.member] = .object(members)
      if let labels = part.labels { recordLabels(labels, key: key) }
    }
    return .object(value)
  }

  private mutating func bindOneFile(
    _ file: FileValue, media: Media?, caption: Bool, key: String
  ) -> JSONObject? {
    let path = MediaNames.mediaFileName(
      folder: "media/" + file.folder, key: key, step: label, digest: file.sha256, ext: file.fileExtension)
    guard write(file.content, to: path, key: key) else { return nil }
    let writer = writer
    records.append { writer.appendFile(path) }
    var value = JSONObject()
    if caption, let caption = media?.caption { value["caption"] = .string(caption) }
    value["_type"] = .string(file.type)
    value["sha256"] = .string(file.sha256)
    value["size"] = .int(file.content.size)
    if let place = media?.place(version: 0) {
      value["artifact_path"] = .string(place.url)
      value["_latest_artifact_path"] = .string(place.latestURL)
    }
    value["path"] = .string(MediaNames.collapsedSlashes(path))
    return value
  }

  private mutating func recordLabels(_ labels: ClassLabels, key: String) {
    // The misspelt word is part of the format.
    let name = "\(key)_wandb_delimeter_\(labels.key)"
    recordConfig(
      ["_wandb", labels.group, name],
      ["type": .string(labels.group), "key": .string(name), "value": .object(labels.names)])
  }

  /// Sets one member of the config.
  private mutating func recordConfig(_ path: [String], _ value: JSON) {
    let writer = writer
    let streamID = writer.context.runID
    records.append {
      var item = ConfigItem()
      item.nestedKey = path
      item.valueJSON = value.text(style: .client)
      var record = ConfigRecord()
      record.update = [item]
      writer.stream.append(.config(record), streamID: streamID)
    }
  }

  mutating func write(_ bytes: [UInt8], to path: String, key: String) -> Bool { write(.bytes(bytes), to: path, key: key) }

  /// - Returns: false if the value has to be left out, or (with `mustWait`) tried again.
  private mutating func write(_ content: FileContent, to path: String, key: String) -> Bool {
    let full = writer.context.filesDirectory + "/" + path
    let code = content.write(to: full)
    if code == 0 { return true }
    if code == ENOSPC || code == EDQUOT || code == EIO {
      mustWait = true
      writer.mediaFailed(code, full)
      return false
    }
    if code == OpenedFile.unreadable {
      writer.drop(
        kind: "media_failed",
        "\(key): the file behind \(path) has changed or cannot be read any more; the row is kept without it")
      return false
    }
    writer.writeErrors &+= 1
    writer.drop(
      kind: "media_failed", "\(key): cannot write \(full): \(FileTools.errorText(code)); the row is kept without it")
    return false
  }

  mutating func record(_ action: @escaping () -> Void) { records.append(action) }

  /// What media know this run by.
  var owner: String { writer.context.runID + "\n" + writer.context.logPath }

  /// What the run has done with a table so far, this call included.
  func tableLog(_ media: Media) -> Media.TableLog? {
    let owner = owner
    return tableLogs[media.serial] ?? media.state.withLock { $0.tableLogs[owner] }
  }

  mutating func setTableLog(_ log: Media.TableLog, _ media: Media) {
    let owner = owner
    tableLogs[media.serial] = log
    records.append { media.state.withLock { $0.tableLogs[owner] = log } }
  }

  mutating func noteStaged(_ path: String) { staged.append(path) }

  /// The disk is full: the call is to be tried again.
  mutating func wait(_ code: Int32, _ path: String) {
    mustWait = true
    writer.mediaFailed(code, path)
  }

  var isWaiting: Bool { mustWait }
}
