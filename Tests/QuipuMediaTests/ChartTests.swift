import QuipuBase
import Testing

@testable import QuipuMedia

/// Curves against a twin that follows the definition, point by point.
struct ChartTests {
  // MARK: Support

  private func withArray<T: BitwiseCopyable, R>(
    _ values: [T], _ dtype: DType, _ shape: [Int], _ body: (ArrayView) throws -> R
  ) throws -> R {
    try values.withUnsafeBytes { try body(ArrayView(base: $0.baseAddress, dtype: dtype, shape: shape)) }
  }

  private func labels(_ values: [Int64], _ argument: String = "truth") throws -> ChartLabels {
    try withArray(values, .i64, [values.count]) { try ChartLabels($0, argument: argument) }
  }

  private func table(
    _ kind: CurveJob.Kind, _ truth: [Int64], _ scores: [Double], columns: Int, names: ChartLabels? = nil,
    plotted: ChartLabels? = nil
  ) throws -> Table {
    let truth = try labels(truth)
    return try withArray(scores, .f64, [scores.count / max(columns, 1), columns]) { scores in
      try CurveJob(
        kind, truth: truth, scores: scores, scoresArgument: "scores", names: names, plotted: plotted
      ).table()
    }
  }

  private func rows(_ table: Table) throws -> String { String(decoding: try table.runFile(), as: UTF8.self) }

  private func refusal(_ body: () throws -> Any) -> MediaError? {
    do {
      _ = try body()
      return nil
    } catch {
      return error as? MediaError
    }
  }

  private func rounded(_ value: Double) -> Double { (value * 1000).rounded(.toNearestOrEven) / 1000 }

  /// (true, false positives) at each distinct score, from the greatest on: counted anew for each.
  private func points(_ isOwn: [Bool], _ scores: [Double]) -> [(Int, Int)] {
    Set(scores).sorted(by: >).map { threshold in
      let taken = scores.indices.filter { scores[$0] >= threshold }
      return (taken.count { isOwn[$0] }, taken.count { !isOwn[$0] })
    }
  }

  // MARK: Curves

  @Test(arguments: 0..<40) func rocEqualsItsDefinition(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let count = Int.random(in: 2...80, using: &random)
    let truth = (0..<count).map { Int64($0 < 2 ? $0 : Int.random(in: 0...1, using: &random)) }
    let ties = Double.random(in: 2...40, using: &random).rounded()
    let scores = (0..<count).map { _ in (Double.random(in: -1...1, using: &random) * ties).rounded() / ties }
    let isOwn = truth.map { $0 == 1 }
    var all = points(isOwn, scores)
    if all.count > 2 {
      let full = all
      all = full.indices.filter { at in
        guard at > 0, at + 1 < full.count else { return true }
        return full[at - 1].0 + full[at + 1].0 != 2 * full[at].0 || full[at - 1].1 + full[at + 1].1 != 2 * full[at].1
      }.map { full[$0] }
    }
    let own = Double(isOwn.count { $0 }), other = Double(count) - own
    let wanted = [(0, 0)] + all
    let got = try table(
      .roc, truth, scores.flatMap { [0.5, $0] }, columns: 2, plotted: try labels([1], "plotted"))
    #expect(got.rowCount == wanted.count)
    for (at, point) in wanted.enumerated() {
      guard case .numpyDouble(let x)? = got.cell(row: at, column: 1),
        case .numpyDouble(let y)? = got.cell(row: at, column: 2)
      else {
        Issue.record("row \(at) is missing")
        return
      }
      #expect(x == rounded(Double(point.1) / other) && y == rounded(Double(point.0) / own))
    }
  }

  @Test(arguments: 0..<40) func precisionRecallEqualsItsDefinition(seed: UInt64) throws {
    var random = SplitMix(state: seed &+ 1000)
    let count = Int.random(in: 2...80, using: &random)
    let truth = (0..<count).map { Int64($0 < 2 ? $0 : Int.random(in: 0...1, using: &random)) }
    let scores = (0..<count).map { _ in (Double.random(in: 0...1, using: &random) * 16).rounded() / 16 }
    let size = Int.random(in: 1...30, using: &random)
    let isOwn = truth.map { $0 == 1 }
    let own = Double(isOwn.count { $0 })
    let all = points(isOwn, scores).map { (Double($0.0) / own, Double($0.0) / Double($0.0 + $0.1)) }
    let got = try table(
      .precisionRecall(points: size), truth, scores.flatMap { [0.5, $0] }, columns: 2,
      plotted: try labels([1], "plotted"))
    #expect(got.rowCount == size)
    for at in 0..<size {
      let place = size - 1 - at
      let recall = size == 1 ? 0 : place == size - 1 ? 1 : Double(place) * (1 / Double(size - 1))
      // The highest precision that is reached at that recall or a greater one.
      let best = recall == 0 ? 1 : all.filter { $0.0 >= recall }.map(\.1).max() ?? 1
      #expect(got.cell(row: at, column: 2).map(number) == rounded(recall))
      #expect(got.cell(row: at, column: 1).map(number) == rounded(best))
    }
  }

  private func number(_ cell: TableCell) -> Double {
    if case .numpyDouble(let value) = cell { value } else { .nan }
  }

  @Test(arguments: [65, 5_000]) func sortedScoresAreInOrderInBothParts(count: Int) throws {
    var random = SplitMix(state: UInt64(count))
    let kinds: [() -> Double] = [
      { Double.random(in: -1...1, using: &random) }, { Double(Int.random(in: 0...3, using: &random)) },
      { Double(bitPattern: UInt64.random(in: 1...0x7FEF_FFFF_FFFF_FFFF, using: &random)) }, { -0.0 }, { 0.0 },
    ]
    for make in kinds {
      let scores = (0..<count).map { _ in make() }
      let ranks = (0..<count).map { Int32($0 % 3) }
      try withArray(scores, .f64, [count]) { view in
        let sorted = try CurveKeys(view, ranks: ranks, own: 1, argument: "scores").sorted()
        var last = (0, 0)
        var steps = 0
        sorted.descend { own, other in
          #expect(own >= last.0 && other >= last.1 && own + other > last.0 + last.1)
          last = (own, other)
          steps += 1
        }
        #expect(last == (sorted.positives, count - sorted.positives) && steps == Set(scores).count)
        sorted.ascend { _, _ in steps -= 1 }
        #expect(steps == 0)
      }
    }
  }

  @Test func zeroAndMinusZeroAreOneScore() throws {
    let got = try table(.roc, [0, 1, 1], [1, 0.0, 1, -0.0, 1, 0.0], columns: 2, plotted: try labels([1], "plotted"))
    #expect(got.rowCount == 2)
  }

  @Test func longCurvesShareTenThousandRowsBySize() throws {
    var random = SplitMix(state: 5)
    let count = 40_000
    let truth = (0..<count).map { _ in Int64.random(in: 0...1, using: &random) }
    let scores = (0..<count * 2).map { at in
      at % 2 == 0 ? Double.random(in: 0...1, using: &random) : Double(Int.random(in: 0...2_000, using: &random))
    }
    let got = try table(.roc, truth, scores, columns: 2)
    #expect(got.rowCount == CurveJob.maximumRows)
    let second = (0..<got.rowCount).count { if case .int(1)? = got.cell(row: $0, column: 0) { true } else { false } }
    #expect((500...1500).contains(second))
  }

  @Test func classesOfEqualNameKeepTheLatersCurveInTheEarliersPlace() throws {
    let names = ChartLabels(texts: ["a", "b", "a"], argument: "names")
    let got = try table(
      .precisionRecall(points: 1), [0, 1, 2], [1, 0, 0, 0, 1, 0, 0, 0, 1], columns: 3, names: names)
    #expect(try rows(got).hasSuffix(#"[["a",1.0,0.0],["b",1.0,0.0]]}"#))
  }

  @Test func curveIsTheSameWhateverTheElementType() throws {
    let truth: [Int64] = [0, 1, 1, 0, 1]
    let scores: [UInt8] = [3, 4, 1, 5, 2, 2, 9, 0, 0, 7]
    let wide = try table(.roc, truth, scores.map(Double.init), columns: 2)
    for (dtype, bytes) in [
      (DType.u8, scores), (.i32, scores.flatMap { [$0, 0, 0, 0] }),
      (.i64, scores.flatMap { [$0] + .init(repeating: 0, count: 7) }),
    ] {
      try withArray(bytes, dtype, [5, 2]) { view in
        let job = try CurveJob(.roc, truth: try labels(truth), scores: view, scoresArgument: "scores")
        #expect(try rows(job.table()) == rows(wide))
        #expect(try rows(job.table()) == rows(wide), "a second call gives the same")
      }
    }
  }

  @Test func refusesWhatIsNoCurve() throws {
    let named = ChartLabels(texts: ["only"], argument: "names")
    #expect(refusal { try table(.roc, [], [], columns: 2) }?.message.hasPrefix("truth: holds no labels") == true)
    #expect(refusal { try table(.roc, [0], [1, .infinity], columns: 2) } == nil, "column 1 is not shown")
    #expect(refusal { try table(.roc, [0, 1], [1, .infinity, 0, 0], columns: 2) }?.code == .value)
    #expect(refusal { try table(.roc, [0, 1], [1, 0], columns: 1) }?.code == .index)
    #expect(refusal { try table(.roc, [0, 1, 1], [1, 0], columns: 1) }?.message.hasPrefix("scores: has 2 rows") == true)
    let unnamed = refusal { try table(.roc, [0, 1], [1, 0, 0, 1], columns: 2, names: named) }
    #expect(unnamed?.message.hasPrefix("names: has 1 names") == true)
    #expect(refusal { try table(.roc, [-1, 0], [1, 0, 0, 1], columns: 2, names: named) }?.code == .index)
    #expect(refusal { try table(.precisionRecall(points: -1), [0], [1], columns: 1) }?.code == .value)
    #expect(
      refusal { try withArray([1.0, 2], .f64, [2, 1]) { try ChartLabels($0, argument: "y") } } == nil,
      "a column of labels is a list of labels")
    #expect(refusal { try withArray([1.0, 2, 3, 4], .f64, [2, 2]) { try ChartLabels($0, argument: "y") } }?.code == .value)
    #expect(refusal { try withArray([UInt64.max], .u64, [1]) { try ChartLabels($0, argument: "y") } }?.code == .value)
    #expect(refusal { try withArray([0.0, 0], .c128, [1]) { try ChartLabels($0, argument: "y") } }?.code == .type)
  }

  // MARK: Labels

  @Test func labelsAreRankedInOrderWhateverTheirSpan() throws {
    for values: [Int64] in [[3, -1, 3, 7], [.max, .min, 0, .max, 5], []] {
      let (classes, ranks) = try labels(values).ranked()
      let sorted = Set(values).sorted()
      #expect(classes == sorted.map { .integer($0) })
      #expect(ranks.map { sorted[Int($0)] } == values)
    }
    let floats = [2.5, -0.0, -3, 0, 1e300]
    let ranked = try withArray(floats, .f64, [5]) { try ChartLabels($0, argument: "y").ranked() }
    #expect(ranked.classes == [.float(-3), .float(0), .float(2.5), .float(1e300)])
    #expect(ranked.ranks == [2, 1, 0, 1, 3])
    let texts = ChartLabels(texts: ["b", "e\u{301}", "\u{e9}", "b", "a"], argument: "y").ranked()
    #expect(texts.ranks == [1, 2, 3, 1, 0], "texts are compared by their code points")
  }

  // MARK: Confusion matrix

  @Test(arguments: 0..<20) func confusionMatrixCountsPairs(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let truth = (0..<50).map { _ in Int64.random(in: -2...2, using: &random) }
    let predicted = (0..<50).map { _ in Int64.random(in: 0...4, using: &random) }
    let classes = Set(truth + predicted).sorted()
    let got = try ConfusionMatrix.table(
      truth: labels(truth), predictions: labels(predicted, "predictions"), names: nil)
    #expect(got.rowCount == classes.count * classes.count)
    for row in 0..<got.rowCount {
      let pair = (classes[row / classes.count], classes[row % classes.count])
      let count = zip(truth, predicted).count { $0 == pair }
      #expect(got.cell(row: row, column: 2).map(number) == Double(count))
    }
  }

  @Test func predictionIsTheFirstOfTheGreatestScores() throws {
    let found = try withArray([1, 3, 3, 5, 4, 5] as [Float], .f32, [2, 3]) {
      try ConfusionMatrix.predictions(scores: $0, argument: "scores").ranked()
    }
    #expect(found.classes == [.integer(0), .integer(1)] && found.ranks == [1, 0])
    #expect(
      refusal {
        try withArray([1, Double.nan], .f64, [1, 2]) { try ConfusionMatrix.predictions(scores: $0, argument: "s") }
      }?.code == .value)
  }

  // MARK: Lines

  @Test func seriesKeepTheirElementTypesAndAreCutToTheShorter() throws {
    let got = try withArray([1, 2, 3] as [Int64], .i64, [3]) { x in
      try withArray([0.5, 1.5], .f64, [2]) { y in
        try LineSeries.table(xs: [x], ys: [y, x], keys: ChartLabels(texts: ["p", "q"], argument: "keys"))
      }
    }
    #expect(
      try rows(got)
        == #"{"columns":["step","lineKey","lineVal"],"data":[[1,"p",0.5],[2,"p",1.5],[1,"q",1],[2,"q",2],[3,"q",3]]}"#)
  }
}
