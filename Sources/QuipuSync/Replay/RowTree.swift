import QuipuBase
import QuipuRecords

/// A row whose keys have several parts, or whose values are objects: the members in their order, values as JSON text.
struct RowTree {
  private enum Node {
    case leaf([UInt8])
    case tree(RowTree)
  }

  private var members: [(key: Key, node: Node)] = []
  private var places: [Key: Int] = [:]

  /// Sets a value; an object merges into what is there, member by member.
  ///
  /// - Returns: false for an item without a value or with one that is not JSON.
  mutating func set(_ path: [String], _ item: HistoryItem) -> Bool {
    switch item.value {
    case .null: set(path[...], leaf: Array("null".utf8))
    case .boolean(let value): set(path[...], leaf: Array((value ? "true" : "false").utf8))
    case .integer(let value): set(path[...], JSON.int(value))
    case .number(let value): set(path[...], JSON.double(value))
    case .text(let value): set(path[...], JSON.string(value))
    case .json(let text): return set(path, text)
    case nil: return !item.valueJSON.isEmpty && set(path, item.valueJSON)
    }
    return true
  }

  private mutating func set(_ path: [String], _ text: String) -> Bool {
    let bytes = Array(text.utf8)
    switch bytes.withUnsafeBytes({ ValueText.form($0) }) {
    case .ready: set(path[...], leaf: bytes)
    case .broken: return false
    case .object, .odd:
      guard let value = try? JSON(parsing: text) else { return false }
      set(path[...], value)
    }
    return true
  }

  private mutating func set(_ path: ArraySlice<String>, _ value: JSON) {
    guard case .object(let object) = value else {
      var out = ByteBuffer()
      value.write(to: &out, style: .core)
      set(path, leaf: out.array())
      return
    }
    withTree(at: path) { tree in
      for member in object.members { tree.set([member.key.string], member.value) }
    }
  }

  private mutating func set(_ path: ArraySlice<String>, leaf: [UInt8]) {
    guard let last = path.last else { return }
    withTree(at: path.dropLast()) { $0.put(Key(last), .leaf(leaf)) }
  }

  /// Goes down to the tree at a path, which replaces values on the way.
  private mutating func withTree(at path: ArraySlice<String>, _ body: (inout RowTree) -> Void) {
    guard let first = path.first else {
      body(&self)
      return
    }
    let key = Key(first)
    var child = RowTree()
    if let place = places[key], case .tree(let found) = members[place].node {
      child = found
      // One owner while it changes.
      members[place].node = .leaf([])
    }
    child.withTree(at: path.dropFirst(), body)
    put(key, .tree(child))
  }

  private mutating func put(_ key: Key, _ node: Node) {
    if let place = places[key] {
      members[place].node = node
    } else {
      places[key] = members.count
      members.append((key, node))
    }
  }

  /// Takes out the member `_step`; nil if there is none or it is a tree.
  mutating func removeStep() -> [UInt8]? {
    guard let place = places["_step"] else { return nil }
    let node = members[place].node
    members[place].node = .tree(RowTree())
    if case .leaf(let text) = node { return text }
    return nil
  }

  /// Trees without a value leave nothing.
  private var isEmpty: Bool {
    members.allSatisfy { if case .tree(let tree) = $0.node { tree.isEmpty } else { false } }
  }

  /// Appends `"key":value` for each member, separated by commas.
  func writeMembers(to out: inout ByteBuffer) {
    var isFirst = true
    for (key, node) in members {
      if case .tree(let tree) = node, tree.isEmpty { continue }
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      JSON.writeString(key.string, to: &out, style: .core)
      out.append(UInt8(ascii: ":"))
      switch node {
      case .leaf(let text): out.append(text)
      case .tree(let tree):
        out.append(UInt8(ascii: "{"))
        tree.writeMembers(to: &out)
        out.append(UInt8(ascii: "}"))
      }
    }
  }
}
