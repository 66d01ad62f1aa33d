import GraphQL
import QuipuBase
import Testing

@Suite struct IntrospectionTests {
  private func data(_ text: String) async throws -> JSONObject {
    let response = await Fixture.run(text)
    #expect(response.errors.isEmpty)
    return try #require(JSON(parsing: response.data ?? []).objectValue)
  }

  @Test func answersProbesForFieldsOfAType() async {
    #expect(
      await Fixture.data(#"{ __type(name: "Filter") { name inputFields { name defaultValue } fields { name } } }"#)
        == #"{"__type":{"name":"Filter","inputFields":[{"name":"name","defaultValue":null},"#
        + #"{"name":"limit","defaultValue":"10"},{"name":"tags","defaultValue":null},"#
        + #"{"name":"color","defaultValue":"RED"},{"name":"inner","defaultValue":null}],"fields":null}}"#)
    #expect(
      await Fixture.data(#"query($n: String!) { __type(name: $n) { kind possibleTypes { name } } }"#, ["n": "Named"])
        == #"{"__type":{"kind":"INTERFACE","possibleTypes":[{"name":"Planet"},{"name":"Moon"},{"name":"Star"}]}}"#)
  }

  @Test func answersNullForAnUnknownType() async {
    #expect(await Fixture.data(#"{ __type(name: "Nope") { name } }"#) == #"{"__type":null}"#)
  }

  @Test func hidesDeprecatedMembersUnlessAsked() async {
    #expect(
      await Fixture.data(#"{ __type(name: "Color") { enumValues { name } } }"#)
        == #"{"__type":{"enumValues":[{"name":"RED"}]}}"#)
    #expect(
      await Fixture.data(
        #"{ __type(name: "Color") { enumValues(includeDeprecated: true) { name isDeprecated deprecationReason } } }"#)
        == #"{"__type":{"enumValues":[{"name":"RED","isDeprecated":false,"deprecationReason":null},"#
        + #"{"name":"GREEN","isDeprecated":true,"deprecationReason":"No longer supported"}]}}"#)
  }

  @Test func givesTypenamesOfTheSpecification() async {
    #expect(
      await Fixture.data(
        #"{ __schema { __typename queryType { __typename name } mutationType { name } subscriptionType { name } } }"#)
        == #"{"__schema":{"__typename":"__Schema","queryType":{"__typename":"__Type","name":"Query"},"#
        + #""mutationType":{"name":"Mutation"},"subscriptionType":null}}"#)
  }

  @Test func describesDirectivesAndScalars() async throws {
    let text = "{ __schema { directives { name locations isRepeatable args { name type { kind ofType { name } } } } } }"
    let directives = try await data(text)["__schema"]?.objectValue?["directives"]?.arrayValue ?? []
    #expect(
      directives.compactMap { $0.objectValue?["name"]?.stringValue } == [
        "include", "skip", "deprecated", "specifiedBy",
      ])
    #expect(
      directives.first?.text(style: .core)
        == #"{"name":"include","locations":["FIELD","FRAGMENT_SPREAD","INLINE_FRAGMENT"],"isRepeatable":false,"#
        + #""args":[{"name":"if","type":{"kind":"NON_NULL","ofType":{"name":"Boolean"}}}]}"#)
    #expect(
      await Fixture.data(#"{ __type(name: "JSON") { kind specifiedByURL } }"#)
        == #"{"__type":{"kind":"SCALAR","specifiedByURL":"https://example.com/json"}}"#)
  }

  @Test func countsFieldsOfIntrospection() async {
    var limits = GraphQLEngine.Limits()
    limits.executedFields = 100
    let engine = GraphQLEngine(schema: Fixture.schema, limits: limits)
    let response = await Fixture.run("{ __schema { types { fields { type { name } } } } }", engine: engine)
    #expect(response.messages == ["The operation executes more than 100 fields."])
  }

  /// The listing that introspection gives, written as a schema text, is the schema that was read.
  @Test func roundtripsTheSchema() async throws {
    let text = """
      {
        __schema {
          types {
            kind name description specifiedByURL
            fields(includeDeprecated: true) { name description args { ...Input } type { ...Ref } deprecationReason }
            inputFields { ...Input }
            interfaces { name }
            enumValues(includeDeprecated: true) { name deprecationReason }
            possibleTypes { name }
          }
        }
      }
      fragment Input on __InputValue { name description type { ...Ref } defaultValue }
      fragment Ref on __Type {
        kind name
        ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }
      }
      """
    let types = try await data(text)["__schema"]?.objectValue?["types"]?.arrayValue ?? []
    let names = types.compactMap { $0.objectValue?["name"]?.stringValue }
    #expect(names.contains("__Type") && names.contains("String"))
    let own = types.compactMap(\.objectValue).filter { type in
      let name = type["name"]?.stringValue ?? ""
      return !name.hasPrefix("__") && !["String", "Int", "Float", "Boolean", "ID"].contains(name)
    }
    let listing = own.map(Listing.text).joined(separator: "\n")
    #expect(Listing.words(listing) == Listing.words(Fixture.sdl))
  }
}

/// Schema text out of an introspection's answer.
private enum Listing {
  /// Tokens, so that layout and commas do not count.
  static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word = ""
    var isQuoted = false
    for character in text {
      if character == "\"" { isQuoted.toggle() }
      if isQuoted || character.isLetter || character.isNumber || character == "_" || character == "\"" {
        word.append(character)
        continue
      }
      if !word.isEmpty { words.append(word) }
      word = ""
      if !character.isWhitespace && character != "," { words.append(String(character)) }
    }
    return words + (word.isEmpty ? [] : [word])
  }

  static func text(_ type: JSONObject) -> String {
    let name = string(type, "name")
    let head = description(type)
    switch string(type, "kind") {
    case "OBJECT", "INTERFACE":
      let keyword = string(type, "kind") == "OBJECT" ? "type" : "interface"
      let interfaces = objects(type, "interfaces").map { string($0, "name") }
      let implements = interfaces.isEmpty ? "" : " implements " + interfaces.joined(separator: " & ")
      return "\(head)\(keyword) \(name)\(implements) { "
        + objects(type, "fields").map(field).joined(separator: ", ") + " }"
    case "INPUT_OBJECT":
      return "\(head)input \(name) { " + objects(type, "inputFields").map(input).joined(separator: ", ") + " }"
    case "ENUM":
      let values = objects(type, "enumValues").map { value in
        string(value, "name") + (value["deprecationReason"] == .null ? "" : " @deprecated")
      }
      return "\(head)enum \(name) { " + values.joined(separator: " ") + " }"
    case "UNION":
      return "\(head)union \(name) = "
        + objects(type, "possibleTypes").map { string($0, "name") }.joined(separator: " | ")
    default:
      let url = type["specifiedByURL"]?.stringValue
      return "\(head)scalar \(name)" + (url.map { " @specifiedBy(url: \"\($0)\")" } ?? "")
    }
  }

  private static func string(_ object: JSONObject, _ key: Key) -> String { object[key]?.stringValue ?? "" }

  private static func objects(_ object: JSONObject, _ key: Key) -> [JSONObject] {
    (object[key]?.arrayValue ?? []).compactMap(\.objectValue)
  }

  private static func description(_ object: JSONObject) -> String {
    object["description"]?.stringValue.map { "\"\($0)\" " } ?? ""
  }

  private static func field(_ field: JSONObject) -> String {
    let arguments = objects(field, "args").map(input)
    let list = arguments.isEmpty ? "" : "(" + arguments.joined(separator: ", ") + ")"
    let reason = field["deprecationReason"]?.stringValue.map { " @deprecated(reason: \"\($0)\")" } ?? ""
    return "\(description(field))\(string(field, "name"))\(list): \(reference(field["type"]))\(reason)"
  }

  private static func input(_ input: JSONObject) -> String {
    let value = input["defaultValue"]?.stringValue.map { " = \($0)" } ?? ""
    return "\(description(input))\(string(input, "name")): \(reference(input["type"]))\(value)"
  }

  private static func reference(_ type: JSON?) -> String {
    guard let type = type?.objectValue else { return "?" }
    switch string(type, "kind") {
    case "LIST": return "[\(reference(type["ofType"]))]"
    case "NON_NULL": return reference(type["ofType"]) + "!"
    default: return string(type, "name")
    }
  }
}
