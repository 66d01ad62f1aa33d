/// Counts values into the bins of a `HistogramRule`.
///
/// The published edges decide (see `HistogramRule.followsEdges`), so any ascending estimate of the bin will do as long
/// as values near an edge are compared with that edge. One subtraction and one product per value give the estimate;
/// how near "near" is, is measured at every edge beforehand, and values beyond doubt (nearly all) cost no comparison.
struct HistogramCounter {
  let rule: HistogramRule
  private(set) var counts: [Int64]
  private let singleEdges: [Float]
  private let singles: Estimate<Float>?
  private let doubles: Estimate<Double>?
  /// Four counters per bin, so that equal neighbours do not wait for each other's store. Each of the four parts is a
  /// power of two long and indices are masked: data that somebody changes meanwhile gives wrong counts, never a wild
  /// store.
  private var lanes: [UInt32]
  private let laneSize: Int

  private struct Estimate<F: BinaryFloatingPoint> {
    var start: F
    var scale: F
    /// Half minus the width of the doubtful zone around each edge, in bins.
    var sure: F
  }

  private static let mostFastBins = 2_048

  init(rule: HistogramRule) {
    self.rule = rule
    counts = [Int64](repeating: 0, count: rule.bins)
    var singles: Estimate<Float>?
    var doubles: Estimate<Double>?
    var singleEdges: [Float] = []
    if rule.bins <= Self.mostFastBins && rule.followsEdges {
      if rule.edgeType == .f64 {
        doubles = Self.estimate(rule.edges)
      } else {
        singleEdges = rule.edges.map { Float($0) }
        singles = Self.estimate(singleEdges)
      }
    }
    self.singles = singles
    self.doubles = doubles
    self.singleEdges = singleEdges
    var size = 1
    while size < rule.bins { size *= 2 }
    laneSize = size
    lanes = [UInt32](repeating: 0, count: singles == nil && doubles == nil ? 0 : 4 * size)
  }

  /// nil when the estimate is too coarse to be of use: limits that are close to each other and far from zero.
  private static func estimate<F: BinaryFloatingPoint>(_ edges: [F]) -> Estimate<F>? {
    guard let start = edges.first, let end = edges.last else { return nil }
    let bins = edges.count - 1
    let scale = F(bins) / (end - start)
    guard scale.isFinite else { return nil }
    var doubt: F = 0
    for (k, edge) in edges.enumerated() {
      let here = (edge - start) * scale - F(k)
      let below = (edge.nextDown - start) * scale - F(k)
      guard here.isFinite, below.isFinite else { return nil }
      doubt = max(doubt, max(-here, k == 0 ? 0 : below))
      if k == bins { doubt = max(doubt, here) }
    }
    doubt += F(bins + 1) * F.ulpOfOne * 4 + F(1.0 / 1_048_576)
    guard doubt < 0.2 else { return nil }
    return Estimate(start: start, scale: scale, sure: 0.5 - doubt)
  }

  /// Counts values inside the limits.
  /// - Parameter block: at most 2^31 values of the edges' type.
  mutating func add(_ block: UnsafeBufferPointer<Float>) {
    guard let singles, let values = block.baseAddress else {
      for value in block { counts[rule.index(of: Double(value))] &+= 1 }
      return
    }
    let start = SIMD4<Float>(repeating: singles.start)
    let scale = SIMD4<Float>(repeating: singles.scale)
    let sure = SIMD4<Float>(repeating: singles.sure)
    let half = SIMD4<Float>(repeating: 0.5)
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits; half less before makes that the floor.
    let magic = SIMD4<Float>(repeating: 12_582_912)
    let bins = rule.bins
    let laneSize = laneSize
    let mask = UInt64(truncatingIfNeeded: laneSize &- 1)
    let count = block.count
    lanes.withUnsafeMutableBufferPointer { lanes in
      singleEdges.withUnsafeBufferPointer { edges in
        guard let first = lanes.baseAddress else { return }
        let second = first + laneSize, third = second + laneSize, fourth = third + laneSize

        @inline(__always) func careful(_ at: Int) {
          let position = (values[at] - singles.start) * singles.scale
          // The nearest edge decides between its two sides.
          let nearest = Self.nearestEdge(position, bins)
          let side = values[at] >= edges[nearest] ? nearest : nearest &- 1
          first[min(max(side, 0), bins &- 1)] &+= 1
        }
        @inline(__always) func estimate(_ at: Int) -> (bits: SIMD4<UInt32>, margin: SIMD4<UInt32>) {
          let value = UnsafeRawPointer(values + at).loadUnaligned(as: SIMD4<Float>.self)
          let centred = (value - start) * scale - half
          let shifted = centred + magic
          let away = centred - (shifted - magic)
          let distance = SIMD4<Float>(bitPattern: away.bitPattern & 0x7FFF_FFFF)
          return (shifted.bitPattern, (sure - distance).bitPattern)
        }
        @inline(__always) func tally(_ bits: SIMD4<UInt32>) {
          let pairs = unsafeBitCast(bits, to: SIMD2<UInt64>.self)
          let a = pairs[0], b = pairs[1]
          first[Int(truncatingIfNeeded: a & mask)] &+= 1
          second[Int(truncatingIfNeeded: (a &>> 32) & mask)] &+= 1
          third[Int(truncatingIfNeeded: b & mask)] &+= 1
          fourth[Int(truncatingIfNeeded: (b &>> 32) & mask)] &+= 1
        }

        var at = 0
        while at &+ 16 <= count {
          let a = estimate(at), b = estimate(at &+ 4), c = estimate(at &+ 8), d = estimate(at &+ 12)
          // A negative margin anywhere sets a sign bit.
          let margins = unsafeBitCast(a.margin | b.margin | c.margin | d.margin, to: SIMD2<UInt64>.self)
          if (margins[0] | margins[1]) & 0x8000_0000_8000_0000 == 0 {
            tally(a.bits)
            tally(b.bits)
            tally(c.bits)
            tally(d.bits)
          } else {
            for doubtful in at..<(at &+ 16) { careful(doubtful) }
          }
          at &+= 16
        }
        while at < count {
          careful(at)
          at &+= 1
        }
      }
    }
    collect()
  }

  /// Counts values inside the limits.
  mutating func add(_ block: UnsafeBufferPointer<Double>) {
    guard let doubles, let values = block.baseAddress else {
      for value in block { counts[rule.index(of: value)] &+= 1 }
      return
    }
    let start = SIMD2<Double>(repeating: doubles.start)
    let scale = SIMD2<Double>(repeating: doubles.scale)
    let sure = SIMD2<Double>(repeating: doubles.sure)
    let half = SIMD2<Double>(repeating: 0.5)
    let magic = SIMD2<Double>(repeating: 6_755_399_441_055_744)  // 1.5 * 2^52
    let bins = rule.bins
    let laneSize = laneSize
    let mask = UInt64(truncatingIfNeeded: laneSize &- 1)
    let count = block.count
    lanes.withUnsafeMutableBufferPointer { lanes in
      rule.edges.withUnsafeBufferPointer { edges in
        guard let first = lanes.baseAddress else { return }
        let second = first + laneSize, third = second + laneSize, fourth = third + laneSize

        @inline(__always) func careful(_ at: Int) {
          let position = (values[at] - doubles.start) * doubles.scale
          let nearest = Self.nearestEdge(position, bins)
          let side = values[at] >= edges[nearest] ? nearest : nearest &- 1
          first[min(max(side, 0), bins &- 1)] &+= 1
        }
        @inline(__always) func estimate(_ at: Int) -> (bits: SIMD2<UInt64>, margin: SIMD2<UInt64>) {
          let value = UnsafeRawPointer(values + at).loadUnaligned(as: SIMD2<Double>.self)
          let centred = (value - start) * scale - half
          let shifted = centred + magic
          let away = centred - (shifted - magic)
          let distance = SIMD2<Double>(bitPattern: away.bitPattern & 0x7FFF_FFFF_FFFF_FFFF)
          return (shifted.bitPattern, (sure - distance).bitPattern)
        }

        var at = 0
        while at &+ 8 <= count {
          let a = estimate(at), b = estimate(at &+ 2), c = estimate(at &+ 4), d = estimate(at &+ 6)
          let margins = a.margin | b.margin | c.margin | d.margin
          if (margins[0] | margins[1]) &>> 63 == 0 {
            first[Int(truncatingIfNeeded: a.bits[0] & mask)] &+= 1
            second[Int(truncatingIfNeeded: a.bits[1] & mask)] &+= 1
            third[Int(truncatingIfNeeded: b.bits[0] & mask)] &+= 1
            fourth[Int(truncatingIfNeeded: b.bits[1] & mask)] &+= 1
            first[Int(truncatingIfNeeded: c.bits[0] & mask)] &+= 1
            second[Int(truncatingIfNeeded: c.bits[1] & mask)] &+= 1
            third[Int(truncatingIfNeeded: d.bits[0] & mask)] &+= 1
            fourth[Int(truncatingIfNeeded: d.bits[1] & mask)] &+= 1
          } else {
            for doubtful in at..<(at &+ 8) { careful(doubtful) }
          }
          at &+= 8
        }
        while at < count {
          careful(at)
          at &+= 1
        }
      }
    }
    collect()
  }

  /// The edge nearest to a position in bins, for any value whatever.
  @inline(__always) private static func nearestEdge<F: BinaryFloatingPoint>(_ position: F, _ bins: Int) -> Int {
    guard position > 0 else { return 0 }
    guard position < F(bins) else { return bins }
    return Int(position + 0.5)
  }

  /// Moves the 32-bit lane counters, which hold one block, to the totals.
  private mutating func collect() {
    for k in 0..<rule.bins {
      counts[k] &+= Int64(lanes[k]) &+ Int64(lanes[laneSize &+ k]) &+ Int64(lanes[2 &* laneSize &+ k])
        &+ Int64(lanes[3 &* laneSize &+ k])
    }
    for at in lanes.indices { lanes[at] = 0 }
  }
}

extension SIMD4<Float> {
  @inline(__always) fileprivate init(bitPattern: SIMD4<UInt32>) { self = unsafeBitCast(bitPattern, to: Self.self) }
  @inline(__always) fileprivate var bitPattern: SIMD4<UInt32> { unsafeBitCast(self, to: SIMD4<UInt32>.self) }
}

extension SIMD2<Double> {
  @inline(__always) fileprivate init(bitPattern: SIMD2<UInt64>) { self = unsafeBitCast(bitPattern, to: Self.self) }
  @inline(__always) fileprivate var bitPattern: SIMD2<UInt64> { unsafeBitCast(self, to: SIMD2<UInt64>.self) }
}
