import QuipuBase

/// A list of numbers that remembers the element type it came from, as histogram counts and edges do.
public enum NumberList: Sendable, Equatable {
  /// Integers and booleans; `u64` values are kept by their bit pattern.
  case integers([Int64], DType)
  /// Real floats widened to double.
  case floats([Double], DType)
  /// Complex numbers, real part first.
  case complex([SIMD2<Double>], DType)
  /// Values that were given as JSON and are passed on unchanged.
  case json([JSON])

  public var count: Int {
    switch self {
    case .integers(let values, _): values.count
    case .floats(let values, _): values.count
    case .complex(let values, _): values.count
    case .json(let values): values.count
    }
  }

  /// The element type; nil for values given as JSON.
  public var dtype: DType? {
    switch self {
    case .integers(_, let type), .floats(_, let type), .complex(_, let type): type
    case .json: nil
    }
  }

  /// The values as doubles; a complex number gives its real part, anything that is not a number NaN.
  public var doubles: [Double] {
    switch self {
    case .integers(let values, .u64): values.map { Double(UInt64(bitPattern: $0)) }
    case .integers(let values, _): values.map { Double($0) }
    case .floats(let values, _): values
    case .complex(let values, _): values.map(\.x)
    case .json(let values): values.map { $0.doubleValue ?? .nan }
    }
  }

  /// The values as JSON: booleans, integers and floats stay what they are, a complex number becomes its two parts.
  public var json: [JSON] {
    switch self {
    case .integers(let values, .bool): values.map { .bool($0 != 0) }
    case .integers(let values, .u64): values.map { Self.json(UInt64(bitPattern: $0)) }
    case .integers(let values, _): values.map { .int($0) }
    case .floats(let values, _): values.map { .double($0) }
    case .complex(let values, _): values.map { .array([.double($0.x), .double($0.y)]) }
    case .json(let values): values
    }
  }

  static func json(_ value: UInt64) -> JSON {
    if let small = Int64(exactly: value) { return .int(small) }
    return .bigInteger(String(value))
  }

  /// Writes the values in their element type, one after the other; values given as JSON as doubles.
  /// - Parameter target: room for `count` elements.
  public func copy(to target: UnsafeMutableRawPointer) {
    let item = (dtype ?? .f64).itemSize
    switch self {
    case .integers(let values, _):
      for (at, value) in values.enumerated() {
        let place = target + at * item
        switch item {
        case 1: place.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
        case 2: place.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
        case 4: place.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
        default: place.storeBytes(of: value, as: Int64.self)
        }
      }
    case .complex(let values, let type):
      for (at, value) in values.enumerated() {
        if type == .c64 {
          target.storeBytes(of: SIMD2(Float(value.x), Float(value.y)), toByteOffset: at * item, as: SIMD2<Float>.self)
        } else {
          target.storeBytes(of: value, toByteOffset: at * item, as: SIMD2<Double>.self)
        }
      }
    default:
      for (at, value) in doubles.enumerated() {
        let place = target + at * item
        switch dtype {
        case .f16: place.storeBytes(of: SmallFloat.halfBits(value), as: UInt16.self)
        case .bf16: place.storeBytes(of: UInt16(truncatingIfNeeded: Float(value).bitPattern >> 16), as: UInt16.self)
        case .f32: place.storeBytes(of: Float(value), as: Float.self)
        default: place.storeBytes(of: value, as: Double.self)
        }
      }
    }
  }

  /// All elements of an array in C order.
  /// - Throws: `.memory` for an array of more than 2^28 elements.
  public init(_ view: ArrayView) throws(MediaError) {
    guard view.count <= 1 << 28 else { throw MediaError(.memory, "array of \(view.count) elements is too large here") }
    switch view.dtype {
    case .f16, .bf16, .f32, .f64:
      self = .floats(try view.doubles(), view.dtype)
    case .c64:
      var all: [SIMD2<Double>] = []
      try view.forEachBlock(as: SIMD2<Float>.self) { (block) throws(MediaError) in
        for value in block { all.append(SIMD2(Double(value.x), Double(value.y))) }
      }
      self = .complex(all, .c64)
    case .c128:
      var all: [SIMD2<Double>] = []
      try view.forEachBlock(as: SIMD2<Double>.self) { (block) throws(MediaError) in all.append(contentsOf: block) }
      self = .complex(all, .c128)
    default:
      var all: [Int64] = []
      all.reserveCapacity(view.count)
      try view.forEachIntegerBlock { (block) throws(MediaError) in all.append(contentsOf: block) }
      self = .integers(all, view.dtype)
    }
  }
}

extension ArrayView {
  /// Calls `body` with consecutive pieces in C order, integers and booleans widened to 64 bits; `u64` keeps its bits.
  /// Does nothing for other types.
  func forEachIntegerBlock(
    limit: Int = 8_192, _ body: (UnsafeBufferPointer<Int64>) throws(MediaError) -> Void
  ) throws(MediaError) {
    switch dtype {
    case .bool: try widenIntegers(UInt8.self, limit, body) { $0 == 0 ? 0 : 1 }
    case .i8: try widenIntegers(Int8.self, limit, body) { Int64($0) }
    case .i16: try widenIntegers(Int16.self, limit, body) { Int64($0) }
    case .i32: try widenIntegers(Int32.self, limit, body) { Int64($0) }
    case .i64, .u64: try forEachBlock(as: Int64.self, limit: limit, body)
    case .u8: try widenIntegers(UInt8.self, limit, body) { Int64($0) }
    case .u16: try widenIntegers(UInt16.self, limit, body) { Int64($0) }
    case .u32: try widenIntegers(UInt32.self, limit, body) { Int64($0) }
    default: return
    }
  }

  @inline(__always) private func widenIntegers<T: BitwiseCopyable>(
    _ type: T.Type, _ limit: Int, _ body: (UnsafeBufferPointer<Int64>) throws(MediaError) -> Void,
    _ convert: (T) -> Int64
  ) throws(MediaError) {
    var scratch: [Int64] = []
    try forEachBlock(as: T.self, limit: limit) { (block) throws(MediaError) in
      scratch.removeAll(keepingCapacity: true)
      for value in block { scratch.append(convert(value)) }
      var failure: MediaError?
      scratch.withUnsafeBufferPointer { wide in
        do throws(MediaError) { try body(wide) } catch { failure = error }
      }
      if let failure { throw failure }
    }
  }
}
