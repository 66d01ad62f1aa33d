import QuipuBase

/// A node of the summary: a tree of further nodes, or one metric with its value and statistics.
///
/// Statistics of every leaf are kept from its first row on, defined or not, so that a later definition covers earlier
/// rows. Used by the writer thread only.
///
/// Source: run semantics, "A structure that behaves this way".
final class SummaryNode {
  /// Present for a tree, in order of arrival.
  private(set) var children: [(key: Key, node: SummaryNode)]?
  private var index: [Key: Int] = [:]

  /// What a reader sees; nil: no entry.
  private(set) var shown: JSON?
  /// True after an explicit set of an object: it is one value, not a tree.
  private(set) var modes: MetricDefinition.Modes = []
  private var goal: MetricDefinition.Goal = .unset

  private var hasFirst = false
  private var first: JSON = .null
  private var last: JSON = .null
  private var count: Int64 = 0
  private var sum = 0.0
  private var minimum = 0.0
  private var maximum = 0.0
  /// The values drawn at the end of the run.
  var sample = MetricSample()

  /// True while a change has not been written to the log.
  var isDirty = false
  /// The item key of the node's path in a record, made on first use.
  var encodedPath: [UInt8] = []
  /// Last number logged since the metric became a step metric; nil: it is none.
  var stepValue: Double?

  init() {}

  var isTree: Bool { children != nil }

  func child(_ key: Key) -> SummaryNode? {
    guard let children else { return nil }
    if children.count <= 8 { return children.first { $0.key == key }?.node }
    return index[key].map { children[$0].node }
  }

  /// The child, made if it is not there; the node becomes a tree if it was none.
  func makeChild(_ key: Key) -> SummaryNode {
    if let found = child(key) { return found }
    let node = SummaryNode()
    put(key, node)
    return node
  }

  func put(_ key: Key, _ node: SummaryNode) {
    if children == nil {
      children = []
      shown = nil
    }
    if let at = index[key] {
      children?[at].node = node
    } else {
      index[key] = children?.count
      children?.append((key, node))
    }
  }

  func remove(_ key: Key) {
    guard let at = children?.firstIndex(where: { $0.key == key }) else { return }
    children?.remove(at: at)
    index.removeAll(keepingCapacity: true)
    for (at, child) in (children ?? []).enumerated() { index[child.key] = at }
  }

  // MARK: Rows

  /// A value of a row that is a double.
  @inline(__always) func update(_ value: Double) {
    add(value)
    if !hasFirst {
      hasFirst = true
      first = .double(value)
    }
    last = .double(value)
    show()
  }

  /// Any value of a row.
  func update(_ value: JSON) {
    switch value {
    case .int(let integer): add(Double(integer))
    case .double(let number): add(number)
    case .bigInteger(let digits): if let number = Double(digits) { add(number) }
    default: break
    }
    if !hasFirst {
      hasFirst = true
      first = value
    }
    last = value
    show()
  }

  @inline(__always) private func add(_ value: Double) {
    if count == 0 {
      minimum = value
      maximum = value
      sum = value
    } else {
      // NaN sticks: it is neither below nor above, and once in it stays.
      if value < minimum || value.isNaN { minimum = value }
      if value > maximum || value.isNaN { maximum = value }
      sum += value
    }
    count &+= 1
    if stepValue != nil { stepValue = value }
    sample.add(value)
  }

  @inline(__always) private func show() {
    if modes.isEmpty {
      // A null makes no entry and leaves an older one in place.
      if case .null = last { return }
      shown = last
    } else if modes.contains(.none) {
      return
    } else if !modes.isDisjoint(with: .shown) {
      shown = statistics()
    } else if case .null = last {
      return
    } else {
      shown = last
    }
  }

  private func statistics() -> JSON {
    var object = JSONObject()
    let counted = count > 0
    if modes.contains(.min) { object["min"] = .number(counted ? minimum : 0) }
    if modes.contains(.max) { object["max"] = .number(counted ? maximum : 0) }
    if modes.contains(.mean) { object["mean"] = .number(counted ? sum / Double(count) : .nan) }
    if modes.contains(.best) { object["best"] = .number(counted ? (goal == .maximize ? maximum : minimum) : 0) }
    if modes.contains(.last) { object["last"] = last }
    if modes.contains(.first) { object["first"] = first }
    return .object(object)
  }

  // MARK: Definitions and explicit values

  func define(_ definition: MetricDefinition) {
    modes = (definition.modes ?? []).subtracting(.copy)
    goal = definition.goal
  }

  /// An explicit value: it replaces what is there, a tree included, and ends the modes; statistics stay.
  func set(_ value: JSON) {
    children = nil
    index.removeAll()
    modes = []
    if !hasFirst {
      hasFirst = true
      first = .null
    }
    if case .null = value { shown = nil } else { shown = value }
  }

  /// Takes the value away; statistics and modes stay.
  func clearValue() {
    children = nil
    index.removeAll()
    shown = nil
  }

  /// The tree or value as JSON; nil if there is nothing to show.
  var json: JSON? {
    guard let children else { return shown }
    var object = JSONObject()
    for (key, node) in children {
      if let value = node.json { object[key] = value }
    }
    return object.isEmpty ? nil : .object(object)
  }
}

extension JSON {
  /// A statistic of integers is an integer in the log's spelling anyway; keeps it one in memory where it is exact.
  static func number(_ value: Double) -> JSON { .double(value) }
}
