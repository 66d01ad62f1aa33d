/// Element type of an array. The raw values are stable: they are the numbers of `quipu_dtype` in the C header.
public enum DType: Int32, Sendable, CaseIterable {
  case bool = 1
  case i8 = 2
  case i16 = 3
  case i32 = 4
  case i64 = 5
  case u8 = 6
  case u16 = 7
  case u32 = 8
  case u64 = 9
  case f16 = 10
  /// The upper half of a 32-bit float.
  case bf16 = 11
  case f32 = 12
  case f64 = 13
  /// Two 32-bit floats, real part first.
  case c64 = 14
  /// Two 64-bit floats, real part first.
  case c128 = 15

  /// Bytes per element.
  public var itemSize: Int {
    switch self {
    case .bool, .i8, .u8: 1
    case .i16, .u16, .f16, .bf16: 2
    case .i32, .u32, .f32: 4
    case .i64, .u64, .f64, .c64: 8
    case .c128: 16
    }
  }

  public var isComplex: Bool { self == .c64 || self == .c128 }

  /// True for the real floating types.
  public var isFloating: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64: true
    default: false
    }
  }

  /// True for signed and unsigned integers, not for bool.
  public var isInteger: Bool {
    switch self {
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64: true
    default: false
    }
  }

  /// True for the signed integers.
  public var isSigned: Bool {
    switch self {
    case .i8, .i16, .i32, .i64: true
    default: false
    }
  }

  /// Bytes that are reversed together when an array has the other byte order.
  var wordSize: Int { isComplex ? itemSize / 2 : itemSize }

  /// The name NumPy uses, for messages.
  public var name: String {
    switch self {
    case .bool: "bool"
    case .i8: "int8"
    case .i16: "int16"
    case .i32: "int32"
    case .i64: "int64"
    case .u8: "uint8"
    case .u16: "uint16"
    case .u32: "uint32"
    case .u64: "uint64"
    case .f16: "float16"
    case .bf16: "bfloat16"
    case .f32: "float32"
    case .f64: "float64"
    case .c64: "complex64"
    case .c128: "complex128"
    }
  }
}
