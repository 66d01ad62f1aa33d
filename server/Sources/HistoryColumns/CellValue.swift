/// What a cell holds. Numbers have one form each: whole doubles up to 2^53 are integers.
enum CellKind: UInt8 {
  case integer = 0
  case double = 1
  case text = 2
}

/// A number in its one form.
struct Number: Equatable {
  var kind: CellKind
  /// Of an Int64 or a Double.
  var bits: UInt64

  @inline(__always)
  init(_ value: Int64) {
    kind = .integer
    bits = UInt64(bitPattern: value)
  }

  @inline(__always)
  init(_ value: Double) {
    // Minus zero has no integer; the others are found by converting there and back.
    let whole = value.magnitude <= 0x1p53 ? Int64(value) : 0
    let isWhole = Double(whole) == value && (whole != 0 || value.sign == .plus)
    kind = isWhole ? .integer : .double
    bits = isWhole ? UInt64(bitPattern: whole) : value.bitPattern
  }

  var double: Double { kind == .integer ? Double(Int64(bitPattern: bits)) : Double(bitPattern: bits) }

  /// Whether both stand for the same number; NaN equals NaN.
  static func == (a: Number, b: Number) -> Bool {
    if a.kind == b.kind { return a.bits == b.bits || (a.kind == .double && a.double.isNaN && b.double.isNaN) }
    let integer = a.kind == .integer ? a : b, double = a.kind == .integer ? b : a
    return Int64(exactly: double.double) == Int64(bitPattern: integer.bits)
  }
}
