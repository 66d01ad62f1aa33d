import QuipuBase

/// The config of a run, on the caller's side.
///
/// Two views exist, because W&B has them: what the program set (``asJSON``), where an update replaces a nested object,
/// and what the log's readers make of the records (``storedJSON``), where objects merge leaf by leaf and empty objects
/// leave no trace.
///
/// Threads: none of its own; the run guards it with a lock.
struct ConfigStore: Sendable {
  /// A top-level key and its new value, for a config record.
  typealias Item = (key: Key, value: JSON)

  /// Objects nested deeper than this are refused: readers of the log recurse.
  static let maximumDepth = 200

  private(set) var items = JSONObject()
  private var stored = JSONObject()
  private var locks: [Key: String] = [:]
  /// What the client itself keeps under `_wandb`, e.g. the branch point.
  var internalItems = JSONObject()

  init() {}

  /// What the program set, `_wandb` included if it set that.
  var asJSON: JSONObject { items }

  /// What a reader of the log gets by applying all items in order.
  var storedJSON: JSONObject { stored }

  /// What the run record holds: all items, led by `_wandb`, which is always there.
  var initialItems: [Item] {
    var own = items["_wandb"]?.objectValue ?? JSONObject()
    for (key, value) in internalItems.members { own[key] = value }
    var result: [Item] = [("_wandb", .object(own))]
    for (key, value) in items.members where key != "_wandb" { result.append((key, value)) }
    return result
  }

  /// The keys that a program's listing shows: those that do not begin with `_`.
  var visibleKeys: [Key] { items.keys.filter { $0.string.utf8.first != UInt8(ascii: "_") } }

  subscript(key: Key) -> JSON? { items[key] }

  /// Sets one value.
  ///
  /// - Returns: the item to record; none if the key is locked, which `diagnostics` then says.
  /// - Throws: `configChanged` if another value is there; `tooLarge` for a value nested too deeply.
  mutating func set(
    _ key: Key, _ value: JSON, allowValChange: Bool = false, diagnostics: inout [Diagnostic]
  ) throws(QuipuError) -> [Item] {
    try update([(key, value)], allowValChange: allowValChange, diagnostics: &diagnostics)
  }

  /// Sets all members of `object`, or none of them.
  mutating func update(
    _ object: JSONObject, allowValChange: Bool = false, diagnostics: inout [Diagnostic]
  ) throws(QuipuError) -> [Item] {
    try update(object.members, allowValChange: allowValChange, diagnostics: &diagnostics)
  }

  /// Sets the members of `object` that are missing.
  mutating func setDefaults(
    _ object: JSONObject, diagnostics: inout [Diagnostic]
  ) throws(QuipuError) -> [Item] {
    let missing = object.members.filter { items[Self.normalised($0.key)] == nil }
    return try update(missing, allowValChange: false, diagnostics: &diagnostics)
  }

  /// Sets all members of `object` and locks their keys: later changes are ignored with a warning.
  ///
  /// - Parameters:
  ///   - owner: who locks, for the warning.
  ///   - merging: objects merge into objects that are there.
  ///   - allowValChange: values that are there may change.
  mutating func lock(
    _ object: JSONObject, owner: String, merging: Bool = false, allowValChange: Bool = false
  ) throws(QuipuError) -> [Item] {
    var accepted: [Item] = []
    for (key, value) in object.members {
      let item = try checked(key, value, allowValChange: allowValChange)
      accepted.append(item)
    }
    var result: [Item] = []
    for (key, value) in accepted {
      locks[key] = owner
      var merged = value
      if merging, case .object(let old)? = items[key], case .object(let new) = value {
        merged = .object(Self.merge(new, into: old))
      }
      apply(key, merged)
      result.append((key, merged))
    }
    return result
  }

  private mutating func update(
    _ members: [Item], allowValChange: Bool, diagnostics: inout [Diagnostic]
  ) throws(QuipuError) -> [Item] {
    var accepted: [Item] = []
    var ignored: [Diagnostic] = []
    for (key, value) in members {
      let key = Self.normalised(key)
      if let owner = locks[key] {
        ignored.append(
          Diagnostic(
            .warning, kind: "config_locked", "The config value '\(key)' was locked by \(owner): change ignored"))
        continue
      }
      accepted.append(try checked(key, value, allowValChange: allowValChange))
    }
    for (key, value) in accepted { apply(key, value) }
    diagnostics += ignored
    return accepted
  }

  private func checked(_ key: Key, _ value: JSON, allowValChange: Bool) throws(QuipuError) -> Item {
    let key = Self.normalised(key)
    guard let value = Self.cleaned(value, depth: 0) else {
      throw QuipuError(
        .tooLarge, kind: "config_too_deep",
        "The config value '\(key)' is nested deeper than \(Self.maximumDepth) levels")
    }
    if !allowValChange, let old = items[key], !Self.areEqual(old, value) {
      throw QuipuError(
        .configChanged, kind: "config_value_changed",
        "The config value '\(key)' is set already and differs; to change it, update the config with allowValChange")
    }
    return (key, value)
  }

  private mutating func apply(_ key: Key, _ value: JSON) {
    items[key] = value
    Self.fold(value, at: key, into: &stored)
  }
}
