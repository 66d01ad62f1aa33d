import QuipuBase

/// The fold of config or summary records: values at paths.
///
/// Config and summary differ in what an object is. In the config it merges, member by member. In the summary it is one
/// value, and a later update below it replaces it with a tree of its own.
///
/// Source: how `wandb sync` 0.31.0 folds a transaction log.
package struct ValueTree: Sendable {
  private indirect enum Node: Sendable {
    case value(JSON)
    case tree([Key: Node])
  }

  private let mergesObjects: Bool
  private var root: [Key: Node] = [:]

  package init(mergesObjects: Bool) { self.mergesObjects = mergesObjects }

  /// - Parameter path: 1 to ``JSON/maximumDepth`` keys; deeper ones, which no client writes, are ignored.
  package mutating func set(_ path: [String], _ value: JSON) {
    guard !path.isEmpty, path.count <= JSON.maximumDepth else { return }
    Self.set(&root, path[...], value, mergesObjects)
  }

  package mutating func remove(_ path: [String]) {
    guard !path.isEmpty, path.count <= JSON.maximumDepth else { return }
    Self.remove(&root, path[...])
  }

  package var isEmpty: Bool { root.isEmpty }

  /// The whole as JSON, keys in order. What removals left empty stays in a config and goes from a summary.
  package var object: JSONObject { Self.object(root, keepsEmpty: mergesObjects) }

  private static func set(_ members: inout [Key: Node], _ path: ArraySlice<String>, _ value: JSON, _ merges: Bool) {
    guard let first = path.first else { return }
    let key = Key(first)
    let rest = path.dropFirst()
    if rest.isEmpty {
      guard merges, case .object(let object) = value else {
        members[key] = .value(value)
        return
      }
      // An object without a value anywhere in it leaves nothing, not even an empty tree.
      guard hasValue(object) else { return }
      var children = tree(members.removeValue(forKey: key))
      for member in object.members { set(&children, [member.key.string], member.value, true) }
      members[key] = .tree(children)
    } else {
      // Taken out while it changes, so that the dictionary below has one owner.
      var children = tree(members.removeValue(forKey: key))
      set(&children, rest, value, merges)
      members[key] = .tree(children)
    }
  }

  private static func hasValue(_ object: JSONObject) -> Bool {
    object.members.contains { if case .object(let inner) = $0.value { hasValue(inner) } else { true } }
  }

  private static func tree(_ node: Node?) -> [Key: Node] { if case .tree(let members) = node { members } else { [:] } }

  private static func remove(_ members: inout [Key: Node], _ path: ArraySlice<String>) {
    guard let first = path.first else { return }
    let key = Key(first)
    let rest = path.dropFirst()
    if rest.isEmpty {
      members[key] = nil
      return
    }
    guard let node = members[key] else { return }
    switch node {
    case .tree(var children):
      members[key] = nil
      remove(&children, rest)
      members[key] = .tree(children)
    case .value(.object(var object)):
      // The path leads into a value that was set as a whole.
      remove(&object, rest)
      members[key] = .value(.object(object))
    case .value: break
    }
  }

  private static func remove(_ object: inout JSONObject, _ path: ArraySlice<String>) {
    guard let first = path.first else { return }
    let rest = path.dropFirst()
    if rest.isEmpty {
      object[Key(first)] = nil
    } else if case .object(var inner) = object[Key(first)] {
      remove(&inner, rest)
      object[Key(first)] = .object(inner)
    }
  }

  private static func object(_ members: [Key: Node], keepsEmpty: Bool) -> JSONObject {
    var out = JSONObject()
    for (key, node) in members.sorted(by: { $0.key < $1.key }) {
      switch node {
      case .value(let value): out[key] = value
      case .tree(let children):
        let inner = object(children, keepsEmpty: keepsEmpty)
        if keepsEmpty || !inner.isEmpty { out[key] = .object(inner) }
      }
    }
    return out
  }
}
