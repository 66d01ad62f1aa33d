import QuipuBase
import RunFilters
import Testing

private let sample = TestRun(
  columns: [
    .name: .string("abc123"), .displayName: .string("foo-run-1"), .state: .string("finished"),
    .group: .string("g1"), .jobType: .string("train"), .host: .null, .username: .string("ada"),
    .tags: .list([.string("x"), .string("baseline")]), .sweep: .string("5f93f983"),
    .createdAt: .number(1_767_225_600.5), .heartbeatAt: .string("2026-01-01T01:00:00Z"), .duration: .number(3599.5),
  ],
  config: #"""
    {"lr": {"value": 0.1}, "x": {"value": 1}, "experiment_name": {"value": "foo"}, "nothing": {"value": null},
     "model": {"value": {"layers": 3, "act.fn": "relu"}}, "data.path": {"value": "/d"}, "on": {"value": true},
     "sizes": {"value": [1, 2, 3]}, "odd": {"value": {"value": 9}}, "object": {"value": {"a": 1, "b": [2.0]}}}
    """#,
  summary: #"{"accuracy": 0.75, "loss": NaN, "top": Infinity, "eval": {"f1": 0.5}, "a/b.c": 2, "steps": 7}"#)

struct RunFilterTests {
  @Test(arguments: [
    "{}", "null",
    #"{"state": "finished"}"#, #"{"state": {"$eq": "finished"}}"#, #"{"state": {"$ne": "running"}}"#,
    #"{"name": "abc123", "username": "ada", "group": "g1", "job_type": "train", "jobType": "train"}"#,
    #"{"$and": [{"sweep": "5f93f983"}]}"#, #"{"$and": []}"#, #"{"$or": [{"$and": []}]}"#, #"{"$nor": []}"#,
    #"{"config.experiment_name": "foo"}"#, #"{"$or": [{"config.x": 2}, {"state": "finished"}]}"#,
    #"{"$nor": [{"config.x": 2}, {"state": "running"}]}"#, #"{"$not": {"state": "running"}}"#,
    #"{"display_name": {"$regex": "^foo.*"}}"#, #"{"displayName": {"$regex": "^FOO", "$options": "i"}}"#,
    #"{"display_name": {"$options": "i", "$regex": "RUN"}}"#, #"{"display_name": {"$not": {"$regex": "bar"}}}"#,
    #"{"tags": "x"}"#, #"{"tags": {"$in": ["y", "baseline"]}}"#, #"{"tags": {"$nin": ["y", "z"]}}"#,
    #"{"tags": {"$ne": "y"}}"#, #"{"tags": ["x", "baseline"]}"#, #"{"tags": {"$regex": "^base"}}"#,
    #"{"$and": [{"tags": "x"}, {"tags": "baseline"}]}"#,
    #"{"createdAt": {"$gt": "2026-01-01"}}"#, #"{"created_at": {"$gte": "2026-01-01T00:00:00.500Z"}}"#,
    #"{"created_at": "2026-01-01T00:00:00.5"}"#, #"{"created_at": {"$lt": "2026-01-01T01:00:01+01:00"}}"#,
    #"{"created_at": {"$gt": 1767225600, "$lt": 1767225601}}"#, #"{"created_at": {"$lte": 1767225600500}}"#,
    #"{"created_at": {"$in": ["2020-01-01", "2026-01-01 00:00:00.5"]}}"#,
    #"{"heartbeat_at": {"$eq": 1767229200}}"#, #"{"updatedAt": "2026-01-01T01:00:00"}"#,
    #"{"duration": {"$gt": 3599, "$lt": 3600}}"#,
    #"{"summary_metrics.accuracy": {"$gt": 0.5}}"#, #"{"summaryMetrics.accuracy": {"$gte": 0.75}}"#,
    #"{"summary_metrics.steps": 7.0}"#, #"{"summary_metrics.eval.f1": {"$lt": 1}}"#, #"{"summary_metrics.a/b.c": 2}"#,
    #"{"summary_metrics.loss": {"$ne": NaN}}"#, #"{"summary_metrics.loss": {"$exists": true}}"#,
    #"{"summary_metrics.top": {"$gt": 1e300}}"#, #"{"summary_metrics.top": Infinity}"#,
    #"{"config.lr": 0.1}"#, #"{"config.lr.value": 0.1}"#, #"{"config.model.layers": 3}"#,
    #"{"config.model.value.layers": 3}"#, #"{"config.model.act.fn": "relu"}"#, #"{"config.data.path": "/d"}"#,
    #"{"config.data.path.value": "/d"}"#, #"{"config.on": true}"#, #"{"config.on": {"$gt": false}}"#,
    #"{"config.sizes": 2}"#, #"{"config.sizes": [1, 2, 3]}"#, #"{"config.sizes": {"$gt": 2}}"#,
    #"{"config.sizes.1": 2}"#, #"{"config.odd.value": {"value": 9}}"#, #"{"config.odd.value.value": 9}"#,
    #"{"config.object": {"b": [2], "a": 1.0}}"#,
    #"{"config.lr": {"$in": [0.2, 0.1]}}"#, #"{"config.lr": {"$nin": [0.2, "0.1"]}}"#,
    #"{"config.nothing": null}"#, #"{"config.nothing": {"$exists": true}}"#, #"{"config.absent": null}"#,
    #"{"config.absent": {"$exists": false}}"#, #"{"config.absent": {"$exists": 0}}"#, #"{"config.absent": {"$ne": 1}}"#,
    #"{"config.absent": {"$nin": [1]}}"#, #"{"config.absent": {"$in": [1, null]}}"#,
    #"{"config.absent": {"$gte": null}}"#,
    #"{"host": null}"#, #"{"notes": null}"#, #"{"config.lr": {"$not": {"$gt": 1}}}"#,
  ])
  func matches(_ text: String) throws {
    #expect(try filter(text).matches(sample))
  }

  @Test(arguments: [
    #"{"state": "running"}"#, #"{"state": {"$ne": "finished"}}"#, #"{"state": "Finished"}"#,
    #"{"state": "finished", "name": "other"}"#, #"{"$and": [{"state": "finished"}, {"name": "other"}]}"#,
    #"{"$or": []}"#, #"{"$or": [{"config.x": 2}, {"state": "running"}]}"#, #"{"$nor": [{"config.x": 1}]}"#,
    #"{"$not": {}}"#, #"{"display_name": {"$regex": "^run"}}"#, #"{"display_name": {"$regex": "RUN"}}"#,
    #"{"display_name": {"$not": {"$regex": "foo"}}}"#, #"{"duration": {"$regex": "3"}}"#, #"{"notes": {"$regex": ""}}"#,
    #"{"tags": "base"}"#, #"{"tags": {"$in": ["y"]}}"#, #"{"tags": {"$nin": ["y", "x"]}}"#, #"{"tags": {"$ne": "x"}}"#,
    #"{"tags": ["x"]}"#, #"{"tags": null}"#,
    #"{"createdAt": {"$gt": "2026-01-02"}}"#, #"{"created_at": {"$lt": "2026-01-01T01:00:00+01:00"}}"#,
    #"{"created_at": {"$lt": 1767225600}}"#, #"{"created_at": null}"#, #"{"created_at": true}"#,
    #"{"summary_metrics.accuracy": {"$gt": 0.75}}"#, #"{"summary_metrics.accuracy": "0.75"}"#,
    #"{"summary_metrics.accuracy": {"$gt": "0.5"}}"#, #"{"summary_metrics.accuracy": {"$lt": "0.5"}}"#,
    #"{"summary_metrics.loss": NaN}"#, #"{"summary_metrics.loss": {"$lt": 1}}"#,
    #"{"summary_metrics.loss": {"$gte": 1}}"#, #"{"summary_metrics.loss": {"$in": [NaN]}}"#,
    #"{"summary_metrics.loss": null}"#, #"{"summary_metrics.nope": {"$gt": 0}}"#,
    #"{"summary_metrics.nope": {"$lte": 0}}"#,
    #"{"config.on": 1}"#, #"{"config.x": true}"#, #"{"config.x": {"$gt": false}}"#, #"{"config.x": {"$in": []}}"#,
    #"{"config.sizes": {"$gt": 3}}"#, #"{"config.sizes": {"$ne": 1}}"#, #"{"config.sizes.3": {"$exists": true}}"#,
    #"{"config.absent": {"$exists": true}}"#, #"{"config.nothing": {"$exists": false}}"#,
    #"{"config.nothing": {"$ne": null}}"#, #"{"config.absent": {"$gt": null}}"#,
    #"{"config.lr": {"$gt": 0.01, "$lt": 0.05}}"#,
    #"{"config.object": {"a": 1}}"#, #"{"config.lr": {"$not": {"$lt": 1}}}"#, #"{"config.odd": 9}"#,
  ])
  func doesNotMatch(_ text: String) throws {
    #expect(try !filter(text).matches(sample))
  }

  @Test(arguments: [
    ("[]", "must be an object"), ("3", "must be an object"), (#"{"$and": {}}"#, "$and needs a list"),
    (#"{"$or": [1]}"#, "must be an object"), (#"{"$where": "1"}"#, #"unknown operator "$where""#),
    (#"{"state": {"$near": 1}}"#, "$nin"), (#"{"state": {"$eq": 1, "x": 2}}"#, #""x" stands beside operators"#),
    (#"{"accuracy": 1}"#, "summary_metrics.KEY"), (#"{"accuracy": 1}"#, #""accuracy""#), (#"{"": 1}"#, "unknown field"),
    (#"{"config": 1}"#, "unknown field"), (#"{"config.": 1}"#, "names no key"),
    (#"{"state": {"$in": "x"}}"#, "$in needs a list"), (#"{"state": {"$nin": {"a": 1}}}"#, "$nin needs a list"),
    (#"{"state": {"$gt": [1]}}"#, "$gt needs"), (#"{"state": {"$exists": "yes"}}"#, "$exists needs"),
    (#"{"state": {"$regex": 1}}"#, "$regex needs"), (#"{"state": {"$regex": "("}}"#, "( without )"),
    (#"{"state": {"$options": "i"}}"#, "$options needs"), (#"{"state": {"$regex": "a", "$options": "x"}}"#, "$options"),
    (#"{"state": {"$not": "x"}}"#, "$not needs"), (#"{"state": {"$not": {}}}"#, "$not needs"),
    (#"{"created_at": {"$gt": "yesterday"}}"#, "ISO 8601"), (#"{"created_at": "2026-13-01"}"#, "ISO 8601"),
  ])
  func rejectsAndSaysWhy(_ text: String, _ reason: String) {
    let message = rejection(text)
    #expect(message?.contains(reason) == true, "\(message ?? "accepted")")
  }

  @Test func boundsNestingConditionsAndPaths() throws {
    func nested(_ levels: Int) -> String {
      String(repeating: #"{"$nor":["#, count: levels) + #"{"state":"x"}"# + String(repeating: "]}", count: levels)
    }
    #expect(rejection(nested(15)) == nil)
    #expect(rejection(nested(16))?.contains("nested deeper") == true)
    #expect(rejection(nested(240))?.contains("nested deeper") == true)
    let lists = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
    #expect(rejection(#"{"config.x": \#(lists)}"#)?.contains("nested deeper") == true)
    let nots = String(repeating: #"{"$not":"#, count: 40) + #"{"$gt":1}"# + String(repeating: "}", count: 40)
    #expect(rejection(#"{"config.x": \#(nots)}"#)?.contains("nested deeper") == true)

    func wide(_ count: Int) -> String {
      #"{"$or":["# + Array(repeating: #"{"name":"a"}"#, count: count).joined(separator: ",") + "]}"
    }
    #expect(rejection(wide(10_000)) == nil)
    #expect(rejection(wide(10_001))?.contains("more than 10000 conditions") == true)
    let empty = Array(repeating: #"{"$or":[]}, {}"#, count: 5_001).joined(separator: ",")
    #expect(rejection(#"{"$and":[\#(empty)]}"#)?.contains("more than 10000 conditions") == true)
    let names = Array(repeating: #""a""#, count: 50_000).joined(separator: ",")
    #expect(rejection(#"{"name":{"$in":[\#(names)]}}"#) == nil)

    func patterns(_ count: Int) -> String {
      let one = #"{"name":{"$regex":"(a{1000}){4}"}}"#
      return #"{"$or":["# + Array(repeating: one, count: count).joined(separator: ",") + "]}"
    }
    #expect(rejection(patterns(4)) == nil)
    #expect(rejection(patterns(5))?.contains("more than 20000 steps") == true)

    let path = Array(repeating: "a", count: 33).joined(separator: ".")
    #expect(rejection(#"{"config.\#(path)": 1}"#)?.contains("more than 32 parts") == true)
  }

  @Test func tellsWhatItReads() throws {
    let plain = try filter(#"{"$or": [{"state": "x"}, {"created_at": {"$gt": 1}}]}"#)
    #expect(plain.fields == [.state, .createdAt] && !plain.needsConfig && !plain.needsSummary)
    let both = try filter(#"{"$nor": [{"config.a": 1}, {"summary_metrics.b": {"$not": {"$gt": 1}}}]}"#)
    #expect(both.fields.isEmpty && both.needsConfig && both.needsSummary)
  }

  @Test func offersColumnConditionsThatHoldForEveryMatch() throws {
    func described(_ text: String) throws -> [String] {
      try filter(text).columnConditions.map { condition in
        switch condition.test {
        case .isIn(let values): "\(condition.field) in \(values)"
        case .isAbove(let value, let orEqual): "\(condition.field) >\(orEqual ? "=" : "") \(value)"
        case .isBelow(let value, let orEqual): "\(condition.field) <\(orEqual ? "=" : "") \(value)"
        }
      }
    }
    #expect(try described(#"{"$and": [{"state": "a"}, {"$or": [{"group": {"$in": ["c", "b"]}}]}]}"#)
      == [#"state in [RunFilters.FieldValue.string("a")]"#,
        #"group in [RunFilters.FieldValue.string("b"), RunFilters.FieldValue.string("c")]"#])
    #expect(try described(#"{"created_at": {"$gte": "1970-01-02", "$lt": 90000}}"#)
      == ["createdAt >= number(86400.0)", "createdAt < number(90000.0)"])
    for none in [
      #"{"$or": [{"state": "a"}, {"group": "b"}]}"#, #"{"state": null}"#, #"{"state": {"$in": ["a", null]}}"#,
      #"{"state": {"$ne": "a"}}"#, #"{"$nor": [{"state": "a"}]}"#, #"{"tags": "x"}"#, #"{"config.x": 1}"#,
      #"{"state": {"$gte": null}}"#, #"{"duration": {"$gt": 1}}"#, #"{"state": {"$regex": "a"}}"#,
    ] {
      #expect(try described(none).isEmpty, "\(none)")
    }
  }
}
