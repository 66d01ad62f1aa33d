import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords

/// The artifacts that logged tables make.
extension MediaBinder {
  /// Stages the files of an artifact of this run and has its record written.
  ///
  /// - Parameter entry: the path of the entry that the logged value refers to.
  /// - Returns: where that lies; nil if a file cannot be written.
  mutating func recordArtifact(
    _ files: [ArtifactFile], entry: String, key: String, type: String, name: String, isIncremental: Bool = false
  ) -> ArtifactPlace? {
    let staged = ArtifactStaging.stage(files, in: writer.context.stagingDirectory)
    if staged.code == ENOSPC || staged.code == EDQUOT || staged.code == EIO {
      wait(staged.code, staged.path)
      return nil
    }
    guard staged.code == 0 else {
      writer.writeErrors &+= 1
      writer.drop(
        kind: "media_failed",
        "\(key): cannot write \(staged.path): \(FileTools.errorText(staged.code)); the row is kept without the table")
      return nil
    }
    for copy in staged.copies { noteStaged(copy) }
    var artifact = ArtifactStaging.record(staged.entries)
    artifact.type = type
    artifact.name = name
    artifact.clientID = RandomText.make(128)
    artifact.sequenceClientID = RandomText.make(128)
    artifact.incrementalBeta1 = isIncremental
    let writer = writer
    record { writer.append(artifact) }
    return ArtifactPlace(
      clientID: artifact.clientID, sequenceID: artifact.sequenceClientID, path: entry,
      digest: files.first { $0.path == entry }?.digest ?? "", version: 0, isOfUser: false)
  }

  /// An artifact of a logged table whose only entry refers to one that is there already.
  mutating func recordReference(_ place: ArtifactPlace, entry: String, key: String) -> Bool {
    let file = ArtifactFile(path: entry, digest: place.digest, size: 0, content: .reference(place.url))
    let name = MediaNames.tableArtifactName(runID: writer.context.runID, key: key)
    return recordArtifact([file], entry: entry, key: key, type: "run_table", name: name) != nil
  }

  /// A joined or partitioned table in a row: it stands for what lies in an artifact, which is made if there is none.
  mutating func bindArtifactValue(_ value: ArtifactValue, _ item: PendingMediaStore.Item, key: String) -> JSON? {
    let media = item.media
    let owner = owner
    if let earlier = known(media) { return earlier }
    do throws(MediaError) {
      let entry = try MediaNames.artifactEntryPath(key + "." + value.type + ".json")
      let target: ArtifactPlace
      if let place = media.place(version: 0) {
        guard recordReference(place, entry: entry, key: key) else { return nil }
        target = place
      } else {
        guard let snapshot = item.artifact ?? ArtifactSnapshot(of: media) else { return nil }
        let made = try snapshot.finished().get()
        guard let own = made.places.last?.path else { return nil }
        let files = made.files.map { file in
          var file = file
          if file.path == own { file.path = entry }
          return file
        }
        let name = MediaNames.tableArtifactName(runID: writer.context.runID, key: key)
        guard let place = recordArtifact(files, entry: entry, key: key, type: "run_table", name: name) else {
          return nil
        }
        target = place
        record { media.setPlace(place) }
      }
      let bound: JSON = ["_type": .string(value.type), "artifact_path": .string(target.url)]
      remember(media, bound, owner: owner)
      return bound
    } catch {
      writer.drop(kind: "table_failed", "\(key): \(error.message); the row is kept without the table")
      return nil
    }
  }
}

extension ArtifactSnapshot {
  /// A joined or partitioned table with what it needs; nil for other media.
  convenience init?(of media: Media) {
    guard case .artifactValue(let value) = media.state.withLock({ $0.content }) else { return nil }
    var objects: [Object] = []
    for (at, table) in value.tables.enumerated() {
      guard let table else { continue }
      objects.append(
        Object(
          path: "t\(at + 1)_\(media.serial).table.json", media: table, table: TableSnapshot(partOfArtifact: table),
          isReference: table.isPlaced))
    }
    objects.append(Object(path: "value." + value.type + ".json", media: media, isReference: false))
    self.init(objects: objects)
  }
}
