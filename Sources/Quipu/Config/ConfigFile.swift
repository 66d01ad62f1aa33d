import QuipuBase

/// A config file: YAML of the form `key: {desc: TEXT, value: V}`, optionally with `wandb_version: 1`.
enum ConfigFile {
  /// The values by key; nil: the file holds nothing.
  ///
  /// - Parameters:
  ///   - path: absolute.
  ///   - name: the path as given, for messages.
  /// - Throws: `file` if it cannot be read, `format` if it is not of that form.
  static func read(_ path: String, name: String, files: FileAccess) throws(QuipuError) -> JSONObject? {
    guard files.kind(path) != nil else {
      throw QuipuError(.notFound, kind: "config_file_missing", "The config file \(name) does not exist")
    }
    guard let bytes = files.read(path) else {
      throw QuipuError(.file, kind: "config_file_unreadable", "The config file \(name) cannot be read")
    }
    return try values(try document(bytes, name), name)
  }

  private static func document(_ bytes: [UInt8], _ name: String) throws(QuipuError) -> JSONObject? {
    let document: YAMLReader.Document
    do throws(YAMLError) {
      document = try YAMLReader.read(bytes)
    } catch {
      throw QuipuError(.format, kind: "config_file_bad_yaml", "\(name): \(error)")
    }
    if case .null = document.root { return nil }
    guard case .object(let root) = document.root else {
      throw QuipuError(.format, kind: "config_file_bad_values", "\(name): the file must be a mapping of keys to values")
    }
    if let key = document.nonTextKeys.first {
      throw QuipuError(
        .format, kind: "config_key_not_str", "\(name): the key \(key) is not a text in YAML; put it in quotes")
    }
    return root
  }

  private static func values(_ root: JSONObject?, _ name: String) throws(QuipuError) -> JSONObject? {
    guard let root else { return nil }
    if let version = root["wandb_version"], version != .null, !ConfigStore.areEqual(version, 1) {
      throw QuipuError(
        .format, kind: "config_bad_version", "\(name): wandb_version must be 1; other versions are not known")
    }
    var result = JSONObject()
    for (key, entry) in root.members where key != "wandb_version" {
      guard let value = entry.objectValue?["value"] else {
        throw QuipuError(
          .format, kind: "config_file_bad_values",
          "\(name): the value of '\(key)' must be given as `value:` below the key")
      }
      result[key] = value
    }
    return result
  }
}
