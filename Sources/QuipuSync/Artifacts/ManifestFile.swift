import CZlib
import Glibc
import QuipuBase

/// The list of a large artifact's files, which the official client keeps beside its log: gzip, a JSON object a line.
///
/// Source: transaction-log.md, section 6.5; the members are those of a manifest's entry (http.md, section 12.2) with
/// `path` and `local_path`.
enum ManifestFile {
  /// Inflated. Units: bytes.
  private static let limit = 1 << 30

  /// Blocking: reads all of it, about a second for a million files.
  static func read(_ path: String) throws(ArtifactProblem) -> [ArtifactPlan.Entry] {
    guard LocalFile.facts(path) != nil, let file = gzopen(path, "rb") else {
      throw ArtifactProblem("the list of its files, \(path), cannot be read")
    }
    defer { gzclose(file) }
    var entries: [ArtifactPlan.Entry] = []
    var rest: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 256 << 10)
    var total = 0
    while true {
      let count = chunk.withUnsafeMutableBytes { gzread(file, $0.baseAddress, UInt32($0.count)) }
      total += Int(max(count, 0))
      guard count >= 0, total <= limit else {
        throw ArtifactProblem("the list of its files, \(path), is damaged or larger than \(limit) bytes")
      }
      if count == 0 { break }
      rest.append(contentsOf: chunk[..<Int(count)])
      var start = 0
      while let end = rest[start...].firstIndex(of: 10) {
        try add(rest[start..<end], path, to: &entries)
        start = end + 1
      }
      rest.removeFirst(start)
    }
    try add(rest[...], path, to: &entries)
    return entries
  }

  private static func add(
    _ line: ArraySlice<UInt8>, _ path: String, to entries: inout [ArtifactPlan.Entry]
  ) throws(ArtifactProblem) {
    if line.isEmpty { return }
    guard let object = (try? JSON(parsing: Array(line)))?.objectValue, let name = object["path"]?.stringValue,
      let digest = object["digest"]?.stringValue
    else { throw ArtifactProblem("the list of its files, \(path), has a line that is no file") }
    var entry = ArtifactPlan.Entry(path: name, digest: digest, size: object["size"]?.intValue ?? 0)
    entry.ref = object["ref"]?.stringValue ?? ""
    entry.localPath = object["local_path"]?.stringValue ?? ""
    entry.birthID = object["birthArtifactID"]?.stringValue ?? ""
    entry.skipCache = object["skip_cache"]?.boolValue ?? false
    entry.extra = object["extra"]?.objectValue ?? JSONObject()
    entries.append(entry)
  }
}
