import QuipuBase

/// An array in a cell: a copy of the elements, contiguous in C order and in this machine's byte order.
public final class TableArray: Sendable {
  public let shape: [Int]
  /// Nil for an array of objects, such as strings or dates.
  public let dtype: DType?
  let bytes: [UInt8]
  let objects: [TableCell]
  /// Number of elements.
  public let count: Int

  /// Most rows that an array without elements may have.
  static let maximumEmptyRows = 1_000_000

  /// Copies the elements of `view`. Brain floats become 32-bit floats, which NumPy's file format can hold.
  ///
  /// - Throws: `value` for an array without elements but with more than a million rows.
  public init(_ view: ArrayView) throws(MediaError) {
    if view.count == 0 {
      var rows = 1
      for extent in view.shape.prefix(while: { $0 > 0 }) {
        let (product, overflow) = rows.multipliedReportingOverflow(by: extent)
        rows = overflow ? .max : product
      }
      guard rows <= Self.maximumEmptyRows else {
        throw MediaError(.value, "array: shape \(view.shape) has \(rows) rows without elements; drop the empty axes")
      }
    }
    shape = view.shape
    count = view.count
    objects = []
    let size = view.count * view.dtype.itemSize  // bounded by the view
    var copy = [UInt8](repeating: 0, count: size)
    copy.withUnsafeMutableBytes { target in
      if let base = target.baseAddress { view.copyElements(to: base) }
    }
    if view.dtype == .bf16 {
      var wide: [UInt8] = []
      wide.reserveCapacity(size &* 2)
      for at in stride(from: 0, to: size &- 1, by: 2) {
        wide.append(0)
        wide.append(0)
        wide.append(copy[at])
        wide.append(copy[at &+ 1])
      }
      dtype = .f32
      bytes = wide
    } else {
      dtype = view.dtype
      bytes = copy
    }
  }

  /// An array of strings, dates or other objects.
  ///
  /// - Parameters:
  ///   - shape: extents; their product is the number of `objects`.
  ///   - objects: the elements in C order, scalars only.
  /// - Throws: `value` when the numbers do not agree.
  public init(shape: [Int], objects: [TableCell]) throws(MediaError) {
    var product = 1
    for extent in shape {
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else { throw MediaError(.value, "array: shape \(shape) is impossible") }
      product = next
    }
    guard product == objects.count else {
      throw MediaError(.value, "array: shape \(shape) needs \(product) elements, got \(objects.count)")
    }
    guard product > 0 || shape.prefix(while: { $0 > 0 }).allSatisfy({ $0 <= Self.maximumEmptyRows }) else {
      throw MediaError(.value, "array: shape \(shape) has too many rows without elements; drop the empty axes")
    }
    self.shape = shape
    self.objects = objects
    dtype = nil
    bytes = []
    count = product
  }

  init(shape: [Int], dtype: DType, bytes: [UInt8], count: Int) {
    self.shape = shape
    self.dtype = dtype
    self.bytes = bytes
    self.count = count
    objects = []
  }

  /// Element `index` in C order as a scalar cell. Complex numbers have no JSON form and come as an object.
  func element(_ index: Int) -> TableCell {
    guard let dtype else { return index < objects.count ? objects[index] : .none }
    let item = dtype.itemSize
    let at = index &* item
    guard index >= 0, at &+ item <= bytes.count else { return .none }
    return bytes.withUnsafeBytes { raw -> TableCell in
      func load<T: BitwiseCopyable>(_ type: T.Type) -> T { raw.loadUnaligned(fromByteOffset: at, as: type) }
      switch dtype {
      case .bool: return .bool(load(UInt8.self) != 0)
      case .i8: return .int(Int64(load(Int8.self)))
      case .i16: return .int(Int64(load(Int16.self)))
      case .i32: return .int(Int64(load(Int32.self)))
      case .i64: return .int(load(Int64.self))
      case .u8: return .int(Int64(load(UInt8.self)))
      case .u16: return .int(Int64(load(UInt16.self)))
      case .u32: return .int(Int64(load(UInt32.self)))
      case .u64:
        let value = load(UInt64.self)
        return Int64(exactly: value).map { .int($0) } ?? .bigInteger(String(value))
      case .f16: return .numpyDouble(Double(SmallFloat.half(load(UInt16.self))))
      case .bf16: return .numpyDouble(Double(SmallFloat.brain(load(UInt16.self))))
      case .f32: return .numpyDouble(Double(load(Float.self)))
      case .f64: return .numpyDouble(load(Double.self))
      case .c64:
        let parts = (Double(load(Float.self)), Double(raw.loadUnaligned(fromByteOffset: at &+ 4, as: Float.self)))
        return Self.complex(parts.0, parts.1)
      case .c128:
        return Self.complex(load(Double.self), raw.loadUnaligned(fromByteOffset: at &+ 8, as: Double.self))
      }
    }
  }

  /// The run file shows complex elements of arrays in Python's notation, `(1+2j)`; an artifact cannot hold them.
  private static func complex(_ real: Double, _ imaginary: Double) -> TableCell {
    func text(_ value: Double) -> String {
      if value.isNaN { return "nan" }
      if value.isInfinite { return value < 0 ? "-inf" : "inf" }
      var out = ByteBuffer()
      out.appendDouble(value, style: .artifact)
      let text = out.string()
      return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
    let tail = text(imaginary) + "j"
    let isBare = real == 0 && real.sign == .plus
    let shown = isBare ? tail : "(" + text(real) + (tail.utf8.first == UInt8(ascii: "-") ? "" : "+") + tail + ")"
    return .object(TableObject(className: "complex", run: .string(shown), artifact: nil, type: .number))
  }

  /// Row `index` along the first axis: a scalar of a one-axis array, else an array. Nil without axes.
  func row(_ index: Int) -> TableCell? {
    guard let extent = shape.first, index >= 0, index < extent else { return nil }
    if shape.count == 1 { return element(index) }
    let rest = Array(shape.dropFirst())
    let rowCount = count / extent  // extent > index >= 0
    guard let dtype else {
      let part = Array(objects[(index &* rowCount)..<((index &+ 1) &* rowCount)])
      return (try? TableArray(shape: rest, objects: part)).map { .array($0) }
    }
    let rowBytes = rowCount &* dtype.itemSize
    let part = Array(bytes[(index &* rowBytes)..<((index &+ 1) &* rowBytes)])
    return .array(TableArray(shape: rest, dtype: dtype, bytes: part, count: rowCount))
  }
}
