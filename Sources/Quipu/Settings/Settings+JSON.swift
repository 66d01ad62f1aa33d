import QuipuBase

extension Settings {
  /// All settings by their W&B names, unset ones as null, for introspection. Secrets are left out, passwords in URLs
  /// are removed.
  ///
  /// Besides the settings it holds what follows from them: `run_mode`, `wandb_dir`, `settings_workspace`,
  /// `resume_fname`, `_args`, `_offline`, `_noop` and `_shared`.
  public var settingsJSON: JSONObject {
    var result = JSONObject()
    for setting in Setting.all where !setting.isSecret {
      if case .unused = setting.kind { continue }
      result[Key(setting.name)] = shown(value(setting.name), of: setting) ?? .null
    }
    result["run_mode"] = .string(isOffline ? "offline-run" : "run")
    result["wandb_dir"] = .string(wandbDirectory)
    result["settings_workspace"] = .string(PathTools.join(wandbDirectory, "settings"))
    result["resume_fname"] = .string(PathTools.join(wandbDirectory, "wandb-resume.json"))
    result["_args"] = .array(arguments.map(JSON.string))
    result["_offline"] = .bool(isOffline)
    result["_noop"] = .bool(isDisabled)
    result["_shared"] = .bool(mode == .shared)
    return result
  }

  /// A setting by its W&B name; nil: unset, or no such setting. Secrets are not to be had this way.
  public subscript(name: String) -> JSON? {
    guard let setting = Setting.named(name), !setting.isSecret else { return nil }
    return shown(value(name), of: setting)
  }

  private func shown(_ value: JSON?, of setting: Setting) -> JSON? {
    guard setting.isURL || setting.isHeaders, let value else { return value }
    switch value {
    case .object(let table) where setting.isHeaders:
      var result = JSONObject()
      for (name, member) in table.members { result[name] = Self.isCredential(name.string) ? "***" : member }
      return .object(result)
    case .string(let url): return .string(URLText.withoutPassword(url))
    case .object(let table):
      var result = JSONObject()
      for (key, member) in table.members {
        result[key] = member.stringValue.map { .string(URLText.withoutPassword($0)) } ?? member
      }
      return .object(result)
    default: return value
    }
  }

  private static func isCredential(_ header: String) -> Bool {
    let name = header.lowercased()
    return ["auth", "cookie", "token", "key", "secret"].contains { part in
      name.utf8.indices.contains { name.utf8[$0...].starts(with: part.utf8) }
    }
  }
}
