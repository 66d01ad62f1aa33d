import QuipuBase
import QuipuSync

extension Setting {
  /// Checks a converted value beyond its type.
  ///
  /// - Returns: the value to keep, e.g. without a URL's trailing slash.
  func check(_ value: JSON, source: String) throws(QuipuError) -> JSON {
    switch name {
    case "run_id": try Self.checkRunID(value.stringValue ?? "", source)
    case "project": try Self.checkProject(value.stringValue ?? "", source)
    case "sweep_id": try Self.checkSweepID(value.stringValue ?? "", source)
    case "run_tags": try Self.checkTags(value.arrayValue?.compactMap(\.stringValue) ?? [])
    case "base_url": return .string(try Self.checkedBaseURL(value.stringValue ?? "", source))
    case "x_stats_sampling_interval":
      // Written so that NaN is refused too.
      guard let seconds = value.doubleValue, seconds >= 0.1 else {
        throw QuipuError(
          .setting, kind: "sampling_interval_too_small", "\(source): the sampling interval is at least 0.1 s")
      }
    case "console":
      switch value.stringValue {
      case "auto", "on": return "wrap"
      default: return value
      }
    case "ring_bytes":
      guard let bytes = value.intValue, bytes == 0 || (65_536...1_073_741_824).contains(bytes) else {
        throw QuipuError(.setting, kind: "setting_bad_number", "\(source): must be 65536 ... 1073741824 bytes")
      }
      return bytes == 0 ? .int(4 << 20) : value
    default: break
    }
    return value
  }

  static func checkRunID(_ id: String, _ source: String = "id") throws(QuipuError) {
    if id.isEmpty { throw QuipuError(.name, kind: "run_id_empty", "\(source): a run id must not be empty") }
    if hasOuterSpace(id) {
      throw QuipuError(.name, kind: "run_id_whitespace", "\(source): a run id has no white space at either end")
    }
    // NUL is not among W&B's refused characters; the id becomes a file name, which cannot hold it.
    if id.utf8.contains(where: { ":;,#?/'\0".utf8.contains($0) }) {
      throw QuipuError(
        .name, kind: "run_id_bad_char", "\(source): a run id must not contain any of : ; , # ? / ' (or NUL)")
    }
  }

  static func checkProject(_ project: String, _ source: String = "project") throws(QuipuError) {
    if project.unicodeScalars.count > 128 {
      throw QuipuError(.name, kind: "project_too_long", "\(source): a project name has at most 128 characters")
    }
    if project.utf8.contains(where: { "/\\#?%:".utf8.contains($0) }) {
      throw QuipuError(
        .name, kind: "project_bad_char", "\(source): a project name must not contain any of / \\ # ? % :")
    }
  }

  static func checkSweepID(_ id: String, _ source: String) throws(QuipuError) {
    if id.isEmpty || hasOuterSpace(id) {
      throw QuipuError(
        .name, kind: "sweep_id_bad", "\(source): a sweep id is not empty and has no white space at either end")
    }
  }

  static func checkTags(_ tags: [String]) throws(QuipuError) {
    for (index, tag) in tags.enumerated() {
      if tag.isEmpty { throw QuipuError(.name, kind: "tag_empty", "tags: tag \(index) is empty") }
      if tag.unicodeScalars.count > 64 {
        throw QuipuError(.name, kind: "tag_too_long", "tags: tag \(index) has more than 64 characters")
      }
    }
  }

  private static func hasOuterSpace(_ text: String) -> Bool {
    let scalars = text.unicodeScalars
    return scalars.first?.properties.isWhitespace == true || scalars.last?.properties.isWhitespace == true
  }

  private static func checkedBaseURL(_ url: String, _ source: String) throws(QuipuError) -> String {
    do { return try ServerAddress(url).base } catch {
      throw QuipuError(.setting, kind: "base_url_bad", "\(source): \(error.message)")
    }
  }
}
