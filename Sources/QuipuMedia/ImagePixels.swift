/// A picture as dense samples: what a caller pays one copy for, and what the encoders read on a worker thread.
///
/// Shape: `[height, width, channels]`, row-major, without padding between rows. Channels: 1 gray, 2 gray and alpha,
/// 3 RGB, 4 RGBA; alpha is not premultiplied. Samples have 8 bits, or 16 with the high byte first.
/// Threads: immutable, may be read anywhere.
public struct ImagePixels: Sendable {
  /// Pixels per row, at least 1.
  public let width: Int
  /// Rows, at least 1.
  public let height: Int
  /// Samples per pixel, 1...4.
  public let channels: Int
  /// Bits of a sample, 8 or 16.
  public let bitDepth: Int
  private let memory: ImageMemory
  private let offset: Int

  /// Most bytes one picture may take, 1 GiB (an 18,900 x 18,900 RGB picture). Encoders need about as much again.
  public static let maximumByteCount = 1 << 30

  public var byteCount: Int { width &* height &* bytesPerPixel }
  public var bytesPerPixel: Int { channels &* (bitDepth / 8) }

  /// Calls `body` with the samples; the memory is valid during the call.
  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: memory.bytes + offset, count: byteCount))
  }

  /// A picture whose samples `fill` writes, all of them.
  /// - Parameter bitDepth: 8 (default) or 16.
  /// - Throws: `.value` for an impossible size, `.memory`.
  public init(
    width: Int, height: Int, channels: Int, bitDepth: Int = 8,
    fill: (UnsafeMutableRawBufferPointer) throws(MediaError) -> Void
  ) throws(MediaError) {
    self = try Self.batch(
      1, width: width, height: height, channels: channels, bitDepth: bitDepth, fill: fill)[0]
  }

  /// Pictures of one size whose samples lie one behind the other in one block, which `fill` writes.
  /// - Throws: `.value` for an impossible size, `.memory`.
  static func batch(
    _ count: Int, width: Int, height: Int, channels: Int, bitDepth: Int,
    fill: (UnsafeMutableRawBufferPointer) throws(MediaError) -> Void
  ) throws(MediaError) -> [ImagePixels] {
    guard (1...4).contains(channels) else {
      throw MediaError(.value, "picture has \(channels) channels; pass 1 (gray), 2 (gray+alpha), 3 (RGB) or 4 (RGBA)")
    }
    guard width > 0, height > 0, count > 0 else {
      throw MediaError(.value, "picture of \(width)x\(height) pixels is empty; pass at least one pixel")
    }
    guard bitDepth == 8 || bitDepth == 16 else {
      throw MediaError(.value, "bit_depth is \(bitDepth); pass 8 or 16")
    }
    var total = channels &* (bitDepth / 8)
    var fits = true
    for extent in [width, height, count] {
      let (product, overflow) = total.multipliedReportingOverflow(by: extent)
      fits = fits && !overflow
      total = product
    }
    guard fits, total <= maximumByteCount else {
      let pictures = count == 1 ? "picture" : "\(count) pictures"
      throw MediaError(
        .value,
        "\(pictures) of \(width)x\(height) pixels and \(channels) channels: above the limit of \(maximumByteCount) bytes")
    }
    guard let memory = ImageMemory(byteCount: total) else {
      throw MediaError(.memory, "out of memory for a picture of \(total) bytes")
    }
    try fill(UnsafeMutableRawBufferPointer(start: memory.bytes, count: total))
    return (0..<count).map {
      ImagePixels(width, height, channels, bitDepth, memory, $0 &* (total / count))
    }
  }

  private init(_ width: Int, _ height: Int, _ channels: Int, _ bitDepth: Int, _ memory: ImageMemory, _ offset: Int) {
    self.width = width
    self.height = height
    self.channels = channels
    self.bitDepth = bitDepth
    self.memory = memory
    self.offset = offset
  }
}
