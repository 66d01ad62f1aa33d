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
    var broken = SIMD4<UInt32>.zero
    try array.forEachBlock(as: Float.self) { (block) throws(MediaError) in
      guard let values = block.baseAddress else { return }
      var lows = (low, low, low, low), highs = (high, high, high, high)
      var marks = (broken, broken)
      let count = block.count
      @inline(__always) func load(_ at: Int) -> Lanes { UnsafeRawPointer(values + at).loadUnaligned(as: Lanes.self) }
      @inline(__always) func lower(_ a: Lanes, _ b: Lanes) -> Lanes { b.replacing(with: a, where: a .< b) }
      @inline(__always) func upper(_ a: Lanes, _ b: Lanes) -> Lanes { b.replacing(with: a, where: a .> b) }
      // x - x is zero unless x is NaN or infinite.
      @inline(__always) func mark(_ x: Lanes) -> SIMD4<UInt32> { unsafeBitCast(x - x, to: SIMD4<UInt32>.self) }
      var at = 0
      while at &+ 16 <= count {
        let a = load(at), b = load(at &+ 4), c = load(at &+ 8), d = load(at &+ 12)
        lows = (lower(a, lows.0), lower(b, lows.1), lower(c, lows.2), lower(d, lows.3))
        highs = (upper(a, highs.0), upper(b, highs.1), upper(c, highs.2), upper(d, highs.3))
        marks.0 |= mark(a) | mark(b)
        marks.1 |= mark(c) | mark(d)
        at &+= 16
      }
      while at < count {
        let value = Lanes(repeating: values[at])
        lows.0 = lower(value, lows.0)
        highs.0 = upper(value, highs.0)
        marks.0 |= mark(value)
        at &+= 1
      }
      low = lower(lower(lows.0, lows.1), lower(lows.2, lows.3))
      high = upper(upper(highs.0, highs.1), upper(highs.2, highs.3))
      broken = marks.0 | marks.1
    }
    var least = Float.infinity, greatest = -Float.infinity
    var bad: UInt32 = 0
    for lane in 0..<4 {
      least = min(least, low[lane])
      greatest = max(greatest, high[lane])
      bad |= broken[lane]
    }
    return bad == 0 ? (least, greatest) : (.nan, .nan)
  }

  private static func doubles(_ array: ArrayView) throws(MediaError) -> (Double, Double) {
    typealias Lanes = SIMD2<Double>
    var low = Lanes(repeating: .infinity)
    var high = Lanes(repeating: -.infinity)
    var broken = Lanes.zero
    try array.forEachDoubleBlock { (block) throws(MediaError) in
      guard let values = block.baseAddress else { return }
      var lows = (low, low, low, low), highs = (high, high, high, high)
      var marks = (broken, broken)
      let count = block.count
      @inline(__always) func load(_ at: Int) -> Lanes { UnsafeRawPointer(values + at).loadUnaligned(as: Lanes.self) }
      @inline(__always) func lower(_ a: Lanes, _ b: Lanes) -> Lanes { b.replacing(with: a, where: a .< b) }
      @inline(__always) func upper(_ a: Lanes, _ b: Lanes) -> Lanes { b.replacing(with: a, where: a .> b) }
      var at = 0
      while at &+ 8 <= count {
        let a = load(at), b = load(at &+ 2), c = load(at &+ 4), d = load(at &+ 6)
        lows = (lower(a, lows.0), lower(b, lows.1), lower(c, lows.2), lower(d, lows.3))
        highs = (upper(a, highs.0), upper(b, highs.1), upper(c, highs.2), upper(d, highs.3))
        marks.0 += (a - a) + (b - b)
        marks.1 += (c - c) + (d - d)
        at &+= 8
      }
      while at < count {
        let value = Lanes(repeating: values[at])
        lows.0 = lower(value, lows.0)
        highs.0 = upper(value, highs.0)
        marks.0 += value - value
        at &+= 1
      }
      low = lower(lower(lows.0, lows.1), lower(lows.2, lows.3))
      high = upper(upper(highs.0, highs.1), upper(highs.2, highs.3))
      broken = marks.0 + marks.1
    }
    // x - x is zero unless x is NaN or infinite, and NaN stays in a sum.
    guard broken.x == 0, broken.y == 0 else { return (.nan, .nan) }
    return (min(low.x, low.y), max(high.x, high.y))
  }
}
