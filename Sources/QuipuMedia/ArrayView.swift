/// A borrowed n-dimensional array: what C, NumPy, DLPack and Swift arrays become at the border of the core.
///
/// Strides are in bytes and may be negative, zero (broadcast) or overlapping. The memory belongs to the caller and
/// must stay valid and unchanged while the view is in use; nothing here keeps the pointer beyond the view.
/// Not thread-safe in the sense that the memory is not; the view itself is an immutable value.
public struct ArrayView {
  /// Address of the element with index 0 in every axis; nil only for an array without elements.
  public let base: UnsafeRawPointer?
  public let dtype: DType
  /// Extent of each axis. Empty for a scalar.
  public let shape: [Int]
  /// Distance in bytes between neighbours along each axis.
  public let strides: [Int]
  /// True when the elements have the byte order this machine does not have.
  public let byteSwapped: Bool
  /// Number of elements, the product of `shape`.
  public let count: Int

  /// Most axes an array may have, as in NumPy 1 and DLPack producers.
  public static let maximumAxes = 32

  /// - Parameters:
  ///   - base: address of the first element; nil is allowed for an array without elements.
  ///   - shape: extents, each at least 0, at most 32 of them.
  ///   - strides: bytes between neighbours, one per axis; nil (the default) means C-contiguous.
  ///   - byteSwapped: default false.
  /// - Throws: `.value` when the shape, the strides or the total size is impossible.
  public init(
    base: UnsafeRawPointer?, dtype: DType, shape: [Int], strides: [Int]? = nil, byteSwapped: Bool = false
  ) throws(MediaError) {
    guard shape.count <= Self.maximumAxes else {
      throw MediaError(.value, "array has \(shape.count) axes; at most \(Self.maximumAxes) are supported")
    }
    if let strides, strides.count != shape.count {
      throw MediaError(.value, "array has \(shape.count) axes but \(strides.count) strides; pass one per axis")
    }
    var count = 1
    for extent in shape {
      guard extent >= 0 else { throw MediaError(.value, "array extent \(extent) is negative; pass 0 or more") }
    }
    if shape.contains(0) {
      count = 0
    } else {
      for extent in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: extent)
        guard !overflow else { throw MediaError(.value, "array shape \(shape) has too many elements") }
        count = product
      }
    }
    let item = dtype.itemSize
    let (total, tooLarge) = count.multipliedReportingOverflow(by: item)
    guard !tooLarge, total <= Int.max / 2 else { throw MediaError(.value, "array shape \(shape) is too large") }
    guard base != nil || count == 0 else {
      throw MediaError(.value, "array data is a null pointer but the shape \(shape) has elements")
    }

    var steps = [Int](repeating: item, count: shape.count)
    if let strides {
      steps = strides
      if let base, count > 0 {
        // First and last byte touched, relative to the base: both must be addresses.
        var low = 0
        var high = item
        for (extent, stride) in zip(shape, strides) {
          let (reach, overflow) = stride.multipliedReportingOverflow(by: extent - 1)
          let (end, endOverflow) = (reach < 0 ? low : high).addingReportingOverflow(reach)
          guard !overflow, !endOverflow else {
            throw MediaError(.value, "array strides \(strides) reach outside the address space")
          }
          if reach < 0 { low = end } else { high = end }
        }
        let address = UInt(bitPattern: base)
        guard low.magnitude <= address, UInt(bitPattern: high) <= UInt.max - address else {
          throw MediaError(.value, "array strides \(strides) reach outside the address space")
        }
      }
    } else if count > 0 {
      var step = item
      for axis in stride(from: shape.count - 1, through: 0, by: -1) {
        steps[axis] = step
        step = step &* shape[axis]  // bounded by `total`
      }
    }
    self.base = base
    self.dtype = dtype
    self.shape = shape
    self.strides = steps
    self.byteSwapped = byteSwapped && item > 1
    self.count = count
  }

  /// A view derived from a checked one: axes dropped, reordered or cut, never a larger reach.
  init(unchecked base: UnsafeRawPointer?, _ dtype: DType, _ shape: [Int], _ strides: [Int], _ byteSwapped: Bool) {
    self.base = base
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
    self.byteSwapped = byteSwapped
    self.count = shape.reduce(1, &*)
  }

  /// True when the elements lie one after the other in C order.
  public var isContiguous: Bool {
    var step = dtype.itemSize
    for axis in stride(from: shape.count - 1, through: 0, by: -1) where shape[axis] != 1 {
      if strides[axis] != step && count > 0 { return false }
      step = step &* shape[axis]
    }
    return true
  }

  /// The same elements without axes of length 1.
  var squeezed: ArrayView {
    let kept = shape.indices.filter { shape[$0] != 1 }
    return ArrayView(unchecked: base, dtype, kept.map { shape[$0] }, kept.map { strides[$0] }, byteSwapped)
  }

  /// The same elements with the axes in another order. `order` is a permutation of the axes.
  func transposed(_ order: [Int]) -> ArrayView {
    ArrayView(unchecked: base, dtype, order.map { shape[$0] }, order.map { strides[$0] }, byteSwapped)
  }
}
