import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords

extension Run {
  /// Logs an artifact: it becomes a version of the collection of its name. It cannot be changed afterwards.
  ///
  /// - Parameters:
  ///   - aliases: names for this version besides `latest`; without `/` and `:`.
  ///   - tags: of letters, digits, `-`, `_` and spaces.
  /// - Throws: `value` for a bad alias or tag; `finished`, `forked`, `full`: the artifact is as before then.
  /// Blocking: no; media are encoded on library threads. The server is asked later, or by `quipu sync`.
  /// W&B: `run.log_artifact(artifact, aliases, tags)`.
  public func logArtifact(_ artifact: Artifact, aliases: [String] = [], tags: [String] = []) throws(QuipuError) {
    for alias in aliases where alias.isEmpty || alias.utf8.contains(where: { $0 == 47 || $0 == 58 || $0 == 0 }) {
      throw QuipuError(
        .value, kind: "artifact_alias_bad", "aliases: \"\(alias)\" is empty or holds one of '/' and ':'")
    }
    for tag in tags where !Self.isTag(tag) {
      throw QuipuError(
        .value, kind: "artifact_tag_bad", "tags: \"\(tag)\" may only hold letters, digits, '-', '_' and spaces")
    }
    guard let core else { return }
    try checkOpen()
    let (snapshot, request) = artifact.state.withLock { state -> (ArtifactSnapshot, JSONObject) in
      var request: JSONObject = [
        "name": .string(artifact.name), "type": .string(artifact.type), "client": .string(artifact.clientID),
        "sequence": .string(artifact.sequenceID),
        "aliases": .array((["latest"] + aliases.filter { $0 != "latest" }).map { .string($0) }),
        "tags": .array(tags.map { .string($0) }),
        "entries": .array(state.entries.values.map(\.ringForm)),
      ]
      if let description = state.description { request["description"] = .string(description) }
      if !state.metadata.isEmpty { request["metadata"] = .object(state.metadata) }
      return (Artifact.snapshot(state), request)
    }
    let media = snapshot.objects.map(\.media)
    guard core.waitForMediaRoom(media) else { throw Run.noMediaRoom }
    let store = ProcessState.shared.media
    let id = store.register(snapshot, owner: core.mediaOwner)
    let result = core.submit(.artifact, json: .object(request), media: [id])
    if let error = Run.refusal(result) {
      store.release([id])
      throw error
    }
    artifact.state.withLock { $0.isLogged = true }
    for object in snapshot.objects { object.media.notePlaced() }
  }

  private static func isTag(_ tag: String) -> Bool {
    !tag.isEmpty
      && tag.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: " "):
          true
        default: false
        }
      }
  }
}

extension ArtifactManifestEntry {
  /// As an entry of the ring carries it.
  fileprivate var ringForm: JSON {
    [
      "path": .string(path), "digest": .string(digest), "size": .int(size), "ref": .string(ref),
      "local": .string(localPath), "skip": .bool(skipCache),
    ]
  }

  fileprivate init?(ringForm: JSON) {
    guard let object = ringForm.objectValue, let path = object["path"]?.stringValue else { return nil }
    self.init()
    self.path = path
    digest = object["digest"]?.stringValue ?? ""
    size = object["size"]?.intValue ?? 0
    ref = object["ref"]?.stringValue ?? ""
    localPath = object["local"]?.stringValue ?? ""
    skipCache = object["skip"]?.boolValue ?? false
  }
}

extension RunWriter {
  /// - Returns: false if the artifact has to wait for its media, or for room on the disk.
  func processArtifact(_ entry: RingEntry) -> Bool {
    guard let message = JSONPayload(entry.payload), let id = message.media.first else {
      drop(kind: "entry_damaged", "an artifact could not be read back and was dropped")
      return true
    }
    guard media.areReady(message.media) else { return false }
    guard let object = message.parse()?.objectValue, let name = object["name"]?.stringValue,
      let client = object["client"]?.stringValue, let sequence = object["sequence"]?.stringValue
    else {
      media.release(message.media)
      drop(kind: "entry_damaged", "an artifact could not be read back and was dropped")
      return true
    }
    guard let snapshot = media.item(id)?.artifact else {
      drop(kind: "media_lost", "artifact \(name): its objects were lost with the process; it is not recorded")
      return true
    }
    let made: ArtifactSnapshot.Made
    do throws(MediaError) { made = try snapshot.finished().get() } catch {
      media.release(message.media)
      drop(kind: "artifact_failed", "artifact \(name): \(error.message); it is not recorded")
      return true
    }
    let staged = ArtifactStaging.stage(made.files, in: context.stagingDirectory)
    if staged.code == ENOSPC || staged.code == EDQUOT || staged.code == EIO {
      mediaFailed(staged.code, staged.path)
      return false
    }
    media.release(message.media)
    guard staged.code == 0 else {
      writeErrors &+= 1
      drop(
        kind: "artifact_failed",
        "artifact \(name): cannot write \(staged.path): \(FileTools.errorText(staged.code)); it is not recorded")
      return true
    }
    if made.isCut { reportCut("artifact \(name)") }
    let given = (object["entries"]?.arrayValue ?? []).compactMap { ArtifactManifestEntry(ringForm: $0) }
    var record = ArtifactStaging.record(given + staged.entries)
    record.name = name
    record.type = object["type"]?.stringValue ?? ""
    record.clientID = client
    record.sequenceClientID = sequence
    record.description = object["description"]?.stringValue ?? ""
    if let metadata = object["metadata"] { record.metadata = metadata.text(style: .client) }
    record.aliases = (object["aliases"]?.arrayValue ?? []).compactMap(\.stringValue)
    record.tags = (object["tags"]?.arrayValue ?? []).compactMap(\.stringValue)
    append(record)
    for object in made.places {
      object.media.setPlace(
        ArtifactPlace(
          clientID: client, sequenceID: sequence, path: object.path, digest: object.digest, version: object.version))
    }
    return true
  }

  /// Writes the record of an artifact of this run.
  func append(_ artifact: ArtifactRecord) {
    var record = artifact
    record.runID = context.runID
    record.project = identity?.project ?? ""
    record.entity = identity?.entity ?? ""
    stream.append(.artifact(record), streamID: context.runID)
  }

  /// Rows beyond the limit were left out.
  func reportCut(_ what: String) {
    report(
      Diagnostic(
        .warning, kind: "table_cut",
        "\(what): a table has more rows than the setting table_max_artifact_rows; the rest was left out"))
  }
}

extension Media {
  func setPlace(_ place: ArtifactPlace) { state.withLock { $0.place = place } }
}
