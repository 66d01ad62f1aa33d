/// How often each value of an 8- or 16-bit type occurs: one pass tells limits and counts, whatever the bins are.
struct HistogramValues {
  private let dtype: DType
  /// By bit pattern.
  private let table: [UInt32]

  /// A table of 16-bit patterns pays from about this many elements on.
  private static let fewestForWide = 1 << 16

  /// nil when the elements are wider, or too few or too many for a table.
  init?(_ array: ArrayView) throws(MediaError) {
    guard array.count > 0, array.count <= UInt32.max, !array.dtype.isComplex else { return nil }
    switch array.dtype.itemSize {
    case 1: table = try Self.bytes(array)
    case 2 where array.count >= Self.fewestForWide: table = try Self.pairs(array)
    default: return nil
    }
    dtype = array.dtype
  }

  /// Eight tables, so that equal neighbours do not wait for each other's store.
  private static func bytes(_ array: ArrayView) throws(MediaError) -> [UInt32] {
    var lanes = [UInt32](repeating: 0, count: 8 * 256)
    try array.forEachBlock(as: UInt8.self) { (block) throws(MediaError) in
      lanes.withUnsafeMutableBufferPointer { lanes in
        guard let first = lanes.baseAddress, let values = block.baseAddress else { return }
        let second = first + 256, third = first + 512, fourth = first + 768
        let fifth = first + 1024, sixth = first + 1280, seventh = first + 1536, eighth = first + 1792
        var at = 0
        while at &+ 8 <= block.count {
          let word = UnsafeRawPointer(values + at).loadUnaligned(as: UInt64.self)
          first[Int(truncatingIfNeeded: word & 0xFF)] &+= 1
          second[Int(truncatingIfNeeded: word &>> 8 & 0xFF)] &+= 1
          third[Int(truncatingIfNeeded: word &>> 16 & 0xFF)] &+= 1
          fourth[Int(truncatingIfNeeded: word &>> 24 & 0xFF)] &+= 1
          fifth[Int(truncatingIfNeeded: word &>> 32 & 0xFF)] &+= 1
          sixth[Int(truncatingIfNeeded: word &>> 40 & 0xFF)] &+= 1
          seventh[Int(truncatingIfNeeded: word &>> 48 & 0xFF)] &+= 1
          eighth[Int(truncatingIfNeeded: word &>> 56)] &+= 1
          at &+= 8
        }
        while at < block.count {
          first[Int(values[at])] &+= 1
          at &+= 1
        }
      }
    }
    return (0..<256).map { value in
      stride(from: value, to: lanes.count, by: 256).reduce(UInt32(0)) { $0 &+ lanes[$1] }
    }
  }

  private static func pairs(_ array: ArrayView) throws(MediaError) -> [UInt32] {
    var table = [UInt32](repeating: 0, count: 1 << 16)
    try array.forEachBlock(as: UInt16.self) { (block) throws(MediaError) in
      table.withUnsafeMutableBufferPointer { table in
        guard let table = table.baseAddress else { return }
        for value in block { table[Int(value)] &+= 1 }
      }
    }
    return table
  }

  /// Calls `body` for each value that occurs, in ascending order (NaN at either end), with how often it does.
  @inline(__always) private func forEach(_ body: (Double, Int64) -> Void) {
    table.withUnsafeBufferPointer { table in
      let half = table.count / 2
      for at in table.indices {
        let pattern: Int
        switch dtype {
        case .i8, .i16: pattern = at ^ half
        case .f16, .bf16: pattern = at < half ? table.count &- 1 &- at : at &- half
        default: pattern = at
        }
        let count = table[pattern]
        if count != 0 { body(value(UInt16(truncatingIfNeeded: pattern)), Int64(count)) }
      }
    }
  }

  @inline(__always) private func value(_ pattern: UInt16) -> Double {
    switch dtype {
    case .bool: pattern == 0 ? 0 : 1
    case .i8: Double(Int8(truncatingIfNeeded: pattern))
    case .i16: Double(Int16(bitPattern: pattern))
    case .f16: Double(SmallFloat.half(pattern))
    case .bf16: Double(SmallFloat.brain(pattern))
    default: Double(pattern)
    }
  }

  /// As `ArrayExtrema.limits`.
  func limits(as data: DType) -> (HistogramEndpoint, HistogramEndpoint) {
    var low = Double.infinity, high = -Double.infinity
    var isFinite = true
    forEach { value, _ in
      low = Swift.min(low, value)
      high = Swift.max(high, value)
      isFinite = isFinite && value.isFinite
    }
    func end(_ value: Double) -> HistogramEndpoint {
      if data.isFloating { return HistogramEndpoint(.double(isFinite ? value : .nan), data) }
      return HistogramEndpoint(.integer(Int128(exactly: value) ?? 0), data)
    }
    return (end(low), end(high))
  }

  /// - Parameter filter: which values count; nil for all.
  func count(_ rule: HistogramRule, _ filter: HistogramFilter?) -> [Int64] {
    var counts = [Int64](repeating: 0, count: rule.bins)
    let ascends = rule.followsEdges
    var bin = 0
    forEach { value, count in
      if let filter, !filter.keeps(value, bits: dtype.isFloating ? nil : Int128(exactly: value)) { return }
      let value = rule.edgeType.rounded(value)
      if ascends {
        while bin &+ 1 < rule.bins, value >= rule.edges[bin &+ 1] { bin &+= 1 }
      } else {
        bin = rule.index(of: value)
      }
      counts[bin] &+= count
    }
    return counts
  }
}
