/// Counts values into the bins of a `HistogramRule`.
///
/// The published edges decide (see `HistogramRule.followsEdges`), so any ascending estimate of the bin will do as long
/// as values near an edge are compared with that edge. One subtraction and one product per value give the estimate;
/// how near "near" is, is measured at every edge beforehand, and values beyond doubt (nearly all) cost no comparison.
struct HistogramCounter {
  let rule: HistogramRule
  private(set) var counts: [Int64]
  /// The edges with the outer two moved to infinity: no value leaves the first or last bin outward.
  private let singleEdges: [Float]
  private let doubleEdges: [Double]
  private let singles: Estimate<Float>?
  private let doubles: Estimate<Double>?
  /// Four counters per bin, so that equal neighbours do not wait for each other's store.
  private var lanes: [UInt32]

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
    if !singleEdges.isEmpty {
      singleEdges[0] = -.infinity
      singleEdges[rule.bins] = .infinity
    }
    var doubleEdges = rule.edges
    doubleEdges[0] = -.infinity
    doubleEdges[rule.bins] = .infinity
    self.singleEdges = singleEdges
    self.doubleEdges = doubleEdges
    lanes = [UInt32](repeating: 0, count: singles == nil && doubles == nil ? 0 : 4 * rule.bins)
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
    typealias Lanes = SIMD4<Float>
    let start = Lanes(repeating: singles.start)
    let scale = Lanes(repeating: singles.scale)
    let sure = Lanes(repeating: singles.sure)
    let half = Lanes(repeating: 0.5)
    // Below the first and above the last edge there is nothing to doubt, and the index stays inside for any value.
    let bottom = Lanes(repeating: -0.25)
    let top = Lanes(repeating: Float(rule.bins) - 0.75)
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits; half less before makes that the floor.
    let magic = Lanes(repeating: 12_582_912)
    let bins = rule.bins
    let count = block.count
    lanes.withUnsafeMutableBufferPointer { lanes in
      singleEdges.withUnsafeBufferPointer { edges in
        guard let first = lanes.baseAddress, let lower = edges.baseAddress else { return }
        let second = first + bins, third = second + bins, fourth = third + bins

        @inline(__always) func estimate(_ value: Lanes) -> (bits: SIMD4<UInt32>, margin: SIMD4<UInt32>) {
          let position = (value - start) * scale - half
          let above = bottom.replacing(with: position, where: position .> bottom)
          let centred = top.replacing(with: above, where: above .< top)
          let shifted = centred + magic
          let away = centred - (shifted - magic)
          let distance = Lanes(bitPattern: away.bitPattern & 0x7FFF_FFFF)
          return (shifted.bitPattern, (sure - distance).bitPattern)
        }
        @inline(__always) func load(_ at: Int) -> Lanes { UnsafeRawPointer(values + at).loadUnaligned(as: Lanes.self) }
        @inline(__always) func tally(_ bits: SIMD4<UInt32>) {
          let pairs = unsafeBitCast(bits, to: SIMD2<UInt64>.self)
          let a = pairs[0], b = pairs[1]
          first[Int(truncatingIfNeeded: a & 0xFFFF)] &+= 1
          second[Int(truncatingIfNeeded: (a &>> 32) & 0xFFFF)] &+= 1
          third[Int(truncatingIfNeeded: b & 0xFFFF)] &+= 1
          fourth[Int(truncatingIfNeeded: (b &>> 32) & 0xFFFF)] &+= 1
        }
        // The estimate compared with the edges on both sides, without branches: data on the edges are often random.
        @inline(__always) func careful(_ bits: UInt32, _ value: Float, _ counter: UnsafeMutablePointer<UInt32>) {
          let k = Int(bits & 0xFFFF)
          counter[k &+ (value >= lower[k &+ 1] ? 1 : 0) &- (value < lower[k] ? 1 : 0)] &+= 1
        }
        @inline(__always) func careful(_ bits: SIMD4<UInt32>, _ at: Int) {
          careful(bits[0], values[at], first)
          careful(bits[1], values[at &+ 1], second)
          careful(bits[2], values[at &+ 2], third)
          careful(bits[3], values[at &+ 3], fourth)
        }

        var at = 0
        while at &+ 16 <= count {
          let a = estimate(load(at)), b = estimate(load(at &+ 4)), c = estimate(load(at &+ 8))
          let d = estimate(load(at &+ 12))
          // A negative margin anywhere sets a sign bit.
          let margins = unsafeBitCast(a.margin | b.margin | c.margin | d.margin, to: SIMD2<UInt64>.self)
          if (margins[0] | margins[1]) & 0x8000_0000_8000_0000 == 0 {
            tally(a.bits)
            tally(b.bits)
            tally(c.bits)
            tally(d.bits)
          } else {
            careful(a.bits, at)
            careful(b.bits, at &+ 4)
            careful(c.bits, at &+ 8)
            careful(d.bits, at &+ 12)
          }
          at &+= 16
        }
        while at < count {
          careful(estimate(Lanes(repeating: values[at])).bits[0], values[at], first)
          at &+= 1
        }
      }
    }
    collect()
  }

  /// Counts values inside the limits; the same in double precision.
  mutating func add(_ block: UnsafeBufferPointer<Double>) {
    guard let doubles, let values = block.baseAddress else {
      for value in block { counts[rule.index(of: value)] &+= 1 }
      return
    }
    typealias Lanes = SIMD2<Double>
    let start = Lanes(repeating: doubles.start)
    let scale = Lanes(repeating: doubles.scale)
    let sure = Lanes(repeating: doubles.sure)
    let half = Lanes(repeating: 0.5)
    let bottom = Lanes(repeating: -0.25)
    let top = Lanes(repeating: Double(rule.bins) - 0.75)
    let magic = Lanes(repeating: 6_755_399_441_055_744)  // 1.5 * 2^52
    let bins = rule.bins
    let count = block.count
    lanes.withUnsafeMutableBufferPointer { lanes in
      doubleEdges.withUnsafeBufferPointer { edges in
        guard let first = lanes.baseAddress, let lower = edges.baseAddress else { return }
        let second = first + bins, third = second + bins, fourth = third + bins

        @inline(__always) func estimate(_ value: Lanes) -> (bits: SIMD2<UInt64>, margin: SIMD2<UInt64>) {
          let position = (value - start) * scale - half
          let above = bottom.replacing(with: position, where: position .> bottom)
          let centred = top.replacing(with: above, where: above .< top)
          let shifted = centred + magic
          let away = centred - (shifted - magic)
          let distance = Lanes(bitPattern: away.bitPattern & 0x7FFF_FFFF_FFFF_FFFF)
          return (shifted.bitPattern, (sure - distance).bitPattern)
        }
        @inline(__always) func load(_ at: Int) -> Lanes { UnsafeRawPointer(values + at).loadUnaligned(as: Lanes.self) }
        @inline(__always) func tally(_ bits: UInt64, _ counter: UnsafeMutablePointer<UInt32>) {
          counter[Int(truncatingIfNeeded: bits & 0xFFFF)] &+= 1
        }
        @inline(__always) func careful(_ bits: UInt64, _ value: Double, _ counter: UnsafeMutablePointer<UInt32>) {
          let k = Int(truncatingIfNeeded: bits & 0xFFFF)
          counter[k &+ (value >= lower[k &+ 1] ? 1 : 0) &- (value < lower[k] ? 1 : 0)] &+= 1
        }

        var at = 0
        while at &+ 8 <= count {
          let a = estimate(load(at)), b = estimate(load(at &+ 2)), c = estimate(load(at &+ 4))
          let d = estimate(load(at &+ 6))
          let margins = a.margin | b.margin | c.margin | d.margin
          if (margins[0] | margins[1]) &>> 63 == 0 {
            tally(a.bits[0], first)
            tally(a.bits[1], second)
            tally(b.bits[0], third)
            tally(b.bits[1], fourth)
            tally(c.bits[0], first)
            tally(c.bits[1], second)
            tally(d.bits[0], third)
            tally(d.bits[1], fourth)
          } else {
            careful(a.bits[0], values[at], first)
            careful(a.bits[1], values[at &+ 1], second)
            careful(b.bits[0], values[at &+ 2], third)
            careful(b.bits[1], values[at &+ 3], fourth)
            careful(c.bits[0], values[at &+ 4], first)
            careful(c.bits[1], values[at &+ 5], second)
            careful(d.bits[0], values[at &+ 6], third)
            careful(d.bits[1], values[at &+ 7], fourth)
          }
          at &+= 8
        }
        while at < count {
          careful(estimate(Lanes(repeating: values[at])).bits[0], values[at], first)
          at &+= 1
        }
      }
    }
    collect()
  }

  /// Moves the 32-bit lane counters, which hold one block, to the totals.
  private mutating func collect() {
    for k in 0..<rule.bins {
      counts[k] &+= Int64(lanes[k]) &+ Int64(lanes[rule.bins &+ k]) &+ Int64(lanes[2 &* rule.bins &+ k])
        &+ Int64(lanes[3 &* rule.bins &+ k])
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
