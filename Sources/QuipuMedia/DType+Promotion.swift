extension DType {
  /// The type histograms count an array as: booleans as bytes, bfloat16 as single precision (both exact).
  var counted: DType {
    switch self {
    case .bool: .u8
    case .bf16: .f32
    default: self
    }
  }

  private var bitWidth: Int { itemSize * 8 }

  /// The smallest type that holds both, by NumPy's rules for real types: an integer beside a float asks for twice its
  /// width in the float (at most 64), and 64-bit integers of different signedness meet in double.
  static func common(_ a: DType, _ b: DType) -> DType {
    let a = a.counted, b = b.counted
    if a == b { return a }
    if a.isFloating && b.isFloating { return a.itemSize > b.itemSize ? a : b }
    if a.isFloating || b.isFloating {
      let (float, integer) = a.isFloating ? (a, b) : (b, a)
      let needed: DType = integer.bitWidth == 8 ? .f16 : (integer.bitWidth == 16 ? .f32 : .f64)
      return common(float, needed)
    }
    guard a.isInteger && b.isInteger else { return .f64 }
    if a.isSigned == b.isSigned { return a.itemSize > b.itemSize ? a : b }
    let (signed, unsigned) = a.isSigned ? (a, b) : (b, a)
    if signed.itemSize > unsigned.itemSize { return signed }
    switch unsigned {
    case .u8: return .i16
    case .u16: return .i32
    case .u32: return .i64
    default: return .f64
    }
  }

  /// The unsigned integer of the same width; other types unchanged.
  var unsignedCounterpart: DType {
    switch self {
    case .i8: .u8
    case .i16: .u16
    case .i32: .u32
    case .i64: .u64
    default: self
    }
  }

  /// `value` rounded once to this type; integers and double leave it as it is.
  @inline(__always) func rounded(_ value: Double) -> Double {
    switch self {
    case .f32: Double(Float(value))
    case .f16: SmallFloat.roundToHalf(value)
    default: value
    }
  }

  /// An integer cut to this type's width, as storing it does; other types leave it as it is.
  func wrapped(_ value: Int64) -> Int64 {
    switch self {
    case .bool: value == 0 ? 0 : 1
    case .i8: Int64(Int8(truncatingIfNeeded: value))
    case .i16: Int64(Int16(truncatingIfNeeded: value))
    case .i32: Int64(Int32(truncatingIfNeeded: value))
    case .u8: Int64(UInt8(truncatingIfNeeded: value))
    case .u16: Int64(UInt16(truncatingIfNeeded: value))
    case .u32: Int64(UInt32(truncatingIfNeeded: value))
    default: value
    }
  }
}
