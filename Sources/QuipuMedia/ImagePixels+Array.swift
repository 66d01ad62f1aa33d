/// How an array becomes a picture.
public struct ImageRule: Sendable {
  /// `L`, `LA`, `RGB`, `RGBA`, `1` (black and white by error diffusion, kept as 8-bit gray 0 and 255), or `I;16` (gray
  /// of 16 bits); nil or empty (default): by the number of channels.
  public var mode: String?
  /// Axes are `[channels, height, width]`; default false.
  public var channelsFirst = false
  /// Default true: floats in 0...1 become 0...255, everything else is clipped; see `docs/media.md`. False: the low 8
  /// bits of each value, as the reference client takes them.
  public var normalize = true
  /// Bits of a sample: 8 (default) or 16, which only PNG has.
  public var bitDepth = 8
  /// Leave out an alpha channel where no mode is given, as formats without one need it; default false.
  public var dropAlpha = false

  public init() {}
}

extension ImagePixels {
  /// Makes a picture from an array.
  ///
  /// Shape: `[height, width]`, `[height, width, channels]` or `[channels, height, width]` (`channelsFirst`). With more
  /// than two axes every axis of length 1 is removed before channels are looked at, so `[1, 5, 3]` is a gray picture of
  /// 3x5 pixels. One axis of n elements is one column of n gray pixels.
  ///
  /// - Parameter array: any element type, any strides.
  /// - Throws: `.value` (no such channel count, mode or depth, no pixels, too large), `.type` (too many axes), `.index`
  ///   (no axes), `.io` (a mode PNG cannot hold), `.runtime` (channels first without three axes), `.memory`.
  /// - Complexity: one pass, and one over the front of floats; a `UInt8` array in C order that already has the mode is
  ///   one `memcpy`.
  public init(array: ArrayView, _ rule: ImageRule = ImageRule()) throws(MediaError) {
    let first = rule.channelsFirst
    let view = !first && array.shape.count > 2 ? array.squeezed : array
    let target = try Target(rule, shape: view.shape)
    var pixels = view
    if first {
      guard view.shape.count == 3 else {
        throw MediaError(
          .runtime, "array with channels first has \(view.shape.count) axes; pass [channels, height, width]")
      }
      pixels = view.transposed([1, 2, 0]).squeezed
    }
    self = try Self.pictures(pixels, count: nil, target)[0]
  }

  /// Makes pictures of one size from one array, in one block of memory.
  ///
  /// Shape: `[n, height, width]`, `[n, height, width, channels]` or `[n, channels, height, width]` (`channelsFirst`).
  /// No axis is removed. Floats are scaled by what the whole array holds.
  ///
  /// - Throws: as for one picture; `.value` for an array without pictures.
  public static func batch(array: ArrayView, _ rule: ImageRule = ImageRule()) throws(MediaError) -> [ImagePixels] {
    let shape = array.shape
    let first = rule.channelsFirst
    guard shape.count == 4 || (shape.count == 3 && !first) else {
      let wanted = first ? "[n, channels, height, width]" : "[n, height, width] or [n, height, width, channels]"
      throw MediaError(.type, "array shape \(shape) is no batch of pictures; pass \(wanted)")
    }
    let target = try Target(rule, shape: Array(shape.dropFirst()))
    return try pictures(first ? array.transposed([0, 2, 3, 1]) : array, count: shape[0], target)
  }

  /// What the samples are to be.
  private struct Target {
    var mode: ImageMode
    var diffused = false
    var samples: SampleRule

    init(_ rule: ImageRule, shape: [Int]) throws(MediaError) {
      samples = SampleRule(bitDepth: rule.bitDepth, normalize: rule.normalize)
      guard let name = rule.mode, !name.isEmpty else {
        mode = try ImagePixels.defaultMode(of: shape, channelsFirst: rule.channelsFirst)
        if rule.dropAlpha, mode == .rgba { mode = .rgb }
        return
      }
      switch name {
      case "1":
        (mode, diffused) = (.gray, true)
        guard rule.bitDepth == 8 else { throw MediaError(.value, "mode '1' is black and white; leave bit_depth at 8") }
      case "I;16": (mode, samples.bitDepth) = (.gray, 16)
      default: mode = try ImageMode(named: name)
      }
    }
  }

  /// - Parameter count: pictures along the first axis; nil for one picture without that axis.
  private static func pictures(
    _ pixels: ArrayView, count: Int?, _ target: Target
  ) throws(MediaError) -> [ImagePixels] {
    let shape = Array(count == nil ? pixels.shape[...] : pixels.shape.dropFirst())
    guard let height = shape.first else {
      throw MediaError(.index, "array has no axes left to make a picture of; pass [height, width] or more")
    }
    guard shape.count <= 3 else {
      throw MediaError(.type, "array shape \(shape) has too many axes for a picture; pass at most 3")
    }
    let channels = shape.count == 3 ? shape[2] : 1
    guard pixels.count > 0 else { throw MediaError(.value, "array shape \(pixels.shape) has no pixels") }
    guard let source = ImageMode(rawValue: channels) else {
      throw MediaError(.type, "array shape \(shape) has \(channels) channels; pass 1, 2, 3 or 4")
    }
    let width = shape.count == 1 ? 1 : shape[1]
    let asIs = try batch(
      count ?? 1, width: width, height: height, channels: channels, bitDepth: target.samples.bitDepth
    ) { (out) throws(MediaError) in
      try pixels.copySamples(target.samples, to: out)
    }
    if source == target.mode, !target.diffused { return asIs }
    var result: [ImagePixels] = []
    for picture in asIs {
      let converted = try picture.converted(from: source, to: target.mode)
      result.append(target.diffused ? try converted.diffusedToBlackAndWhite() : converted)
    }
    return result
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

  /// The luma weights of ITU-R 601 in 16-bit fixed point; samples of 16 bits just fit.
  @inline(__always) private static func luma(_ red: UInt32, _ green: UInt32, _ blue: UInt32) -> UInt32 {
    (19595 &* red &+ 38470 &* green &+ 7471 &* blue &+ 32768) &>> 16
  }

  private func converted(from source: ImageMode, to target: ImageMode) throws(MediaError) -> ImagePixels {
    if source == target { return self }
    let count = width &* height
    let (wide, full): (Bool, UInt32) = bitDepth == 16 ? (true, 65_535) : (false, 255)
    return try ImagePixels(
      width: width, height: height, channels: target.rawValue, bitDepth: bitDepth
    ) { (buffer) throws(MediaError) in
      guard let out = buffer.baseAddress else { return }
      withBytes { bytes in
        guard let input = bytes.baseAddress else { return }
        func sample(_ at: Int) -> UInt32 {
          wide
            ? UInt32(UInt16(bigEndian: input.load(fromByteOffset: 2 &* at, as: UInt16.self)))
            : UInt32(input.load(fromByteOffset: at, as: UInt8.self))
        }
        func put(_ value: UInt32, _ at: Int) {
          if wide {
            out.storeBytes(of: UInt16(truncatingIfNeeded: value).bigEndian, toByteOffset: 2 &* at, as: UInt16.self)
          } else {
            out.storeBytes(of: UInt8(truncatingIfNeeded: value), toByteOffset: at, as: UInt8.self)
          }
        }
        for at in 0..<count {
          let red: UInt32, green: UInt32, blue: UInt32, alpha: UInt32
          switch source {
          case .gray, .grayAlpha:
            red = sample(at &* source.rawValue)
            green = red
            blue = red
            alpha = source == .gray ? full : sample(at &* 2 &+ 1)
          case .rgb, .rgba:
            red = sample(at &* source.rawValue)
            green = sample(at &* source.rawValue &+ 1)
            blue = sample(at &* source.rawValue &+ 2)
            alpha = source == .rgb ? full : sample(at &* 4 &+ 3)
          }
          let gray = source == .rgb || source == .rgba ? Self.luma(red, green, blue) : red
          let to = at &* target.rawValue
          switch target {
          case .gray, .grayAlpha: put(gray, to)
          case .rgb, .rgba:
            put(red, to)
            put(green, to &+ 1)
            put(blue, to &+ 2)
          }
          if target == .grayAlpha || target == .rgba { put(alpha, to &+ target.rawValue &- 1) }
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
