import Foundation
import QuipuMedia

/// An array read from a `.npy` file, owning its bytes.
struct NPY {
  var dtype: DType
  var shape: [Int]
  var fortranOrder: Bool
  var byteSwapped: Bool
  var bytes: [UInt8]

  enum Failure: Error { case malformed(String) }

  init(dtype: DType, shape: [Int], fortranOrder: Bool = false, byteSwapped: Bool = false, bytes: [UInt8]) {
    self.dtype = dtype
    self.shape = shape
    self.fortranOrder = fortranOrder
    self.byteSwapped = byteSwapped
    self.bytes = bytes
  }

  /// An array of trivial values in C order.
  init<T: BitwiseCopyable>(_ values: [T], _ dtype: DType, shape: [Int]? = nil) {
    self.init(dtype: dtype, shape: shape ?? [values.count], bytes: values.withUnsafeBytes { [UInt8]($0) })
  }

  init(contentsOf url: URL) throws { try self.init(file: [UInt8](Data(contentsOf: url))) }

  init(file: [UInt8]) throws {
    guard file.count > 10, file[0] == 0x93, file[1...5].elementsEqual("NUMPY".utf8) else {
      throw Failure.malformed("not an npy file")
    }
    let wide = file[6] >= 2
    let length = wide ? Int(file[8]) | Int(file[9]) << 8 | Int(file[10]) << 16 : Int(file[8]) | Int(file[9]) << 8
    let start = wide ? 12 : 10
    let header = String(decoding: file[start..<start + length], as: UTF8.self)
    func field(_ name: String) throws -> Substring {
      guard let at = header.range(of: "'\(name)': ") else { throw Failure.malformed(name) }
      return header[at.upperBound...]
    }
    let descr = try field("descr").dropFirst().prefix(3)
    fortranOrder = try field("fortran_order").hasPrefix("True")
    let tuple = try field("shape").dropFirst().prefix { $0 != ")" }
    shape = tuple.split(separator: ",").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
    guard let type = NPY.dtype(named: String(descr)) else { throw Failure.malformed(String(descr)) }
    dtype = type
    byteSwapped = descr.hasPrefix(">")
    bytes = Array(file[(start + length)...])
  }

  static func dtype(named name: String) -> DType? {
    let types: [String: DType] = [
      "b1": .bool, "i1": .i8, "i2": .i16, "i4": .i32, "i8": .i64, "u1": .u8, "u2": .u16, "u4": .u32, "u8": .u64,
      "f2": .f16, "f4": .f32, "f8": .f64, "c8": .c64,
    ]
    let kind = name.trimmingCharacters(in: CharacterSet(charactersIn: "<>|="))
    return name.hasSuffix("c16") || kind == "c1" || kind == "c16" ? .c128 : types[kind]
  }

  /// Calls `body` with a view of the array.
  func withView<R>(_ body: (ArrayView) throws -> R) throws -> R {
    try bytes.withUnsafeBytes { raw in
      var strides: [Int]?
      if fortranOrder {
        var step = dtype.itemSize
        strides = shape.map { extent in
          defer { step *= extent }
          return step
        }
      }
      return try body(
        ArrayView(
          base: raw.baseAddress, dtype: dtype, shape: shape, strides: strides, byteSwapped: byteSwapped))
    }
  }
}

/// The members of a zip archive without compression, as `numpy.savez` writes it.
func readStoredZip(_ url: URL) throws -> [String: [UInt8]] {
  let file = [UInt8](try Data(contentsOf: url))
  func number(_ at: Int, _ width: Int) -> Int { (0..<width).reduce(0) { $0 | Int(file[at + $1]) << (8 * $1) } }
  // The directory at the end has the sizes even when the local headers leave them out.
  guard var end = (0...(file.count - 22)).last(where: { number($0, 4) == 0x0605_4b50 }) else {
    throw NPY.Failure.malformed("zip")
  }
  let count = number(end + 10, 2)
  end = number(end + 16, 4)
  var members: [String: [UInt8]] = [:]
  for _ in 0..<count {
    let (method, size) = (number(end + 10, 2), number(end + 20, 4))
    let (nameLength, extra, comment) = (number(end + 28, 2), number(end + 30, 2), number(end + 32, 2))
    let local = number(end + 42, 4)
    guard method == 0 else { throw NPY.Failure.malformed("compressed zip") }
    let name = String(decoding: file[(end + 46)..<(end + 46 + nameLength)], as: UTF8.self)
    let data = local + 30 + number(local + 26, 2) + number(local + 28, 2)
    members[name] = Array(file[data..<data + size])
    end += 46 + nameLength + extra + comment
  }
  return members
}
