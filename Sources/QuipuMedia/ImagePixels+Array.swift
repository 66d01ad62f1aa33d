extension ImagePixels {
  /// Makes a picture from an array, as the reference client does: values are never scaled, only reduced to 8 bits.
  ///
  /// Integers are taken modulo 256. Floats are truncated toward zero to a 32-bit integer of which the low 8 bits stay;
  /// NaN, infinities and what does not fit give 0. Complex numbers give their real part.
  ///
  /// Shape: `[height, width]`, `[height, width, channels]` or `[channels, height, width]` (`channelsFirst`). With more
  /// than two axes every axis of length 1 is removed before channels are looked at, so `[1, 5, 3]` is a gray picture of
  /// 3x5 pixels. One axis of n elements is one column of n gray pixels.
  ///
  /// - Parameters:
  ///   - array: any element type, any strides.
  ///   - mode: `L`, `LA`, `RGB`, `RGBA`, or `1` (black and white by error diffusion, kept as 8-bit gray 0 and 255);
  ///     nil (default) means by the number of channels.
  ///   - channelsFirst: default false.
  /// - Throws: `.value` (no such channel count or mode, no pixels, too large), `.type` (too many axes), `.index`
  ///   (no axes), `.io` (a mode PNG cannot hold), `.runtime` (channels first without three axes), `.memory`.
  /// - Complexity: one pass; a `UInt8` array in C order that already has the mode is one `memcpy`.
  public init(array: ArrayView, mode: String? = nil, channelsFirst: Bool = false) throws(MediaError) {
    let view: ArrayView
    if channelsFirst {
      view = array
    } else {
      view = array.shape.count > 2 ? array.squeezed : array
    }
    let diffused = mode == "1"
    let target: ImageMode
    if let mode, !mode.isEmpty {
      target = diffused ? .gray : try ImageMode(named: mode)
    } else {
      target = try Self.defaultMode(of: view.shape, channelsFirst: channelsFirst)
    }
    var pixels = view
    if channelsFirst {
      guard view.shape.count == 3 else {
        throw MediaError(
          .runtime, "array with channels first has \(view.shape.count) axes; pass [channels, height, width]")
      }
      pixels = view.transposed([1, 2, 0]).squeezed
    }

    let shape = pixels.shape
    guard let height = shape.first else {
      throw MediaError(.index, "array has no axes left to make a picture of; pass [height, width] or more")
    }
    guard shape.count <= 3 else {
      throw MediaError(.type, "array shape \(shape) has too many axes for a picture; pass at most 3")
    }
    let channels = shape.count == 3 ? shape[2] : 1
    guard pixels.count > 0 else { throw MediaError(.value, "array shape \(shape) has no pixels") }
    guard let source = ImageMode(rawValue: channels) else {
      throw MediaError(.type, "array shape \(shape) has \(channels) channels; pass 1, 2, 3 or 4")
    }
    let width = shape.count == 1 ? 1 : shape[1]
    let asIs = try ImagePixels(width: width, height: height, channels: channels) { (out) throws(MediaError) in
      try pixels.copyAsUInt8(to: out)
    }
    let converted = try asIs.converted(from: source, to: target)
    self = diffused ? try converted.diffusedToBlackAndWhite() : converted
  }

  private static func defaultMode(of shape: [Int], channelsFirst: Bool) throws(MediaError) -> ImageMode {
    if channelsFirst {
      if shape.count == 2 { return .gray }
      guard let first = shape.first else {
        throw MediaError(.index, "array has no axes; pass [channels, height, width]")
      }
      switch first {
      case 1: return .gray
      case 3: return .rgb
      case 4: return .rgba
      default: throw unsupportedShape(shape)
      }
    }
    guard let last = shape.last else {
      throw MediaError(.index, "array has no axes left to make a picture of; pass [height, width] or more")
    }
    if shape.count == 2 || last == 1 { return .gray }
    switch last {
    case 3: return .rgb
    case 4: return .rgba
    default: throw unsupportedShape(shape)
    }
  }

  private static func unsupportedShape(_ shape: [Int]) -> MediaError {
    MediaError(.value, "array shape \(shape) is not a picture; pass 1, 3 or 4 channels or name a mode")
  }

  /// The luma weights of ITU-R 601 in 16-bit fixed point.
  @inline(__always) private static func luma(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
    let sum = 19595 &* UInt32(red) &+ 38470 &* UInt32(green) &+ 7471 &* UInt32(blue) &+ 32768
    return UInt8(truncatingIfNeeded: sum >> 16)
  }

  private func converted(from source: ImageMode, to target: ImageMode) throws(MediaError) -> ImagePixels {
    if source == target { return self }
    let count = width &* height
    return try ImagePixels(width: width, height: height, channels: target.rawValue) { (buffer) throws(MediaError) in
      guard let out = buffer.baseAddress else { return }
      withBytes { bytes in
        guard let input = bytes.baseAddress else { return }
        func sample(_ at: Int) -> UInt8 { input.load(fromByteOffset: at, as: UInt8.self) }
        func put(_ value: UInt8, _ at: Int) { out.storeBytes(of: value, toByteOffset: at, as: UInt8.self) }
        for at in 0..<count {
          let red: UInt8, green: UInt8, blue: UInt8, alpha: UInt8
          switch source {
          case .gray, .grayAlpha:
            red = sample(at &* source.rawValue)
            green = red
            blue = red
            alpha = source == .gray ? 255 : sample(at &* 2 &+ 1)
          case .rgb, .rgba:
            red = sample(at &* source.rawValue)
            green = sample(at &* source.rawValue &+ 1)
            blue = sample(at &* source.rawValue &+ 2)
            alpha = source == .rgb ? 255 : sample(at &* 4 &+ 3)
          }
          let colour = source == .rgb || source == .rgba
          switch target {
          case .gray:
            put(colour ? Self.luma(red, green, blue) : red, at)
          case .grayAlpha:
            put(colour ? Self.luma(red, green, blue) : red, at &* 2)
            put(alpha, at &* 2 &+ 1)
          case .rgb:
            put(red, at &* 3)
            put(green, at &* 3 &+ 1)
            put(blue, at &* 3 &+ 2)
          case .rgba:
            put(red, at &* 4)
            put(green, at &* 4 &+ 1)
            put(blue, at &* 4 &+ 2)
            put(alpha, at &* 4 &+ 3)
          }
        }
      }
    }
  }

  /// Gray to 0 and 255 by Floyd-Steinberg error diffusion, rows from left to right.
  private func diffusedToBlackAndWhite() throws(MediaError) -> ImagePixels {
    try ImagePixels(width: width, height: height, channels: 1) { (out) throws(MediaError) in
      // Errors in sixteenths, one column of margin on both sides.
      var here = [Int](repeating: 0, count: width + 2)
      var below = here
      withBytes { input in
        for y in 0..<height {
          for x in 0..<width {
            let wanted = Int(input[y &* width &+ x]) &* 16 &+ here[x + 1]
            let white = wanted >= 128 * 16
            out[y &* width &+ x] = white ? 255 : 0
            let error = (white ? wanted &- 255 * 16 : wanted) / 16
            here[x + 2] &+= error &* 7
            below[x] &+= error &* 3
            below[x + 1] &+= error &* 5
            below[x + 2] &+= error
          }
          swap(&here, &below)
          for at in below.indices { below[at] = 0 }
        }
      }
    }
  }
}

extension ArrayView {
  /// Writes every element reduced to 8 bits, in C order. `out` has room for `count` bytes.
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

  @inline(__always) private func reduce<T: BitwiseCopyable>(
    _ type: T.Type, _ target: UnsafeMutableRawPointer, _ convert: (T) -> UInt8
  ) throws(MediaError) {
    var out = target
    try forEachBlock(as: T.self) { (block) throws(MediaError) in
      for at in 0..<block.count { out.storeBytes(of: convert(block[at]), toByteOffset: at, as: UInt8.self) }
      out += block.count
    }
  }
}
