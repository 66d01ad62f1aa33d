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

  static let placeholder: Key = "$quipu"
  /// Most images kept of a list.
  static let maximumImages = 108

  init(writer: RunWriter, ids: [UInt64], label: String) {
    self.writer = writer
    self.ids = ids
    self.label = label
  }

  /// - Returns: nil if a file cannot be written now (the disk is full): to be called again later.
  mutating func bindRow(_ row: JSONObject) -> JSONObject? {
    var result = JSONObject()
    for (key, value) in row.members {
      if let bound = bind(value, key: key.string) { result[key] = bound }
      if mustWait { return giveUp() }
    }
    for record in records { record() }
    return result
  }

  mutating func bindSummary(_ value: JSON, key: String) -> JSON? {
    let bound = bind(value, key: key, inSummary: true)
    if mustWait { return giveUp() }
    for record in records { record() }
    return bound ?? .null
  }

  private func giveUp<R>() -> R? {
    for path in staged { unlink(path) }
    return nil
  }

  /// - Returns: nil if the value has to be left out.
  private mutating func bind(_ value: JSON, key: String, inSummary: Bool = false) -> JSON? {
    switch value {
    case .object(let object):
      if object.count == 1, let index = object[Self.placeholder]?.intValue, index >= 0, index < Int64(ids.count) {
        return bindMedia(ids[Int(index)], key: key, inSummary: inSummary)
      }
      var result = JSONObject()
      for (inner, value) in object.members {
        if let bound = bind(value, key: inner.string, inSummary: inSummary) { result[inner] = bound }
        if mustWait { return nil }
      }
      return .object(result)
    case .array(let elements):
      let items = elements.compactMap { element -> PendingMediaStore.Item? in
        guard let object = element.objectValue, object.count == 1, let index = object[Self.placeholder]?.intValue,
          index >= 0, index < Int64(ids.count)
        else { return nil }
        return writer.media.item(ids[Int(index)])
      }
      if !elements.isEmpty, items.count == elements.count {
        return bindList(items.map(\.media), items: items, key: key, inSummary: inSummary)
      }
      var result: [JSON] = []
      for element in elements {
        if let bound = bind(element, key: key, inSummary: inSummary) { result.append(bound) }
        if mustWait { return nil }
      }
      return .array(result)
    default: return value
    }
  }

  private mutating func bindMedia(_ id: UInt64, key: String, inSummary: Bool) -> JSON? {
    guard let item = writer.media.item(id) else {
      writer.drop(kind: "media_lost", "\(key): the media of a call were lost with the process; the row is kept without")
      return nil
    }
    return bindItem(item, key: key, inSummary: inSummary)
  }

  private mutating func bindItem(_ item: PendingMediaStore.Item, key: String, inSummary: Bool) -> JSON? {
    let media = item.media
    switch media.state.withLock({ $0.content }) {
    case .inline(let row, let summary): return inSummary ? summary : row
    case .list(let items): return bindList(items, items: [], key: key, inSummary: inSummary)
    case .table:
      guard let snapshot = item.table else { return nil }
      return bindTable(snapshot, media: media, key: key)
    case .file(let file):
      let owner = owner
      if let earlier = bound[media.serial] ?? media.state.withLock({ $0.bound[owner] }) { return earlier }
      guard let value = bindFile(file, caption: media.caption, key: key) else { return nil }
      bound[media.serial] = value
      records.append { media.state.withLock { $0.bound[owner] = value } }
      return value
    case .failed(let reason):
      writer.drop(kind: "media_failed", "\(key): \(reason); the row is kept without it")
      return nil
    case .pixels: return nil
    }
  }

  /// Writes the file of one value and makes its JSON form.
  private mutating func bindFile(_ file: Media.FileValue, caption: String?, key: String) -> JSON? {
    let path = MediaNames.mediaFileName(
      folder: "media/" + file.folder, key: key, step: label, digest: file.sha256, ext: file.fileExtension)
    guard write(file.bytes, to: path, key: key) else { return nil }
    let writer = writer
    records.append { writer.appendFile(path) }
    var value = JSONObject()
    if let caption { value["caption"] = .string(caption) }
    value["_type"] = .string(file.type)
    value["sha256"] = .string(file.sha256)
    value["size"] = .int(Int64(file.bytes.count))
    value["path"] = .string(MediaNames.collapsedSlashes(path))
    for (name, member) in file.members.members { value[name] = member }
    return .object(value)
  }

  /// - Returns: false if the value has to be left out, or (with `mustWait`) tried again.
  mutating func write(_ bytes: [UInt8], to path: String, key: String) -> Bool {
    let full = writer.context.filesDirectory + "/" + path
    let code = FileTools.writeFile(full, bytes)
    if code == 0 { return true }
    if code == ENOSPC || code == EDQUOT || code == EIO {
      mustWait = true
      writer.mediaFailed(code, full)
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

  // MARK: Lists

  private mutating func bindList(
    _ media: [Media], items: [PendingMediaStore.Item], key: String, inSummary: Bool
  ) -> JSON? {
    let contents = media.map { $0.state.withLock { $0.content } }
    let kind = media.first?.kind
    var files: [Media.FileValue] = []
    for content in contents {
      if case .file(let file) = content { files.append(file) }
    }
    guard files.count == media.count, media.allSatisfy({ $0.kind == kind }), kind == .image || kind == .object3D else {
      var result: [JSON] = []
      for (at, element) in media.enumerated() {
        let item = at < items.count ? items[at] : PendingMediaStore.Item(media: element, table: TableSnapshot(element))
        if let bound = bindItem(item, key: key, inSummary: inSummary) { result.append(bound) }
        if mustWait { return nil }
      }
      return .array(result)
    }
    return kind == .image
      ? bindImages(media, files, key: key) : bindObjects(media, files, key: key)
  }

  private mutating func bindImages(_ media: [Media], _ files: [Media.FileValue], key: String) -> JSON? {
    if files.count > Self.maximumImages {
      writer.drop(
        kind: "images_pruned", "\(key): only the first \(Self.maximumImages) of \(files.count) images of a list are kept")
    }
    var names: [JSON] = []
    var first: JSONObject?
    let count = min(files.count, Self.maximumImages)
    for at in 0..<count {
      guard let bound = bindFile(files[at], caption: nil, key: key)?.objectValue else { return nil }
      if first == nil { first = bound }
      names.append(bound["path"] ?? .null)
    }
    var value = JSONObject()
    value["_type"] = "images/separated"
    for member in ["width", "height", "format"] as [Key] { value[member] = first?[member] ?? .null }
    value["count"] = .int(Int64(count))
    value["filenames"] = .array(names)
    if media.first?.caption != nil {
      value["captions"] = .array(media.prefix(count).map { $0.caption.map { .string($0) } ?? .null })
    }
    return .object(value)
  }

  private mutating func bindObjects(_ media: [Media], _ files: [Media.FileValue], key: String) -> JSON? {
    var objects: [JSON] = []
    var names: [JSON] = []
    for (at, file) in files.enumerated() {
      guard let bound = bindFile(file, caption: media[at].caption, key: key) else { return nil }
      objects.append(bound)
      let path = bound.objectValue?["path"]?.stringValue ?? ""
      let folder = "media/\(file.folder)/"
      names.append(.string(path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : path))
    }
    return [
      "_type": "object3D", "filenames": .array(names), "count": .int(Int64(files.count)), "objects": .array(objects),
    ]
  }
}
