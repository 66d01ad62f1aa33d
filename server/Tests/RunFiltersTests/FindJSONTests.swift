import QuipuBase
import RunFilters
import Testing

private func find(_ path: [String], _ text: String) -> FieldValue {
  Array(text.utf8).withUnsafeBytes { findJSON(path: path, in: $0) }
}

/// Text by which two values can be compared, NaN included.
private func described(_ value: FieldValue) -> String {
  switch value {
  case .missing: "missing"
  case .null: "null"
  case .bool(let value): "\(value)"
  case .number(let value): "\(value)"
  case .string(let text): JSON.string(text).text(style: .client)
  case .list(let elements): "[" + elements.map(described).joined(separator: ",") + "]"
  case .object(let object): JSON.object(object).text(style: .client)
  }
}

struct FindJSONTests {
  @Test(arguments: [5, 6, 7] as [UInt64])
  func findsWhatATreeHolds(_ seed: UInt64) {
    var random = RandomJSON(random: SeededGenerator(state: seed))
    var found = 0
    for _ in 0..<2000 {
      let tree = random.pick([random.value(depth: 5), .object(random.object(depth: 5))])
      let text = random.text(tree)
      for _ in 0..<6 {
        let path = random.path()
        let expected = walk(tree, path).map { FieldValue($0) } ?? .missing
        if case .missing = expected {} else { found += 1 }
        #expect(described(find(path, text)) == described(expected), "\(path) in \(text)")
      }
    }
    #expect(found > 500)
  }

  @Test(arguments: [
    ("a.b", #"{"a": {"b": 1}, "a.b": 2}"#, "2.0"), ("a.b", #"{"a.b": 2, "a": {"b": 1}}"#, "2.0"),
    ("a.b.c", #"{"a": {"b.c": 1}, "a.b": {"c": 2}}"#, "2.0"), ("a.b.c", #"{"a": {"b.c": 1}, "a.b": {"d": 2}}"#, "1.0"),
    ("a", #"{"a": 1, "\u0061": 2}"#, "2.0"), ("a.b", #"{"a": {"b": 1}, "a": 2}"#, "missing"),
    ("a.1.b", #"{"a": [0, {"b": 3}]}"#, "3.0"), ("a.2", #"{"a": [0, 1]}"#, "missing"),
    ("a.x", #"{"a": [0]}"#, "missing"),
  ])
  func prefersTheLongestKeyAndTheLastOfEqualOnes(_ path: String, _ text: String, _ expected: String) {
    #expect(described(find(path.split(separator: ".").map(String.init), text)) == expected)
  }

  @Test(arguments: [
    ("a", "{\"value\":{\"x\":1},\"y\":2}"), ("a.value", "{\"value\":{\"x\":1},\"y\":2}"), ("a.y", "2.0"),
    ("a.value.y", "2.0"), ("a.value.value", "{\"x\":1}"), ("a.value.x", "1.0"), ("a.value.value.x", "1.0"),
    ("a.x", "missing"), ("b.value", "missing"), ("c.d", "5.0"), ("c.d.value", "5.0"), ("c.e", "4.0"),
    ("c", "{\"d\":3,\"e\":4}"),
  ])
  func looksThroughTheWrappingOfConfigs(_ path: String, _ expected: String) {
    let text = #"""
      {"a": {"desc": null, "value": {"value": {"x": 1}, "y": 2}}, "b": 1, "c": {"value": {"d": 3, "e": 4}},
       "c.d": {"value": 5}}
      """#
    let value = Array(text.utf8).withUnsafeBytes {
      findConfig(path: path.split(separator: ".").map(String.init), in: $0)
    }
    #expect(described(value) == expected)
  }

  @Test func readsWhatStandsAroundStringsOfAnyLength() {
    for length in 0..<40 {
      let filler = String(repeating: "x", count: length)
      #expect(described(find(["k"], #"{"\#(filler)":"\#(filler)\"","k":1}"#)) == "1.0")
      #expect(described(find(["k"], #"{"\#(filler)":{"y":["\#(filler)\\","}"]},"k":1}"#)) == "1.0")
      #expect(described(find(["k"], #"{"k":"\#(filler)"}"#)) == "\"\(filler)\"")
    }
  }

  @Test func survivesTextThatIsNotJSON() {
    let text = Array(#"{"a": {"b": [1, "x\"", {"c": -1.5e3}], "b.c": NaN}, "a.b": "\u00e9"} "#.utf8)
    for end in 0...text.count {
      for path in [["a"], ["a", "b", "2", "c"], ["a", "b", "c"], ["a", "b"], [""], []] {
        let cut = Array(text[..<end])
        cut.withUnsafeBytes { _ = findJSON(path: path, in: $0) }
        cut.withUnsafeBytes { _ = findConfig(path: path, in: $0) }
      }
    }
    var random = SeededGenerator(state: 8)
    for _ in 0..<20_000 {
      var bytes = text
      for _ in 0..<Int.random(in: 1..<5, using: &random) {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[at] = Array(#"{}[]",:\"#.utf8)[Int.random(in: 0..<8, using: &random)]
        default: bytes.remove(at: at)
        }
      }
      bytes.withUnsafeBytes { _ = findJSON(path: ["a", "b", "2", "c"], in: $0) }
      bytes.withUnsafeBytes { _ = findConfig(path: ["a", "b"], in: $0) }
    }
  }

  @Test func survivesDeepText() {
    let depth = 100_000
    let text = Array((String(repeating: #"{"a":"#, count: depth) + "1" + String(repeating: "}", count: depth)).utf8)
    text.withUnsafeBytes {
      #expect(described(findJSON(path: ["b"], in: $0)) == "missing")
      #expect(described(findJSON(path: ["a"], in: $0)) == "missing")
      #expect(described(findJSON(path: Array(repeating: "a", count: 2_000), in: $0)) == "missing")
    }
  }
}
