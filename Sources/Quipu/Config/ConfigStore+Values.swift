import QuipuBase

extension ConfigStore {
  /// Without `-` at either end: `--lr` is `lr`.
  static func normalised(_ key: Key) -> Key {
    let dash = UInt8(ascii: "-")
    let bytes = key.string.utf8
    guard bytes.first == dash || bytes.last == dash else { return key }
    let head = bytes.drop { $0 == dash }
    guard let last = head.lastIndex(where: { $0 != dash }) else { return "" }
    return Key(String(decoding: head[...last], as: UTF8.self))
  }

  /// NaN becomes null at any depth; nil: nested too deeply.
  static func cleaned(_ value: JSON, depth: Int) -> JSON? {
    guard depth <= maximumDepth else { return nil }
    switch value {
    case .double(let number): return number.isNaN ? .null : value
    case .array(let elements):
      var result: [JSON] = []
      result.reserveCapacity(elements.count)
      for element in elements {
        guard let clean = cleaned(element, depth: depth + 1) else { return nil }
        result.append(clean)
      }
      return .array(result)
    case .object(let object):
      var result = JSONObject()
      for (key, member) in object.members {
        guard let clean = cleaned(member, depth: depth + 1) else { return nil }
        result[key] = clean
      }
      return .object(result)
    default: return value
    }
  }

  /// Equality by value: 1, 1.0 and true are equal, at any depth. An integer beyond 64 bits equals the double nearest
  /// to it.
  static func areEqual(_ a: JSON, _ b: JSON) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.string(let x), .string(let y)): Key(x) == Key(y)
    case (.array(let x), .array(let y)): x.count == y.count && zip(x, y).allSatisfy(areEqual)
    case (.object(let x), .object(let y)):
      x.count == y.count && x.members.allSatisfy { key, value in y[key].map { areEqual(value, $0) } ?? false }
    default: areEqualNumbers(a, b)
    }
  }

  private static func areEqualNumbers(_ a: JSON, _ b: JSON) -> Bool {
    switch (plainNumber(a), plainNumber(b)) {
    case (.int(let x), .int(let y)): x == y
    case (.int(let x), .double(let y)), (.double(let y), .int(let x)): Int64(exactly: y) == x
    case (.double(let x), .double(let y)): x == y
    case (.bigInteger(let x), .bigInteger(let y)): Key(x) == Key(y)
    case (.bigInteger(let x), .double(let y)), (.double(let y), .bigInteger(let x)): Double(x) == y
    default: false
    }
  }

  private static func plainNumber(_ value: JSON) -> JSON {
    if case .bool(let flag) = value { .int(flag ? 1 : 0) } else { value }
  }

  /// `new` over `old`; objects merge, other values replace.
  static func merge(_ new: JSONObject, into old: JSONObject) -> JSONObject {
    var result = old
    for (key, value) in new.members {
      if case .object(let upper) = value, case .object(let lower)? = result[key] {
        result[key] = .object(merge(upper, into: lower))
      } else {
        result[key] = value
      }
    }
    return result
  }

  /// Applies a value as readers of the log do: leaf by leaf. An object without leaves changes nothing.
  static func fold(_ value: JSON, at key: Key, into tree: inout JSONObject) {
    guard case .object(let object) = value else {
      tree[key] = value
      return
    }
    guard hasLeaves(value) else { return }
    var branch = tree[key]?.objectValue ?? JSONObject()
    for (name, member) in object.members { fold(member, at: name, into: &branch) }
    tree[key] = .object(branch)
  }

  private static func hasLeaves(_ value: JSON) -> Bool {
    guard case .object(let object) = value else { return true }
    return object.members.contains { hasLeaves($0.value) }
  }
}
