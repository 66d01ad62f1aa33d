/// How the elements of an array become the samples of a picture.
struct SampleRule {
  /// 8 or 16.
  var bitDepth: Int
  /// False: the low bits of each element as the reference client takes them, whatever its value.
  var normalize: Bool
}

extension ArrayView {
  /// Writes every element as a sample, in C order; 16-bit samples with the high byte first.
  ///
  /// Normalised, the largest sample is white: `true` is the largest, unsigned integers of 8 bits are taken as they are
  /// (times 257 for 16-bit samples), other integers are clipped. Floats are multiplied by the largest sample if every
  /// finite value lies in 0...1, else clipped; both are then truncated. NaN is 0.
  ///
  /// - Parameter out: room for `count` samples.
  /// - Throws: `.memory`.
  func copySamples(_ rule: SampleRule, to out: UnsafeMutableRawBufferPointer) throws(MediaError) {
    guard let target = out.baseAddress, out.count >= count &* (rule.bitDepth / 8) else { return }
    if rule.bitDepth == 16 { return try copyWide(rule, target) }
    guard rule.normalize else { return try copyAsUInt8(to: out) }
    switch dtype {
    case .u8: copyElements(to: target)
    case .bool: try reduce(UInt8.self, target) { $0 == 0 ? 0 : 255 }
    case .f16, .bf16, .f32, .c64:
      let scale: Float = try isUnitRange() ? 255 : 1
      var out = target
      try forEachSingleBlock { (block) throws(MediaError) in
        Self.quantize(block, scale: scale, to: out)
        out += block.count
      }
    default:
      var scale = 1.0
      if !dtype.isInteger, try isUnitRange() { scale = 255 }
      var out = target
      try forEachDoubleBlock { (block) throws(MediaError) in
        Self.quantize(block, scale: scale, limit: 255) { sample, at in
          out.storeBytes(of: UInt8(truncatingIfNeeded: sample), toByteOffset: at, as: UInt8.self)
        }
        out += block.count
      }
    }
  }

  private func copyWide(_ rule: SampleRule, _ target: UnsafeMutableRawPointer) throws(MediaError) {
    var out = target
    func put(_ sample: UInt64, _ at: Int) {
      out.storeBytes(of: UInt16(truncatingIfNeeded: sample).bigEndian, toByteOffset: 2 &* at, as: UInt16.self)
    }
    if !rule.normalize, dtype == .i64 || dtype == .u64 {  // a double cannot hold them all
      try forEachBlock(as: UInt64.self) { (block) throws(MediaError) in
        for at in 0..<block.count { put(block[at], at) }
        out += 2 &* block.count
      }
      return
    }
    var scale = 1.0
    if rule.normalize {
      switch dtype {
      case .bool: scale = 65_535
      case .u8: scale = 257
      case .i8, .i16, .i32, .i64, .u16, .u32, .u64: break
      default: scale = try isUnitRange() ? 65_535 : 1
      }
    }
    try forEachDoubleBlock { (block) throws(MediaError) in
      if rule.normalize {
        Self.quantize(block, scale: scale, limit: 65_535, put)
      } else {
        for at in 0..<block.count {
          let value = block[at]
          put(value.magnitude < 2_147_483_648 ? UInt64(truncatingIfNeeded: Int64(value)) : 0, at)
        }
      }
      out += 2 &* block.count
    }
  }

  /// Sixteen values at a time: scaled, clipped to 0...255 and truncated. Adding 2^23 leaves the nearest integer in the
  /// low bits; where that is above the value it is one too many.
  private static func quantize(_ block: UnsafeBufferPointer<Float>, scale: Float, to out: UnsafeMutableRawPointer) {
    typealias Lanes = SIMD16<Float>
    guard let values = block.baseAddress else { return }
    func bytes(_ x: Lanes) -> SIMD16<UInt8> {
      var x = x * scale
      x = Lanes.zero.replacing(with: x, where: x .> Lanes.zero)  // NaN is not above 0
      x = x.replacing(with: Lanes(repeating: 255), where: x .> Lanes(repeating: 255))
      let magic = Lanes(repeating: 8_388_608)
      let shifted = x + magic
      let tooHigh = SIMD16<UInt32>.zero.replacing(with: 1, where: (shifted - magic) .> x)
      return SIMD16<UInt8>(truncatingIfNeeded: unsafeBitCast(shifted, to: SIMD16<UInt32>.self) &- tooHigh)
    }
    var at = 0
    while at &+ 16 <= block.count {
      let x = UnsafeRawPointer(values + at).loadUnaligned(as: Lanes.self)
      out.storeBytes(of: bytes(x), toByteOffset: at, as: SIMD16<UInt8>.self)
      at &+= 16
    }
    while at < block.count {
      out.storeBytes(of: bytes(Lanes(repeating: values[at]))[0], toByteOffset: at, as: UInt8.self)
      at &+= 1
    }
  }

  @inline(__always) private static func quantize(
    _ block: UnsafeBufferPointer<Double>, scale: Double, limit: Double, _ put: (UInt64, Int) -> Void
  ) {
    for at in 0..<block.count {
      let value = block[at] * scale
      // In this order NaN gives 0. The value is in range, so the conversion cannot fail.
      put(value > 0 ? UInt64(value < limit ? value : limit) : 0, at)
    }
  }

  /// True if every finite element lies in 0...1. Ends at the first that does not.
  private func isUnitRange() throws(MediaError) -> Bool {
    var unit = true
    if dtype == .f64 || dtype == .c128 {
      try forEachDoubleBlock { (block) throws(MediaError) in
        guard unit else { return }
        for value in block where (value < 0 || value > 1) && value.isFinite {
          unit = false
          return
        }
      }
      return unit
    }
    try forEachSingleBlock { (block) throws(MediaError) in
      guard unit, let values = block.baseAddress else { return }
      var at = 0
      while at &+ 16 <= block.count {
        let x = UnsafeRawPointer(values + at).loadUnaligned(as: SIMD16<Float>.self)
        if any((x .< SIMD16<Float>.zero) .| (x .> SIMD16<Float>(repeating: 1))) { break }
        at &+= 16
      }
      while at < block.count {
        if (values[at] < 0 || values[at] > 1) && values[at].isFinite {
          unit = false
          return
        }
        at &+= 1
      }
    }
    return unit
  }

  /// Calls `body` with consecutive pieces in C order, elements of at most 32 bits as floats; complex numbers give their
  /// real part. For the floating types only.
  private func forEachSingleBlock(
    _ body: (UnsafeBufferPointer<Float>) throws(MediaError) -> Void
  ) throws(MediaError) {
    if dtype == .f32 { return try forEachBlock(as: Float.self, limit: 8_192, body) }
    let limit = 4_096
    var scratch = [Float](repeating: 0, count: min(limit, count))
    var failure: MediaError?
    let (type, view) = (dtype, self)
    scratch.withUnsafeMutableBufferPointer { room in
      func give(_ count: Int) throws(MediaError) {
        try body(UnsafeBufferPointer(rebasing: room[..<min(count, room.count)]))
      }
      do throws(MediaError) {
        if type == .c64 {
          try view.forEachBlock(as: SIMD2<Float>.self, limit: limit) { (block) throws(MediaError) in
            for at in 0..<min(block.count, room.count) { room[at] = block[at].x }
            try give(block.count)
          }
        } else {
          try view.forEachBlock(as: UInt16.self, limit: limit) { (block) throws(MediaError) in
            for at in 0..<min(block.count, room.count) {
              room[at] = type == .f16 ? SmallFloat.half(block[at]) : SmallFloat.brain(block[at])
            }
            try give(block.count)
          }
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
