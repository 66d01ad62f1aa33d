import Glibc

/// A picture as dense 8-bit samples: what a caller pays one copy for, and what the encoders read on a worker thread.
///
/// Shape: `[height, width, channels]`, row-major, `UInt8`, without padding between rows. Channels: 1 gray, 2 gray and
/// alpha, 3 RGB, 4 RGBA; alpha is not premultiplied.
/// Threads: immutable, may be read anywhere.
public struct ImagePixels: Sendable {
  /// Pixels per row, at least 1.
  public let width: Int
  /// Rows, at least 1.
  public let height: Int
  /// Samples per pixel, 1...4.
  public let channels: Int
  private let storage: Storage

  /// Most bytes one picture may take, 1 GiB (an 18,900 x 18,900 RGB picture). Encoders need about as much again.
  public static let maximumByteCount = 1 << 30

  /// The samples' memory: malloc, because it reports exhaustion instead of trapping, and is not zeroed first.
  private final class Storage: @unchecked Sendable {
    // Unchecked because of the raw pointer: it is written before the object is shared and never after.
    let bytes: UnsafeMutableRawPointer
    init?(byteCount: Int) {
      guard let fresh = malloc(max(byteCount, 1)) else { return nil }
      bytes = fresh
    }
    deinit { free(bytes) }
  }

  public var byteCount: Int { width &* height &* channels }

  /// Calls `body` with the samples; the memory is valid during the call.
  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: storage.bytes, count: byteCount))
  }

  /// A picture whose samples `fill` writes, all of them.
  /// - Throws: `.value` for an impossible size, `.memory`.
  public init(
    width: Int, height: Int, channels: Int, fill: (UnsafeMutableRawBufferPointer) throws(MediaError) -> Void
  ) throws(MediaError) {
    guard (1...4).contains(channels) else {
      throw MediaError(.value, "picture has \(channels) channels; pass 1 (gray), 2 (gray+alpha), 3 (RGB) or 4 (RGBA)")
    }
    guard width > 0, height > 0 else {
      throw MediaError(.value, "picture of \(width)x\(height) pixels is empty; pass at least one pixel")
    }
    let (area, areaOverflow) = width.multipliedReportingOverflow(by: height)
    let (total, overflow) = area.multipliedReportingOverflow(by: channels)
    guard !areaOverflow, !overflow, total <= Self.maximumByteCount else {
      throw MediaError(
        .value, "picture of \(width)x\(height)x\(channels) bytes is above the limit of \(Self.maximumByteCount)")
    }
    guard let storage = Storage(byteCount: total) else {
      throw MediaError(.memory, "out of memory for a picture of \(total) bytes")
    }
    try fill(UnsafeMutableRawBufferPointer(start: storage.bytes, count: total))
    self.width = width
    self.height = height
    self.channels = channels
    self.storage = storage
  }
}
