import QuipuBase
import QuipuMedia

extension OpenedFile: ArtifactContent {}

extension FileContent {
  var artifactContent: ArtifactFile.Content {
    switch self {
    case .bytes(let bytes): .bytes(bytes)
    case .open(let file): .held(file)
    }
  }

  /// - Throws: `io` if the file cannot be read any more.
  func md5() throws(MediaError) -> [UInt8] {
    switch self {
    case .bytes(let bytes): return MD5.hash(bytes)
    case .open(let file):
      var sum = MD5()
      let read = file.forEachChunk {
        sum.update($0)
        return true
      }
      guard read else { throw MediaError(.io, "file: cannot be read any more") }
      return sum.finish()
    }
  }
}

extension FileValue {
  /// The entry of the file: by the MD5 of what was made here, by SHA-256 and name for a file of the user.
  private func entry() throws(MediaError) -> ArtifactFile {
    let md5 = try content.md5()
    let folder = "media/" + folder + "/"
    let path: String
    if let userName {
      path = folder + sha256.prefix(MediaNames.digestDigits) + "/" + userName
    } else {
      path = folder + hexText(md5).prefix(MediaNames.digestDigits) + fileExtension
    }
    return ArtifactFile(
      path: path, digest: base64(md5), size: Int(clamping: content.size), content: content.artifactContent)
  }

  /// What the value is in an artifact, and the files that it needs there.
  ///
  /// Source: W&B's rich data types, "Media inside artifacts".
  func artifactForm(of media: Media) throws(MediaError) -> TableMediaForm {
    let own = try entry()
    var files = [own]
    var json: JSONObject = ["_type": .string(type), "path": .string(own.path), "sha256": .string(sha256)]
    if let caption = media.caption { json["caption"] = .string(caption) }
    for (name, member) in members.members { json[name] = member }
    for part in parts {
      let form: JSON
      if let given = part.artifactForm {
        form = given
      } else {
        let file = try part.file.entry()
        files.append(file)
        form = ["_type": .string(part.file.type), "path": .string(file.path), "sha256": .string(part.file.sha256)]
      }
      var members = json[part.member]?.objectValue ?? JSONObject()
      members[Key(part.name)] = form
      json[part.member] = .object(members)
    }
    if let set = media.overlays?.classSet {
      let path = ImageOverlays.classesPath(set)
      let text = JSON.object(["_type": "classes", "class_set": set]).text(style: .artifact)
      let file = ArtifactFile(path: path, bytes: Array(text.utf8))
      files.append(file)
      json["classes"] = ["type": "classes-file", "path": .string(path), "digest": .string(file.digest)]
    }
    return TableMediaForm(json: .object(json), files: files)
  }
}

extension Media {
  /// What the medium is in an artifact.
  ///
  /// - Throws: `type` for a kind that artifacts do not hold, `value` if it could not be encoded.
  func artifactForm() throws(MediaError) -> TableMediaForm {
    switch state.withLock({ $0.content }) {
    case .inline(let row, _): return TableMediaForm(json: row, files: [])
    case .file(let file): return try file.artifactForm(of: self)
    case .artifactValue(let value): return TableMediaForm(json: value.json { _ in nil }, files: [])
    case .failed(let reason): throw MediaError(.value, reason)
    default: throw MediaError(.type, "a value of this kind has no form in an artifact")
    }
  }
}
