import Glibc
import QuipuBase

/// A recording as the caller's samples: what is copied at the call, and turned into a WAV file on a worker thread.
///
/// Threads: immutable, may be read anywhere.
public struct WAVEncoder: Sendable {
  /// Samples per channel.
  public let frames: Int
  public let channels: Int
  /// Samples per second and channel.
  public let sampleRate: Int
  private let samples: MediaBytes
  private let dtype: DType

  /// As many as other programs read.
  public static let maximumChannels = 1024
  static let headerBytes = 44

  /// - Parameters:
  ///   - array: `[samples]` or `[samples, channels]`, any strides and byte order. Floating point (16, 32 or 64 bits)
  ///     from -1 to 1; int16; int32 and int8 over their whole range; uint8 with silence at 128, as in a WAV file.
  ///   - sampleRate: Hz, 1...2,147,483,647.
  /// - Throws: `.value` (rate, shape, too many samples for a WAV file of 4 GiB), `.type` (element type), `.memory`.
  /// - Complexity: one copy of the samples.
  public init(array: ArrayView, sampleRate: Int) throws(MediaError) {
    switch array.dtype {
    case .f16, .bf16, .f32, .f64, .i8, .i16, .i32, .u8: break
    default:
      throw MediaError(
        .type,
        "samples: values of type \(array.dtype.name) have no meaning; pass float32, float64, int16 or int32"
          + " (also float16, bfloat16, int8, uint8)")
    }
    guard array.shape.count == 1 || array.shape.count == 2 else {
      throw MediaError(.value, "samples: shape \(array.shape) is no recording; pass [samples] or [samples, channels]")
    }
    let channels = array.shape.count == 2 ? array.shape[1] : 1
    guard (1...Self.maximumChannels).contains(channels) else {
      throw MediaError(
        .value,
        "samples: shape \(array.shape) has \(channels) channels; pass [samples, channels] with 1 to"
          + " \(Self.maximumChannels) of them")
    }
    guard sampleRate >= 1, sampleRate <= Int(Int32.max) else {
      throw MediaError(.value, "sample_rate: \(sampleRate) Hz is impossible; pass 1 to \(Int32.max), e.g. 44100")
    }
    guard sampleRate * channels * 2 <= Int(UInt32.max) else {
      throw MediaError(
        .value, "sample_rate: \(sampleRate) Hz with \(channels) channels is more than a WAV file can say; lower it")
    }
    guard array.count <= (Int(UInt32.max) - Self.headerBytes) / 2 else {
      throw MediaError(.memory, "samples: \(array.count) are too many for a WAV file, which ends at 4 GiB; pass fewer")
    }
    frames = array.shape[0]
    self.channels = channels
    self.sampleRate = sampleRate
    dtype = array.dtype
    samples = try MediaBytes(count: array.count &* array.dtype.itemSize)
    array.copyElements(to: samples.base)
  }

  /// Seconds.
  public var duration: Double { Double(frames) / Double(sampleRate) }

  /// Bytes of the copied samples.
  public var byteCount: Int { samples.count }

  /// The file: RIFF/WAVE, PCM, 16 bits, little endian, a header of 44 bytes.
  ///
  /// Floats are scaled by 2^31, rounded to nearest (ties to even), clipped to 32 bits, of which the upper 16 stay; NaN
  /// counts as the lowest sample. Integers keep their upper 16 bits.
  ///
  /// - Throws: `.memory`.
  public func encode() throws(MediaError) -> [UInt8] {
    let count = frames &* channels
    let size = Self.headerBytes &+ 2 &* count
    // Kept apart from the array: an array of this size that cannot be had would end the process.
    guard let trial = malloc(size) else { throw MediaError(.memory, "out of memory for a recording of \(size) bytes") }
    free(trial)
    return [UInt8](unsafeUninitializedCapacity: size) { room, filled in
      guard let base = room.baseAddress else { return }
      let file = UnsafeMutableRawPointer(base)
      writeHeader(file, dataBytes: 2 &* count)
      convert(count, to: file + Self.headerBytes)
      filled = size
    }
  }

  private func writeHeader(_ file: UnsafeMutableRawPointer, dataBytes: Int) {
    func put(_ text: StaticString, _ at: Int) { (file + at).copyMemory(from: text.utf8Start, byteCount: 4) }
    func put(_ value: Int, _ at: Int, _ width: Int) {
      for byte in 0..<width {
        file.storeBytes(of: UInt8(truncatingIfNeeded: value >> (8 &* byte)), toByteOffset: at &+ byte, as: UInt8.self)
      }
    }
    put("RIFF", 0)
    put(dataBytes &+ Self.headerBytes &- 8, 4, 4)
    put("WAVE", 8)
    put("fmt ", 12)
    put(16, 16, 4)  // bytes of what follows up to "data"
    put(1, 20, 2)  // PCM
    put(channels, 22, 2)
    put(sampleRate, 24, 4)
    put(sampleRate &* channels &* 2, 28, 4)
    put(channels &* 2, 32, 2)
    put(16, 34, 2)
    put("data", 36)
    put(dataBytes, 40, 4)
  }

  private func convert(_ count: Int, to out: UnsafeMutableRawPointer) {
    let source = UnsafeRawPointer(samples.base)
    @inline(__always) func each<T: BitwiseCopyable>(_ type: T.Type, _ sample: (T) -> Int16) {
      let size = MemoryLayout<T>.size
      for at in 0..<count {
        let value = sample(source.loadUnaligned(fromByteOffset: at &* size, as: T.self)).littleEndian
        out.storeBytes(of: value, toByteOffset: 2 &* at, as: Int16.self)
      }
    }
    switch dtype {
    case .f32: Self.convert(singles: source, count, to: out)
    case .f64: Self.convert(doubles: source, count, to: out)
    case .f16: each(UInt16.self) { Self.sample(Double(SmallFloat.half($0))) }
    case .bf16: each(UInt16.self) { Self.sample(Double(SmallFloat.brain($0))) }
    case .i16: each(Int16.self) { $0 }
    case .i32: each(Int32.self) { Int16(truncatingIfNeeded: $0 >> 16) }
    case .i8: each(Int8.self) { Int16($0) &<< 8 }
    case .u8: each(UInt8.self) { (Int16($0) &- 128) &<< 8 }
    default: break  // refused by init
    }
  }

  /// One sample: the definition that the vector code keeps.
  static func sample(_ value: Double) -> Int16 {
    let scaled = value * 2_147_483_648
    if scaled >= 2_147_483_647 { return .max }
    guard scaled > -2_147_483_648 else { return .min }  // NaN as well
    return Int16(truncatingIfNeeded: Int64(scaled.rounded(.toNearestOrEven)) >> 16)
  }

  // Adding 1.5 * 2^52 leaves the nearest integer, as 32 bits of two's complement, in the low half of a double.
  @inline(__always) private static func samples(_ values: SIMD8<Double>) -> SIMD8<Int16> {
    let low = SIMD8<Double>(repeating: -2_147_483_648), high = SIMD8<Double>(repeating: 2_147_483_647)
    let scaled = values * 2_147_483_648
    var bounded = low.replacing(with: scaled, where: scaled .> low)  // NaN is above nothing
    bounded.replace(with: high, where: bounded .> high)
    let bits = unsafeBitCast(bounded + 6_755_399_441_055_744, to: SIMD8<UInt64>.self)
    return SIMD8<Int16>(truncatingIfNeeded: bits &>> 16)
  }

  static func convert(doubles source: UnsafeRawPointer, _ count: Int, to out: UnsafeMutableRawPointer) {
    var at = 0
    while at &+ 8 <= count {
      let values = (source + 8 &* at).loadUnaligned(as: SIMD8<Double>.self)
      store(samples(values), out + 2 &* at)
      at &+= 8
    }
    while at < count {
      let value = sample(source.loadUnaligned(fromByteOffset: 8 &* at, as: Double.self))
      out.storeBytes(of: value.littleEndian, toByteOffset: 2 &* at, as: Int16.self)
      at &+= 1
    }
  }

  static func convert(singles source: UnsafeRawPointer, _ count: Int, to out: UnsafeMutableRawPointer) {
    var at = 0
    while at &+ 8 <= count {
      let values = (source + 4 &* at).loadUnaligned(as: SIMD8<Float>.self)
      store(samples(SIMD8<Double>(values)), out + 2 &* at)
      at &+= 8
    }
    while at < count {
      let value = sample(Double(source.loadUnaligned(fromByteOffset: 4 &* at, as: Float.self)))
      out.storeBytes(of: value.littleEndian, toByteOffset: 2 &* at, as: Int16.self)
      at &+= 1
    }
  }

  @inline(__always) private static func store(_ values: SIMD8<Int16>, _ out: UnsafeMutableRawPointer) {
    #if _endian(little)
      out.storeBytes(of: values, as: SIMD8<Int16>.self)
    #else
      for lane in 0..<8 { out.storeBytes(of: values[lane].littleEndian, toByteOffset: 2 &* lane, as: Int16.self) }
    #endif
  }
}
