import QuipuBase
import Testing

@testable import HistoryColumns

/// Rows kept in a dictionary: what segments, merges and views are compared with.
private struct Model {
  struct Row {
    var writer: Int
    var step: Int64
    var value: JSON
  }

  private var stored: [Int: [Int64: JSON]] = [:]

  mutating func log(_ writer: Int, _ step: Int64, _ row: JSON) { stored[writer, default: [:]][step] = row }

  func row(_ writer: Int, _ step: Int64) -> JSON? { stored[writer]?[step] }

  /// Ascending by step, then by writer.
  var rows: [Row] {
    stored.flatMap { writer, rows in rows.map { Row(writer: writer, step: $0.key, value: $0.value) } }
      .sorted { ($0.step, $0.writer) < ($1.step, $1.writer) }
  }
}

/// Rows of many kinds, in the shapes that a page may take.
private struct RowGenerator {
  var random: SeededGenerator
  let keys: [String]

  init(seed: UInt64) {
    random = SeededGenerator(seed)
    keys = ["loss", "acc", "a.b", "a", "img", "text", "mixed", "const", "count", "time", "rare", "é", "big", "nan"]
  }

  mutating func row(_ step: Int64) -> JSON {
    var row = JSONObject()
    row["_step"] = .int(step)
    for key in keys.shuffled(using: &random) where Int.random(in: 0..<10, using: &random) > 0 {
      if let value = value(key, step) { row[Key(key)] = value }
    }
    return .object(row)
  }

  private mutating func value(_ key: String, _ step: Int64) -> JSON? {
    switch key {
    case "loss", "a.b": return .double(.random(in: -1...1, using: &random))
    case "acc": return .double(Double(Float.random(in: 0...1, using: &random)))
    case "a":
      return [
        "b": .int(.random(in: 0...3, using: &random)), "c": ["d": .double(.random(in: 0...1, using: &random))],
        "e": [:],
      ]
    case "img": return ["_type": "image-file", "path": .string("media/\(step / 7).png")]
    case "text": return .string(["x", "y\"\\\n", "å∂😀", ""].randomElement(using: &random) ?? "")
    case "mixed":
      switch Int.random(in: 0..<6, using: &random) {
      case 0: return .null
      case 1: return .bool(.random(using: &random))
      case 2: return [1, "two", .double(.nan)]
      case 3: return .int(.random(in: .min ... .max, using: &random))
      default: return .double(.random(in: 0...1, using: &random))
      }
    case "const": return 3
    case "count": return .int(step * 10 + Int64.random(in: 0...1, using: &random))
    case "time": return .double(1.79e9 + Double(step) * 0.1 + .random(in: 0...0.01, using: &random))
    case "rare": return Int.random(in: 0..<100, using: &random) == 0 ? .int(step) : nil
    case "big": return .int(.random(in: .min ... .max, using: &random))
    case "nan": return .double([.nan, .infinity, -.infinity, 1.5].randomElement(using: &random) ?? 0)
    default: return .double(.random(in: 0...1, using: &random))
    }
  }
}

private func segment(_ rows: [JSON]) throws -> HistorySegment {
  try makeSegment(rows.map { $0.text(style: .client) })
}

@Suite struct ModelTests {
  private func expectEqual(_ view: HistoryView, _ model: Model) throws {
    let rows = model.rows
    #expect(view.rowCount == rows.count)
    #expect(view.lastStep == rows.last?.step)
    #expect(view.firstStep == rows.first?.step)
    let texts = try view.texts()
    #expect(texts.count == rows.count)
    for (text, row) in zip(texts, rows) {
      let written = canonical(try JSON(parsing: text)), expected = canonical(row.value)
      #expect(written == expected)
      if written != expected { return }
    }
  }

  @Test(arguments: [1, 2, 511, 512, 513, 1500]) func randomRowsComeBack(_ count: Int) throws {
    var generator = RowGenerator(seed: UInt64(count))
    var model = Model()
    var rows: [JSON] = []
    for step in 0..<Int64(count) {
      let row = generator.row(step)
      rows.append(row)
      model.log(0, step, row)
    }
    try expectEqual(makeView(segment(rows)), model)
  }

  @Test(arguments: 1...6) func mergesAndViewsAgreeWithAModel(_ seed: Int) throws {
    var generator = RowGenerator(seed: UInt64(seed))
    var model = Model()
    var parts: [(writer: String, segment: HistorySegment)] = []
    let writers = seed % 3 + 1
    for _ in 0..<Int.random(in: 1...12, using: &generator.random) {
      let writer = Int.random(in: 0..<writers, using: &generator.random)
      let first = Int64.random(in: 0...400, using: &generator.random)
      let stride = Int64.random(in: 1...3, using: &generator.random)
      var rows: [JSON] = []
      for at in 0..<Int64.random(in: 1...700, using: &generator.random) {
        let step = first + at * stride
        let row = generator.row(step)
        rows.append(row)
        model.log(writer, step, row)
      }
      parts.append(("w\(writer)", try segment(rows)))
    }
    // Writers are numbered by their first part.
    var order: [String] = []
    for part in parts where !order.contains(part.writer) { order.append(part.writer) }
    var ordered = Model()
    for row in model.rows { ordered.log(order.firstIndex(of: "w\(row.writer)") ?? 9, row.step, row.value) }
    let view = try HistoryView(parts)
    try expectEqual(view, ordered)

    // Merged by writer the view is the same.
    var merged: [(writer: String, segment: HistorySegment)] = []
    for writer in order {
      let bytes = try mergeSegments(parts.filter { $0.writer == writer }.map(\.segment))
      merged.append((writer, try HistorySegment(SegmentBytes(bytes))))
    }
    let mergedView = try HistoryView(merged)
    try expectEqual(mergedView, ordered)
    #expect(try mergedView.texts() == view.texts())
    #expect(try mergedView.keySummaries() == view.keySummaries())

    // Any range of steps, with a limit.
    for _ in 0..<10 {
      let low = Int64.random(in: -5...1500, using: &generator.random)
      let high = low + Int64.random(in: 0...500, using: &generator.random)
      let limit = Int.random(in: 0...600, using: &generator.random)
      let expected = ordered.rows.filter { low <= $0.step && $0.step < high }.prefix(limit)
      let texts = try view.texts(steps: low..<high, limit: limit)
      #expect(try texts.map { try canonical($0) } == expected.map { canonical($0.value) })
    }
    // Rewinding keeps the rows of a range.
    let cut = Int64.random(in: 0...900, using: &generator.random)
    for (number, writer) in order.enumerated() {
      let bytes = try mergeSegments(parts.filter { $0.writer == writer }.map(\.segment), steps: 3...max(3, cut))
      var expected = Model()
      for row in ordered.rows where row.writer == number && row.step >= 3 && row.step <= max(3, cut) {
        expected.log(0, row.step, row.value)
      }
      if bytes.isEmpty {
        #expect(expected.rows.isEmpty)
      } else {
        try expectEqual(makeView(HistorySegment(SegmentBytes(bytes))), expected)
      }
    }
    // Single rows.
    for step in Int64(-1)...60 {
      for (number, writer) in order.enumerated() {
        let text = try view.rowText(step: step, writer: writer).map { try JSON(parsing: $0) }
        #expect(text.map(canonical) == ordered.row(number, step).map(canonical))
      }
    }
  }

  /// The numbers of a key with their steps, in order.
  private func numbers(_ model: Model, _ key: Key) -> [(step: Int64, value: Double)] {
    model.rows.compactMap { row in
      guard let number = row.value.objectValue?[key]?.doubleValue, !number.isNaN else { return nil }
      return (row.step, number)
    }
  }

  @Test(arguments: 1...6) func bucketsEqualBruteForce(_ seed: Int) throws {
    var generator = RowGenerator(seed: UInt64(seed) + 100)
    var model = Model()
    var parts: [(writer: String, segment: HistorySegment)] = []
    let writers = seed % 2 + 1
    var next = [Int64](repeating: 0, count: writers)
    for _ in 0..<6 {
      let writer = Int.random(in: 0..<writers, using: &generator.random)
      var rows: [JSON] = []
      for _ in 0..<Int.random(in: 1...1600, using: &generator.random) {
        let row = generator.row(next[writer])
        rows.append(row)
        model.log(writer, next[writer], row)
        next[writer] += seed < 4 ? 1 : Int64.random(in: 1...9, using: &generator.random)
      }
      // Replaces some of what was written.
      next[writer] -= Int64.random(in: 0...50, using: &generator.random)
      next[writer] = max(0, next[writer])
      parts.append(("w\(writer)", try segment(rows)))
    }
    parts.sort { $0.writer < $1.writer }
    let view = try HistoryView(parts)
    let lastStep = try #require(view.lastStep), firstStep = try #require(view.firstStep)
    for key in ["loss", "acc", "count", "time", "const", "nan", "mixed", "big", "rare", "_step", "none"] {
      let all = numbers(model, Key(key))
      for _ in 0..<4 {
        let low = Int64.random(in: -10...lastStep, using: &generator.random)
        let high = Int64.random(in: low...lastStep + 10, using: &generator.random)
        let count = Int.random(in: 1...40, using: &generator.random)
        let buckets = try view.buckets(key: key, steps: low...high, count: count)
        let within = max(low, firstStep)...min(high, lastStep)
        // The buckets lie apart, within the range, and are of equal width within one step.
        let width = Double(within.count) / Double(min(count, within.count))
        var previous = within.lowerBound - 1
        for bucket in buckets {
          #expect(bucket.firstStep > previous && bucket.lastStep >= bucket.firstStep)
          #expect(abs(Double(bucket.lastStep - bucket.firstStep + 1) - width) < 1)
          previous = bucket.lastStep
        }
        #expect(previous <= within.upperBound)
        // Every number is in one of them.
        var seen = 0
        for bucket in buckets {
          let expected = all.filter { bucket.firstStep <= $0.step && $0.step <= bucket.lastStep }.map(\.value)
          seen += expected.count
          #expect(bucket.count == expected.count)
          #expect(bucket.min == expected.min() && bucket.max == expected.max())
          #expect(bucket.first == expected.first && bucket.last == expected.last)
          let mean = expected.reduce(0, +) / Double(expected.count)
          #expect(mean.isNaN ? bucket.mean.isNaN : mean.isInfinite ? bucket.mean == mean
            : abs(bucket.mean - mean) <= 1e-9 * expected.map(\.magnitude).reduce(1, max))
        }
        #expect(seen == all.count { within.contains($0.step) })
      }
    }
  }

  @Test(arguments: 1...6) func samplesAreSpreadEvenlyOverQualifyingRows(_ seed: Int) throws {
    var generator = RowGenerator(seed: UInt64(seed) + 200)
    var model = Model()
    var parts: [(writer: String, segment: HistorySegment)] = []
    for part in 0..<3 {
      var rows: [JSON] = []
      for at in 0..<Int64.random(in: 1...1300, using: &generator.random) {
        let step = seed % 2 == 0 ? at * 3 + Int64(part) : Int64(part) * 1300 + at
        let row = generator.row(step)
        rows.append(row)
        model.log(seed % 2 == 0 ? part : 0, step, row)
      }
      parts.append((seed % 2 == 0 ? "w\(part)" : "w", try segment(rows)))
    }
    let view = try HistoryView(parts)
    let cases: [([String]?, Bool)] = [
      (nil, false), (["loss"], true), (["loss", "acc", "_step"], true), (["rare"], true), (["rare", "img"], false),
      (["none", "loss"], true), (["none", "loss"], false), (["a.c.d", "a.e"], true), (["a.c"], true),
    ]
    for (keys, requireAll) in cases {
      let low = Int64.random(in: -10...900, using: &generator.random)
      let high = Int64.random(in: low...4500, using: &generator.random)
      for steps in [allSteps, low..<high] {
        let all = try view.texts(steps: steps, keys: keys, requireAll: requireAll)
        for samples in [0, 1, 2, 3, 500, 5000] {
          let sampled = try view.samples(samples, steps: steps, keys: keys, requireAll: requireAll)
          if all.count <= samples {
            #expect(sampled == all)
          } else {
            let places = (0..<samples).map { samples == 1 ? 0 : $0 * (all.count - 1) / (samples - 1) }
            #expect(sampled == places.map { all[$0] })
          }
        }
      }
    }
  }

  @Test(arguments: 1...4) func askedKeysAreTheRowsProjection(_ seed: Int) throws {
    var generator = RowGenerator(seed: UInt64(seed) + 300)
    var rows: [JSON] = []
    for step in 0..<Int64(1200) { rows.append(generator.row(step)) }
    let view = try makeView(segment(Array(rows[..<700])), segment(Array(rows[700...])))
    for _ in 0..<12 {
      let keys = (["_step", "none"] + generator.keys).shuffled(using: &generator.random)
        .prefix(Int.random(in: 1...4, using: &generator.random)).map { $0 }
      for requireAll in [false, true] {
        let expected = rows.compactMap { row -> JSON? in
          var result = JSONObject()
          for key in keys {
            // Of the literal key "a.b" and the path a, b the literal one counts.
            let nested = key == "a.b" ? row.objectValue?["a"]?.objectValue?["b"] : nil
            if let value = row.objectValue?[Key(key)] ?? nested { result[Key(key)] = value }
          }
          let qualifies = !result.isEmpty && (!requireAll || result.count == keys.count)
          // A bare nil would be a JSON null.
          return qualifies ? canonical(.object(result)) : JSON?.none
        }
        let texts = try view.texts(keys: keys, requireAll: requireAll)
        #expect(try texts.map { try canonical($0) } == expected)
      }
    }
  }

  @Test func nestedObjectsCanBeAskedForByTheirPath() throws {
    let view = try makeView(
      makeSegment([
        #"{"_step":0,"a":{"b":{"x":1,"y":"s"},"c":2}}"#, #"{"_step":1,"a.b":{"z":3}}"#, #"{"_step":2,"a":{"b":4}}"#,
        #"{"_step":3,"a.b":5,"a":{"b":6}}"#, #"{"_step":4,"a":{"c":7}}"#,
      ]))
    #expect(
      try view.texts(keys: ["a.b"]) == [
        #"{"a.b":{"x":1,"y":"s"}}"#, #"{"a.b":{"z":3}}"#, #"{"a.b":4}"#, #"{"a.b":5}"#,
      ])
    #expect(try view.texts(keys: ["a", "_step"], requireAll: true).count == 4)
    #expect(try view.texts(keys: ["a.b.x", "a.b.x", "_step"], requireAll: true) == [#"{"a.b.x":1,"_step":0}"#])
  }

  @Test func keySummariesCountTypes() throws {
    let lines = [
      #"{"_step":0,"up":1,"down":3,"m":1,"o":{"x":NaN},"img":{"_type":"image-file"},"t":"a"}"#,
      #"{"_step":1,"up":1,"down":2,"m":"s","o":{"x":2},"img":{"_type":"table-file","_type2":[]},"t":"b"}"#,
      #"{"_step":2,"up":NaN,"m":null,"o":{"x":Infinity},"img":{"_type":"image-file"},"l":[NaN]}"#,
      #"{"_step":3,"up":4.5,"m":true,"o":{},"l":[1],"big":18446744073709551615}"#,
    ]
    func check(_ view: HistoryView) throws {
      let summaries = try view.keySummaries().map { summary in
        let types = summary.types.map { "\($0.type):\($0.count)" }.joined(separator: ",")
        return "\(summary.key) \(types) \(summary.isMonotonic) \(String(decoding: summary.lastValue, as: UTF8.self))"
      }
      #expect(
        summaries == [
          "_step number:4 true 3", "big number:1 true 18446744073709551615", "down number:2 false 2",
          #"img image-file:2,table-file:1 false {"_type":"image-file"}"#, "l list:2 false [1]",
          "m boolean:1,nil:1,number:1,string:1 false true", "o map:1 false {}", #"o.x number:3 true "Infinity""#,
          #"t string:2 false "b""#, "up number:4 true 4.5",
        ])
    }
    try check(makeView(makeSegment(lines)))
    try check(makeView(makeSegment(Array(lines[..<2])), makeSegment(Array(lines[2...]))))
    // A part whose first row was replaced.
    try check(
      makeView(makeSegment(Array(lines[..<1]) + [#"{"_step":1,"up":9,"x":1}"#]), makeSegment(Array(lines[1...]))))
  }

  @Test func keySummariesOfManyPagesEqualThoseOfSmallSegments() throws {
    var generator = RowGenerator(seed: 7)
    var rows: [JSON] = []
    for step in 0..<Int64(1700) { rows.append(generator.row(step)) }
    let whole = try makeView(segment(rows))
    let pieces = try stride(from: 0, to: rows.count, by: 100).map { ("w", try segment(Array(rows[$0..<$0 + 100]))) }
    #expect(try whole.keySummaries() == HistoryView(pieces).keySummaries())
    #expect(try whole.keySummaries().first { $0.key == "count" }?.isMonotonic == true)
    #expect(try whole.keySummaries().first { $0.key == "loss" }?.isMonotonic == false)
  }

  @Test func replayedRowsAreFoundAndRemoved() throws {
    var generator = RowGenerator(seed: 11)
    var rows: [JSON] = []
    for step in 0..<Int64(900) { rows.append(generator.row(step)) }
    let view = try HistoryView([
      ("w", segment(Array(rows[0..<600]))), ("x", segment([generator.row(300)])),
      ("w", segment(Array(rows[600..<800]))),
    ])
    var batch = HistoryBatch()
    for step in 500..<Int64(900) {
      // Every tenth row differs in something.
      if step % 10 == 3, case .object(var row) = rows[Int(step)] {
        if step % 20 == 3 { row["loss"] = .string("other") } else { row["a"] = ["new": 1] }
        rows[Int(step)] = .object(row)
      }
      try batch.append(rows[Int(step)].text(style: .core))
    }
    let counts = try batch.removeRows(storedIn: view, writer: "w")
    #expect(counts == (new: 100, changed: 30, same: 270))
    #expect(batch.rowCount == 130)
    let after = try makeView(HistorySegment(SegmentBytes(batch.encode())))
    let expected = rows[500..<900].enumerated().filter { $0.offset >= 300 || $0.offset % 10 == 3 }.map(\.element)
    #expect(try after.texts().map { try canonical($0) } == expected.map(canonical))
    // Nothing of another writer counts.
    #expect(try batch.removeRows(storedIn: view, writer: "y") == (new: 130, changed: 0, same: 0))
    #expect(try batch.removeRows(storedIn: HistoryView([]), writer: "w") == (new: 130, changed: 0, same: 0))
  }

  @Test func equalNumbersInDifferentPagesAreTheSameRow() throws {
    let stored = try makeView(
      makeSegment([#"{"_step":0,"a":1,"b":2}"#, #"{"_step":1,"a":"x","b":0.5}"#, #"{"_step":2,"a":NaN,"b":1e18}"#]))
    var batch = HistoryBatch()
    try batch.append(#"{"b":2.0,"a":1.0,"_step":0}"#)
    try batch.append(#"{"b":1000000000000000000,"a":NaN,"_step":2}"#)
    #expect(try batch.removeRows(storedIn: stored, writer: "w") == (new: 0, changed: 0, same: 2))
    #expect(batch.rowCount == 0)
    #expect(batch.encode().isEmpty)
  }
}
