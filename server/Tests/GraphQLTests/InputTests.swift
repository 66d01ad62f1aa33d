import GraphQL
import QuipuBase
import Testing

@Suite struct InputTests {
  /// What `echo` is given for `arguments`, without its default argument; or the error.
  private func echo(_ arguments: String, _ declared: String = "", _ variables: JSONObject = [:]) async -> String {
    let head = declared.isEmpty ? "query" : "query(\(declared))"
    let text = await Fixture.data("\(head) { echo(\(arguments)) }", variables)
    let prefix = #"{"echo":"#
    guard text.hasPrefix(prefix) else { return text }
    return String(text.dropFirst(prefix.count).dropLast()).replacing(#","with":7}"#, with: "}")
  }

  // MARK: The request's body

  @Test func readsTheBodyOfARequest() throws {
    let full = try GraphQLRequest(body: ["query": "{a}", "variables": ["x": 1], "operationName": "Q", "extensions": 1])
    #expect(full.query == "{a}" && full.variables == ["x": 1] && full.operationName == "Q")
    let bare = try GraphQLRequest(body: ["query": "{a}"])
    #expect(bare.variables.isEmpty && bare.operationName == nil)
    let nulls = try GraphQLRequest(body: ["query": "{a}", "variables": nil, "operationName": nil])
    #expect(nulls.variables.isEmpty && nulls.operationName == nil)
    #expect(try GraphQLRequest(body: ["query": "{a}", "operationName": ""]).operationName == nil)
  }

  @Test func refusesBodiesOfAnotherShape() {
    let bodies: [JSON] = [
      nil, [], "x", [:], ["query": nil], ["query": 1], ["query": "a", "variables": []],
      ["query": "a", "variables": "{}"], ["query": "a", "operationName": 1],
    ]
    for body in bodies {
      #expect(throws: GraphQLError.self) { try GraphQLRequest(body: body) }
    }
  }

  // MARK: Scalars

  @Test func coercesLiterals() async {
    #expect(await echo("int: 3, int64: -9223372036854775808") == #"{"int":3,"int64":-9223372036854775808}"#)
    #expect(await echo("int64: 3.0, duration: 300000, float: 2") == #"{"int64":3,"float":2,"duration":300000}"#)
    #expect(await echo("float: 1.5e3") == #"{"float":1500}"#)
    #expect(
      await echo(#"string: "a", id: 5, text: "{}", time: "t""#) == #"{"string":"a","id":"5","text":"{}","time":"t"}"#)
    #expect(await echo(#"id: "x", bool: true, color: RED"#) == #"{"bool":true,"id":"x","color":"RED"}"#)
    #expect(
      await echo(#"json: {a: [1, 2.5, "s", RED, null, true, $v], b: {}}"#, "$v: Int", ["v": 9])
        == #"{"json":{"a":[1,2.5,"s","RED",null,true,9],"b":{}}}"#)
    #expect(await echo("int: null, colors: null") == #"{"int":null,"colors":null}"#)
  }

  @Test func refusesLiteralsOfAnotherType() async {
    let misfits = [
      "int: 1.5", "int: \"1\"", "int: true", "int: 99999999999999999999", "float: \"1\"", "float: 1e999",
      "string: 1", "string: RED", "string: true", "string: [\"a\"]", "bool: 1", "bool: \"true\"", "id: 1.0", "id: true",
      "text: {a: 1}", "text: 1", "time: 5", "color: \"RED\"", "color: BLUE", "color: 1", "colors: [RED, BLUE]",
      "needed: 1", "needed: [1]", "strings: [null]", "strings: [1]",
    ]
    for misfit in misfits {
      let message = await Fixture.refusal("{ echo(\(misfit)) }")
      #expect(message.hasPrefix("Argument \"\(misfit.prefix { $0 != ":" })\" of field \"Query.echo\": "), "\(message)")
    }
  }

  @Test func coercesVariables() async {
    #expect(await echo("int: $v", "$v: Int", ["v": 3.0]) == #"{"int":3}"#)
    #expect(await echo("float: $v", "$v: Float!", ["v": 6]) == #"{"float":6}"#)
    #expect(await echo("id: $v", "$v: ID!", ["v": 6]) == #"{"id":"6"}"#)
    #expect(await echo("color: $v", "$v: Color", ["v": "GREEN"]) == #"{"color":"GREEN"}"#)
    #expect(await echo("json: $v", "$v: JSON", ["v": ["a": [1]]]) == #"{"json":{"a":[1]}}"#)
    #expect(await echo("int: $v", "$v: Int = 4") == #"{"int":4}"#)
    #expect(await echo("int: $v", "$v: Int = 4", ["v": nil]) == #"{"int":null}"#)
  }

  @Test func refusesVariablesOfAnotherType() async {
    let misfits: [(String, JSON)] = [
      ("Int", 1.5), ("Int", "1"), ("Int", .bigInteger("99999999999999999999")), ("Float", .double(.nan)),
      ("Float", .double(.infinity)), ("Float", "1"), ("String", 1), ("String", true), ("JSONString", ["a": 1]),
      ("JSONString", 5), ("Boolean", "true"), ("Boolean", 0), ("ID", 1.5), ("Color", "BLUE"), ("Int!", nil),
      ("[Int!]", [1, nil]), ("[Int]!", nil), ("Filter", 1), ("Filter", [:]), ("[[Int]]", [["a"]]),
    ]
    for (type, value) in misfits {
      let message = await Fixture.refusal("query($v: \(type)) { old }", ["v": value])
      #expect(message.hasPrefix("Variable \"$v\": "), "\(type) \(value): \(message)")
    }
    #expect(await Fixture.refusal("query($v: Int!) { old }").hasPrefix("Variable \"$v\": "))
  }

  @Test func refusesVariablesOfUnknownOrOutputTypes() async {
    #expect(await Fixture.refusal("query($v: Nope) { old }") == "Unknown type \"Nope\".")
    #expect(await Fixture.refusal("query($v: [Nope!]!) { old }") == "Unknown type \"Nope\".")
    #expect(await Fixture.refusal("query($v: Planet) { old }") == "Variable \"$v\" cannot be of type \"Planet\".")
  }

  @Test func reportsEveryVariableAtFault() async {
    let response = await Fixture.run("query(\n$a: Int!,\n $b: Nope) { old }")
    #expect(response.errors.flatMap(\.locations) == [.init(line: 2, column: 1), .init(line: 3, column: 2)])
  }

  @Test func ignoresVariablesThatAreNotDeclared() async {
    #expect(await Fixture.data("{ old }", ["templateVariableValues": "null", "digest": [1]]) == #"{"old":1}"#)
  }

  @Test func ignoresVariablesThatAreNotUsed() async {
    #expect(await Fixture.data("query($a: Int) { old }") == #"{"old":1}"#)
  }

  @Test func refusesUndeclaredVariablesInTheText() async {
    let expected = "Variable \"$v\" is not declared."
    #expect(await Fixture.refusal("{ echo(int: $v) }", ["v": 1]) == expected)
    #expect(await Fixture.refusal("{ echo(json: [{a: $v}]) }") == expected)
    #expect(await Fixture.refusal("{ echo(needed: {name: $v}) }") == expected)
    #expect(await Fixture.refusal("{ old @skip(if: $v) }") == expected)
    #expect(await Fixture.refusal("query($a: Int) { ...F } fragment F on Query { echo(int: $v) }") == expected)
  }

  // MARK: Lists

  @Test func takesASingleValueForAListAtAnyDepth() async {
    #expect(await echo(#"texts: "{}""#) == #"{"texts":["{}"]}"#)
    #expect(await echo("texts: $v", "$v: [JSONString!]!", ["v": "{}"]) == #"{"texts":["{}"]}"#)
    #expect(await echo("grid: 1") == #"{"grid":[[1]]}"#)
    #expect(await echo("grid: $v", "$v: [[Int]]", ["v": 1]) == #"{"grid":[[1]]}"#)
    #expect(await echo("grid: [1, [2, 3], null]") == #"{"grid":[[1],[2,3],null]}"#)
    #expect(await echo("grid: $v", "$v: [[Int]]", ["v": [1, [2, 3], nil]]) == #"{"grid":[[1],[2,3],null]}"#)
    #expect(
      await echo(#"filters: {name: "a", tags: "t"}"#)
        == #"{"filters":[{"name":"a","limit":10,"tags":["t"],"color":"RED"}]}"#)
    #expect(await echo("grid: $v", "$v: [[Int]]", ["v": nil]) == #"{"grid":null}"#)
  }

  @Test func fillsListsWithVariables() async {
    #expect(await echo("grid: [[$a, $b], $c]", "$a: Int, $b: Int, $c: [Int]", ["a": 1]) == #"{"grid":[[1,null],null]}"#)
    #expect(
      await Fixture.refusal("query($a: String) { echo(strings: [$a]) }").contains("a value of type String! is required")
    )
  }

  // MARK: Input objects

  @Test func fillsInDefaultsOfInputObjects() async {
    #expect(await echo(#"needed: {name: "a"}"#) == #"{"needed":{"name":"a","limit":10,"color":"RED"}}"#)
    #expect(
      await echo("needed: $f", "$f: Filter!", ["f": ["limit": nil, "name": "a"]])
        == #"{"needed":{"name":"a","limit":null,"color":"RED"}}"#)
    #expect(
      await echo(#"needed: {name: "a", inner: {name: "b", color: GREEN}}"#)
        == #"{"needed":{"name":"a","limit":10,"color":"RED","inner":{"name":"b","limit":10,"color":"GREEN"}}}"#)
  }

  @Test func leavesOutFieldsWhoseVariableHasNoValue() async {
    #expect(
      await echo(
        "needed: {name: $n, limit: $l, tags: $t}", "$n: String!, $l: Int, $t: [String!]", ["n": "a", "t": nil])
        == #"{"needed":{"name":"a","limit":10,"tags":null,"color":"RED"}}"#)
    #expect(await echo("int: $v, string: $w", "$v: Int, $w: String = \"d\"") == #"{"string":"d"}"#)
  }

  @Test func refusesUnknownInputFields() async {
    let expected = #"Field "x" is not defined by type "Filter"."#
    #expect(await Fixture.refusal(#"{ echo(needed: {name: "a", x: 1}) }"#) == expected)
    #expect(await Fixture.refusal("query($f: Filter) { old }", ["f": ["name": "a", "x": 1]]) == expected)
    #expect(
      await Fixture.refusal("query($f: Filter) { old }", ["f": ["name": "a", "inner": ["name": "b", "x": 1]]])
        == expected)
  }

  @Test func namesTheFieldThatDoesNotFit() async {
    #expect(
      await Fixture.refusal(
        "query($f: [Filter]) { old }", ["f": [["name": "a"], ["name": "b", "inner": ["name": 1]]]])
        == #"Variable "$f": element 1: "inner": "name": expected a value of type String, found 1."#)
    let response = await Fixture.run("{\n echo(needed: {name: \"a\",\n  limit: true})\n}")
    #expect(response.errors.first?.locations == [.init(line: 3, column: 10)])
  }

  // MARK: Arguments

  @Test func fillsInDefaultsOfArguments() async {
    #expect(await Fixture.data("{ planet { name } }") == #"{"planet":{"name":"Earth"}}"#)
    #expect(
      await Fixture.data("query($n: String) { planet(name: $n) { name } }") == #"{"planet":{"name":"Earth"}}"#)
    #expect(await Fixture.data("{ echo }") == #"{"echo":{"with":7}}"#)
    #expect(await Fixture.data("{ echo(with: null) }") == #"{"echo":{"with":null}}"#)
  }

  @Test func requiresNonNullArguments() async {
    #expect(
      await Fixture.refusal("{ must }")
        == "Argument \"this\" of field \"Query.must\": a value of type Int! is required.")
    #expect(await Fixture.refusal("{ must(this: null) }").contains("cannot be null"))
    #expect(await Fixture.refusal("query($v: Int) { must(this: $v) }").contains("is required"))
    #expect(
      await Fixture.refusal("query($v: Int) { must(this: $v) }", ["v": nil]).contains("is null where Int! is required"))
    #expect(await Fixture.refusal("query($v: String) { planet(name: $v) { name } }", ["v": nil]).contains("is null"))
  }

  @Test func refusesUnknownAndRepeatedArguments() async {
    #expect(await Fixture.refusal("{ old(x: 1) }") == "Unknown argument \"x\" on field \"Query.old\".")
    #expect(await Fixture.refusal("{ __typename(x: 1) }").contains("Unknown argument"))
    #expect(await Fixture.refusal("{ must(this: 1, this: 2) }").contains("two values for argument \"this\""))
    #expect(await Fixture.refusal("{ echo(json: {a: 1, a: 2}) }").contains("two values for field \"a\""))
  }

  @Test func coercesAVariableToAPlaceOfAnotherType() async {
    #expect(await echo("id: $v", "$v: Int", ["v": 5]) == #"{"id":"5"}"#)
    #expect(await echo("strings: $v", "$v: String", ["v": "a"]) == #"{"strings":["a"]}"#)
    #expect(await echo("text: $v, string: $v", "$v: String!", ["v": "a"]) == #"{"string":"a","text":"a"}"#)
    #expect(await echo("must: 1").contains("Unknown argument"))
    #expect(await Fixture.data("query($v: Int) { must(this: $v) }", ["v": 3]) == #"{"must":3}"#)
    #expect(
      await Fixture.refusal("query($v: String) { must(this: $v) }", ["v": "a"]).contains("variable \"$v\": expected"))
  }

  @Test func givesArgumentsByKind() {
    let arguments = GraphQLArguments([
      "s": "a", "i": 4, "d": 1.5, "b": true, "n": nil, "l": ["a", nil, "b"], "o": ["x": 1], "os": [["x": 1], nil],
    ])
    #expect(arguments.string("s") == "a" && arguments.string("i") == nil && arguments.string("n") == nil)
    #expect(arguments.int("i") == 4 && arguments.int("d") == nil)
    #expect(arguments.double("d") == 1.5 && arguments.double("i") == 4)
    #expect(arguments.bool("b") == true && arguments.bool("s") == nil)
    #expect(arguments.strings("l") == ["a", "b"] && arguments.strings("s") == nil)
    #expect(arguments.object("o")?.int("x") == 1 && arguments.object("s") == nil)
    #expect(arguments.objects("os")?.compactMap { $0.int("x") } == [1])
    #expect(arguments.isGiven("n") && arguments["n"] == .null)
    #expect(!arguments.isGiven("absent") && arguments["absent"] == nil)
  }
}
