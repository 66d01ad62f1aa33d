import Glibc
import QuipuBase
import QuipuMedia
import QuipuRecords

/// Where the contents of artifacts wait for their upload: copies under random names.
enum ArtifactStaging {
  static func newPath(in directory: String) -> String { directory + "/tmp" + RandomText.make(8) }

  /// Copies a file and takes its digest from the bytes that were copied.
  ///
  /// - Parameter target: nil: only the digest is taken.
  /// - Returns: the `errno` value if one of the files fails.
  static func copy(_ source: Int32, to target: String?) -> (digest: String, size: Int64, code: Int32) {
    var output: Int32 = -1
    if let target {
      let (descriptor, code) = FileTools.create(target)
      if descriptor < 0 { return ("", 0, code) }
      output = descriptor
    }
    var failure: Int32 = 0
    defer {
      if output >= 0 { close(output) }
      if failure != 0, let target { unlink(target) }
    }
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { room.deallocate() }
    var sum = MD5()
    var size: Int64 = 0
    while true {
      let n = pread(source, room.baseAddress, room.count, off_t(size))
      if n < 0 && errno == EINTR { continue }
      if n < 0 {
        failure = errno
        return ("", 0, failure)
      }
      if n == 0 { return (base64(sum.finish()), size, 0) }
      let chunk = UnsafeRawBufferPointer(start: room.baseAddress, count: n)
      sum.update(chunk)
      if output >= 0, let number = FileTools.writeAll(output, chunk, at: size) {
        failure = number
        return ("", 0, failure)
      }
      size &+= Int64(n)
    }
  }

  /// Writes what an artifact's files hold.
  ///
  /// - Returns: the manifest's entries and the copies that were made, or the `errno` value and the path that failed.
  static func stage(
    _ files: [ArtifactFile], in directory: String
  ) -> (entries: [ArtifactManifestEntry], copies: [String], code: Int32, path: String) {
    var entries: [ArtifactManifestEntry] = []
    var copies: [String] = []
    for file in files {
      var entry = ArtifactManifestEntry()
      entry.path = file.path
      entry.digest = file.digest
      entry.size = Int64(file.size)
      let path = newPath(in: directory)
      let code: Int32
      switch file.content {
      case .file(let source):
        entry.localPath = source
        code = 0
      case .bytes(let bytes):
        code = FileTools.writeFile(path, bytes)
        entry.localPath = path
        copies.append(path)
      case .held(let content):
        code = (content as? OpenedFile)?.copy(to: path) ?? EINVAL
        entry.localPath = path
        copies.append(path)
      case .reference(let uri):
        entry.ref = uri
        code = 0
      }
      if code != 0 {
        for copy in copies { unlink(copy) }
        return ([], [], code, path)
      }
      entries.append(entry)
    }
    return (entries, copies, 0, "")
  }

  /// A record but for its name, type and ids.
  static func record(_ entries: [ArtifactManifestEntry]) -> ArtifactRecord {
    var manifest = ArtifactManifest()
    manifest.version = 1
    manifest.storagePolicy = "wandb-storage-policy-v1"
    var layout = StoragePolicyConfigItem()
    layout.key = "storageLayout"
    layout.valueJSON = "\"V2\""
    manifest.storagePolicyConfig = [layout]
    manifest.contents = entries.sorted { Key($0.path) < Key($1.path) }
    var record = ArtifactRecord()
    record.digest = MediaNames.artifactDigest(entries.map { ($0.path, $0.digest) })
    record.aliases = ["latest"]
    record.manifest = manifest
    record.finalize = true
    record.digestAlgorithm = "MANIFEST_MD5"
    return record
  }
}
