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
  @Test(arguments: [1, 2, 3, 10, 63, 64, 65, 100, 512, 1_022, 1_023, 1_024, 3_000])
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
        #expect(counter.finish() == expected, "\(type) round \(round)")
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
    #expect(counter.finish().reduce(0, +) == 64)
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

  /// Types of 8 and 16 bits are counted by value; doubles of the same numbers take the other way.
  @Test(arguments: [DType.bool, .i8, .u8, .i16, .u16, .f16, .bf16])
  func narrowTypesCountLikeTheirValuesInDoubles(type: DType) throws {
    var random = SplitMix(state: UInt64(type.rawValue))
    for count in [1, 7, 1_000, 70_001] {
      let bytes = (0..<count * type.itemSize).map { _ -> UInt8 in
        let byte = UInt8(truncatingIfNeeded: random.next())
        // No NaN, no infinity: the exponent, in the upper byte, is never all ones. And booleans are 0 or 1.
        return type == .bool ? byte & 1 : (type.isFloating ? byte & 0xBB : byte)
      }
      try bytes.withUnsafeBytes { raw in
        let view = try ArrayView(base: raw.baseAddress, dtype: type, shape: [count])
        let wide = try view.doubles()
        for (bins, range) in [(1, nil), (64, nil), (7, (-100.25, 90.5)), (100, (0.0, 1.0))] as [(Int, (Double, Double)?)] {
          let limits = range.map { (HistogramLimit.double($0.0), HistogramLimit.double($0.1)) }
          let data = type.counted
          guard let made = try? Histogram(array: view, bins: bins, range: limits) else { continue }
          let (low, high) = try Histogram.outerEdges(view, data, limits)
          let rule = try HistogramRule(data: data, low: low, high: high, bins: bins)
          let filter = HistogramFilter(rule: rule, data: data)
          var expected = [Int64](repeating: 0, count: bins)
          for value in wide where limits == nil || filter.keeps(value, bits: nil) {
            expected[rule.index(of: rule.edgeType.rounded(value))] += 1
          }
          #expect(made.counts == .integers(expected, .i64), "\(count) values, \(bins) bins")
        }
      }
    }
  }

  @Test(arguments: [DType.f16, .bf16, .f32, .f64])
  func skippingLeavesTheFiniteElementsAndTheirWeights(type: DType) throws {
    let plain: [Double] = [1, 2, 2.5, -3, 4, 0.5]
    let mixed: [Double] = [1, .nan, 2, 2.5, .infinity, -3, -.infinity, 4, 0.5, .nan]
    let weights: [Double] = [1, 100, 2, 3, 100, 4, 100, 5, 6, 100]
    func bytes(_ values: [Double]) -> [UInt8] {
      var out = [UInt8](repeating: 0, count: values.count * type.itemSize)
      out.withUnsafeMutableBytes { if let base = $0.baseAddress { NumberList.floats(values, type).copy(to: base) } }
      return out
    }
    try bytes(mixed).withUnsafeBytes { a in
      try bytes(plain).withUnsafeBytes { b in
        try weights.withUnsafeBytes { w in
          let dirty = try ArrayView(base: a.baseAddress, dtype: type, shape: [5, 2])
          let clean = try ArrayView(base: b.baseAddress, dtype: type, shape: [6])
          let weighed = try ArrayView(base: w.baseAddress, dtype: .f64, shape: [5, 2])
          let made = try Histogram(
            array: dirty, options: HistogramOptions(bins: .count(4), weights: weighed, skipsNonFinite: true))
          #expect(made.counts.doubles == [4, 0, 9, 8])
          #expect(made.edges == (try Histogram(array: clean, bins: 4)).edges)
          #expect(made.skipped == 4)
          #expect(made.loggedValue["skipped"] == 4)
          let rule = try Histogram(array: dirty, options: HistogramOptions(bins: .estimator("auto"), skipsNonFinite: true))
          #expect(try rule.counts == Histogram(array: clean, estimator: "auto").counts)
          #expect { try Histogram(array: dirty, options: HistogramOptions(bins: .count(4))) } throws: {
            ($0 as? MediaError)?.code == .notFinite
          }
          let none = try Histogram(array: clean, options: HistogramOptions(bins: .count(4), skipsNonFinite: true))
          #expect(none.skipped == 0 && none.loggedValue["skipped"] == 0)
          #expect(try Histogram(array: clean, bins: 4).loggedValue["skipped"] == nil)
        }
      }
    }
  }

  @Test func onlyNonFiniteValuesLeaveAnEmptyHistogram() throws {
    let values: [Float] = [.nan, .infinity]
    try values.withUnsafeBytes { raw in
      let view = try ArrayView(base: raw.baseAddress, dtype: .f32, shape: [2])
      let made = try Histogram(array: view, options: HistogramOptions(bins: .count(2), skipsNonFinite: true))
      #expect(made.counts == .integers([0, 0], .i64) && made.edges.doubles == [0, 0.5, 1] && made.skipped == 2)
    }
  }

  @Test func extremaAreThoseOfASimpleLoop() throws {
    var random = SplitMix(state: 5)
    for count in [1, 2, 3, 7, 8, 15, 16, 17, 33, 1_000] {
      for broken in [nil, Double.nan, .infinity, -.infinity] {
        var values = (0..<count).map { _ in Double(Int64(bitPattern: random.next())) * 0x1p-40 }
        if let broken { values[Int(random.next() % UInt64(count))] = broken }
        for type in [DType.f32, .f64] {
          let given = values.map { type.rounded($0) }
          let array = type == .f32 ? NPY(given.map { Float($0) }, type) : NPY(given, type)
          let found = try array.withView { try ArrayExtrema.limits(of: $0, as: type) }
          if broken == nil {
            #expect(found.0.double == given.min() && found.1.double == given.max())
          } else {
            #expect(found.0.double.isNaN && found.1.double.isNaN, "\(count) \(type)")
          }
        }
      }
    }
  }

  @Test func chosenPlacesAreThoseOfTheSortedOrder() {
    var random = SplitMix(state: 11)
    let shares = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]
    for round in 0..<60 {
      let count = 1 + Int(random.next() % 500)
      // Random, few different, ascending, descending, all equal.
      let values = (0..<count).map { at -> Double in
        switch round % 5 {
        case 0: Double(random.next() % 1_000_000)
        case 1: Double(random.next() % 3)
        case 2: Double(at)
        case 3: Double(count - at)
        default: 1
        }
      }
      let sorted = values.sorted()
      var scrambled = values
      let found = ArrayQuantiles.interpolated(&scrambled, shares) { a, b, g in a + (b - a) * g }
      let expected = shares.map { share -> Double in
        let position = share * Double(count - 1)
        let index = Int(position)
        return index + 1 < count ? sorted[index] + (sorted[index + 1] - sorted[index]) * (position - Double(index))
          : sorted[index]
      }
      #expect(found == expected, "round \(round)")
      #expect(scrambled.sorted() == sorted)
    }
  }
}
