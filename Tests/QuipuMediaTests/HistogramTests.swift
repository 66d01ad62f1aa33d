import Foundation
import QuipuBase
import Testing

@testable import QuipuMedia

@Suite struct HistogramTests {
  private func array(_ path: String) throws -> NPY { try NPY(contentsOf: MediaVectors.url("histogram/" + path)) }

  /// The text the client handed over for a recorded log call.
  private func clientText(_ name: String, _ call: Int, _ key: Key) throws -> String? {
    try MediaVectors.json("histogram/\(name)/expected.json")["client_json"]?[call]?[key]?.stringValue
  }

  @Test(arguments: [
    "array_bool", "array_float16", "array_float32", "array_float64", "array_int32", "array_int64", "array_uint8",
    "bins_1", "bins_512", "constant", "two_d",
  ])
  func recordedArraysHaveTheirText(name: String) throws {
    let call = try #require(try MediaVectors.json("histogram/\(name)/case.json")["script"]?[0]?["log"]?["h"])
    let given = try #require(call["args"]?[0])
    let data: NPY
    if let file = given["$npy"]?.stringValue {
      data = try array("\(name)/input/\(file)")
    } else {
      let list = try #require(given.arrayValue)  // integers, or floats throughout
      let whole = list.compactMap(\.intValue)
      data = whole.count == list.count ? NPY(whole, .i64) : NPY(list.compactMap(\.doubleValue), .f64)
    }
    let bins = call["kwargs"]?["num_bins"]?.intValue.map { Int($0) } ?? Histogram.defaultBins
    let value = try data.withView { try Histogram(array: $0, bins: bins).loggedValue }
    #expect(try value.text(style: .client) == clientText(name, 0, "h"))
  }

  @Test(arguments: ["raw_2d", "raw_32", "raw_33", "raw_bool", "raw_size1"])
  func recordedRawArraysHaveTheirText(name: String) throws {
    let script = try #require(try MediaVectors.json("histogram/\(name)/case.json")["script"]?.arrayValue)
    for (call, statement) in script.enumerated() {
      for (key, value) in try #require(statement["log"]?.objectValue).members {
        guard let file = value["$npy"]?.stringValue else { continue }
        let made = try array("\(name)/input/\(file)").withView { try RawArray.value($0) }
        #expect(try made.text(style: .client) == clientText(name, call, key), "\(name) \(key)")
      }
    }
  }

  @Test func recordedSummaryArraysHaveTheirStatistics() throws {
    let script = try #require(
      try MediaVectors.json("histogram/summary_raw/case.json")["script"]?[0]?["summary"]?.objectValue)
    let recorded = try MediaVectors.json("histogram/summary_raw/expected.json")["summary"]
    for (key, value) in script.members {
      let file = try #require(value["$npy"]?.stringValue)
      let made = try array("summary_raw/input/\(file)").withView { try RawArray.summaryValue($0) }
      let expected = try #require(recorded?[key])
      guard let members = expected.objectValue else {
        #expect(made == expected)
        continue
      }
      #expect(Set(members.keys) == Set(try #require(made.objectValue).keys))
      for (name, number) in members.members {
        guard let b = number.doubleValue else {
          #expect(made[name] == number)
          continue
        }
        let a = try #require(made[name]?.doubleValue)
        #expect(abs(a - b) <= 1e-6 * max(abs(b), 1e-3), "\(key) \(name)")
      }
    }
  }

  @Test func keepsGivenCountsAndEdgesAsTheyAre() throws {
    let given = try Histogram(counts: [5, .double(.nan), -1], edges: [0, 0.5, 3, 1])
    #expect(given.loggedValue.text(style: .client) == #"{"_type":"histogram","values":[5,NaN,-1],"bins":[0,0.5,3,1]}"#)
    let arrays = try array("np_arrays/input/c.npy").withView { counts in
      try array("np_arrays/input/e.npy").withView { edges in
        try Histogram(counts: NumberList(counts), edges: NumberList(edges))
      }
    }
    #expect(try arrays.loggedValue.text(style: .client) == clientText("np_arrays", 0, "h"))
  }

  @Test func limitsAreHeld() throws {
    func code(_ counts: Int, _ edges: Int) -> MediaError.Code? {
      do throws(MediaError) {
        _ = try Histogram(counts: [JSON](repeating: 1, count: counts), edges: [JSON](repeating: 1, count: edges))
        return nil
      } catch { return error.code }
    }
    #expect(code(512, 513) == nil)
    #expect(code(0, 1) == nil)
    #expect(code(513, 514) == .value)
    #expect(code(3, 3) == .value)
    #expect(code(0, 0) == .value)
  }

  @Test func refusesWhatNumPyRefuses() throws {
    func code(_ values: [Double], _ bins: Int) -> MediaError.Code? {
      do {
        _ = try NPY(values, .f64).withView { try Histogram(array: $0, bins: bins) }
        return nil
      } catch { return (error as? MediaError)?.code }
    }
    #expect(code([1, .nan], 3) == .notFinite)
    #expect(code([1, .infinity], 3) == .notFinite)
    #expect(code([1, 2], 0) == .value)
    #expect(code([1, 2], -5) == .value)
    #expect(code([1, 2], Int.max) == .memory)
    #expect(code([1, 1 + 0x1p-52], 10) == .value)
    #expect(code([], 3) == nil)
    let complex = NPY([SIMD2<Float>(1, 2)], .c64)
    #expect { try complex.withView { try Histogram(array: $0, bins: 3) } } throws: {
      ($0 as? MediaError)?.code == .type
    }
  }

  /// The fast counter against the rule applied to one value at a time.
  @Test(arguments: [1, 2, 3, 10, 64, 100, 512, 2_000, 3_000])
  func fastCountingFollowsTheRule(bins: Int) throws {
    var random = SplitMix(state: UInt64(bins))
    for round in 0..<24 {
      let offset = [0.0, 1, -100, 1e6][round % 4]
      let scale = [1.0, 1e-3, 1e4][round % 3]
      var values = (0..<700).map { _ in
        let unit = Double(random.next() >> 11) * 0x1p-53
        return offset + scale * (round % 5 == 0 ? (unit * 64).rounded() / 8 : unit)
      }
      for type in [DType.f32, .f64] {
        if type == .f32 { values = values.map { Double(Float($0)) } }
        let low = values.min() ?? 0
        let high = values.max() ?? 0
        guard
          let rule = try? HistogramRule(
            data: type, low: HistogramEndpoint(.double(low), type), high: HistogramEndpoint(.double(high), type),
            bins: bins)
        else { continue }
        // Every edge and its neighbours as well.
        var sample = values
        for edge in rule.edges {
          sample.append(
            contentsOf: type == .f32
              ? [Double(Float(edge)), Double(Float(edge).nextDown), Double(Float(edge).nextUp)]
              : [edge, edge.nextDown, edge.nextUp])
        }
        sample = sample.filter { $0 >= low && $0 <= high }
        var counter = HistogramCounter(rule: rule)
        if type == .f32 {
          sample.map { Float($0) }.withUnsafeBufferPointer { counter.add($0) }
        } else {
          sample.withUnsafeBufferPointer { counter.add($0) }
        }
        var expected = [Int64](repeating: 0, count: bins)
        for value in sample { expected[rule.index(of: value)] += 1 }
        #expect(counter.counts == expected, "\(type) round \(round)")
      }
    }
  }

  @Test func valuesOutsideTheLimitsNeverWriteOutsideTheCounters() throws {
    // As when another thread changes the data between the two passes.
    let rule = try HistogramRule(
      data: .f32, low: HistogramEndpoint(.double(0), .f32), high: HistogramEndpoint(.double(1), .f32), bins: 5)
    var counter = HistogramCounter(rule: rule)
    let wild: [Float] = [.nan, .infinity, -.infinity, -1e30, 1e30, -1, 2, 0.5]
    let values = (0..<64).map { wild[$0 % wild.count] }
    values.withUnsafeBufferPointer { counter.add($0) }
    #expect(counter.counts.reduce(0, +) == 64)
  }

  @Test func stridedViewsCountLikeCopies() throws {
    let values = (0..<200_000).map { Float(($0 * 7919) % 1000) / 10 }
    try values.withUnsafeBytes { raw in
      let base = try #require(raw.baseAddress)
      let reversed = try ArrayView(base: base + 4 * 199_999, dtype: .f32, shape: [200_000], strides: [-4])
      let plain = try ArrayView(base: base, dtype: .f32, shape: [200_000])
      #expect(try Histogram(array: reversed, bins: 64) == Histogram(array: plain, bins: 64))
      let broadcast = try ArrayView(base: base, dtype: .f32, shape: [3, 200_000], strides: [0, 4])
      let triple = try Histogram(array: broadcast, bins: 64).counts.doubles
      #expect(try triple == Histogram(array: plain, bins: 64).counts.doubles.map { $0 * 3 })
    }
  }
}
