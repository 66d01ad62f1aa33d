/// Minimum and maximum of an array in its own type.
enum ArrayExtrema {
  /// - Parameters:
  ///   - array: at least one element, not complex.
  ///   - data: its counted type.
  /// - Returns: NaN for both when any element is NaN.
  static func limits(of array: ArrayView, as data: DType) throws(MediaError) -> (HistogramEndpoint, HistogramEndpoint) {
    switch array.dtype {
    case .f32:
      let (low, high) = try singles(array)
      return (HistogramEndpoint(.double(Double(low)), data), HistogramEndpoint(.double(Double(high)), data))
    case .f16, .bf16, .f64, .c64, .c128:
      let (low, high) = try doubles(array)
      return (HistogramEndpoint(.double(low), data), HistogramEndpoint(.double(high), data))
    case .u64:
      let (low, high) = try integers(array, UInt64.self)
      return (HistogramEndpoint(.integer(Int128(low)), data), HistogramEndpoint(.integer(Int128(high)), data))
    case .i64: return try ends(array, Int64.self, data)
    case .i32: return try ends(array, Int32.self, data)
    case .i16: return try ends(array, Int16.self, data)
    case .i8: return try ends(array, Int8.self, data)
    case .u32: return try ends(array, UInt32.self, data)
    case .u16: return try ends(array, UInt16.self, data)
    case .u8: return try ends(array, UInt8.self, data)
    case .bool:
      let (low, high) = try integers(array, UInt8.self)
      return (HistogramEndpoint(.integer(low == 0 ? 0 : 1), data), HistogramEndpoint(.integer(high == 0 ? 0 : 1), data))
    }
  }

  private static func ends<T: FixedWidthInteger & BitwiseCopyable>(
    _ array: ArrayView, _ type: T.Type, _ data: DType
  ) throws(MediaError) -> (HistogramEndpoint, HistogramEndpoint) {
    let (low, high) = try integers(array, type)
    return (HistogramEndpoint(.integer(Int128(low)), data), HistogramEndpoint(.integer(Int128(high)), data))
  }

  @inline(__always) private static func integers<T: FixedWidthInteger & BitwiseCopyable>(
    _ array: ArrayView, _ type: T.Type
  ) throws(MediaError) -> (T, T) {
    var low = T.max
    var high = T.min
    try array.forEachBlock(as: T.self) { (block) throws(MediaError) in
      for value in block {
        low = min(low, value)
        high = max(high, value)
      }
    }
    return (low, high)
  }

  private static func singles(_ array: ArrayView) throws(MediaError) -> (Float, Float) {
    typealias Lanes = SIMD4<Float>
    var low = Lanes(repeating: .infinity)
    var high = Lanes(repeating: -.infinity)
    // x - x is zero unless x is NaN or infinite, and NaN stays in a sum.
    var broken = Lanes.zero
    try array.forEachBlock(as: Float.self) { (block) throws(MediaError) in
      guard let values = block.baseAddress else { return }
      var lows = (low, low), highs = (high, high), marks = (broken, broken)
      let count = block.count
      @inline(__always) func load(_ at: Int) -> Lanes { UnsafeRawPointer(values + at).loadUnaligned(as: Lanes.self) }
      var at = 0
      while at &+ 16 <= count {
        let a = load(at), b = load(at &+ 4), c = load(at &+ 8), d = load(at &+ 12)
        lows = (lesser(lesser(a, b), lows.0), lesser(lesser(c, d), lows.1))
        highs = (greater(greater(a, b), highs.0), greater(greater(c, d), highs.1))
        marks.0 += (a - a) + (b - b)
        marks.1 += (c - c) + (d - d)
        at &+= 16
      }
      while at < count {
        let value = Lanes(repeating: values[at])
        lows.0 = lesser(value, lows.0)
        highs.0 = greater(value, highs.0)
        marks.0 += value - value
        at &+= 1
      }
      low = lesser(lows.0, lows.1)
      high = greater(highs.0, highs.1)
      broken = marks.0 + marks.1
    }
    guard broken == .zero else { return (.nan, .nan) }
    return (low.min(), high.max())
  }

  /// The same in double precision: SIMD operations of a generic type do not become instructions.
  private static func doubles(_ array: ArrayView) throws(MediaError) -> (Double, Double) {
    typealias Lanes = SIMD2<Double>
    var low = Lanes(repeating: .infinity)
    var high = Lanes(repeating: -.infinity)
    var broken = Lanes.zero
    try array.forEachDoubleBlock { (block) throws(MediaError) in
      guard let values = block.baseAddress else { return }
      var lows = (low, low), highs = (high, high), marks = (broken, broken)
      let count = block.count
      @inline(__always) func load(_ at: Int) -> Lanes { UnsafeRawPointer(values + at).loadUnaligned(as: Lanes.self) }
      var at = 0
      while at &+ 8 <= count {
        let a = load(at), b = load(at &+ 2), c = load(at &+ 4), d = load(at &+ 6)
        lows = (lesser(lesser(a, b), lows.0), lesser(lesser(c, d), lows.1))
        highs = (greater(greater(a, b), highs.0), greater(greater(c, d), highs.1))
        marks.0 += (a - a) + (b - b)
        marks.1 += (c - c) + (d - d)
        at &+= 8
      }
      while at < count {
        let value = Lanes(repeating: values[at])
        lows.0 = lesser(value, lows.0)
        highs.0 = greater(value, highs.0)
        marks.0 += value - value
        at &+= 1
      }
      low = lesser(lows.0, lows.1)
      high = greater(highs.0, highs.1)
      broken = marks.0 + marks.1
    }
    guard broken == .zero else { return (.nan, .nan) }
    return (low.min(), high.max())
  }
}
