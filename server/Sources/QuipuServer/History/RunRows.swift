import GraphQL
import HistoryColumns
import QuipuBase
import Storage

/// A run's rows as the graph answers them, written straight into JSON. Source: protocol reference, 15.3.
struct RunRows: Sendable {
  let histories: HistoryService
  let runID: Int64

  /// `minStep ..< maxStep`, open where nothing is given.
  static func range(_ first: Int64?, upTo end: Int64?) -> Range<Int64> {
    let first = first ?? Int64.min
    return first..<max(first, end ?? Int64.max)
  }

  /// A JSON array of texts, one a row: all of the range, or `samples` of them spread evenly.
  func texts(_ stream: RowStream, steps: Range<Int64>, samples: Int?) async throws -> [UInt8] {
    let view = try await histories.view(runID: runID, stream: stream)
    var out = QuipuBase.ByteBuffer()
    if let samples {
      try view.write(samples: samples, steps: steps, as: .strings, to: &out)
    } else {
      try view.write(steps: steps, as: .strings, to: &out)
    }
    return out.array()
  }

  /// For each spec a list of rows as objects, those that have all keys.
  func sampled(specs: [JSONObject]) async throws -> [UInt8] {
    let view = try await histories.view(runID: runID, stream: .history)
    var out = QuipuBase.ByteBuffer()
    out.append(UInt8(ascii: "["))
    for (index, spec) in specs.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      let keys = try Self.keys(of: spec)
      // Here the last step belongs to the range.
      let last = spec["maxStep"].flatMap(Self.integer)
      let steps = Self.range(spec["minStep"].flatMap(Self.integer), upTo: last.map { $0 == .max ? $0 : $0 + 1 })
      let samples = spec["samples"].flatMap(Self.integer).map { Int(clamping: $0) } ?? 500
      guard samples > 0 else { throw GraphQLError("'samples' must be positive") }
      try view.write(
        samples: samples, steps: steps, keys: keys, requireAll: keys != nil, as: .objects, to: &out)
    }
    out.append(UInt8(ascii: "]"))
    return out.array()
  }

  /// For each spec `{"key", "buckets", "minStep", "maxStep"}` a list of buckets.
  func buckets(specs: [JSONObject]) async throws -> [UInt8] {
    let view = try await histories.view(runID: runID, stream: .history)
    var out = QuipuBase.ByteBuffer()
    out.append(UInt8(ascii: "["))
    for (index, spec) in specs.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      guard let key = spec["key"]?.stringValue else { throw GraphQLError("a bucket spec needs a 'key'") }
      let count = spec["buckets"].flatMap(Self.integer) ?? 1000
      guard count > 0, count <= 100_000 else { throw GraphQLError("'buckets' must be from 1 to 100000") }
      let first = spec["minStep"].flatMap(Self.integer) ?? Int64.min
      let last = max(first, spec["maxStep"].flatMap(Self.integer) ?? Int64.max)
      let buckets = try view.buckets(key: key, steps: first...last, count: Int(count))
      JSON.array(
        buckets.map {
          [
            "firstStep": .int($0.firstStep), "lastStep": .int($0.lastStep), "count": .int(Int64($0.count)),
            "min": Self.number($0.min), "max": Self.number($0.max), "mean": Self.number($0.mean),
            "first": Self.number($0.first), "last": Self.number($0.last),
          ]
        }
      ).write(to: &out, style: .core)
    }
    out.append(UInt8(ascii: "]"))
    return out.array()
  }

  /// `{"lastStep": N, "keys": {NAME: {typeCounts, monotonic, previousValue}}, "sets": []}`
  func keys() async throws -> [UInt8] {
    let view = try await histories.view(runID: runID, stream: .history)
    guard let last = view.lastStep else { return Array("null".utf8) }
    var out = QuipuBase.ByteBuffer()
    out.append("{\"lastStep\":")
    out.appendDecimal(last)
    out.append(",\"sets\":[],\"keys\":{")
    for (index, key) in try view.keySummaries().enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      JSON.writeString(key.key, to: &out, style: .core)
      out.append(":{\"typeCounts\":")
      JSON.array(key.types.map { ["type": .string($0.type), "count": .int(Int64($0.count))] })
        .write(to: &out, style: .core)
      out.append(key.isMonotonic ? ",\"monotonic\":true" : ",\"monotonic\":false")
      out.append(",\"previousValue\":")
      out.append(key.lastValue)
      out.append(UInt8(ascii: "}"))
    }
    out.append("}}")
    return out.array()
  }

  private static func keys(of spec: JSONObject) throws -> [String]? {
    guard let list = spec["keys"]?.arrayValue else { return nil }
    var keys: [String] = []
    for key in list.compactMap(\.stringValue) where !keys.contains(key) { keys.append(key) }
    guard keys.count <= 10_000 else { throw GraphQLError("more than 10000 keys in a spec") }
    return keys.isEmpty ? nil : keys
  }

  private static func integer(_ json: JSON) -> Int64? {
    json.intValue ?? json.doubleValue.flatMap { Int64(exactly: $0.rounded()) }
  }

  /// Strict JSON has no infinities: they are texts, as everywhere in the graph's rows.
  private static func number(_ value: Double) -> JSON {
    value.isFinite ? .double(value) : .string(value.isNaN ? "NaN" : value > 0 ? "Infinity" : "-Infinity")
  }
}
