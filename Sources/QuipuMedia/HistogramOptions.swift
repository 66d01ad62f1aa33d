/// How `numpy.histogram(array, bins, range, density, weights)` is asked for.
public struct HistogramOptions {
  /// How the bins are chosen.
  public enum Bins {
    /// So many equal bins.
    case count(Int)
    /// Equal bins whose number a rule derives from the data: `auto`, `fd`, `doane`, `scott`, `stone`, `rice`,
    /// `sturges` or `sqrt`.
    case estimator(String)
    /// Explicit edges, one axis, ascending.
    case edges(ArrayView)
  }

  public var bins: Bins
  /// Outer limits of equal bins; nil means minimum and maximum. Not looked at beside explicit edges, as in NumPy.
  public var range: (HistogramLimit, HistogramLimit)?
  /// Of the array's shape; counts become sums in its type.
  public var weights: ArrayView?
  /// True divides by bin width and total.
  public var density: Bool
  /// True leaves out NaN and infinities, and their weights, and counts how many there were; false refuses them where
  /// the limits come from the data.
  public var skipsNonFinite: Bool

  public init(
    bins: Bins = .count(Histogram.defaultBins), range: (HistogramLimit, HistogramLimit)? = nil,
    weights: ArrayView? = nil, density: Bool = false, skipsNonFinite: Bool = false
  ) {
    self.bins = bins
    self.range = range
    self.weights = weights
    self.density = density
    self.skipsNonFinite = skipsNonFinite
  }
}

extension Histogram {
  /// Counts an array as `numpy.histogram` does.
  ///
  /// - Throws: as the three initialisers for equal bins, estimators and edges. With `skipsNonFinite` the result is that
  ///   of the finite elements alone.
  public init(array: ArrayView, options: HistogramOptions) throws(MediaError) {
    var array = array, options = options
    var kept: FiniteElements?
    if options.skipsNonFinite {
      try Self.checkShape(of: options.weights, against: array)
      kept = try FiniteElements(of: array, options.weights)
      array = kept?.array ?? array
      options.weights = kept?.weights ?? options.weights
    }
    defer { withExtendedLifetime(kept) {} }
    let made =
      switch options.bins {
      case .count(let bins):
        try Histogram(
          array: array, bins: bins, range: options.range, weights: options.weights, density: options.density)
      case .estimator(let name):
        try Histogram(
          array: array, estimator: name, range: options.range, weights: options.weights, density: options.density)
      case .edges(let edges):
        try Histogram(array: array, edges: edges, weights: options.weights, density: options.density)
      }
    self.init(unchecked: made.counts, made.edges, skipped: options.skipsNonFinite ? kept?.skipped ?? 0 : nil)
  }
}

/// The finite elements of an array, and what lies at the same places in a second one, as dense copies.
private final class FiniteElements {
  private var memory: [UnsafeMutableRawPointer] = []
  private(set) var array: ArrayView
  private(set) var weights: ArrayView?
  let skipped: Int

  deinit { for block in memory { block.deallocate() } }

  /// nil when every element is finite.
  init?(of source: ArrayView, _ companion: ArrayView?) throws(MediaError) {
    guard source.dtype.isFloating, source.count > 0 else { return nil }
    let (low, _) = try ArrayExtrema.limits(of: source, as: source.dtype.counted)
    if low.double.isFinite { return nil }
    array = source
    weights = companion
    // Infinity's exponent is NaN's too: all bits of it are set.
    let exponent: UInt64 =
      switch source.dtype {
      case .f16: 0x7C00
      case .bf16: 0x7F80
      case .f32: 0x7F80_0000
      default: 0x7FF0_0000_0000_0000
      }
    let count = source.count
    let item = source.dtype.itemSize
    func dense(_ view: ArrayView) -> UnsafeMutableRawPointer {
      let block = UnsafeMutableRawPointer.allocate(byteCount: count * view.dtype.itemSize, alignment: 16)
      view.copyElements(to: block)
      return block
    }
    let values = dense(source)
    memory.append(values)
    let others = companion.map { dense($0) }
    if let others { memory.append(others) }
    let otherItem = companion?.dtype.itemSize ?? 0
    var kept = 0
    for at in 0..<count {
      let bits: UInt64 =
        switch item {
        case 2: UInt64(values.load(fromByteOffset: at * 2, as: UInt16.self))
        case 4: UInt64(values.load(fromByteOffset: at * 4, as: UInt32.self))
        default: values.load(fromByteOffset: at * 8, as: UInt64.self)
        }
      if bits & exponent == exponent { continue }
      (values + kept * item).copyMemory(from: values + at * item, byteCount: item)
      if let others { (others + kept * otherItem).copyMemory(from: others + at * otherItem, byteCount: otherItem) }
      kept += 1
    }
    skipped = count - kept
    array = ArrayView(unchecked: values, source.dtype, [kept], [item], false)
    if let others, let companion { weights = ArrayView(unchecked: others, companion.dtype, [kept], [otherItem], false) }
  }
}
