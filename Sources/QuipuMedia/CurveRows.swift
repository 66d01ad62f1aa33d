/// Points of curves, rounded to three decimals as charts show them.
struct CurveRows {
  struct Row {
    var curve: Int32
    /// False positive rate, or recall.
    var x: Double
    /// True positive rate, or precision.
    var y: Double
  }

  private(set) var rows: [Row] = []

  private mutating func add(_ curve: Int, _ x: Double, _ y: Double) {
    rows.append(
      Row(
        curve: Int32(truncatingIfNeeded: curve), x: (x * 1000).rounded(.toNearestOrEven) / 1000,
        y: (y * 1000).rounded(.toNearestOrEven) / 1000))
  }

  /// The receiver operating characteristic: false and true positive rate at every score, from (0, 0) on. Points in the
  /// middle of a straight line of equal steps are left out.
  ///
  /// - Parameter keys: sorted, with at least one sample of the class.
  mutating func addROC(_ keys: CurveKeys, curve: Int) {
    // Without samples of other classes the rate is 0/0, NaN.
    let negatives = Double(keys.count &- keys.positives), positives = Double(keys.positives)
    add(curve, 0 / negatives, 0)
    var before = (0, 0), last = (0, 0)
    var seen = 0
    keys.descend { truePositives, falsePositives in
      let point = (falsePositives, truePositives)
      if seen > 0 {
        let isInner = seen > 1
        let bends = point.0 &- 2 &* last.0 &+ before.0 != 0 || point.1 &- 2 &* last.1 &+ before.1 != 0
        if !isInner || bends { add(curve, Double(last.0) / negatives, Double(last.1) / positives) }
      }
      before = last
      last = point
      seen &+= 1
    }
    add(curve, Double(last.0) / negatives, Double(last.1) / positives)
  }

  /// Precision at evenly spaced recalls from 1 down to 0: the highest that is reached at that recall or a greater one.
  ///
  /// - Parameters:
  ///   - keys: sorted, with at least one sample of the class.
  ///   - points: number of recalls; a single one is 0.
  mutating func addPrecisionRecall(_ keys: CurveKeys, curve: Int, points: Int) {
    guard points > 0 else { return }
    let step = points > 1 ? 1 / Double(points &- 1) : 0
    let positives = Double(keys.positives)
    var next = points &- 1
    func recall(_ at: Int) -> Double { at > 0 && at == points &- 1 ? 1 : Double(at) * step }
    var best = 0.0
    // With a rising score recall falls; a recall of the grid takes the last point that still reaches it, which is
    // known once the next one does not.
    keys.ascend { truePositives, falsePositives in
      let reached = Double(truePositives) / positives
      while next >= 0, recall(next) > reached {
        add(curve, recall(next), best)
        next &-= 1
      }
      best = max(best, Double(truePositives) / Double(truePositives &+ falsePositives))
    }
    // Above the highest score nothing is called positive: recall 0, precision 1.
    while next > 0 {
      add(curve, recall(next), best)
      next &-= 1
    }
    add(curve, 0, 1)
  }

  /// Thins out the curves, each by the same share, to `limit` rows and sorts what is left. Does nothing to fewer rows.
  ///
  /// Rows are taken at even distances along each curve, its ends included, which keeps the shape better than a draw.
  mutating func limit(to limit: Int, sortedBy precedes: (Row, Row) -> Bool) {
    guard rows.count > limit else { return }
    var sizes: [Int] = []
    for row in rows {
      if Int(row.curve) == sizes.count { sizes.append(0) }
      sizes[sizes.count &- 1] &+= 1
    }
    // Largest remainders get what is left after rounding down.
    var shares = sizes.map { $0 * limit / rows.count }
    let order = sizes.indices.sorted {
      (sizes[$1] * limit % rows.count, $0) < (sizes[$0] * limit % rows.count, $1)
    }
    for at in order.prefix(limit - shares.reduce(0, +)) { shares[at] += 1 }
    var kept: [Row] = []
    kept.reserveCapacity(limit)
    var start = 0
    for (size, share) in zip(sizes, shares) {
      for at in 0..<share { kept.append(rows[start + (share > 1 ? at * (size - 1) / (share - 1) : 0)]) }
      start += size
    }
    kept.sort(by: precedes)
    rows = kept
  }
}
