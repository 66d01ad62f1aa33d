import GraphQL
import QuipuBase

/// A node made of closures.
struct Node: GraphQLObject {
  typealias Resolver = @Sendable (GraphQLField) async throws -> GraphQLValue

  let typeName: String
  let fields: [String: Resolver]

  init(_ typeName: String, _ fields: [String: Resolver]) {
    self.typeName = typeName
    self.fields = fields
  }

  init(_ typeName: String, _ fields: [String: GraphQLValue]) {
    self.init(typeName, fields.mapValues { value in { @Sendable _ in value } })
  }

  func resolve(_ field: GraphQLField) async throws -> GraphQLValue {
    guard let resolver = fields[field.name] else { return .null }
    return try await resolver(field)
  }
}

struct Unforeseen: Error {}

enum Fixture {
  static let sdl = """
    "The root."
    type Query {
      "Finds a planet."
      planet(name: String! = "Earth"): Planet
      echo(
        int: Int, int64: Int64, float: Float, string: String, bool: Boolean, id: ID, json: JSON, text: JSONString,
        time: DateTime, duration: Duration, color: Color, colors: [Color!], grid: [[Int]], strings: [String!],
        texts: [JSONString!], needed: Filter, filters: [Filter!], with: Int = 7
      ): JSON
      must(this: Int!): Int
      search: [Body]
      named: [Named!]
      secret: Strict
      strict: Strict!
      old: Int @deprecated(reason: "say planet")
    }
    type Mutation {
      push(number: Int!): Log
      fail: Int!
    }
    type Log { numbers: [Int!]! }
    interface Named { name: String! }
    type Planet implements Named {
      name: String!
      radius(unit: Unit = KILOMETRE): Float
      moons(first: Int): [Moon!]
      rings: [Int]
      id: ID
      created: DateTime
      blob: JSON
      samples: [JSONString!]
      color: Color
      age: Int64
      inhabited: Boolean
      codes: [ID!]
      home: Planet!
    }
    type Moon implements Named { name: String!, planet: Planet!, radius(unit: Unit): Float, nick: String }
    type Star implements Named { name: String!, radius: String, nick: String! }
    union Body = Planet | Moon | Star
    type Strict {
      must: Int!, list: [Int!], lists: [[Int!]!], child: Strict!, fine: Int, children: [Strict!], loose: [Strict]
    }
    enum Unit { KILOMETRE MILE }
    enum Color { RED GREEN @deprecated }
    input Filter {
      name: String!
      limit: Int = 10
      tags: [String!]
      color: Color = RED
      inner: Filter
    }
    scalar JSON @specifiedBy(url: "https://example.com/json")
    scalar JSONString scalar DateTime scalar Int64 scalar Duration
    """

  static let schema: Schema = {
    do {
      return try Schema(sdl: sdl)
    } catch {
      fatalError("\(error)")
    }
  }()

  static let earth: Node = Node(
    "Planet",
    [
      "name": { _ in .string("Earth") },
      "radius": { field in .double(field.arguments.string("unit") == "MILE" ? 3958.8 : 6371) },
      "moons": { field in .list(Array([GraphQLValue.object(moon)].prefix(Int(field.arguments.int("first") ?? 9)))) },
      "rings": { _ in .list([.int(1), .null, .int(3)]) },
      "id": { _ in .int(3) },
      "inhabited": { _ in .bool(true) },
      "color": { _ in .string("GREEN") },
      "age": { _ in .int(4_540_000_000) },
    ])

  static let moon: Node = Node(
    "Moon",
    [
      "name": { _ in .string("Moon") }, "planet": { _ in .object(earth) }, "radius": { _ in .int(1737) },
      "nick": { _ in .string("Luna") },
    ])

  static let star = Node("Star", ["name": .string("Sun"), "radius": .string("large"), "nick": .string("Sol")])

  static let query = Node(
    "Query",
    [
      "planet": { field in field.arguments.string("name") == "Earth" ? .object(earth) : .null },
      "echo": { field in .json(.object(field.arguments.values)) },
      "must": { field in field.arguments.int("this").map { .int($0) } ?? .null },
      "search": { _ in .list([.object(earth), .object(moon), .object(star)]) },
      "named": { _ in .list([.object(moon), .object(star)]) },
      "old": { _ in .int(1) },
    ])

  static let engine = GraphQLEngine(schema: schema)

  /// Runs `text`; the root's fields are those of the fixture and `extra`.
  static func run(
    _ text: String, _ variables: JSONObject = [:], operation: String? = nil, extra: [String: Node.Resolver] = [:],
    mutation: (any GraphQLObject)? = nil, engine: GraphQLEngine = engine
  ) async -> GraphQLResponse {
    await engine.execute(
      GraphQLRequest(query: text, variables: variables, operationName: operation),
      query: Node("Query", query.fields.merging(extra) { _, new in new }), mutation: mutation)
  }

  /// The data's text, or the first error's message.
  static func data(
    _ text: String, _ variables: JSONObject = [:], operation: String? = nil, extra: [String: Node.Resolver] = [:]
  ) async -> String {
    let response = await run(text, variables, operation: operation, extra: extra)
    guard response.errors.isEmpty, let data = response.data else { return response.errors.first?.message ?? "no error" }
    return String(decoding: data, as: UTF8.self)
  }

  /// The messages with which a request fails before its execution; "executed" if it does not.
  static func refusal(_ text: String, _ variables: JSONObject = [:], operation: String? = nil) async -> String {
    let response = await run(text, variables, operation: operation)
    guard response.failedBeforeExecution else { return "executed" }
    return response.errors.map(\.message).joined(separator: "\n")
  }
}

extension GraphQLResponse {
  var text: String {
    var out = ByteBuffer()
    write(to: &out)
    return out.string()
  }

  var dataText: String? { data.map { String(decoding: $0, as: UTF8.self) } }

  var messages: [String] { errors.map(\.message) }
}
