import GraphQL
import QuipuBase
import Testing

@Suite struct ValidationTests {
  @Test func refusesUnknownFields() async {
    let response = await Fixture.run("{\n  planet {\n    nope\n    moons { neither }\n  }\n}")
    #expect(
      response.messages
        == [#"Cannot query field "nope" on type "Planet"."#, #"Cannot query field "neither" on type "Moon"."#])
    #expect(response.errors.flatMap(\.locations) == [.init(line: 3, column: 5), .init(line: 4, column: 13)])
    #expect(await Fixture.refusal("{ search { name } }") == #"Cannot query field "name" on type "Body"."#)
    #expect(await Fixture.refusal("{ named { nick } }") == #"Cannot query field "nick" on type "Named"."#)
    #expect(await Fixture.refusal("{ planet { __schema { description } } }").contains("Cannot query field"))
  }

  @Test func countsColumnsInCharacters() async {
    let response = await Fixture.run("{ echo(string: \"é🌍\") nope }")
    #expect(response.errors.first?.locations == [.init(line: 1, column: 22)])
    let lines = await Fixture.run("{\r\n old\r old\n nope }")
    #expect(lines.errors.first?.locations == [.init(line: 4, column: 2)])
  }

  @Test func wantsSelectionsOnCompositeTypesOnly() async {
    #expect(await Fixture.refusal("{ planet }").contains("needs a selection"))
    #expect(await Fixture.refusal("{ planet { name { x } } }").contains("has no fields to select"))
    #expect(await Fixture.refusal("{ planet { name rings { x } } }").contains("has no fields to select"))
  }

  @Test func refusesUnknownTypesOfFragments() async {
    #expect(await Fixture.refusal("{ ... on Nope { old } }") == "Unknown type \"Nope\".")
    #expect(await Fixture.refusal("{ ...F } fragment F on Nope { old }") == "Unknown type \"Nope\".")
    #expect(await Fixture.refusal("{ ... on JSON { old } }").contains("cannot be on \"JSON\""))
    #expect(await Fixture.refusal("{ ...F } fragment F on Filter { old }").contains("cannot be on \"Filter\""))
  }

  @Test func refusesFragmentsThatNeverApply() async {
    #expect(
      await Fixture.refusal("{ planet { ... on Moon { name } } }")
        == "A fragment on \"Moon\" never applies to \"Planet\".")
    #expect(await Fixture.refusal("{ planet { ...F } } fragment F on Strict { fine }").contains("never applies"))
    #expect(
      await Fixture.data("{ named { ... on Body { ... on Star { nick } } } }") == #"{"named":[{},{"nick":"Sol"}]}"#)
  }

  @Test func refusesUndefinedAndCyclicFragments() async {
    #expect(await Fixture.refusal("{ ...F }") == "Fragment \"F\" is not defined.")
    #expect(await Fixture.refusal("{ ...F } fragment F on Query { ...F }") == "Fragment \"F\" spreads itself.")
    let cycle = """
      { planet { ...A } }
      fragment A on Planet { name moons { ...B } }
      fragment B on Moon { name planet { ...C } }
      fragment C on Planet { ...A }
      """
    #expect(await Fixture.refusal(cycle) == "Fragment \"A\" spreads itself.")
  }

  @Test func ignoresFragmentsThatAreNotReached() async {
    #expect(await Fixture.data("{ old } fragment F on Planet { name } fragment G on Nope { x ...G }") == #"{"old":1}"#)
  }

  @Test func refusesUnknownAndRepeatedDirectives() async {
    #expect(await Fixture.refusal("{ old @nope }") == "Unknown directive \"@nope\".")
    #expect(await Fixture.refusal("{ old @skip }").contains("a value of type Boolean! is required"))
    #expect(await Fixture.refusal("{ old @skip(if: 1) }").contains("expected a value of type Boolean"))
    #expect(await Fixture.refusal("{ old @skip(if: true, x: 1) }").contains("Unknown argument \"x\""))
    #expect(await Fixture.refusal("{ old @skip(if: true) @skip(if: true) }").contains("is there twice"))
    #expect(await Fixture.refusal("query($v: Boolean) { old @include(if: $v) }").contains("is required"))
  }

  @Test func refusesTwoDefinitionsOfOneName() async {
    #expect(await Fixture.refusal("query A { old } query A { old }").contains("two operations named \"A\""))
    #expect(await Fixture.refusal("{ old } { old }").contains("must be the only one"))
    #expect(await Fixture.refusal("{ old } query A { old }", operation: "A").contains("must be the only one"))
    #expect(
      await Fixture.refusal("{ old } fragment F on Query { old } fragment F on Query { old }")
        .contains("two fragments named \"F\""))
    #expect(await Fixture.refusal("query($a: Int, $a: Int) { old }").contains("two variables named \"$a\""))
  }

  @Test func refusesConflictingFields() async {
    let conflicts = [
      "{ planet { name name: id } }",
      "{ planet { radius radius(unit: MILE) } }",
      "{ planet { radius(unit: KILOMETRE) radius(unit: MILE) } }",
      "{ planet { ...F name: id } } fragment F on Planet { name }",
      "{ planet { moons { name } ... on Planet { moons { name: nick } } } }",
      "{ planet { ...A ...B } } fragment A on Planet { moons { n: name } } fragment B on Planet { moons { n: nick } }",
      "{ named { name ... on Moon { name: nick } } }",
      "query($a: Unit, $b: Unit) { planet { radius(unit: $a) radius(unit: $b) } }",
      "{ echo(json: {a: [1]}) echo(json: {a: [2]}) }",
      "{ planet { name @skip(if: true) name: id } }",
      // Fields of different objects: the shapes must agree.
      "{ search { ... on Planet { radius } ... on Star { radius } } }",
      "{ search { ... on Moon { nick } ... on Star { nick } } }",
      "{ search { ... on Moon { x: planet { name } } ... on Planet { x: moons { name } } } }",
      "{ search { ... on Moon { x: planet { y: name } } ... on Planet { x: __typename } } }",
      "{ search { ... on Moon { x: planet { y: name } } ... on Planet { x: home { y: radius } } } }",
      // Of three, two that meet.
      "{ search { ... on Moon { x: planet { y: name } x: planet { y: __typename } }"
        + " ... on Planet { x: home { y: name } } } }",
      "{ named { x: name ... on Moon { x: __typename } ... on Star { x: name } } }",
    ]
    for text in conflicts {
      #expect(await Fixture.refusal(text).contains("conflict"), "\(text)")
    }
  }

  @Test func acceptsFieldsThatMerge() async {
    let fine = [
      "{ planet { radius(unit: MILE) radius(unit: MILE) } }",
      "{ echo(json: {a: 1}, int: 2) echo(int: 2, json: {a: 1}) }",
      "query($a: Unit) { planet { radius(unit: $a) radius(unit: $a) } }",
      // Never in one object, of one shape.
      "{ search { ... on Planet { radius(unit: MILE) } ... on Moon { radius } } }",
      "{ search { ... on Planet { x: name } ... on Star { x: name } } }",
      "{ named { name ... on Moon { name } ... on Star { name } } }",
      "{ search { ... on Moon { x: planet { y: name } } ... on Planet { x: home { y: __typename } } } }",
    ]
    for text in fine {
      #expect(await Fixture.refusal(text) == "executed", "\(text)")
    }
  }

  @Test func answersDifferentFieldsOfDifferentTypesUnderOneKey() async {
    #expect(
      await Fixture.data("{ search { ... on Planet { x: created } ... on Moon { x: name y: nick } } }")
        .contains("conflict"))
    #expect(
      await Fixture.data("{ search { ... on Planet { x: name y: name } ... on Star { x: nick y: name } } }")
        == #"{"search":[{"x":"Earth","y":"Earth"},{},{"x":"Sol","y":"Sun"}]}"#)
  }

  @Test func locatesBothFieldsOfAConflict() async {
    let response = await Fixture.run("{ planet { name\n name: id } }")
    #expect(response.errors.first?.locations == [.init(line: 1, column: 12), .init(line: 2, column: 2)])
  }
}
