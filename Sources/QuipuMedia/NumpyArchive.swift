import CZlib
import QuipuBase

/// Writes NumPy's `.npz` format: a zip archive with one compressed `.npy` member.
enum NumpyArchive {
  /// - Parameters:
  ///   - name: the array's name; the member is called `<name>.npy`.
  ///   - array: the elements.
  static func bytes(name: String, array: TableArray) throws(MediaError) -> [UInt8] {
    guard let dtype = array.dtype else {
      throw MediaError(.unsupported, "column '\(name)': arrays of objects cannot be kept in an artifact; use lists")
    }
    let content = header(dtype, array.shape) + array.bytes
    let packed = try deflated(content)
    let sum = content.withUnsafeBytes { QuipuBase.crc32(0, $0) }
    let member = Array((name + ".npy").utf8)
    // Bit 11 says that the name is UTF-8.
    let flags: UInt16 = member.contains { $0 >= 0x80 } ? 0x0800 : 0
    guard packed.count <= Int(Int32.max), content.count <= Int(Int32.max), member.count <= Int(UInt16.max) else {
      throw MediaError(.value, "column '\(name)': arrays of more than 2 GiB cannot be kept in an artifact")
    }

    var out = ByteBuffer(capacity: packed.count &+ 256)
    func put16(_ value: UInt16) { out.append(UInt8(truncatingIfNeeded: value)); out.append(UInt8(value >> 8)) }
    func put32(_ value: UInt32) {
      put16(UInt16(truncatingIfNeeded: value))
      put16(UInt16(value >> 16))
    }
    func put64(_ value: UInt64) {
      put32(UInt32(truncatingIfNeeded: value))
      put32(UInt32(value >> 32))
    }
    // Version 4.5, deflate, the earliest date of the format.
    func common() {
      put16(45)
      put16(flags)
      put16(8)
      put16(0)
      put16(0x21)
      put32(sum)
    }
    out.append("PK\u{3}\u{4}")
    common()
    // Sizes are in the extra field with 64 bits.
    put32(.max)
    put32(.max)
    put16(UInt16(member.count))
    put16(20)
    out.append(member)
    put16(1)
    put16(16)
    put64(UInt64(content.count))
    put64(UInt64(packed.count))
    out.append(packed)

    let directory = out.count
    out.append("PK\u{1}\u{2}")
    put16(0x032d)  // made on Unix
    common()
    put32(UInt32(packed.count))
    put32(UInt32(content.count))
    put16(UInt16(member.count))
    put16(0)
    put16(0)
    put16(0)
    put16(0)
    put32(0o600 << 16)
    put32(0)
    out.append(member)
    let directorySize = out.count &- directory
    out.append("PK\u{5}\u{6}")
    put16(0)
    put16(0)
    put16(1)
    put16(1)
    put32(UInt32(directorySize))
    put32(UInt32(directory))
    put16(0)
    return out.array()
  }

  /// The head of a `.npy` file, version 1.
  private static func header(_ dtype: DType, _ shape: [Int]) -> [UInt8] {
    let extents = shape.count == 1 ? "\(shape[0])," : shape.map { String($0) }.joined(separator: ", ")
    var text = "{'descr': '\(dtype.descriptor)', 'fortran_order': False, 'shape': (\(extents)), }"
    // Room for the first extent to grow to 21 digits in place, then spaces up to a multiple of 64 bytes.
    if let first = shape.first { text += String(repeating: " ", count: max(0, 21 &- String(first).utf8.count)) }
    let unpadded = 10 &+ text.utf8.count &+ 1
    text += String(repeating: " ", count: (64 &- unpadded % 64) % 64) + "\n"
    let size = UInt16(truncatingIfNeeded: text.utf8.count)
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(truncatingIfNeeded: size), UInt8(size >> 8)] + Array(text.utf8)
  }

  /// Raw deflate at the default level.
  private static func deflated(_ content: [UInt8]) throws(MediaError) -> [UInt8] {
    let failure = MediaError(.value, "arrays: compression failed for lack of memory; log fewer rows")
    var stream = z_stream()
    guard
      deflateInit2_(
        &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw failure }
    defer { deflateEnd(&stream) }
    guard let sourceSize = UInt32(exactly: content.count) else { throw failure }
    var packed = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(content.count))))
    guard let room = UInt32(exactly: packed.count) else { throw failure }
    var input = content
    let result = input.withUnsafeMutableBufferPointer { source in
      packed.withUnsafeMutableBufferPointer { target in
        stream.next_in = source.baseAddress
        stream.avail_in = sourceSize
        stream.next_out = target.baseAddress
        stream.avail_out = room
        return deflate(&stream, Z_FINISH)
      }
    }
    guard result == Z_STREAM_END else { throw failure }
    packed.removeLast(packed.count &- Int(stream.total_out))
    return packed
  }
}

extension DType {
  /// NumPy's name of the type with byte order. Brain floats have none and are widened before.
  var descriptor: String {
    switch self {
    case .bool: "|b1"
    case .i8: "|i1"
    case .i16: "<i2"
    case .i32: "<i4"
    case .i64: "<i8"
    case .u8: "|u1"
    case .u16: "<u2"
    case .u32: "<u4"
    case .u64: "<u8"
    case .f16: "<f2"
    case .bf16: "|V2"
    case .f32: "<f4"
    case .f64: "<f8"
    case .c64: "<c8"
    case .c128: "<c16"
    }
  }

  /// The type that holds the values of both, by NumPy's rules.
  func promoted(with other: DType) -> DType {
    if self == other { return self }
    if self == .bool { return other }
    if other == .bool { return self }
    if isComplex || other.isComplex {
      let isWide = [self, other].contains { $0 == .c128 || $0 == .f64 || ($0.isInteger && $0.itemSize >= 4) }
      return isWide ? .c128 : .c64
    }
    if isFloating || other.isFloating {
      let sizes = [self, other].map { type in type.isFloating ? type.itemSize : min(8, type.itemSize &* 2) }
      switch max(sizes[0], sizes[1]) {
      case 2: return .f16
      case 4: return .f32
      default: return .f64
      }
    }
    if isSigned == other.isSigned { return itemSize >= other.itemSize ? self : other }
    let (signed, unsigned) = isSigned ? (self, other) : (other, self)
    if signed.itemSize > unsigned.itemSize { return signed }
    switch unsigned.itemSize {
    case 1: return .i16
    case 2: return .i32
    case 4: return .i64
    default: return .f64
    }
  }
}

extension TableArray {
  /// The arrays one above the other along a new first axis.
  ///
  /// - Parameters:
  ///   - cells: arrays of one shape, or nested lists of that shape.
  ///   - column: the column's name, for messages.
  static func stacked(_ cells: [TableCell], shape: [Int], column: String) throws(MediaError) -> TableArray {
    var parts: [TableArray] = []
    parts.reserveCapacity(cells.count)
    for cell in cells {
      switch cell {
      case .array(let array): parts.append(array)
      case .list: parts.append(try TableArray(list: cell, shape: shape, column: column))
      default:
        throw MediaError(
          .value, "column '\(column)': missing values among arrays of shape \(shape) cannot be stored; fill them in")
      }
    }
    guard let first = parts.first?.dtype, parts.allSatisfy({ $0.dtype != nil }) else {
      throw MediaError(.unsupported, "column '\(column)': arrays of objects cannot be kept in an artifact; use lists")
    }
    let common = parts.reduce(first) { $0.promoted(with: $1.dtype ?? $0) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(parts.reduce(0) { $0 &+ $1.count &* common.itemSize })
    for part in parts {
      if part.dtype == common { bytes.append(contentsOf: part.bytes) } else { part.appendConverted(to: common, &bytes) }
    }
    return TableArray(
      shape: [parts.count] + shape, dtype: common, bytes: bytes, count: parts.reduce(0) { $0 &+ $1.count })
  }

  /// An array from nested lists of numbers or of booleans.
  private convenience init(list: TableCell, shape: [Int], column: String) throws(MediaError) {
    var scalars: [TableCell] = []
    func flatten(_ cell: TableCell) {
      if case .list(let elements) = cell { elements.forEach(flatten) } else { scalars.append(cell) }
    }
    flatten(list)
    var dtype: DType?
    for scalar in scalars {
      let own: DType
      switch scalar {
      case .bool: own = .bool
      case .int: own = .i64
      case .double, .numpyDouble: own = .f64
      default: throw MediaError(.unsupported, "column '\(column)': only lists of numbers mix with arrays")
      }
      dtype = dtype?.promoted(with: own) ?? own
    }
    let target = dtype ?? .f64
    var bytes: [UInt8] = []
    for scalar in scalars { Self.append(scalar, as: target, &bytes) }
    self.init(shape: shape, dtype: target, bytes: bytes, count: scalars.count)
  }

  private func appendConverted(to target: DType, _ bytes: inout [UInt8]) {
    for index in 0..<count {
      if let dtype, dtype.isComplex {
        // Only complex64 to complex128.
        let at = index &* dtype.itemSize
        for part in 0..<2 {
          let value = self.bytes.withUnsafeBytes {
            Double($0.loadUnaligned(fromByteOffset: at &+ part &* 4, as: Float.self))
          }
          withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
        }
      } else {
        Self.append(element(index), as: target, &bytes)
      }
    }
  }

  private static func append(_ scalar: TableCell, as target: DType, _ bytes: inout [UInt8]) {
    var integer: Int64 = 0
    var real = 0.0
    switch scalar {
    case .bool(let value):
      integer = value ? 1 : 0
      real = Double(integer)
    case .int(let value):
      integer = value
      real = Double(value)
    case .bigInteger(let digits):
      integer = Int64(bitPattern: UInt64(digits) ?? 0)
      real = Double(digits) ?? 0
    case .double(let value), .numpyDouble(let value): real = value
    default: break
    }
    func put<T: BitwiseCopyable>(_ value: T) { withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) } }
    switch target {
    case .bool: put(UInt8(integer == 0 ? 0 : 1))
    case .i8, .u8: put(UInt8(truncatingIfNeeded: integer))
    case .i16, .u16: put(UInt16(truncatingIfNeeded: integer))
    case .i32, .u32: put(UInt32(truncatingIfNeeded: integer))
    case .i64, .u64: put(integer)
    case .f16: put(SmallFloat.halfBits(real))
    case .bf16: put(UInt16(truncatingIfNeeded: Float(real).bitPattern >> 16))
    case .f32: put(Float(real))
    case .f64: put(real)
    case .c64:
      put(Float(real))
      put(Float(0))
    case .c128:
      put(real)
      put(0.0)
    }
  }
}
