import QuipuBase
import QuipuRecords

/// What has to be uploaded for an artifact record: its files, its manifest and its digests.
///
/// Source: http.md, sections 12.2 to 12.5; transaction-log.md, section 8.8.
struct ArtifactPlan {
  enum Kind: String {
    case full = "FULL"
    case incremental = "INCREMENTAL"
    case patch = "PATCH"

    var manifestName: String {
      switch self {
      case .full: "wandb_manifest.json"
      case .incremental: "wandb_manifest.incremental.json"
      case .patch: "wandb_manifest.patch.json"
      }
    }
  }

  struct Entry {
    var path: String
    /// Base64 of an MD5; of a reference, what identifies its target.
    var digest: String
    var ref = ""
    /// Units: bytes.
    var size: Int64
    var localPath = ""
    var birthID = ""
    var skipCache = false
    var extra = JSONObject()
    /// The log knows the file by another digest than MD5: that has to be taken first.
    var needsDigest = false

    var isFile: Bool { ref.isEmpty && !localPath.isEmpty }
  }

  var record: ArtifactRecord
  let kind: Kind
  /// In the order of their paths' bytes.
  var entries: [Entry]

  /// Units: bytes.
  private static let largestFile: Int64 = 5 << 40

  /// - Throws: what is wrong with the record.
  init(_ record: ArtifactRecord) throws(ArtifactProblem) {
    guard let manifest = record.manifest else { throw ArtifactProblem("its record has no manifest") }
    kind = record.incrementalBeta1 ? .incremental : record.distributedID.isEmpty ? .full : .patch
    var entries: [Entry] = []
    if manifest.manifestFilePath.isEmpty {
      entries.reserveCapacity(manifest.contents.count)
      for item in manifest.contents {
        var entry = Entry(path: item.path, digest: item.digest, size: item.size)
        entry.ref = item.ref
        entry.localPath = item.localPath
        entry.birthID = item.birthArtifactID
        entry.skipCache = item.skipCache
        for fact in item.extra { entry.extra[Key(fact.key)] = (try? JSON(parsing: fact.valueJSON)) ?? .null }
        entries.append(entry)
      }
    } else {
      entries = try ManifestFile.read(manifest.manifestFilePath)
    }
    for at in entries.indices {
      guard entries[at].size >= 0, entries[at].size <= Self.largestFile else {
        throw ArtifactProblem("the size of \(entries[at].path) is not between 0 and 5 TiB")
      }
      if entries[at].isFile, entries[at].extra["alg"]?.stringValue == "XXH128" {
        // MD5 is what every server takes.
        entries[at].needsDigest = true
        entries[at].extra["alg"] = nil
      }
    }
    entries.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    self.record = record
    self.record.manifest?.contents = []
    self.entries = entries
  }

  /// Client ids of other artifacts to which entries refer, each once.
  var foreignClientIDs: [String] {
    var seen: Set<Key> = []
    return entries.compactMap { Self.clientID($0.ref) }.filter { seen.insert(Key($0)).inserted }
  }

  private static let clientScheme = "wandb-client-artifact://"

  static func clientID(_ ref: String) -> String? {
    guard ref.utf8.starts(with: clientScheme.utf8) else { return nil }
    let rest = ref.utf8.dropFirst(clientScheme.utf8.count)
    return String(Substring(rest.prefix { $0 != UInt8(ascii: "/") }))
  }

  /// Replaces references to unsaved artifacts by references to saved ones.
  ///
  /// - Parameter hexIDs: by client id.
  mutating func resolve(_ hexIDs: [Key: String]) {
    for at in entries.indices {
      guard let client = Self.clientID(entries[at].ref), let hex = hexIDs[Key(client)] else { continue }
      let path = entries[at].ref.utf8.dropFirst(Self.clientScheme.utf8.count + client.utf8.count)
      entries[at].ref = "wandb-artifact://" + hex + String(Substring(path))
    }
  }

  /// Lower-case hexadecimal.
  var digest: String {
    var md5 = MD5()
    func add(_ text: String) {
      var text = text
      text.withUTF8 { md5.update(UnsafeRawBufferPointer($0)) }
    }
    add("wandb-artifact-manifest-v1\n")
    for entry in entries { add("\(entry.path):\(entry.digest)\n") }
    return hexText(md5.finish())
  }

  /// The text of the manifest file.
  func manifestText() -> [UInt8] {
    var out = ByteBuffer(capacity: 256 + entries.count * 128)
    let manifest = record.manifest ?? ArtifactManifest()
    out.append("{\"version\":")
    out.appendDecimal(Int64(manifest.version == 0 ? 1 : manifest.version))
    out.append(",\"storagePolicy\":")
    let policy = manifest.storagePolicy
    JSON.writeString(policy.isEmpty ? "wandb-storage-policy-v1" : policy, to: &out, style: .core)
    var config = JSONObject()
    for item in manifest.storagePolicyConfig { config[Key(item.key)] = try? JSON(parsing: item.valueJSON) }
    if config.isEmpty { config["storageLayout"] = "V2" }
    out.append(",\"storagePolicyConfig\":")
    config.write(to: &out, style: .core)
    out.append(",\"contents\":{")
    var isFirst = true
    for entry in entries {
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      JSON.writeString(entry.path, to: &out, style: .core)
      out.append(":{\"digest\":")
      JSON.writeString(entry.digest, to: &out, style: .core)
      if !entry.ref.isEmpty {
        out.append(",\"ref\":")
        JSON.writeString(entry.ref, to: &out, style: .core)
      }
      out.append(",\"size\":")
      out.appendDecimal(entry.size)
      if !entry.birthID.isEmpty {
        out.append(",\"birthArtifactID\":")
        JSON.writeString(entry.birthID, to: &out, style: .core)
      }
      if !entry.extra.isEmpty {
        out.append(",\"extra\":")
        entry.extra.write(to: &out, style: .core)
      }
      out.append(entry.skipCache ? ",\"skip_cache\":true}" : ",\"skip_cache\":false}")
    }
    out.append("}}")
    return out.array()
  }

  /// What CreateArtifact is told.
  func creation(entity: String, project: String, run: String, historyStep: Int64) -> JSONObject {
    func text(_ value: String) -> JSON { value.isEmpty ? .null : .string(value) }
    var input: JSONObject = [
      "entityName": .string(entity), "projectName": .string(project),
      "runName": record.userCreated ? .null : .string(run),
      "artifactTypeName": .string(record.type), "artifactCollectionName": .string(record.name),
      "artifactCollectionNames": .null, "digest": .string(digest), "digestAlgorithm": "MANIFEST_MD5",
      "description": text(record.description), "labels": .null, "metadata": text(record.metadata),
      "aliases": .array(
        record.aliases.map {
          .object(["artifactCollectionName": .string(record.name), "alias": .string($0)])
        }),
      "clientID": text(record.clientID), "sequenceClientID": text(record.sequenceClientID),
      "enableDigestDeduplication": true, "distributedID": text(record.distributedID),
      "historyStep": historyStep > 0 ? .int(historyStep) : .null,
      "ttlDurationSeconds": record.ttlDurationSeconds != 0 ? .int(record.ttlDurationSeconds) : .null,
      "storageRegion": .null, "clientMutationId": .null,
    ]
    for item in record.manifest?.storagePolicyConfig ?? [] where Key(item.key) == "storageRegion" {
      if let region = (try? JSON(parsing: item.valueJSON))?.stringValue { input["storageRegion"] = .string(region) }
    }
    if !record.tags.isEmpty {
      input["tags"] = .array(
        record.tags.map { .object(["tagName": .string($0), "tagCategoryName": .null, "attributes": .null]) })
    }
    return input
  }
}

/// When a file is sent in parts, and in which. Units: bytes.
struct PartRule {
  var from: Int64 = 2 << 30
  var usual: Int64 = 100 << 20
  var mostParts: Int64 = 10_000

  /// Size of each part but the last; 0: the file goes as one.
  func partSize(_ size: Int64) -> Int64 {
    guard size >= from else { return 0 }
    return size <= usual * mostParts ? usual : (size / mostParts + 4096) / 4096 * 4096
  }
}

/// Why an artifact cannot be uploaded.
struct ArtifactProblem: Error, Equatable {
  /// Follows "artifact NAME was not uploaded: ".
  var message: String
  /// The server may be back later.
  var isPassing = false

  init(_ message: String, isPassing: Bool = false) {
    self.message = message
    self.isPassing = isPassing
  }
}
