import GraphQL
import QuipuBase
import Testing

@Suite struct LimitTests {
  private func refusal(
    _ text: String, _ variables: JSONObject = [:], _ change: (inout GraphQLEngine.Limits) -> Void = { _ in }
  ) async -> String {
    var limits = GraphQLEngine.Limits()
    change(&limits)
    let response = await Fixture.run(
      text, variables, engine: GraphQLEngine(schema: Fixture.schema, limits: limits))
    return response.failedBeforeExecution ? response.messages.joined(separator: "\n") : "executed"
  }

  private func nested(_ open: String, _ close: String, _ count: Int, around inner: String = "") -> String {
    String(repeating: open, count: count) + inner + String(repeating: close, count: count)
  }

  @Test func boundsTheLengthOfTheText() async {
    let text = "{ old }" + String(repeating: " ", count: 100)
    #expect(await refusal(text) { $0.queryBytes = 107 } == "executed")
    #expect(await refusal(text) { $0.queryBytes = 106 }.contains("longer than 106 bytes"))
  }

  @Test func boundsTheNumberOfTokens() async {
    #expect(await refusal("{ old }") { $0.tokens = 3 } == "executed")
    #expect(await refusal("{ old }") { $0.tokens = 2 }.contains("more than 2 tokens"))
  }

  @Test func boundsTheNestingOfSelections() async {
    // Two levels each, besides the root's and the innermost.
    func text(_ count: Int) -> String {
      "{ planet " + nested("{ moons { planet ", "} }", count, around: "{ name }") + "}"
    }
    #expect(await refusal(text(3)) { $0.depth = 8 } == "executed")
    #expect(await refusal(text(3)) { $0.depth = 7 }.contains("nested deeper than 7"))
    #expect(await refusal("{ old } fragment F on Query " + nested("{ a ", "}", 47, around: "{ a }")) == "executed")
    #expect(
      await refusal("{ old } fragment F on Query " + nested("{ a ", "}", 48, around: "{ a }")).contains(
        "deeper than 48"))
    #expect(await refusal(nested("{ a ", "}", 100_000)).contains("nested deeper than 48"))
    #expect(await refusal(nested("{ a ", "", 100_000)).contains("nested deeper than 48"))
    #expect(await refusal(nested("{ ... ", "}", 15_000, around: "{ old }")).contains("nested deeper than 48"))
  }

  @Test func countsFragmentsWhereTheyAreSpread() async {
    func text(_ count: Int) -> String {
      let chain = (0..<count).map { "fragment F\($0) on Planet { moons { planet { ...F\($0 + 1) } } }" }
      return "{ planet { ...F0 } }" + chain.joined() + "fragment F\(count) on Planet { name }"
    }
    // The root's, the planet's, three for each fragment of the chain, the last fragment's.
    #expect(await refusal(text(5)) { $0.depth = 18 } == "executed")
    #expect(await refusal(text(5)) { $0.depth = 17 }.contains("nested deeper than 17"))
    #expect(await refusal(text(1000)).contains("nested deeper than 48"))
  }

  @Test func countsAFragmentAtItsDeepestPlace() async {
    let text = """
      { planet { ...F moons { planet { moons { planet { ...F } } } } } }
      fragment F on Planet { moons { planet { name } } }
      """
    #expect(await refusal(text) { $0.depth = 9 } == "executed")
    #expect(await refusal(text) { $0.depth = 8 }.contains("nested deeper than 8"))
  }

  @Test func boundsTheNestingOfValuesAndTypes() async {
    let expected = "nested deeper than 48"
    #expect(await refusal("{ echo(json: \(nested("[", "]", 40))) }") == "executed")
    for open in ["[", "{a:"] {
      #expect(await refusal("{ echo(json: " + String(repeating: open, count: 100_000)).contains(expected))
    }
    #expect(await refusal("query($a: \(nested("[", "]", 100_000, around: "Int"))) { old }").contains(expected))
    #expect(await refusal("query($a: Int = \(nested("[", "]", 100_000))) { old }").contains(expected))
  }

  @Test func boundsTheNestingOfVariables() async {
    var filter: JSON = ["name": "x"]
    for _ in 0..<40 { filter = ["name": "x", "inner": filter] }
    #expect(await refusal("query($f: Filter) { echo(needed: $f) }", ["f": filter]) == "executed")
    for _ in 0..<10 { filter = ["name": "x", "inner": filter] }
    #expect(await refusal("query($f: Filter) { echo(needed: $f) }", ["f": filter]).contains("nested deeper than 48"))
  }

  @Test func boundsTheNumberOfSelections() async {
    let text = "{ " + (0..<20).map { "a\($0): old " }.joined() + "}"
    #expect(await refusal(text) { $0.selections = 20 } == "executed")
    #expect(await refusal(text) { $0.selections = 19 }.contains("more than 19 selections"))
  }

  @Test func boundsFragmentsThatDoubleAtEachLevel() async {
    let levels = (0..<14).map {
      "fragment F\($0) on Planet { a: moons { planet { ...F\($0 + 1) } } b: moons { planet { ...F\($0 + 1) } } }"
    }
    let text = "{ planet { ...F0 } }" + levels.joined() + "fragment F14 on Planet { name }"
    #expect(await refusal(text).contains("more than 10000 selections"))
  }

  @Test func visitsAFragmentOnceInASelection() async {
    let chain = (0..<40).map { "fragment F\($0) on Query { ...F\($0 + 1) ...F\($0 + 1) }" }.joined()
    #expect(await Fixture.data("{ ...F0 } \(chain) fragment F40 on Query { old }") == #"{"old":1}"#)
  }

  @Test func boundsTheFieldsExecuted() async {
    var limits = GraphQLEngine.Limits()
    limits.executedFields = 10
    let engine = GraphQLEngine(schema: Fixture.schema, limits: limits)
    let fits = await Fixture.run("{ search { a: __typename b: __typename c: __typename } }", engine: engine)
    #expect(fits.errors.isEmpty)
    let response = await Fixture.run("{ old search { a: __typename b: __typename c: __typename } }", engine: engine)
    #expect(response.dataText == "null")
    #expect(response.messages == ["The operation executes more than 10 fields."])
  }

  @Test func boundsTheErrorsReported() async {
    let text = "{ " + (0..<300).map { "a\($0): nope " }.joined() + "}"
    #expect(await Fixture.run(text).errors.count == 100)
    let throwing = "{ " + (0..<300).map { "a\($0): old " }.joined() + "}"
    let response = await Fixture.run(throwing, extra: ["old": { _ in throw GraphQLError("no") }])
    #expect(response.errors.count == 100)
    #expect(response.data != nil)
  }

  @Test func survivesVeryLongListsOfAnything() async {
    let many = 20_000
    #expect(await refusal("{ " + String(repeating: "old ", count: 9000) + "}") == "executed")
    #expect(await refusal("{ " + String(repeating: "old ", count: many) + "}").contains("selections"))
    #expect(await refusal("{ echo(json: [\(String(repeating: "1 ", count: many))]) }") == "executed")
    #expect(
      await refusal("{ " + String(repeating: "...F ", count: 14_000) + "} fragment F on Query { old }").contains(
        "selections"))
    #expect(await refusal("{ old " + String(repeating: "@skip(if: false) ", count: 4000) + "}").contains("twice"))
    #expect(await refusal("query(" + (0..<5000).map { "$a\($0): Int " }.joined() + ") { old }") == "executed")
    #expect(await refusal("{ echo(string: \"\(String(repeating: "x", count: 1_000_000))\") }") == "executed")
  }
}
