import QuipuBase
import RunFilters
import Testing

/// A second, slow reading of the rules, over JSON trees.
private enum Reference {
  static func matches(_ filter: JSON, _ run: JSON) -> Bool {
    (filter.objectValue?.members ?? []).allSatisfy { key, value in
      switch key.string {
      case "$and": return (value.arrayValue ?? []).allSatisfy { matches($0, run) }
      case "$or": return (value.arrayValue ?? []).contains { matches($0, run) }
      case "$nor": return !(value.arrayValue ?? []).contains { matches($0, run) }
      case "$not": return !matches(value, run)
      default: return holds(value, for: lookUp(key.string, run))
      }
    }
  }

  static func lookUp(_ name: String, _ run: JSON) -> JSON? {
    var parts = name.split(separator: ".").map(String.init)
    let first = parts.removeFirst()
    guard let column = run.objectValue?[Key(first)] else { return nil }
    if parts.isEmpty { return column }
    guard first == "config" else { return walk(column, parts) }
    for count in stride(from: parts.count, to: 0, by: -1) {
      let key = parts[..<count].joined(separator: ".")
      guard let value = column.objectValue?[Key(key)]?.objectValue?["value"] else { continue }
      let rest = Array(parts[count...])
      if rest.isEmpty || rest == ["value"] { return value }
      if rest[0] == "value", let found = walk(value, Array(rest.dropFirst())) { return found }
      if let found = walk(value, rest) { return found }
    }
    return nil
  }

  static func holds(_ test: JSON, for value: JSON?) -> Bool {
    guard let object = test.objectValue, object.keys.contains(where: { $0.string.hasPrefix("$") }) else {
      return equals(value, test)
    }
    return object.members.allSatisfy { key, operand in
      switch key.string {
      case "$eq": return equals(value, operand)
      case "$ne": return !equals(value, operand)
      case "$in": return (operand.arrayValue ?? []).contains { equals(value, $0) }
      case "$nin": return !(operand.arrayValue ?? []).contains { equals(value, $0) }
      case "$gt": return each(value) { order($0, operand) == 1 }
      case "$lt": return each(value) { order($0, operand) == -1 }
      case "$gte": return equals(value, operand) || each(value) { order($0, operand) == 1 }
      case "$lte": return equals(value, operand) || each(value) { order($0, operand) == -1 }
      case "$exists": return (value != nil) == operand.boolValue
      case "$not": return !holds(operand, for: value)
      default: return false
      }
    }
  }

  static func each(_ value: JSON?, _ test: (JSON) -> Bool) -> Bool {
    guard let value else { return false }
    return test(value) || (value.arrayValue ?? []).contains(where: test)
  }

  static func equals(_ value: JSON?, _ operand: JSON) -> Bool {
    guard let value else { return operand == .null }
    return each(value) { same($0, operand) }
  }

  static func same(_ a: JSON, _ b: JSON) -> Bool {
    if let a = a.doubleValue, let b = b.doubleValue { return a == b }
    if let a = a.arrayValue, let b = b.arrayValue {
      return a.count == b.count && a.indices.allSatisfy { same(a[$0], b[$0]) }
    }
    if let a = a.objectValue, let b = b.objectValue {
      return Set(a.keys) == Set(b.keys) && a.keys.allSatisfy { same(a[$0] ?? .null, b[$0] ?? .null) }
    }
    return a == b
  }

  static func order(_ a: JSON, _ b: JSON) -> Int {
    if let a = a.doubleValue, let b = b.doubleValue { return a < b ? -1 : a > b ? 1 : 0 }
    if let a = a.stringValue, let b = b.stringValue { return Key(a) < Key(b) ? -1 : Key(b) < Key(a) ? 1 : 0 }
    if let a = a.boolValue, let b = b.boolValue { return a == b ? 0 : a ? 1 : -1 }
    return 0
  }
}

/// Follows keys through a tree, the longest key with dots first.
func walk(_ value: JSON, _ parts: [String]) -> JSON? {
  if let elements = value.arrayValue {
    guard let first = parts.first, let at = Int(first), elements.indices.contains(at) else { return nil }
    return parts.count == 1 ? elements[at] : walk(elements[at], Array(parts.dropFirst()))
  }
  for count in stride(from: parts.count, to: 0, by: -1) {
    guard let member = value.objectValue?[Key(parts[..<count].joined(separator: "."))] else { continue }
    if count == parts.count { return member }
    if let found = walk(member, Array(parts[count...])) { return found }
  }
  return nil
}

struct RandomJSON {
  var random: SeededGenerator

  mutating func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: 0..<choices.count, using: &random)] }

  mutating func key() -> String { pick(["a", "b", "c", "a.b", "b.c", "value", "a.value", "0", "1", "é", "x\"\\\n"]) }

  mutating func scalar() -> JSON {
    pick([
      .null, .bool(true), .bool(false), .int(0), .int(1), .int(2), .double(1), .double(1.5), .double(.nan),
      .double(-.infinity), .string(""), .string("a"), .string("b\\\"{[,"), .string("1"),
      .bigInteger("12345678901234567890"),
    ])
  }

  mutating func value(depth: Int) -> JSON {
    switch depth == 0 ? 0 : Int.random(in: 0..<4, using: &random) {
    case 1: return .array((0..<Int.random(in: 0..<4, using: &random)).map { _ in value(depth: depth - 1) })
    case 2, 3: return .object(object(depth: depth))
    default: return scalar()
    }
  }

  mutating func object(depth: Int) -> JSONObject {
    var object = JSONObject()
    for _ in 0..<Int.random(in: 0..<6, using: &random) { object[Key(key())] = value(depth: depth - 1) }
    return object
  }

  mutating func path() -> [String] {
    (0..<Int.random(in: 1..<5, using: &random)).map { _ in pick(["a", "b", "c", "value", "0", "1", "é", "x\"\\\n"]) }
  }

  /// Text of the value with white space, escaped letters and repeated keys where the grammar allows them.
  mutating func text(_ value: JSON) -> String {
    func space(_ random: inout SeededGenerator) -> String {
      ["", "", "", " ", "\n\t"][Int.random(in: 0..<5, using: &random)]
    }
    switch value {
    case .array(let elements):
      let parts = elements.map { space(&random) + text($0) + space(&random) }
      return "[" + (parts.isEmpty ? space(&random) : parts.joined(separator: ",")) + "]"
    case .object(let object):
      var parts: [String] = []
      for (key, member) in object.members {
        if pick([true, false, false]) { parts.append(name(key.string) + ":" + text(scalar())) }
        parts.append(space(&random) + name(key.string) + space(&random) + ":" + space(&random) + text(member))
      }
      return "{" + (parts.isEmpty ? space(&random) : parts.joined(separator: ",")) + space(&random) + "}"
    default: return value.text(style: .client)
    }
  }

  private mutating func name(_ key: String) -> String {
    if key == "a", pick([true, false]) { return #""\u0061""# }
    return JSON.string(key).text(style: .client)
  }

  mutating func test(depth: Int) -> JSON {
    switch Int.random(in: 0..<10, using: &random) {
    case 0: return value(depth: 1)
    case 1: return .object([Key(pick(["$in", "$nin"])): .array((0..<3).map { _ in value(depth: 1) })])
    case 2: return .object(["$exists": .bool(pick([true, false]))])
    case 3 where depth > 0:
      let inner = test(depth: depth - 1)
      guard let members = inner.objectValue, !members.isEmpty,
        members.keys.allSatisfy({ $0.string.hasPrefix("$") })
      else { return inner }
      return .object(["$not": inner])
    case 4, 5: return .object([Key(pick(["$eq", "$ne"])): value(depth: 2)])
    default:
      return .object([Key(pick(["$gt", "$gte"])): scalar(), Key(pick(["$lt", "$lte"])): scalar()])
    }
  }

  mutating func filter(depth: Int) -> JSON {
    var object = JSONObject()
    for _ in 0..<Int.random(in: 0..<3, using: &random) {
      switch depth == 0 ? 3 : Int.random(in: 0..<5, using: &random) {
      case 0, 1:
        let parts = (0..<Int.random(in: 0..<3, using: &random)).map { _ in filter(depth: depth - 1) }
        object[Key(pick(["$and", "$or", "$nor"]))] = .array(parts)
      case 2: object["$not"] = filter(depth: depth - 1)
      default:
        let name = pick(["state", "tags", "duration", "config", "summary_metrics"])
        let isPlain = ["state", "tags", "duration"].contains(name)
        object[Key(isPlain ? name : ([name] + path()).joined(separator: "."))] = test(depth: 2)
      }
    }
    return .object(object)
  }
}

struct RandomFilterTests {
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func agreesWithASecondReadingOfTheRules(_ seed: UInt64) throws {
    var random = RandomJSON(random: SeededGenerator(state: seed))
    var matched = 0
    let rounds = 1500
    for _ in 0..<rounds {
      var config = JSONObject()
      for (key, value) in random.object(depth: 3).members { config[key] = .object(["value": value]) }
      let summary = JSON.object(random.object(depth: 3))
      let state = random.scalar()
      let tags = JSON.array([random.scalar(), random.scalar()])
      let run = TestRun(
        columns: [.state: FieldValue(state), .tags: FieldValue(tags)], config: random.text(.object(config)),
        summary: random.text(summary))
      let tree: JSON = .object([
        "state": state, "tags": tags, "config": .object(config), "summary_metrics": summary,
      ])
      for _ in 0..<4 {
        let json = random.filter(depth: 3)
        let expected = Reference.matches(json, tree)
        matched += expected ? 1 : 0
        let text = json.text(style: .client)
        #expect(try RunFilter(json: json).matches(run) == expected, "\(text) on \(tree.text(style: .client))")
      }
    }
    // Both answers occur often, so that agreement says something.
    #expect(matched > rounds / 2 && matched < rounds * 7 / 2)
  }
}
