import QuipuBase
import RunFilters
import Testing

struct RunOrderTests {
  @Test func readsFieldAndDirection() throws {
    #expect(try RunOrder(nil) == RunOrder("+created_at") && RunOrder("") == RunOrder("createdAt"))
    #expect(try RunOrder("-summary_metrics.loss").source == .summary(["loss"]))
    #expect(try RunOrder("-summary_metrics.loss").isDescending && !RunOrder("+heartbeat_at").isDescending)
    #expect(try RunOrder("config.lr.value").source == .config(["lr", "value"]))
    #expect(try RunOrder("config.lr").needsConfig && RunOrder("-summary_metrics.a").needsSummary)
    #expect(try !RunOrder("name").needsConfig && !RunOrder("name").needsSummary)
    #expect(throws: FilterError.self) { try RunOrder("+loss") }
    #expect(throws: FilterError.self) { try RunOrder("--name") }
  }

  @Test(arguments: [
    ("+summary_metrics.loss", "b d a c e f g h i"), ("-summary_metrics.loss", "e c a d b f g h i"),
  ])
  func putsRunsWithoutAValueLastInBothDirections(_ text: String, _ expected: String) throws {
    let summaries = [
      ("f", "{}"), ("g", #"{"loss": NaN}"#), ("a", #"{"loss": 2}"#), ("e", #"{"loss": true}"#),
      ("h", #"{"loss": null}"#),
      ("b", #"{"loss": -Infinity}"#), ("c", #"{"loss": "x"}"#), ("d", #"{"loss": 1.5}"#), ("i", #"{"loss": [1]}"#),
    ]
    let order = try RunOrder(text)
    let keyed = summaries.map { (id: $0.0, key: order.key(of: TestRun(summary: $0.1))) }
    let sorted = keyed.sorted { a, b in
      let comparison = order.compare(a.key, b.key)
      return comparison == 0 ? a.id < b.id : comparison < 0
    }
    #expect(sorted.map(\.id).joined(separator: " ") == expected)
  }

  @Test func ordersInstantsHoweverTheyAreWritten() throws {
    let order = try RunOrder("+created_at")
    let early = order.key(of: TestRun(columns: [.createdAt: .string("2026-01-01T00:00:00")]))
    let late = order.key(of: TestRun(columns: [.createdAt: .number(1_767_225_601)]))
    #expect(order.compare(early, late) < 0 && order.compare(late, early) > 0 && order.compare(late, late) == 0)
  }

  @Test func keysSurviveTheirText() {
    let long = String(repeating: "é\"\n", count: 100)
    let values: [FieldValue] = [
      .missing, .bool(true), .bool(false), .number(0.1), .number(-0.0), .number(1e300), .number(.infinity),
      .number(-.infinity), .number(1_767_225_600.123456), .string(""), .string(long), .string("null"),
    ]
    struct Named: RunFields {
      var value: FieldValue
      func field(_ field: RunField) -> FieldValue { value }
      func config(_ path: [String]) -> FieldValue { .missing }
      func summary(_ path: [String]) -> FieldValue { .missing }
    }
    var texts: Set<String> = []
    for value in values {
      guard let key = try? RunOrder("name").key(of: Named(value: value)) else { continue }
      #expect(OrderKey(text: key.text) == key, "\(key.text)")
      #expect(key.text.utf8.count < 600)
      texts.insert(key.text)
    }
    #expect(texts.count == values.count)
    for text in ["", "[1]", "{}", "x", "\"a", "1 2"] { #expect(OrderKey(text: text) == nil) }
  }

  @Test func tellsDirectionsApartButNotTies() throws {
    let up = try RunOrder("+name")
    let down = try RunOrder("-name")
    #expect(up.compare(.number(1), .number(2)) < 0 && down.compare(.number(1), .number(2)) > 0)
    #expect(up.compare(.none, .none) == 0 && down.compare(.string("a"), .string("a")) == 0)
    #expect(up.compare(.none, .number(1)) > 0 && down.compare(.none, .number(1)) > 0)
    #expect(up.compare(.number(1), .none) < 0 && down.compare(.number(1), .none) < 0)
  }
}
