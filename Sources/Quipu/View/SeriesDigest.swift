/// A series of any length in at most 256 numbers, evenly spread over its rows: each stands for the mean of as many
/// values as the others. For pictures of finished and running series, where a random sample would waste the width.
package struct SeriesDigest: Sendable {
  package static let limit = 256

  /// Means of the full groups; NaN for a group without a finite value.
  private var means: [Float] = []
  /// Values in a group.
  private var stride = 1
  private var sum = 0.0
  private var finite = 0
  private var seen = 0

  /// Values added, NaN and infinities included.
  package private(set) var count = 0
  /// Least and largest finite value; nil if there is none.
  package private(set) var minimum: Double?
  package private(set) var maximum: Double?
  /// The newest value.
  package private(set) var last = Double.nan

  package init() {}

  package mutating func add(_ value: Double) {
    count += 1
    last = value
    seen += 1
    if value.isFinite {
      sum += value
      finite += 1
      minimum = Swift.min(minimum ?? value, value)
      maximum = Swift.max(maximum ?? value, value)
    }
    if seen < stride { return }
    means.append(group)
    sum = 0
    finite = 0
    seen = 0
    if means.count == Self.limit { halve() }
  }

  /// At most `width` numbers over the whole series.
  package func values(width: Int) -> [Float] {
    let all = seen > 0 ? means + [group] : means
    guard width > 0, all.count > width else { return width > 0 ? all : [] }
    return (0..<width).map { at in
      let part = all[(at * all.count / width)..<((at + 1) * all.count / width)].filter(\.isFinite)
      return part.isEmpty ? .nan : part.reduce(0) { $0 + $1 / Float(part.count) }
    }
  }

  private var group: Float { finite > 0 ? Float(sum / Double(finite)) : .nan }

  private mutating func halve() {
    means = Swift.stride(from: 0, to: means.count - 1, by: 2).map { at in
      let a = means[at], b = means[at + 1]
      return a.isFinite ? (b.isFinite ? a / 2 + b / 2 : a) : b
    }
    stride *= 2
  }
}
