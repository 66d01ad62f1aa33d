import Glibc

/// At most 48 values of a metric for its sparkline: all of them until 48, then a random sample in the order of arrival.
///
/// The sample is uniform and needs no memory of what was left out; past the first 48 a value costs a comparison. The
/// same series gives the same sample.
///
/// Source: the blocks that the W&B client 0.31.0 prints at the end of a run.
package struct MetricSample: Sendable {
  package static let limit = 48

  private var kept: [Float] = []
  /// Values seen.
  package private(set) var count = 0
  /// Number of the next value that enters a full sample.
  private var next = 0
  private var weight = 1.0
  private var random: UInt64

  /// - Parameter seed: any number; samples with the same seed and series are equal.
  package init(seed: UInt64 = 0x9E37_79B9_7F4A_7C15) { random = seed }

  /// The sample in the order of arrival.
  package var values: [Float] { kept }

  /// - Complexity: constant; after n values about 48·ln(n/48) of them moved the sample.
  @inline(__always)
  package mutating func add(_ value: Double) {
    if count >= Self.limit {
      if count < next {
        count &+= 1
        return
      }
      replaceOne(value)
      return
    }
    // Out of range becomes infinite, as a 32-bit float does.
    kept.append(Float(value))
    count &+= 1
    if count == Self.limit { skip() }
  }

  @inline(never)
  private mutating func replaceOne(_ value: Double) {
    kept.remove(at: Int(truncatingIfNeeded: draw() % UInt64(Self.limit)))
    kept.append(Float(value))
    count &+= 1
    skip()
  }

  /// Draws how many values stay out until the next one enters (Li, "Reservoir-sampling algorithms of time complexity
  /// O(n(1+log(N/n)))", 1994, algorithm L).
  private mutating func skip() {
    weight *= exp(log(unit()) / Double(Self.limit))
    let gap = (log(unit()) / log1p(-weight)).rounded(.down)
    // A gap beyond 2^52 values is never reached.
    next = count &+ (gap < 0x1p52 ? Int(gap) : 1 << 52)
  }

  /// Uniform in (0, 1).
  private mutating func unit() -> Double { (Double(draw() >> 12) + 0.5) * 0x1p-52 }

  /// SplitMix64.
  private mutating func draw() -> UInt64 {
    random &+= 0x9E37_79B9_7F4A_7C15
    var z = random
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
