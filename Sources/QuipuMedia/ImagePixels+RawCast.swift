extension ArrayView {
  /// Writes the low 8 bits of every element, in C order: what the reference client makes of an array. `out` has room
  /// for `count` bytes.
  ///
  /// Integers are taken modulo 256. Floats are truncated toward zero to a 32-bit integer of which the low 8 bits stay;
  /// NaN, infinities and what does not fit give 0. Complex numbers give their real part.
  func copyAsUInt8(to out: UnsafeMutableRawBufferPointer) throws(MediaError) {
    guard let target = out.baseAddress, out.count >= count else { return }
    switch dtype {
    case .u8, .i8: copyElements(to: target)
    case .bool: try reduce(UInt8.self, target) { $0 == 0 ? 0 : 1 }
    case .i16, .u16: try reduce(UInt16.self, target) { UInt8(truncatingIfNeeded: $0) }
    case .i32, .u32: try reduce(UInt32.self, target) { UInt8(truncatingIfNeeded: $0) }
    case .i64, .u64: try reduce(UInt64.self, target) { UInt8(truncatingIfNeeded: $0) }
    case .f16: try reduce(UInt16.self, target) { Self.lowByte(SmallFloat.half($0)) }
    case .bf16: try reduce(UInt16.self, target) { Self.lowByte(SmallFloat.brain($0)) }
    case .f32: try reduceSingles(target)
    case .f64: try reduceDoubles(target)
    case .c64: try reduce(SIMD2<Float>.self, target) { Self.lowByte($0.x) }
    case .c128: try reduce(SIMD2<Double>.self, target) { Self.lowByte($0.x) }
    }
  }

  /// Sixteen at a time for values a picture normally has. Adding 2^23 leaves the nearest integer in the low bits; where
  /// that is above the value it is one too many. Groups with anything else go through `lowByte`.
  private func reduceSingles(_ target: UnsafeMutableRawPointer) throws(MediaError) {
    typealias Lanes = SIMD16<Float>
    let magic = Lanes(repeating: 8_388_608), limit = Lanes(repeating: 4_194_304)
    var out = target
    try forEachBlock(as: Float.self) { (block) throws(MediaError) in
      guard let values = block.baseAddress else { return }
      var at = 0
      while at &+ 16 <= block.count {
        let x = UnsafeRawPointer(values + at).loadUnaligned(as: Lanes.self)
        if all((x .>= Lanes.zero) .& (x .< limit)) {
          let shifted = x + magic
          let nearest = unsafeBitCast(shifted, to: SIMD16<UInt32>.self)
          let tooHigh = SIMD16<UInt32>.zero.replacing(with: 1, where: (shifted - magic) .> x)
          let bytes = SIMD16<UInt8>(truncatingIfNeeded: nearest &- tooHigh)
          out.storeBytes(of: bytes, toByteOffset: at, as: SIMD16<UInt8>.self)
        } else {
          for lane in 0..<16 { out.storeBytes(of: Self.lowByte(x[lane]), toByteOffset: at &+ lane, as: UInt8.self) }
        }
        at &+= 16
      }
      while at < block.count {
        out.storeBytes(of: Self.lowByte(values[at]), toByteOffset: at, as: UInt8.self)
        at &+= 1
      }
      out += block.count
    }
  }

  /// The same with 2^52, eight at a time.
  private func reduceDoubles(_ target: UnsafeMutableRawPointer) throws(MediaError) {
    typealias Lanes = SIMD8<Double>
    let magic = Lanes(repeating: 4_503_599_627_370_496), limit = Lanes(repeating: 2_147_483_648)
    var out = target
    try forEachBlock(as: Double.self) { (block) throws(MediaError) in
      guard let values = block.baseAddress else { return }
      var at = 0
      while at &+ 8 <= block.count {
        let x = UnsafeRawPointer(values + at).loadUnaligned(as: Lanes.self)
        if all((x .>= Lanes.zero) .& (x .< limit)) {
          let shifted = x + magic
          let nearest = unsafeBitCast(shifted, to: SIMD8<UInt64>.self)
          let tooHigh = SIMD8<UInt64>.zero.replacing(with: 1, where: (shifted - magic) .> x)
          let bytes = SIMD8<UInt8>(truncatingIfNeeded: nearest &- tooHigh)
          out.storeBytes(of: bytes, toByteOffset: at, as: SIMD8<UInt8>.self)
        } else {
          for lane in 0..<8 { out.storeBytes(of: Self.lowByte(x[lane]), toByteOffset: at &+ lane, as: UInt8.self) }
        }
        at &+= 8
      }
      while at < block.count {
        out.storeBytes(of: Self.lowByte(values[at]), toByteOffset: at, as: UInt8.self)
        at &+= 1
      }
      out += block.count
    }
  }

  /// The low byte of the value truncated to 32 bits. What does not fit becomes -2^31 on x86-64, whose low byte is 0.
  @inline(__always) static func lowByte<F: BinaryFloatingPoint>(_ value: F) -> UInt8 {
    guard value.magnitude < 2_147_483_648 else { return 0 }
    return UInt8(truncatingIfNeeded: Int32(value))
  }

  @inline(__always) func reduce<T: BitwiseCopyable>(
    _ type: T.Type, _ target: UnsafeMutableRawPointer, _ convert: (T) -> UInt8
  ) throws(MediaError) {
    var out = target
    try forEachBlock(as: T.self) { (block) throws(MediaError) in
      for at in 0..<block.count { out.storeBytes(of: convert(block[at]), toByteOffset: at, as: UInt8.self) }
      out += block.count
    }
  }
}
