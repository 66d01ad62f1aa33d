import GraphQL
import QuipuBase
import Testing

@Suite struct SyntaxTests {
  /// What a string literal stands for.
  private func value(_ literal: String) async -> String {
    let response = await Fixture.run("{ echo(string: \(literal)) }")
    guard let data = response.data, let json = try? JSON(parsing: data) else { return response.messages.joined() }
    return json.objectValue?["echo"]?.objectValue?["string"]?.stringValue ?? "none"
  }

  @Test func ignoresCommasCommentsAndByteOrderMarks() async {
    let text = "\u{FEFF}#graphql\n,,query Q , {\t,old, # é } \r\n planet,{name,,}\u{FEFF}\r}#end"
    #expect(await Fixture.data(text) == #"{"old":1,"planet":{"name":"Earth"}}"#)
    #expect(await Fixture.data("{old#\r}") == #"{"old":1}"#)
  }

  @Test func readsEscapesInStrings() async {
    #expect(await value(#""\"\\\/\b\f\n\r\t""#) == "\"\\/\u{8}\u{c}\n\r\t")
    #expect(await value(#""\u00e9\u00E9 \uD83C\uDF0D \u{1F30D} \u{000041} é🌍""#) == "éé 🌍 🌍 A é🌍")
    #expect(await value(#""""#) == "")
    #expect(await value("\"a\tb # c, d\"") == "a\tb # c, d")
  }

  @Test func refusesBadStrings() async {
    let bad = [
      #""\x""#, #""\u12""#, #""\u12g4""#, #""\uD83C""#, #""\uDF0D""#, #""\uD83Cx""#, #""\uD83C\u0041""#, #""\u{}""#,
      #""\u{110000}""#, #""\u{100000041}""#, #""\u{D800}""#, #""\u{1""#, "\"a", "\"a\nb\"", "\"a\rb\"", "\"a\u{1}b\"",
      "\"a\\", "\"\\u",
      "\"\"\"a", "\"\"\"a\"\"", "\"\"\"a\u{1}\"\"\"", "\"",
    ]
    for literal in bad {
      #expect(await Fixture.refusal("{ echo(string: \(literal)) }").hasPrefix("Syntax error"), "\(literal)")
    }
  }

  @Test func readsBlockStrings() async {
    let quotes = "\"\"\""
    #expect(await value("\(quotes)\(quotes)") == "")
    #expect(await value("\(quotes)a\"b\\n\\\(quotes)c\(quotes)") == "a\"b\\n\"\"\"c")
    #expect(
      await value("\(quotes)\n\n    Hello,\n      World!\n\n    Yours,\n      GraphQL.\n\n  \(quotes)")
        == "Hello,\n  World!\n\nYours,\n  GraphQL.")
    #expect(await value("\(quotes)  first\r\n   second\r  third\(quotes)") == "  first\n second\nthird")
    #expect(await value("\(quotes)\n \n\t\n\(quotes)") == "")
    #expect(await value("\(quotes)a\n\(quotes)") == "a")
  }

  @Test func refusesBadNumbers() async {
    for number in ["01", "-", "-a", "1.", "1.e5", ".5", "1e", "1e+", "1.5.2", "1x", "00", "0x1", "1_0", "+1", "-01"] {
      #expect(await Fixture.refusal("{ echo(json: \(number)) }").hasPrefix("Syntax error"), "\(number)")
    }
  }

  @Test func readsNumbers() async {
    #expect(
      await Fixture.data("{ echo(json: [0, -0, 12, -1.5, 1e3, 2E-2, 0.5e+1], with: 0) }")
        == #"{"echo":{"json":[0,0,12,-1.5,1000,0.02,5],"with":0}}"#)
  }

  @Test func saysWhatWasExpectedAndWhere() async {
    let response = await Fixture.run("{\n  planet {\n    name(\n  }\n}")
    #expect(response.messages == ["Syntax error: expected a name, found \"}\"."])
    #expect(response.errors.first?.locations == [.init(line: 4, column: 3)])
    #expect(await Fixture.refusal("{ old") == "Syntax error: expected a field, found the end.")
    #expect(await Fixture.refusal("{ old ? }") == "Syntax error: unexpected character \"?\".")
  }

  @Test func refusesMalformedTexts() async {
    let bad = [
      "{", "}", "{}", "{ }", "query", "query {", "query { old } }", "que { old }", "{ old() }", "{ a: }", "{ : old }",
      "{ ... }", "{ ...on }", "{ ... on { old } }", "{ ..F }", "{ . }", "{ old @ }", "{ old @skip( }",
      "{ must(this 1) }",
      "{ must(this: ) }", "{ must(this: [1) }", "{ echo(json: {a 1}) }", "{ echo(json: {1: 1}) }", "{ must(this: $) }",
      "query() { old }", "query($a) { old }", "query($a:) { old }", "query($a: Int = $b) { old }",
      "query($a: [Int) { old }",
      "query(a: Int) { old }", "query($a: Int!!) { old }", "fragment on on Query { old } { old }",
      "fragment F Query { old }",
      "fragment F on Query", "fragment F on Query {}", "{ old } garbage", "\u{0}", "{ old \u{0} }", "{ é }",
      "{ old & }",
      "type T { a: Int }", "{ old } [", "\u{1F30D}",
    ]
    for text in bad {
      #expect(await Fixture.refusal(text).hasPrefix("Syntax error"), "\(text)")
    }
  }

  @Test func takesKeywordsAsNames() async {
    let text =
      "query query($on: Int) { query: echo(int: $on) fragment: old ...type } fragment type on Query { on: old }"
    #expect(await Fixture.data(text, ["on": 2]) == #"{"query":{"int":2,"with":7},"fragment":1,"on":1}"#)
  }
}
