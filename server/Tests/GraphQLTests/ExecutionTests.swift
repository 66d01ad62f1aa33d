import GraphQL
import QuipuBase
import Synchronization
import Testing

@Suite struct ExecutionTests {
  @Test func answersInTheOrderOfTheQuery() async {
    #expect(
      await Fixture.data("{ planet { rings name radius(unit: MILE) id inhabited color age } }")
        == #"{"planet":{"rings":[1,null,3],"name":"Earth","radius":3958.8,"id":"3","inhabited":true,"#
        + #""color":"GREEN","age":4540000000}}"#)
  }

  @Test func namesAnswersByTheirAliases() async {
    #expect(
      await Fixture.data("{ result: planet { name: id, id: name } planet { type: __typename } }")
        == #"{"result":{"name":"3","id":"Earth"},"planet":{"type":"Planet"}}"#)
  }

  @Test func givesTheTypeNameAnywhere() async {
    #expect(
      await Fixture.data("{ __typename search { __typename } named { t: __typename } }")
        == #"{"__typename":"Query","search":[{"__typename":"Planet"},{"__typename":"Moon"},{"__typename":"Star"}],"#
        + #""named":[{"t":"Moon"},{"t":"Star"}]}"#)
  }

  @Test func choosesFragmentsByTheConcreteType() async {
    let text = """
      #graphql
      query { search { ...All ... on Star { nick } ... { __typename } } }
      fragment All on Named { name ...OnMoon }
      fragment OnMoon on Moon { planet { name } }
      """
    #expect(
      await Fixture.data(text)
        == #"{"search":[{"name":"Earth","__typename":"Planet"},"#
        + #"{"name":"Moon","planet":{"name":"Earth"},"__typename":"Moon"},"#
        + #"{"name":"Sun","nick":"Sol","__typename":"Star"}]}"#)
  }

  @Test func mergesSelectionsOfOneKey() async {
    let text = """
      { planet { moons { name } ...More moons { planet { id } } } planet { name } }
      fragment More on Planet { moons { nick planet { name } name } }
      """
    #expect(
      await Fixture.data(text)
        == #"{"planet":{"moons":[{"name":"Moon","nick":"Luna","planet":{"name":"Earth","id":"3"}}],"name":"Earth"}}"#)
  }

  @Test func asksOnceForMergedFields() async {
    let count = Mutex(0)
    let extra: [String: Node.Resolver] = [
      "old": { _ in
        count.withLock { $0 += 1 }
        return .int(1)
      }
    ]
    #expect(await Fixture.data("{ old ...F old } fragment F on Query { old }", extra: extra) == #"{"old":1}"#)
    #expect(count.withLock { $0 } == 1)
  }

  @Test func obeysSkipAndInclude() async {
    let text = """
      query Q($yes: Boolean = true, $no: Boolean!) {
        planet {
          a: name @include(if: $yes) b: name @include(if: $no) c: name @skip(if: $yes) d: name @skip(if: $no)
          e: name @include(if: true) f: name @skip(if: true) g: name @skip(if: false) @include(if: false)
          ...F @include(if: $no)
          ... @skip(if: $yes) { i: name }
          ... on Planet @include(if: $yes) { j: name }
        }
      }
      fragment F on Planet { h: name }
      """
    #expect(
      await Fixture.data(text, ["no": false])
        == #"{"planet":{"a":"Earth","d":"Earth","e":"Earth","j":"Earth"}}"#)
    #expect(
      await Fixture.data(text, ["no": true, "yes": false])
        == #"{"planet":{"b":"Earth","c":"Earth","e":"Earth","h":"Earth","i":"Earth"}}"#)
  }

  @Test func answersAnEmptyObjectWhenEverythingIsLeftOut() async {
    #expect(await Fixture.data("{ planet { name @skip(if: true) } }") == #"{"planet":{}}"#)
  }

  @Test func tellsResolversWhichChildrenAreSelected() async {
    let seen = Mutex<Set<String>>([])
    let extra: [String: Node.Resolver] = [
      "planet": { field in
        seen.withLock { $0 = field.selectedNames }
        return .null
      }
    ]
    let text = """
      { planet { alias: name ...F rings @skip(if: true) moons { nick } ... on Named { __typename } } }
      fragment F on Planet { radius }
      """
    #expect(await Fixture.data(text, extra: extra) == #"{"planet":null}"#)
    #expect(seen.withLock { $0 } == ["name", "radius", "moons", "__typename"])
  }

  @Test func runsRootFieldsOfAMutationInOrder() async {
    let numbers = Mutex<[Int64]>([])
    let mutation = Node(
      "Mutation",
      [
        "push": { field in
          await Task.yield()
          let all = numbers.withLock { numbers in
            numbers.append(field.arguments.int("number") ?? 0)
            return numbers
          }
          return .object(Node("Log", ["numbers": .list(all.map { .int($0) })]))
        }
      ])
    let response = await Fixture.run(
      "mutation { a: push(number: 1) { numbers } b: push(number: 2) { numbers } c: push(number: 3) { numbers } }",
      mutation: mutation)
    #expect(response.dataText == #"{"a":{"numbers":[1]},"b":{"numbers":[1,2]},"c":{"numbers":[1,2,3]}}"#)
  }

  @Test func refusesMutationsWithoutAMutationRoot() async {
    #expect(await Fixture.refusal("mutation { fail }") == "Mutations are not supported.")
  }

  @Test func refusesSubscriptions() async {
    #expect(await Fixture.refusal("subscription { planet { name } }") == "Subscriptions are not supported.")
  }

  // MARK: Choice of the operation

  @Test func takesAnEmptyOperationNameAsNone() async {
    #expect(await Fixture.data("query A { old }", operation: "") == #"{"old":1}"#)
    #expect(await Fixture.refusal("query A { old } query B { old }", operation: "").contains("several operations"))
    #expect(await Fixture.refusal("query A { old } query B { old }").contains("several operations"))
  }

  @Test func runsTheNamedOperation() async {
    #expect(await Fixture.data("query A { a: old } query B { b: old }", operation: "B") == #"{"b":1}"#)
    #expect(await Fixture.refusal("query A { old }", operation: "C").contains("no operation named \"C\""))
  }

  @Test func refusesATextWithoutOperation() async {
    #expect(await Fixture.refusal("fragment F on Query { old }").contains("no operation"))
    #expect(await Fixture.refusal("").contains("no operation"))
  }

  // MARK: Values

  @Test func writesScalarsAsTheirTypesWant() async {
    let planet = Node(
      "Planet",
      [
        "name": .json(.string("a\"b\u{1}é\u{1F30D}")), "radius": .int(5), "age": .double(7), "id": .string("x"),
        "codes": .list([.int(-1), .string("b")]), "created": .string("2026-01-02T03:04:05"),
        "blob": .json(["a": [1, .double(.nan), .double(-.infinity)], "b": .bigInteger("99999999999999999999")]),
        "samples": .raw(Array(#"["{}","[1]"]"#.utf8)),
      ])
    let text = "{ planet { name radius age id codes created blob samples } }"
    #expect(
      await Fixture.data(text, extra: ["planet": { _ in .object(planet) }])
        == #"{"planet":{"name":"a\"b\u0001é🌍","radius":5,"age":7,"id":"x","codes":["-1","b"],"#
        + #""created":"2026-01-02T03:04:05","blob":{"a":[1,null,null],"b":1e+20},"samples":["{}","[1]"]}}"#)
  }

  @Test func writesDoublesThatAreNotFiniteAsNull() async {
    for value: GraphQLValue in [.double(.nan), .double(.infinity), .json(.double(-.infinity))] {
      let planet = Node("Planet", ["radius": value])
      #expect(
        await Fixture.data("{ planet { radius } }", extra: ["planet": { _ in .object(planet) }])
          == #"{"planet":{"radius":null}}"#)
    }
  }

  @Test func takesAJSONArrayForAList() async {
    let planet = Node("Planet", ["rings": .json([1, .null, 3]), "samples": .json(["a"])])
    #expect(
      await Fixture.data("{ planet { rings samples } }", extra: ["planet": { _ in .object(planet) }])
        == #"{"planet":{"rings":[1,null,3],"samples":["a"]}}"#)
  }

  @Test func reportsValuesThatDoNotFitTheirType() async {
    let misfits: [(String, GraphQLValue)] = [
      ("name", .int(1)), ("name", .raw([])), ("radius", .string("1")), ("age", .double(1.5)), ("id", .double(1)),
      ("inhabited", .int(1)), ("color", .string("BLUE")), ("rings", .int(1)), ("rings", .raw([])),
      ("moons { name }", .object(Fixture.moon)), ("moons { name }", .raw([0x5b, 0x5d])),
      ("moons { name }", .list([.string("x")])), ("moons { name }", .list([.object(Fixture.earth)])),
      ("blob", .object(Fixture.moon)), ("blob", .list([])), ("samples", .list([.int(1)])),
    ]
    for (selection, value) in misfits {
      let hooked = Mutex<[String]>([])
      let engine = GraphQLEngine(schema: Fixture.schema) { _, field in hooked.withLock { $0.append(field) } }
      let name = String(selection.prefix { $0 != " " })
      let planet = Node("Planet", [name: value])
      let response = await Fixture.run(
        "{ planet { \(selection) } }", extra: ["planet": { _ in .object(planet) }], engine: engine)
      #expect(response.messages == ["internal error"], "\(selection) \(value)")
      #expect(hooked.withLock { $0 } == ["Planet.\(name)"])
    }
  }

  @Test func refusesObjectsOfAnotherTypeThanPromised() async {
    let response = await Fixture.run(
      "{ search { __typename } }", extra: ["search": { _ in .list([.object(Node("Query", [String: GraphQLValue]()))]) }]
    )
    #expect(response.text.contains(#""path":["search",0]"#))
    #expect(response.dataText == #"{"search":[null]}"#)
  }

  // MARK: Errors and nulls

  @Test func reportsWhatAResolverThrows() async {
    let response = await Fixture.run(
      "{\n  old\n  p: planet { name }\n}", extra: ["planet": { _ in throw GraphQLError("no such planet") }])
    #expect(
      response.text
        == #"{"errors":[{"message":"no such planet","locations":[{"line":3,"column":3}],"path":["p"]}],"#
        + #""data":{"old":1,"p":null}}"#)
    #expect(!response.failedBeforeExecution)
  }

  @Test func passesOnTheExtensionsOfAnError() async {
    let response = await Fixture.run(
      "{ old }", extra: ["old": { _ in throw GraphQLError("x", extensions: ["code": "C", "n": .double(.nan)]) }])
    #expect(response.text.contains(#""extensions":{"code":"C","n":null}"#))
  }

  @Test func hidesUnexpectedErrorsAndHandsThemToTheHook() async {
    let hooked = Mutex<[String]>([])
    let engine = GraphQLEngine(schema: Fixture.schema) { error, field in
      hooked.withLock { $0.append("\(field) \(error)") }
    }
    let response = await Fixture.run("{ old }", extra: ["old": { _ in throw Unforeseen() }], engine: engine)
    #expect(response.messages == ["internal error"])
    #expect(response.dataText == #"{"old":null}"#)
    #expect(hooked.withLock { $0 } == ["Query.old Unforeseen()"])
  }

  @Test func letsANullBubbleToTheNearestNullablePlace() async {
    func strict(_ fields: [String: GraphQLValue]) -> GraphQLValue { .object(Node("Strict", fields)) }
    let bad = strict(["must": .null, "fine": .int(1)])
    let good = strict(["must": .int(5), "fine": .int(2)])
    let root = strict([
      "fine": .int(0), "child": bad, "children": .list([good, bad]), "loose": .list([good, bad, good]),
      "list": .list([.int(1), .null]), "lists": .list([.list([.int(1)]), .list([.int(1), .null])]),
    ])
    let extra: [String: Node.Resolver] = ["secret": { _ in root }]

    let loose = await Fixture.run("{ old secret { fine loose { fine must } } }", extra: extra)
    #expect(
      loose.dataText == #"{"old":1,"secret":{"fine":0,"loose":[{"fine":2,"must":5},null,{"fine":2,"must":5}]}}"#)
    #expect(loose.messages == ["Cannot return null for the non-null field Strict.must."])
    #expect(loose.errors.first?.path == ["secret", "loose", 1, "must"])

    let children = await Fixture.run("{ secret { fine children { fine must } old: fine } }", extra: extra)
    #expect(children.dataText == #"{"secret":{"fine":0,"children":null,"old":0}}"#)

    let child = await Fixture.run("{ secret { fine child { fine must } } old }", extra: extra)
    #expect(child.dataText == #"{"secret":null,"old":1}"#)
    #expect(child.errors.count == 1)

    let list = await Fixture.run("{ secret { list fine } }", extra: extra)
    #expect(list.dataText == #"{"secret":{"list":null,"fine":0}}"#)
    #expect(list.errors.first?.path == ["secret", "list", 1])

    let lists = await Fixture.run("{ secret { lists fine } }", extra: extra)
    #expect(lists.dataText == #"{"secret":{"lists":null,"fine":0}}"#)
  }

  @Test func answersNullDataWhenANullReachesTheRoot() async {
    let response = await Fixture.run("{ old strict { fine } }")
    #expect(response.dataText == "null")
    #expect(response.text.hasSuffix(#","data":null}"#))
    #expect(!response.failedBeforeExecution)
  }

  @Test func reportsOneErrorForAThrowingNonNullField() async {
    let mutation = Node("Mutation", ["fail": { _ in throw GraphQLError("no") }])
    let response = await Fixture.run("mutation { fail }", mutation: mutation)
    #expect(response.messages == ["no"])
    #expect(response.dataText == "null")
  }

  @Test func leavesDataOutWhenNothingWasExecuted() async {
    let response = await Fixture.run("{ nope }")
    #expect(
      response.text
        == #"{"errors":[{"message":"Cannot query field \"nope\" on type \"Query\".","#
        + #""locations":[{"line":1,"column":3}]}]}"#)
    #expect(response.failedBeforeExecution)
  }
}
