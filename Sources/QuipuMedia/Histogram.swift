import QuipuBase

/// Counts over bins: what is logged as `{"_type":"histogram","values":[…],"bins":[…]}`.
///
/// Bins are half open, `[edge k, edge k+1)`, and the last one is closed.
/// Source: the W&B client's `Histogram` and NumPy 2.4's `histogram`, whose results are reproduced to the last bit.
public struct Histogram: Sendable, Equatable {
  /// One number per bin: Int64 counts, or sums in the weights' type, or densities.
  public let counts: NumberList
  /// One more than `counts`, except that no or one explicit edge gives no bins.
  public let edges: NumberList
  /// How many NaN and infinities were left out; nil unless that was asked for.
  public let skipped: Int?

  /// Most bins a logged histogram may have.
  public static let maximumBins = 512
  /// Bins of a logged histogram when the caller does not say.
  public static let defaultBins = 64
  /// Bins an array with more than 32 elements becomes when it is logged directly.
  public static let rawArrayBins = 32
  /// Most bins `init(array:bins:…)` computes; logging allows fewer.
  public static let maximumComputedBins = 1 << 24

  init(unchecked counts: NumberList, _ edges: NumberList, skipped: Int? = nil) {
    self.counts = counts
    self.edges = edges
    self.skipped = skipped
  }

  /// A histogram counted elsewhere, copied as it is: nothing is sorted and values are not checked.
  ///
  /// - Throws: `.value` with more than 512 counts, or when there is not exactly one edge more than counts.
  public init(counts: NumberList, edges: NumberList) throws(MediaError) {
    self.init(unchecked: counts, edges)
    try checkLoggable()
  }

  /// As `init(counts:edges:)`, from plain values.
  public init(counts: [JSON], edges: [JSON]) throws(MediaError) {
    try self.init(counts: .json(counts), edges: .json(edges))
  }

  /// - Throws: `.value` when the histogram exceeds what may be logged.
  public func checkLoggable() throws(MediaError) {
    guard counts.count <= Self.maximumBins else {
      throw MediaError(.value, "histogram has \(counts.count) bins; at most \(Self.maximumBins) can be logged")
    }
    guard edges.count == counts.count + 1 else {
      throw MediaError(.value, "histogram has \(counts.count) values and \(edges.count) edges; pass one edge more")
    }
  }

  /// The value that goes into a history row. The member `skipped` is there when the option was on, also for none, so
  /// that a summary never keeps an older row's number; dashboards look at `values` and `bins` only.
  public var loggedValue: JSON {
    var value: JSONObject = ["_type": "histogram", "values": .array(counts.json), "bins": .array(edges.json)]
    if let skipped { value["skipped"] = .int(Int64(skipped)) }
    return .object(value)
  }
}
