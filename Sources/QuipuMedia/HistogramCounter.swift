/// Counts values into the bins of a `HistogramRule`.
///
/// The published edges decide (see `HistogramRule.followsEdges`), so any ascending estimate of the bin will do as long
/// as values near an edge are compared with that edge. The estimate is `(value - start) * scale + magic`, where `magic`
/// is a power of two above the number of bins: a word of the result's bit pattern (of a double the upper half) then
/// holds the bin number and, below it, a fraction. How far the fraction may be off at an edge is measured at every edge
/// beforehand; values beyond doubt (nearly all) cost no comparison.
///
/// Counted is by the upper ten of these bits, whatever the number of bins, and folded in the end: a shift by a constant
/// is what keeps the loop short.
struct HistogramCounter {
  let rule: HistogramRule
  private var totals: [Int64]
  private let singles: Estimate<Float>?
  private let doubles: Estimate<Double>?
  /// Four sets of counters, so that equal neighbours do not wait for each other's store.
  private var lanes: [UInt32]
  /// Values in `lanes`.
  private var pending = 0

  private static let indexBits: UInt32 = 10
  private static let mostFastBins = (1 << Int(indexBits)) - 1

  init(rule: HistogramRule) {
    self.rule = rule
    totals = [Int64](repeating: 0, count: rule.bins)
    var singles: Estimate<Float>?
    var doubles: Estimate<Double>?
    if rule.bins <= Self.mostFastBins && rule.followsEdges {
      if rule.edgeType == .f64 {
        doubles = Estimate(rule.edges, mantissaBits: 20) { UInt32(truncatingIfNeeded: $0.bitPattern >> 32) }
      } else {
        singles = Estimate(rule.edges.map { Float($0) }, mantissaBits: 23) { $0.bitPattern }
      }
    }
    self.singles = singles
    self.doubles = doubles
    lanes = [UInt32](repeating: 0, count: singles == nil && doubles == nil ? 0 : 4 << Int(Self.indexBits))
  }

  /// Counts values inside the limits; others may be counted anywhere.
  /// - Parameter block: at most 2^31 values of the edges' type.
  @_optimize(speed) mutating func add(_ block: UnsafeBufferPointer<Float>) {
    guard let singles, let values = block.baseAddress else {
      for value in block { totals[rule.index(of: Double(value))] &+= 1 }
      return
    }
    let start = SIMD4<Float>(repeating: singles.start)
    let scale = SIMD4<Float>(repeating: singles.scale)
    let magic = SIMD4<Float>(repeating: singles.magic)
    tally(values, block.count, singles, shift: 23 - Self.indexBits) { (at: UnsafePointer<Float>) -> SIMD4<Float> in
      let four = UnsafeRawPointer(at).loadUnaligned(as: SIMD4<Float>.self)
      return (four - start) * scale + magic
    }
  }

  /// The same in double precision.
  @_optimize(speed) mutating func add(_ block: UnsafeBufferPointer<Double>) {
    guard let doubles, let values = block.baseAddress else {
      for value in block { totals[rule.index(of: value)] &+= 1 }
      return
    }
    let start = SIMD2<Double>(repeating: doubles.start)
    let scale = SIMD2<Double>(repeating: doubles.scale)
    let magic = SIMD2<Double>(repeating: doubles.magic)
    tally(values, block.count, doubles, shift: 20 - Self.indexBits) { (at: UnsafePointer<Double>) -> SIMD4<Float> in
      let low = UnsafeRawPointer(at).loadUnaligned(as: SIMD2<Double>.self)
      let high = UnsafeRawPointer(at + 2).loadUnaligned(as: SIMD2<Double>.self)
      let a = unsafeBitCast((low - start) * scale + magic, to: SIMD4<Float>.self)
      let b = unsafeBitCast((high - start) * scale + magic, to: SIMD4<Float>.self)
      return SIMD4(a[1], a[3], b[1], b[3])
    }
  }

  /// - Parameter words: the estimates of four values. They are compared as floats, which order like their patterns.
  @inline(__always) private mutating func tally<F: BinaryFloatingPoint>(
    _ values: UnsafePointer<F>, _ count: Int, _ estimate: Estimate<F>, shift: UInt32,
    _ words: (UnsafePointer<F>) -> SIMD4<Float>
  ) {
    if pending > 1 << 31 { collect() }
    pending &+= count
    let size = 1 << Int(Self.indexBits)
    let shifts = SIMD4<UInt32>(repeating: shift)
    let mask = SIMD4<UInt32>(repeating: (1 << Self.indexBits) - 1)
    let binShift = UInt32(estimate.shift) &- shift
    // Below the first and above the last edge there is nothing to doubt, and the index stays inside for any value.
    let bottom = SIMD4<Float>(repeating: Float(bitPattern: estimate.bottom))
    let top = SIMD4<Float>(repeating: Float(bitPattern: estimate.top))
    let doubt = SIMD4<UInt32>(repeating: estimate.doubt)
    let doubled = SIMD4<UInt32>(repeating: estimate.doubt &* 2)
    let fraction = SIMD4<UInt32>(repeating: (1 &<< estimate.shift) &- 1)
    lanes.withUnsafeMutableBufferPointer { lanes in
      estimate.edges.withUnsafeBufferPointer { edges in
        guard let first = lanes.baseAddress, let lower = edges.baseAddress else { return }
        let second = first + size, third = second + size, fourth = third + size

        @inline(__always) func load(_ at: UnsafePointer<F>) -> SIMD4<UInt32> {
          unsafeBitCast(lesser(greater(words(at), bottom), top), to: SIMD4<UInt32>.self)
        }
        // Negative where the fraction is within `doubt` of a whole number.
        @inline(__always) func margin(_ words: SIMD4<UInt32>) -> SIMD4<UInt32> {
          ((words &+ doubt) & fraction) &- doubled
        }
        @inline(__always) func tally(_ words: SIMD4<UInt32>) {
          let pairs = unsafeBitCast((words &>> shifts) & mask, to: SIMD2<UInt64>.self)
          let a = pairs[0], b = pairs[1]
          first[Int(UInt32(truncatingIfNeeded: a))] &+= 1
          second[Int(truncatingIfNeeded: a &>> 32)] &+= 1
          third[Int(UInt32(truncatingIfNeeded: b))] &+= 1
          fourth[Int(truncatingIfNeeded: b &>> 32)] &+= 1
        }
        // The estimate compared with the edges on both sides, without branches: data on the edges are often random.
        @inline(__always) func careful(_ index: UInt32, _ value: F, _ counter: UnsafeMutablePointer<UInt32>) {
          let k = Int(index &>> binShift)
          let right = k &+ (value >= lower[k &+ 1] ? 1 : 0) &- (value < lower[k] ? 1 : 0)
          counter[right &<< Int(binShift)] &+= 1
        }
        @inline(__always) func careful(_ words: SIMD4<UInt32>, _ at: Int) {
          let indices = (words &>> shifts) & mask
          careful(indices[0], values[at], first)
          careful(indices[1], values[at &+ 1], second)
          careful(indices[2], values[at &+ 2], third)
          careful(indices[3], values[at &+ 3], fourth)
        }

        var at = 0
        while at &+ 16 <= count {
          let a = load(values + at), b = load(values + (at &+ 4))
          let c = load(values + (at &+ 8)), d = load(values + (at &+ 12))
          let margins = unsafeBitCast(margin(a) | margin(b) | margin(c) | margin(d), to: SIMD2<UInt64>.self)
          if (margins[0] | margins[1]) & 0x8000_0000_8000_0000 == 0 {
            tally(a)
            tally(b)
            tally(c)
            tally(d)
          } else {
            careful(a, at)
            careful(b, at &+ 4)
            careful(c, at &+ 8)
            careful(d, at &+ 12)
          }
          at &+= 16
        }
        withUnsafeTemporaryAllocation(of: F.self, capacity: 4) { four in
          guard let rest = four.baseAddress else { return }
          while at < count {
            four.initialize(repeating: values[at])
            careful(((load(rest) &>> shifts) & mask)[0], values[at], first)
            at &+= 1
          }
        }
      }
    }
  }

  /// Moves the 32-bit lane counters to the totals.
  private mutating func collect() {
    guard pending > 0, let binShift = (singles?.binBits ?? doubles?.binBits).map({ Int(Self.indexBits - $0) }) else { return }
    pending = 0
    for at in lanes.indices {
      let k = (at & ((1 << Int(Self.indexBits)) - 1)) >> binShift
      if k < totals.count { totals[k] &+= Int64(lanes[at]) }
      lanes[at] = 0
    }
  }

  /// The counts so far.
  mutating func finish() -> [Int64] {
    collect()
    return totals
  }
}

/// The constants of the estimate.
private struct Estimate<F: BinaryFloatingPoint> {
  let start: F
  let scale: F
  let magic: F
  /// Fraction bits of a word; above them is the bin number.
  let shift: UInt32
  /// Bits of the bin number.
  let binBits: UInt32
  /// Words this close to a whole number may belong to the bin on the other side.
  let doubt: UInt32
  /// The least and the greatest word that is beyond doubt.
  let bottom: UInt32
  let top: UInt32
  /// The edges with the outer two moved to infinity: no value leaves the first or last bin outward.
  let edges: [F]

  /// nil when the estimate is too coarse to be of use: limits that are close to each other and far from zero.
  /// - Parameters:
  ///   - mantissaBits: how many of a word's low bits are mantissa.
  ///   - word: the upper 32 bits of the pattern.
  init?(_ exact: [F], mantissaBits: Int, word: (F) -> UInt32) {
    guard let start = exact.first, let end = exact.last else { return nil }
    let bins = exact.count - 1
    var numberBits = 1
    while 1 << numberBits <= bins { numberBits += 1 }
    scale = F(bins) / (end - start)
    guard scale.isFinite else { return nil }
    self.start = start
    magic = F(1 << numberBits)
    shift = UInt32(mantissaBits - numberBits)
    binBits = UInt32(numberBits)
    let zero = word(magic)
    // Words ascend with the value, so the edges and their neighbours below bound the error everywhere between.
    var worst: Int64 = 0
    for (k, edge) in exact.enumerated() {
      let whole = Int64(zero) + Int64(k) << Int64(shift)
      let here = (edge - start) * scale, below = (edge.nextDown - start) * scale
      guard abs(here) <= F(bins + 1), abs(below) <= F(bins + 1) else { return nil }
      worst = max(worst, whole - Int64(word(here + magic)))
      if k > 0 { worst = max(worst, Int64(word(below + magic)) - whole + 1) }
    }
    guard worst < 1 << Int64(shift - 2) else { return nil }
    doubt = UInt32(worst)
    bottom = zero + doubt
    top = zero + UInt32(bins) << shift - doubt - 1
    var edges = exact
    edges[0] = -.infinity
    edges[bins] = .infinity
    self.edges = edges
  }
}
