import GraphQL
import QuipuBase
import Testing

@Suite struct FuzzTests {
  private static let seeds = [
    "{ old }",
    "#graphql\nquery Q($yes: Boolean = true, $n: String!) { planet(name: $n) { name @include(if: $yes) ...F } }"
      + " fragment F on Planet { id moons(first: 3) { nick planet { radius(unit: MILE) } } }",
    "{ search { __typename ... on Planet { name rings } ... on Star { x: nick } ... { __typename } } }",
    "mutation M($i: Int!) { a: push(number: $i) { numbers } fail }",
    "query($f: Filter = {name: \"a\", tags: [\"b\", \"\\u00e9\"]}, $g: [[Int]] = [[1], 2]) "
      + "{ echo(needed: $f, grid: $g, json: {a: [1.5e3, null, true, RED]}) }",
    "{ echo(string: \"\"\"\n  block\n    \\\"\"\" text\n\"\"\", float: -1.5, id: 7) }",
    "{ __schema { types { name fields { name type { kind ofType { name } } } } } }",
    "{ __type(name: \"Filter\") { inputFields { name defaultValue } } }",
    "query A { old } query B { secret { must child { fine } } } fragment C on Query { ...C }",
    "{ named { name } named { __typename ... on Moon @skip(if: false) { nick } } }",
    "subscription S { old }",
    "{ must(this: 3) strict { lists children { must } } must2: must(this: 4) }",
  ]

  private static let pieces: [String] = [
    "{", "}", "(", ")", "[", "]", "!", "$", ":", "=", "@", "|", "&", "...", "\"", "\"\"\"", "\\u{", "\\uD83C", "#",
    "\n", ",",
    "on", "fragment", "query", "null", "true", "1e", "-", "0", "planet", "name", "moons", "...F", "@skip(if: true)",
    "$n",
    "é", "\u{FEFF}", "\u{0}", "{ planet ", "[[[[[[[[", "999999999999999999999", "old", "Filter", "__typename", "x: ",
  ]

  /// A small generator (SplitMix64), so that a failure comes back.
  private struct Random {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return Int(truncatingIfNeeded: (z ^ (z >> 31)) % UInt64(max(bound, 1)))
    }
  }

  private func mutate(_ text: String, _ random: inout Random) -> String {
    var bytes = Array(text.utf8)
    for _ in 0...random.next(2) {
      let at = random.next(bytes.count + 1)
      let length = min(random.next(6), bytes.count - at)
      switch random.next(5) {
      case 0: bytes.removeSubrange(at..<at + length)
      case 1: bytes.insert(contentsOf: Array(Self.pieces[random.next(Self.pieces.count)].utf8), at: at)
      case 2: bytes.insert(contentsOf: Array(bytes[at..<at + length]), at: random.next(bytes.count + 1))
      case 3: if at < bytes.count { bytes[at] = UInt8(random.next(256)) }
      default:
        let other = Array(Self.seeds[random.next(Self.seeds.count)].utf8)
        let from = random.next(other.count)
        bytes.replaceSubrange(at..<at + length, with: other[from..<min(other.count, from + random.next(20))])
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func variables(_ random: inout Random) -> JSONObject {
    let values: [JSON] = [
      nil, 1, "Earth", true, 1.5, [], [:], [1, [nil]], ["name": "a"], .double(.nan),
      .bigInteger("99999999999999999999"),
    ]
    var result: JSONObject = ["n": "Earth", "i": 1]
    guard random.next(3) == 0 else { return result }
    for name in ["yes", "n", "i", "f", "g"] where random.next(3) == 0 {
      result[Key(name)] = values[random.next(values.count)]
    }
    return result
  }

  /// Every answer is strict JSON with data or errors, whatever is asked.
  @Test func answersEveryMutatedRequest() async throws {
    var random = Random(state: 42)
    var limits = GraphQLEngine.Limits()
    limits.executedFields = 5000
    let engine = GraphQLEngine(schema: Fixture.schema, limits: limits)
    let mutation = Node(
      "Mutation",
      [
        "push": { field in .object(Node("Log", ["numbers": .list([.int(field.arguments.int("number") ?? -1)])])) },
        "fail": { _ in throw GraphQLError("no") },
      ])
    var executed = 0
    for round in 0..<6000 {
      let text = round < Self.seeds.count ? Self.seeds[round] : mutate(Self.seeds[round % Self.seeds.count], &random)
      let response = await Fixture.run(text, variables(&random), mutation: mutation, engine: engine)
      let answer = try #require(try? JSON(parsing: response.text).objectValue, "\(text)")
      #expect(answer["data"] != nil || !response.errors.isEmpty, "\(text)")
      #expect((answer["data"] == nil) == response.failedBeforeExecution, "\(text)")
      if response.data != nil { executed += 1 }
    }
    // Enough of them get past the parser for the test to be worth its name.
    #expect(executed > 500)
  }

  @Test func readsOrRefusesEveryMutatedSchema() throws {
    var random = Random(state: 7)
    var accepted = 0
    for _ in 0..<1500 {
      if (try? Schema(sdl: mutate(Fixture.sdl, &random))) != nil { accepted += 1 }
    }
    #expect(accepted > 10 && accepted < 1500)
  }
}
