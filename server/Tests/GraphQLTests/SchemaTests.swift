import GraphQL
import QuipuBase
import Testing

@Suite struct SchemaTests {
  private func fault(_ sdl: String) -> String {
    do {
      _ = try Schema(sdl: sdl)
      return "none"
    } catch {
      return error.message
    }
  }

  @Test func acceptsEveryKindOfDefinition() {
    let sdl = """
      \"\"\"
      The schema.
      \"\"\"
      schema @note { query: Root mutation: Change }
      directive @note(text: String = "x", list: [Int!]) repeatable on | FIELD | SCHEMA
      interface A { a: Int }
      interface B implements A { a: Int b: String }
      type Root implements A & B { a: Int! b(x: Int = 1): String, "A union." u: U }
      type Change implements & A { a: Int }
      union U = | Root | Change
      enum E { ONE "Two." TWO @deprecated(reason: "no") }
      input I { e: E = ONE, l: [I!] = [{e: TWO, l: []}], on: Boolean }
      scalar S @specifiedBy(url: "https://example.com")
      """
    #expect(fault(sdl) == "none")
  }

  @Test func refusesSchemasThatBreakARule() {
    let bad: [(String, String)] = [
      ("type A { a: Int }", "no query type"),
      ("schema { query: Nope } type Query { a: Int }", "\"Nope\" is not defined"),
      ("schema { mutation: Query } type Query { a: Int }", "no query type"),
      ("schema { query: Query subscription: Query } type Query { a: Int }", "not \"subscription\""),
      ("scalar Query", "not an object type"),
      ("type Query { a: Nope }", "\"Nope\", which is not defined"),
      ("type Query { a: Int a: Int }", "\"a\" is there twice"),
      ("type Query { a: Int } type Query { a: Int }", "two types named \"Query\""),
      ("type Query { a: Int } scalar Int", "two types named \"Int\""),
      ("type Query { a: I } input I { a: Int }", "cannot be of the input type"),
      ("type Query { a(x: Query): Int }", "not an input type"),
      ("type Query { a(x: Int x: Int): Int }", "twice"),
      ("type Query { a: Int } input I { a: Query }", "not an input type"),
      ("type Query { a: Int } input I { a: Nope }", "not defined"),
      ("type Query { a: Int } input I { a: Int = \"x\" }", "default value of \"I.a\""),
      ("type Query { a: Int } input I { a: Int! = null }", "default value of \"I.a\""),
      // A default that never ends.
      ("type Query { a: Int } input I { a: I = {} }", "nested deeper than 48"),
      ("type Query { a: Int } enum E { A A }", "twice"),
      ("type Query { a: Int } enum E { true }", "expected an enum value"),
      ("type Query { a: Int } union U = Int", "not an object type"),
      ("type Query { a: Int } union U = Query | Query", "twice"),
      ("type Query implements Nope { a: Int }", "not an interface"),
      ("interface I { b: Int } type Query implements I { a: Int }", "\"Query.b\" is missing"),
      ("interface I { a: Int! } type Query implements I { a: Int }", "must be of the type Int!"),
      ("interface I { a(x: Int): Int } type Query implements I { a: Int }", "must have the argument \"x\""),
      ("interface I { a: Int } type Query implements I { a(x: Int!): Int }", "may not require"),
      (
        "interface I { a: Int } interface J implements I { a: Int } type Query implements J { a: Int }",
        "must implement"
      ),
      ("type Query { __a: Int }", "kept for introspection"),
      ("type Query { a: Int } type __T { a: Int }", "kept for introspection"),
      ("type Query {", "expected a field"),
      ("type Query { }", "expected a field"),
      ("extend type Query { a: Int }", "expected a type definition"),
      ("{ a }", "expected a type definition"),
    ]
    for (sdl, expected) in bad {
      #expect(fault(sdl).contains(expected), "\(sdl): \(fault(sdl))")
    }
  }

  @Test func acceptsNarrowerTypesOfInterfaceFields() {
    #expect(
      fault(
        """
        interface Node { next: Node, all: [Node], id: ID }
        type Query implements Node { next: Query!, all: [Query!]!, id: ID! }
        """) == "none")
  }
}
