import QuipuBase
import RunFilters
import Testing

struct FilterFuzzTests {
  @Test func survivesFiltersOfAnyShape() {
    let names = [
      "$and", "$or", "$nor", "$not", "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex",
      "$options", "$", "", "state", "tags", "created_at", "config.a", "config..", "config.", "summary_metrics.a.b",
      "summary_metrics", "x",
    ]
    var random = RandomJSON(random: SeededGenerator(state: 10))
    func value(_ depth: Int) -> JSON {
      switch depth == 0 ? 0 : random.pick([0, 1, 2, 2, 2]) {
      case 1: return .array((0..<random.pick([0, 1, 2])).map { _ in value(depth - 1) })
      case 2:
        var object = JSONObject()
        for _ in 0..<random.pick([1, 1, 1, 2]) { object[Key(random.pick(names))] = value(depth - 1) }
        return .object(object)
      default: return random.pick([random.scalar(), "i", "2026-01-01", "(a|b)*", .int(.min), .double(1e308)])
      }
    }
    let run = TestRun(columns: [.state: .string("a"), .tags: .list([])], config: #"{"a": {"value": 1}}"#, summary: "x")
    var accepted = 0
    for _ in 0..<30_000 {
      guard let filter = try? RunFilter(json: value(5)) else { continue }
      accepted += 1
      _ = filter.matches(run)
      _ = filter.columnConditions
    }
    #expect(accepted > 300)
  }
}
