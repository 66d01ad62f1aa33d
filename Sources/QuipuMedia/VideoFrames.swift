/// A video as dense 8-bit samples: what is copied at the call, and what encoders read on a worker thread.
///
/// A batch of videos plays side by side, as the reference client lays it out: filled up with black to a power of two
/// above its number if it is none, in rows from left to right, at least as wide as high.
///
/// Threads: immutable, may be read anywhere.
public struct VideoFrames: Sendable {
  /// Number of frames, at least 1.
  public let count: Int
  /// Pixels of the whole picture, the grid of a batch included.
  public let width: Int
  /// As `width`.
  public let height: Int
  /// Samples per pixel: 1 gray, 3 RGB, 4 RGB and alpha, which is not used.
  public let channels: Int
  private let videos: Int
  private let columns: Int
  /// Pixels of one video of the batch.
  private let videoWidth: Int
  private let videoHeight: Int
  /// Samples of a pixel lie side by side; otherwise one plane per channel.
  private let interleaved: Bool
  private let samples: MediaBytes

  /// Most bytes of samples, 2 GiB.
  public static let maximumByteCount = 1 << 31

  /// - Parameters:
  ///   - array: `[time, channel, height, width]` or `[batch, time, channel, height, width]`; any strides, byte order
  ///     and element type. Values 0...255 are not scaled; see `ArrayView.copyAsUInt8` for others.
  ///   - channelsLast: the channel is the last axis. Default false.
  /// - Throws: `.value` (shape), `.memory` (none left, or above `maximumByteCount`).
  /// - Complexity: one pass; for `UInt8` in C order of either layout of channels one copy.
  public init(array: ArrayView, channelsLast: Bool = false) throws(MediaError) {
    let wanted = channelsLast ? "[time, height, width, channel]" : "[time, channel, height, width]"
    guard array.shape.count == 4 || array.shape.count == 5 else {
      throw MediaError(
        .value, "frames: shape \(array.shape) is no video; pass \(wanted), with an axis in front for a batch")
    }
    let lead = array.shape.count - 4
    let planes = channelsLast ? array.transposed(Array(0...lead) + [lead + 3, lead + 1, lead + 2]) : array
    videos = lead == 1 ? planes.shape[0] : 1
    count = planes.shape[lead]
    channels = planes.shape[lead + 1]
    videoHeight = planes.shape[lead + 2]
    videoWidth = planes.shape[lead + 3]
    guard channels == 1 || channels == 3 || channels == 4 else {
      throw MediaError(
        .value, "frames: shape \(array.shape) has \(channels) channels; pass \(wanted) with 1, 3 or 4 channels")
    }
    guard planes.count > 0 else { throw MediaError(.value, "frames: shape \(array.shape) has no pixels") }
    let (columns, rows) = Self.grid(videos)
    let (width, tooWide) = videoWidth.multipliedReportingOverflow(by: columns)
    let (height, tooHigh) = videoHeight.multipliedReportingOverflow(by: rows)
    // A picture of the grid is kept while encoding, four bytes a pixel.
    let (area, tooLarge) = width.multipliedReportingOverflow(by: height)
    guard planes.count <= Self.maximumByteCount, !tooWide, !tooHigh, !tooLarge, area <= Self.maximumByteCount / 4 else {
      throw MediaError(.memory, "frames: shape \(array.shape) is more than the \(Self.maximumByteCount) bytes allowed")
    }
    self.columns = columns
    self.width = width
    self.height = height

    // Frames of a camera or a game come with channels last and are handed over as a transposed view: copied in their
    // own order they cost a plain copy.
    let pixels = planes.transposed(Array(0...lead) + [lead + 2, lead + 3, lead + 1])
    interleaved = channels > 1 && !planes.isContiguous && abs(pixels.strides[lead + 3]) < abs(planes.strides[lead + 3])
    samples = try MediaBytes(count: planes.count)
    let room = UnsafeMutableRawBufferPointer(start: samples.base, count: planes.count)
    try (interleaved ? pixels : planes).copyAsUInt8(to: room)
  }

  /// Bytes of the copied samples.
  public var byteCount: Int { samples.count }

  /// Columns and rows of a batch: both powers of two, columns at least rows.
  static func grid(_ videos: Int) -> (columns: Int, rows: Int) {
    guard videos > 0 else { return (1, 1) }
    let length = Int.bitWidth - videos.leadingZeroBitCount
    let padded = videos & (videos - 1) == 0 ? videos : 1 << min(length, Int.bitWidth - 2)
    let rows = 1 << ((length - 1) / 2)
    return (padded / rows, rows)
  }

  /// Writes one frame, a word per pixel: red in the low byte, then green and blue, the highest byte 0.
  /// - Parameter out: room for `width * height` words, all of which are written.
  func copyPixels(frame: Int, to out: UnsafeMutablePointer<UInt32>) {
    let cells = columns &* (height / videoHeight)
    for cell in 0..<cells {
      let left = (cell % columns) &* videoWidth
      let top = (cell / columns) &* videoHeight
      for y in 0..<videoHeight {
        let row = out + ((top &+ y) &* width &+ left)
        if cell < videos {
          copyRow(video: cell, frame: frame, y: y, to: row)
        } else {
          row.update(repeating: 0, count: videoWidth)
        }
      }
    }
  }

  private func copyRow(video: Int, frame: Int, y: Int, to out: UnsafeMutablePointer<UInt32>) {
    let bytes = UnsafeRawPointer(samples.base)
    let index = video &* count &+ frame
    @inline(__always) func load(_ at: Int) -> UInt32 {
      UInt32(truncatingIfNeeded: bytes.load(fromByteOffset: at, as: UInt8.self))
    }
    let plane = videoHeight &* videoWidth
    if interleaved {
      var at = (index &* plane &+ y &* videoWidth) &* channels
      for x in 0..<videoWidth {
        out[x] = load(at) | load(at &+ 1) << 8 | load(at &+ 2) << 16
        at &+= channels
      }
    } else if channels == 1 {
      let at = index &* plane &+ y &* videoWidth
      for x in 0..<videoWidth { out[x] = load(at &+ x) &* 0x01_0101 }
    } else {
      let red = index &* plane &* channels &+ y &* videoWidth
      let green = red &+ plane, blue = green &+ plane
      for x in 0..<videoWidth { out[x] = load(red &+ x) | load(green &+ x) << 8 | load(blue &+ x) << 16 }
    }
  }

  /// Writes one frame as encoders of other programs take it: red, green, blue, rows from the top.
  /// - Parameter out: room for `3 * width * height` bytes, all of which are written.
  public func copyRGB(frame: Int, to out: UnsafeMutableRawPointer) throws(MediaError) {
    let words = try MediaBytes(count: 4 &* width &* height)
    let pixels = words.base.bindMemory(to: UInt32.self, capacity: width &* height)
    copyPixels(frame: frame, to: pixels)
    for at in 0..<width &* height {
      let pixel = pixels[at]
      out.storeBytes(of: UInt8(truncatingIfNeeded: pixel), toByteOffset: 3 &* at, as: UInt8.self)
      out.storeBytes(of: UInt8(truncatingIfNeeded: pixel >> 8), toByteOffset: 3 &* at &+ 1, as: UInt8.self)
      out.storeBytes(of: UInt8(truncatingIfNeeded: pixel >> 16), toByteOffset: 3 &* at &+ 2, as: UInt8.self)
    }
  }
}
