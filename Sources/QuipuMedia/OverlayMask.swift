/// A mask: for each pixel of a picture the number of its class, 0...255.
///
/// Shape: `[height, width]`, 8 bits. Units: class numbers, which dashboards read from the file: it is never reduced.
public struct OverlayMask: Sendable {
  public let pixels: ImagePixels
  /// Nil: `class_N` for each number that occurs.
  public let labels: OverlayLabels?

  /// - Parameter array: `[height, width]`, any element type but complex, values 0...255; fractions are cut off.
  /// - Throws: `.type` for other axes or values (NaN too), `.value` for an array without elements.
  public init(array: ArrayView, labels: OverlayLabels? = nil, argument: String = "mask_data") throws(MediaError) {
    guard array.shape.count == 2 else {
      throw MediaError(.type, "\(argument): shape \(array.shape) is no mask; pass [height, width]")
    }
    guard !array.dtype.isComplex else { throw MediaError(.type, "\(argument): complex numbers are not class numbers") }
    guard array.count > 0 else { throw MediaError(.value, "\(argument): shape \(array.shape) has no pixels") }
    pixels = try ImagePixels(
      width: array.shape[1], height: array.shape[0], channels: 1
    ) { (out) throws(MediaError) in
      guard array.dtype != .u8 else { return try array.copyAsUInt8(to: out) }
      if array.dtype == .bool { return try array.copyAsUInt8(to: out) }
      guard var target = out.baseAddress else { return }
      try array.forEachDoubleBlock { (block) throws(MediaError) in
        for at in 0..<block.count {
          // Written so that NaN is refused.
          guard block[at] >= 0, block[at] <= 255 else {
            throw MediaError(.type, "\(argument): holds \(block[at]); class numbers are 0 to 255")
          }
          target.storeBytes(of: UInt8(block[at]), toByteOffset: at, as: UInt8.self)
        }
        target += block.count
      }
    }
    self.labels = labels
  }

  /// The names of the classes: those given, or one for each number that occurs.
  /// - Complexity: reads the mask where none were given.
  public var classLabels: OverlayLabels {
    if let labels { return labels }
    var seen = [Bool](repeating: false, count: 256)
    pixels.withBytes { bytes in
      seen.withUnsafeMutableBufferPointer { seen in
        for byte in bytes { seen[Int(byte)] = true }
      }
    }
    return OverlayLabels(defaultsFor: (0..<256).filter { seen[$0] }.map { Int64($0) })
  }
}
