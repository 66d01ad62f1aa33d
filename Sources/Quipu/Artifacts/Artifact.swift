import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords
import Synchronization

/// Files and media under one name, versioned by the server: a data set, a model, a table with its pictures.
///
/// Fill it with the `add` calls and hand it to ``Run/logArtifact(_:aliases:tags:)``; from then on it cannot be changed.
///
/// Threads: all calls from any thread. Blocking: files are copied when they are added; media are encoded after the
/// artifact was logged.
/// W&B: `wandb.Artifact`.
public final class Artifact: Sendable {
  struct State: Sendable {
    var description: String?
    var metadata: JSONObject
    var order: [String] = []
    var objects: [Key: ArtifactSnapshot.Object] = [:]
    var entries: [Key: ArtifactManifestEntry] = [:]
    /// Entry paths by the medium's number.
    var paths: [UInt64: String] = [:]
    /// Copies that belong to this artifact as long as it is not logged.
    var copies: [String] = []
    var isLogged = false
  }

  public let name: String
  public let type: String
  let clientID = RandomText.make(128)
  let sequenceID = RandomText.make(128)
  let state: Mutex<State>

  /// - Parameters:
  ///   - name: of letters, digits, `-`, `_` and `.`, at most 128 characters.
  ///   - type: what it is, such as "dataset" or "model".
  ///   - description: shown on its page.
  ///   - metadata: at most 100 members.
  /// - Throws: `name` for a name or type that cannot be, `value` for too many members.
  public init(
    name: String, type: String, description: String? = nil, metadata: JSONObject = JSONObject()
  ) throws(QuipuError) {
    guard name.utf8.count <= 128 else {
      throw QuipuError(.name, kind: "artifact_name_bad", "name: has \(name.utf8.count) characters, the limit is 128")
    }
    guard !name.isEmpty, MediaNames.sanitizedArtifactName(name) == name else {
      throw QuipuError(
        .name, kind: "artifact_name_bad", "name: \"\(name)\" may only hold letters, digits, dashes, underscores and dots")
    }
    guard !type.isEmpty, type != "job", !type.hasPrefix("wandb-") else {
      throw QuipuError(
        .name, kind: "artifact_type_bad",
        type.isEmpty ? "type: is empty; say what it is, such as dataset or model"
          : "type: \"\(type)\" is reserved; choose another, such as dataset or model")
    }
    guard metadata.count <= 100 else {
      throw QuipuError(
        .value, kind: "artifact_metadata_large", "metadata: has \(metadata.count) members, the limit is 100")
    }
    self.name = name
    self.type = type
    state = Mutex(State(description: description, metadata: metadata))
  }

  deinit {
    let left = state.withLock { $0.isLogged ? [] : $0.copies }
    for path in left { unlink(path) }
  }

  /// Runs `body` on an artifact that may still be changed.
  func change<R: Sendable>(_ body: (inout State) throws(QuipuError) -> R) throws(QuipuError) -> R {
    let result: Result<R, QuipuError> = state.withLock { state in
      if state.isLogged {
        return .failure(
          QuipuError(
            .state, kind: "artifact_logged", "artifact: \"\(name)\" was logged and cannot be changed; make another"))
      }
      do throws(QuipuError) { return .success(try body(&state)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  static func entryPath(_ name: String, _ argument: String = "name") throws(QuipuError) -> String {
    do throws(MediaError) {
      let path = try MediaNames.artifactEntryPath(name)
      guard !path.isEmpty, !path.utf8.contains(0) else {
        throw MediaError(.value, "\(argument): \"\(name)\" is no path inside an artifact")
      }
      return path
    } catch {
      throw QuipuError(.value, kind: "artifact_path_bad", "\(argument): \(error.message)")
    }
  }

  /// Changes the description; nil: none.
  public func setDescription(_ text: String?) throws(QuipuError) {
    try change { state throws(QuipuError) in state.description = text }
  }

  /// Replaces the metadata; at most 100 members.
  public func setMetadata(_ metadata: JSONObject) throws(QuipuError) {
    guard metadata.count <= 100 else {
      throw QuipuError(
        .value, kind: "artifact_metadata_large", "metadata: has \(metadata.count) members, the limit is 100")
    }
    try change { state throws(QuipuError) in state.metadata = metadata }
  }

  // MARK: Objects

  /// Adds a medium: its JSON under `name`, and the files that it needs.
  ///
  /// - Parameters:
  ///   - media: image, audio, video, html, 3-D object (points only), molecule, bokeh, table, joined or partitioned
  ///     table, classes.
  ///   - name: path in the artifact; `.image-file.json` or the like is appended unless it is there.
  ///   - overwrite: replaces what is there under the name; else that is kept.
  /// - Returns: the path of the entry. The same object added twice has its first.
  /// - Throws: `value` for another kind of value, for an image with masks or boxes but without classes, and for a path
  ///   that is absolute or has a `..`; `state` once the artifact was logged.
  @discardableResult
  public func add(_ media: Media, name: String, overwrite: Bool = false) throws(QuipuError) -> String {
    let suffix = "." + (try Self.objectType(of: media)) + ".json"
    let path = try Self.entryPath(name.hasSuffix(suffix) ? name : name + suffix)
    // Tables of a join are entries of their own.
    var joined: [(Media, String)] = []
    if case .artifactValue(let value) = media.state.withLock({ $0.content }) {
      for (at, table) in value.tables.enumerated() {
        if let table { joined.append((table, "t\(at + 1)_\(media.serial).table.json")) }
      }
    }
    return try change { state throws(QuipuError) in
      if let known = state.paths[media.serial] { return known }
      if !overwrite, state.objects[Key(path)] != nil || state.entries[Key(path)] != nil { return path }
      for (table, path) in joined where state.paths[table.serial] == nil { Self.put(table, path, &state) }
      state.entries[Key(path)] = nil
      Self.put(media, path, &state)
      return path
    }
  }

  private static func put(_ media: Media, _ path: String, _ state: inout State) {
    if let old = state.objects[Key(path)] {
      state.paths[old.media.serial] = nil
      state.order.removeAll { Key($0) == Key(path) }
    }
    state.objects[Key(path)] = ArtifactSnapshot.Object(
      path: path, media: media, table: TableSnapshot(partOfArtifact: media), isReference: media.isPlaced)
    state.order.append(path)
    state.paths[media.serial] = path
  }

  /// The word in the name of the entry.
  private static func objectType(of media: Media) throws(QuipuError) -> String {
    switch media.kind {
    case .image:
      if let overlays = media.overlays, overlays.hasMasksOrBoxes, overlays.classSet == nil {
        throw QuipuError(
          .value, kind: "artifact_image_without_classes",
          "media: an image with masks or boxes needs class labels or classes to be put into an artifact")
      }
      return "image-file"
    case .audio: return "audio-file"
    case .video: return "video-file"
    case .html: return "html-file"
    case .molecule: return "molecule-file"
    case .bokeh: return "bokeh-file"
    case .table: return "table"
    case .joinedTable: return "joined-table"
    case .partitionedTable: return "partitioned-table"
    case .classes: return "classes"
    case .object3D:
      if case .file(let file) = media.state.withLock({ $0.content }), !file.isPointCloud {
        throw QuipuError(
          .value, kind: "artifact_object3d", "media: of 3-D objects only point clouds can be put into an artifact")
      }
      return "object3D-file"
    case .histogram, .array, .list, .plotly, .graph, .chart, .mask, .boxes:
      throw QuipuError(
        .value, kind: "artifact_object_type",
        "media: this kind of value cannot be put into an artifact; pass an image, audio, video, html, point cloud, "
          + "molecule, bokeh, table or classes")
    }
  }

  // MARK: What it holds

  /// What will be logged: name, type, description, metadata, digest and the entries with path, digest, size and, for
  /// references, ref.
  ///
  /// Blocking: encodes the media.
  public func json() throws(QuipuError) -> JSON {
    let (snapshot, entries, description, metadata) = state.withLock { state in
      (Self.snapshot(state), Array(state.entries.values), state.description, state.metadata)
    }
    let all: [ArtifactManifestEntry]
    do throws(MediaError) {
      let made = try snapshot.finished().get()
      all = entries + made.files.map { Self.entry($0) }
    } catch {
      throw QuipuError(error)
    }
    let sorted = all.sorted { Key($0.path) < Key($1.path) }
    return [
      "name": .string(name), "type": .string(type), "description": description.map { .string($0) } ?? .null,
      "metadata": .object(metadata),
      "digest": .string(MediaNames.artifactDigest(sorted.map { ($0.path, $0.digest) })),
      "entries": .array(
        sorted.map { entry in
          var object: JSONObject = [
            "path": .string(entry.path), "digest": .string(entry.digest), "size": .int(entry.size),
          ]
          if !entry.ref.isEmpty { object["ref"] = .string(entry.ref) }
          return .object(object)
        }),
    ]
  }

  private static func entry(_ file: ArtifactFile) -> ArtifactManifestEntry {
    var entry = ArtifactManifestEntry()
    entry.path = file.path
    entry.digest = file.digest
    entry.size = Int64(file.size)
    if case .reference(let uri) = file.content { entry.ref = uri }
    return entry
  }

  static func snapshot(_ state: State) -> ArtifactSnapshot {
    ArtifactSnapshot(objects: state.order.compactMap { state.objects[Key($0)] })
  }
}
