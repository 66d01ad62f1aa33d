import QuipuBase

/// The summary of a run and the metric definitions that shape it. Used by the writer thread only.
final class SummaryTree {
  let root = SummaryNode()
  /// Nodes whose value has changed since the last summary record.
  private(set) var dirty: [SummaryNode] = []

  private struct Exact {
    var definition: MetricDefinition
    var path: [Key]
  }
  private var exact: [Key: Exact] = [:]
  private var globs: [(prefix: String, definition: MetricDefinition)] = []
  // Leaves that took a glob, by joined path: each keeps the copy it met first.
  private var expanded: [Key: MetricDefinition] = [:]
  private var stepMetrics: [Key: StepMetric] = [:]
  /// Changes with every definition; cached plans compare it.
  private(set) var generation = 0
  /// True if any definition inserts a step metric into rows.
  private(set) var insertsSteps = false

  private final class StepMetric {
    let path: [Key]
    var value: Double = 0
    init(path: [Key]) { self.path = path }
  }

  init() { _ = root.makeChild("_wandb") }

  func markDirty(_ node: SummaryNode) {
    if !node.isDirty {
      node.isDirty = true
      dirty.append(node)
    }
  }

  func takeDirty() -> [SummaryNode] {
    let nodes = dirty
    dirty.removeAll(keepingCapacity: true)
    for node in nodes { node.isDirty = false }
    return nodes
  }

  // MARK: Rows

  /// The node for a leaf of a row at `path`: what does not fit is replaced by fresh nodes.
  func leaf(_ path: [Key]) -> SummaryNode {
    var node = root
    for (at, key) in path.enumerated() {
      let isLast = at == path.count - 1
      if let next = node.child(key) {
        if isLast ? next.isTree : (!next.isTree && next.shown != nil) {
          let fresh = SummaryNode()
          node.put(key, fresh)
          node = fresh
          generation += 1
        } else {
          // A leaf without an entry becomes a tree: plans may know it as a leaf.
          if !isLast, !next.isTree { generation += 1 }
          node = next
        }
      } else {
        node = node.makeChild(key)
      }
    }
    if node.encodedPath.isEmpty {
      node.encodedPath = Self.encode(path)
      meetGlob(node, path)
    }
    return node
  }

  static func encode(_ path: [Key]) -> [UInt8] {
    var buffer = ByteBuffer(capacity: 64)
    buffer.appendItemKey(path: path.map(\.string))
    return buffer.array()
  }

  private static func joined(_ path: [Key]) -> String { path.map(\.string).joined(separator: ".") }

  private func meetGlob(_ node: SummaryNode, _ path: [Key]) {
    guard !globs.isEmpty else { return }
    let name = Self.joined(path)
    guard exactDefinition(path) == nil, expanded[Key(name)] == nil, name.utf8.first != UInt8(ascii: "_") else { return }
    // The longest prefix wins where several match.
    let match = globs.filter { name.utf8.starts(with: $0.prefix.utf8) }.max { $0.prefix.utf8.count < $1.prefix.utf8.count }
    guard let match else { return }
    expanded[Key(name)] = match.definition
    node.define(match.definition)
  }

  private func exactDefinition(_ path: [Key]) -> MetricDefinition? {
    guard !exact.isEmpty else { return nil }
    if path.count == 1, let first = path.first, !first.string.utf8.contains(UInt8(ascii: ".")),
      !first.string.utf8.contains(UInt8(ascii: "\\"))
    {
      return exact[first]?.definition
    }
    return exact.values.first { $0.path == path }?.definition
  }

  /// The definition that governs a leaf.
  func definition(_ path: [Key]) -> MetricDefinition? {
    exactDefinition(path) ?? expanded[Key(Self.joined(path))]
  }

  /// The step metric that a row with the leaf at `path` needs, and the value to insert if the row lacks it.
  func stepToInsert(_ path: [Key]) -> (path: [Key], value: Double)? {
    guard insertsSteps, let definition = definition(path), definition.insertsStep,
      let name = definition.stepMetric, name != "_step", let metric = stepMetrics[Key(name)]
    else { return nil }
    return (metric.path, metric.value)
  }

  /// Remembers the value of a step metric that a row holds.
  func noteStepMetric(_ path: [Key], _ value: JSON) {
    guard insertsSteps, let number = value.doubleValue else { return }
    for metric in stepMetrics.values where metric.path == path { metric.value = number }
  }

  // MARK: Definitions

  func define(_ definition: MetricDefinition) {
    generation += 1
    if definition.isGlob {
      let prefix = String(definition.name.dropLast())
      if let at = globs.firstIndex(where: { Key($0.prefix) == Key(prefix) }) {
        globs[at].definition.merge(definition)
      } else {
        globs.append((prefix, definition))
      }
      forgetUnmatched(root, [])
    } else {
      let path = MetricDefinition.path(of: definition.name)
      let key = Key(definition.name)
      if exact[key] == nil { exact[key] = Exact(definition: definition, path: path) } else {
        exact[key]?.definition.merge(definition)
      }
      if let merged = exact[key]?.definition { node(for: path)?.define(merged) }
    }
    if let name = definition.stepMetric, definition.stepSync != false {
      insertsSteps = true
      if stepMetrics[Key(name)] == nil { stepMetrics[Key(name)] = StepMetric(path: MetricDefinition.path(of: name)) }
    }
  }

  // A leaf that is already there meets a new glob with its next row.
  private func forgetUnmatched(_ node: SummaryNode, _ path: [Key]) {
    if let children = node.children {
      for (key, child) in children { forgetUnmatched(child, path + [key]) }
    } else if !path.isEmpty, !node.encodedPath.isEmpty {
      meetGlob(node, path)
    }
  }

  // The node a definition applies to; nil where a tree is in the way.
  private func node(for path: [Key]) -> SummaryNode? {
    var node = root
    for (at, key) in path.enumerated() {
      if let next = node.child(key) {
        if at == path.count - 1 { return next.isTree ? nil : next }
        if !next.isTree && next.shown != nil { return nil }
        node = next
      } else {
        node = node.makeChild(key)
      }
    }
    return node
  }

  // MARK: Explicit values

  func set(_ path: [Key], _ value: JSON) {
    var node = root
    for (at, key) in path.enumerated() {
      if at == path.count - 1 {
        let target = node.makeChild(key)
        // A tree's nodes are gone then, and plans may know them.
        if target.isTree { generation += 1 }
        target.set(value)
        if target.encodedPath.isEmpty { target.encodedPath = Self.encode(path) }
      } else if let next = node.child(key), next.isTree || next.shown == nil {
        node = next
      } else {
        let fresh = SummaryNode()
        node.put(key, fresh)
        node = fresh
        generation += 1
      }
    }
  }

  func remove(_ path: [Key]) {
    guard let last = path.last else { return }
    var node = root
    for key in path.dropLast() {
      guard let next = node.child(key) else { return }
      node = next
    }
    guard let target = node.child(last) else { return }
    guard target.isTree else {
      target.clearValue()
      return
    }
    node.remove(last)
    generation += 1
  }

  /// The whole summary. `_wandb` is included.
  var json: JSONObject {
    root.json?.objectValue ?? JSONObject()
  }
}
