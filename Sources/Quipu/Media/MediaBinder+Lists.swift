import QuipuBase

/// Lists of media as one value: each type has a form of its own.
///
/// Source: W&B's rich data types, "How a logged dictionary is converted", "Image lists" and the lists of each type.
extension MediaBinder {
  /// Most images kept of a list.
  static let maximumImages = 108

  mutating func bindList(
    _ media: [Media], items: [PendingMediaStore.Item], key: String, inSummary: Bool
  ) -> JSON? {
    let kind = media.first?.kind
    var files: [FileValue] = []
    for medium in media where medium.kind == kind {
      if case .file(let file) = medium.state.withLock({ $0.content }) { files.append(file) }
    }
    if files.count == media.count {
      switch kind {
      case .image?: return bindImages(media, files, key: key)
      case .object3D?, .audio?, .video?, .html?, .molecule?: return bindFiles(media, files, key: key)
      default: break
      }
    }
    var result: [JSON] = []
    for (at, element) in media.enumerated() {
      let item = at < items.count ? items[at] : PendingMediaStore.Item(media: element, table: TableSnapshot(element))
      if let bound = bindItem(item, key: key, inSummary: inSummary) { result.append(bound) }
      if isWaiting { return nil }
    }
    return .array(result)
  }

  private mutating func bindImages(_ media: [Media], _ files: [FileValue], key: String) -> JSON? {
    if files.count > Self.maximumImages {
      writer.drop(
        kind: "images_pruned", "\(key): only the first \(Self.maximumImages) of \(files.count) images of a list are kept")
    }
    var names: [JSON] = []
    var parts: [Key: [JSON]] = ["masks": [], "boxes": []]
    var first: JSONObject?
    let count = min(files.count, Self.maximumImages)
    for at in 0..<count {
      guard let bound = bindFile(files[at], media: media[at], caption: false, key: key)?.objectValue else { return nil }
      if first == nil { first = bound }
      names.append(bound["path"] ?? .null)
      for member in ["masks", "boxes"] as [Key] { parts[member, default: []].append(bound[member] ?? .null) }
    }
    var value = JSONObject()
    value["_type"] = "images/separated"
    for member in ["width", "height", "format"] as [Key] { value[member] = first?[member] ?? .null }
    value["count"] = .int(Int64(count))
    value["filenames"] = .array(names)
    if media.first?.caption != nil {
      value["captions"] = .array(media.prefix(count).map { $0.caption.map { .string($0) } ?? .null })
    }
    for (name, member) in [("all_masks", "masks"), ("all_boxes", "boxes")] as [(Key, Key)] {
      let all = parts[member] ?? []
      if all.contains(where: { $0 != .null }) { value[name] = .array(all) }
    }
    return .object(value)
  }

  private mutating func bindFiles(_ media: [Media], _ files: [FileValue], key: String) -> JSON? {
    var values: [JSON] = []
    var paths: [String] = []
    for (at, file) in files.enumerated() {
      guard let bound = bindFile(file, media: media[at], key: key) else { return nil }
      values.append(bound)
      paths.append(bound.objectValue?["path"]?.stringValue ?? "")
    }
    let captions = media.map(\.caption)
    let count = JSON.int(Int64(files.count))
    var value = JSONObject()
    switch media.first?.kind {
    case .object3D?:
      let folder = "media/object3D/"
      value["_type"] = "object3D"
      value["filenames"] = .array(
        paths.map { .string($0.hasPrefix(folder) ? String($0.dropFirst(folder.count)) : $0) })
      value["count"] = count
      value["objects"] = .array(values)
    case .audio?:
      value["_type"] = "audio"
      value["count"] = count
      value["audio"] = .array(values)
      for member in ["sampleRates", "durations"] as [Key] {
        value[member] = .array(files.map { $0.listMembers[member] ?? .null })
      }
      if captions.contains(where: { $0 != nil }) {
        value["captions"] = .array(captions.map { .string($0 ?? "") })
      }
    case .video?:
      value["_type"] = "videos"
      value["count"] = count
      value["videos"] = .array(values)
      value["captions"] = Self.captionsOrFalse(captions)
    case .molecule?:
      value["_type"] = "molecule"
      value["filenames"] = .array(paths.map { .string($0) })
      value["count"] = count
      value["captions"] = Self.captionsOrFalse(captions)
    default:
      value["_type"] = "html"
      value["count"] = count
      value["html"] = .array(values)
    }
    return .object(value)
  }

  /// The first caption decides; `false` where there is none.
  private static func captionsOrFalse(_ captions: [String?]) -> JSON {
    guard let first = captions.first, first != nil else { return false }
    return .array(captions.map { $0.map { .string($0) } ?? .null })
  }
}
