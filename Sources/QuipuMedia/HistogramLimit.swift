/// An outer limit of a histogram. Whether it is a plain number or carries an element type decides, as in NumPy, in
/// which precision edges and bins are computed.
public enum HistogramLimit: Sendable, Equatable {
  /// A plain integer, such as a Python `int`.
  case integer(Int64)
  /// A plain float, such as a Python `float`.
  case double(Double)
  /// A NumPy integer scalar: value and type; `u64` by its bit pattern.
  case typedInteger(Int64, DType)
  /// A NumPy floating scalar: value and type.
  case typedDouble(Double, DType)
}

/// A limit while edges are worked out: an exact integer or a double, and its type unless it is plain.
struct HistogramEndpoint {
  enum Value {
    case integer(Int128)
    case double(Double)
  }
  var value: Value
  var dtype: DType?

  init(_ value: Value, _ dtype: DType?) {
    self.value = value
    self.dtype = dtype
  }

  init(_ limit: HistogramLimit) {
    switch limit {
    case .integer(let value): self.init(.integer(Int128(value)), nil)
    case .double(let value): self.init(.double(value), nil)
    case .typedInteger(let value, .u64): self.init(.integer(Int128(UInt64(bitPattern: value))), .u64)
    case .typedInteger(let value, let type): self.init(.integer(Int128(value)), type.counted)
    case .typedDouble(let value, let type): self.init(.double(value), type.counted)
    }
  }

  var double: Double {
    switch value {
    case .integer(let value): Double(value)
    case .double(let value): value
    }
  }

  var integer: Int128? {
    if case .integer(let value) = value { value } else { nil }
  }

  /// The type edges are spaced in: plain numbers and integers count as double.
  var spacing: DType { dtype.map { $0.isFloating ? $0 : .f64 } ?? .f64 }

  func moved(by step: Double) -> HistogramEndpoint {
    if let dtype, dtype.isFloating {
      return HistogramEndpoint(.double(dtype.rounded(double + step)), dtype)
    }
    // NumPy integers become double scalars, plain numbers stay plain.
    return HistogramEndpoint(.double(double + step), dtype == nil ? nil : .f64)
  }
}
