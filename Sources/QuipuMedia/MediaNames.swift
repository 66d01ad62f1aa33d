import QuipuBase

/// Names and paths of media files and of the artifacts that hold tables. Pure functions, no disk.
public enum MediaNames {
  /// Number of hexadecimal digits of a digest that enter a file name.
  public static let digestDigits = 20

  /// The part of a file name that stands for the logged key: leading slashes removed, components that are exactly `.`
  /// or `..` replaced by `_` and `__`. Everything else stays, so a slash in the key makes a sub-folder.
  public static func safeKey(_ key: String) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(key.utf8.count)
    let slash = UInt8(ascii: "/"), dot = UInt8(ascii: "."), underscore = UInt8(ascii: "_")
    var component: [UInt8] = []
    func flush() {
      if component == [dot] {
        bytes.append(underscore)
      } else if component == [dot, dot] {
        bytes.append(underscore)
        bytes.append(underscore)
      } else {
        bytes.append(contentsOf: component)
      }
      component.removeAll(keepingCapacity: true)
    }
    for byte in key.utf8.drop(while: { $0 == slash }) {
      if byte == slash {
        flush()
        bytes.append(slash)
      } else {
        component.append(byte)
      }
    }
    flush()
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Path of a media file relative to the run directory, `<folder>/<safe key>_<step>_<20 digits><ext>`.
  ///
  /// Repeated slashes of the key stay, as in the files record; the JSON value shows `collapsedSlashes` of it.
  ///
  /// - Parameters:
  ///   - folder: such as `media/table`.
  ///   - key: the logged key as the user wrote it.
  ///   - step: the run's local step counter before the call, or the word `summary`.
  ///   - digest: hexadecimal SHA-256 of the content; the first 20 digits are used.
  ///   - ext: extension with its dot.
  public static func mediaFileName(
    folder: String, key: String, step: String, digest: String, ext: String
  ) -> String {
    folder + "/" + safeKey(key) + "_" + step + "_" + String(digest.prefix(digestDigits)) + ext
  }

  /// As above with a number for the step.
  public static func mediaFileName(
    folder: String, key: String, step: Int64, digest: String, ext: String
  ) -> String {
    mediaFileName(folder: folder, key: key, step: String(step), digest: digest, ext: ext)
  }

  /// The path with every run of slashes made one, the form that logged values show.
  public static func collapsedSlashes(_ path: String) -> String {
    let slash = UInt8(ascii: "/")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(path.utf8.count)
    for byte in path.utf8 where !(byte == slash && bytes.last == slash) { bytes.append(byte) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// An artifact name: only `[A-Za-z0-9_.-]` survives. If something was removed a hyphen and the URL-safe base64 of the
  /// CRC-32 of the original name follow, so that different names stay different.
  public static func sanitizedArtifactName(_ name: String) -> String {
    var kept: [UInt8] = []
    let original = Array(name.utf8)
    kept.reserveCapacity(original.count)
    for byte in original {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
        kept.append(byte)
      default: break
      }
    }
    let text = String(decoding: kept, as: UTF8.self)
    guard kept.count != original.count else { return text }
    let sum = original.withUnsafeBytes { crc32(0, $0) }
    let bigEndian = (0..<4).map { UInt8(truncatingIfNeeded: sum &>> UInt32(24 &- 8 &* $0)) }
    return text + "-" + base64(bigEndian, urlSafe: true, padding: false)
  }

  /// The path under which an object is stored in an artifact: repeated slashes and `.` components disappear.
  ///
  /// - Throws: `value` when the path is absolute or has a `..` component.
  public static func artifactEntryPath(_ path: String) throws(MediaError) -> String {
    let slash = UInt8(ascii: "/")
    let parts = path.utf8.split(separator: slash, omittingEmptySubsequences: true)
    let dotDot: [UInt8] = [46, 46]
    if path.utf8.first == slash || parts.contains(where: { $0.elementsEqual(dotDot) }) {
      throw MediaError(
        .value, "Invalid artifact path: '\(path)': log under a key without a leading slash and without '..'")
    }
    let kept = parts.filter { !$0.elementsEqual([46]) }
    return kept.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
  }

  /// The digest of an artifact: hexadecimal MD5 over a fixed first line and `path:digest` lines sorted by path.
  ///
  /// - Parameter entries: entry path and entry digest (base64 of the content's MD5; for a reference its own text).
  public static func artifactDigest(_ entries: [(path: String, digest: String)]) -> String {
    var sum = MD5()
    func feed(_ text: String) {
      var text = text
      text.withUTF8 { sum.update(UnsafeRawBufferPointer($0)) }
    }
    feed("wandb-artifact-manifest-v1\n")
    for entry in entries.sorted(by: { Key($0.path) < Key($1.path) }) {
      feed(entry.path + ":" + entry.digest + "\n")
    }
    return hexText(sum.finish())
  }

  /// The name of a table's artifact, `run-<run id>-<key>` or `run-<run id>-incr-<key>`, sanitised.
  public static func tableArtifactName(runID: String, key: String, incremental: Bool = false) -> String {
    sanitizedArtifactName("run-" + runID + (incremental ? "-incr-" : "-") + key)
  }
}
