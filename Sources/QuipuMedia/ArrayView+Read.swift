import Glibc

extension ArrayView {
  /// Calls `body` once per innermost row in C order with its address, its number of elements and their distance in
  /// bytes. Axes that continue each other are joined first, so a contiguous array is a single row.
  func forEachRow(
    _ body: (UnsafeRawPointer, _ count: Int, _ stride: Int) throws(MediaError) -> Void
  ) throws(MediaError) {
    guard let base, count > 0 else { return }
    var extents: [Int] = []
    var steps: [Int] = []
    for axis in shape.indices where shape[axis] != 1 {
      if let outer = steps.last, let extent = extents.last,
        !strides[axis].multipliedReportingOverflow(by: shape[axis]).overflow, outer == strides[axis] &* shape[axis]
      {
        extents[extents.count - 1] = extent &* shape[axis]
        steps[steps.count - 1] = strides[axis]
      } else {
        extents.append(shape[axis])
        steps.append(strides[axis])
      }
    }
    guard let rowCount = extents.popLast(), let rowStride = steps.popLast() else {
      try body(base, 1, dtype.itemSize)
      return
    }
    var index = [Int](repeating: 0, count: extents.count)
    var row = base
    while true {
      try body(row, rowCount, rowStride)
      var axis = extents.count &- 1
      while axis >= 0 {
        index[axis] &+= 1
        if index[axis] < extents[axis] {
          row += steps[axis]
          break
        }
        row -= steps[axis] &* (extents[axis] &- 1)
        index[axis] = 0
        axis &-= 1
      }
      if axis < 0 { return }
    }
  }

  /// Calls `body` with consecutive pieces of the array in C order. Each piece is aligned, dense and in this machine's
  /// byte order, and has exactly `limit` elements but for the last. A dense array is not copied.
  ///
  /// - Parameter type: a trivial type of the size of one element.
  /// - Throws: what `body` throws, and `.memory`.
  func forEachBlock<T: BitwiseCopyable>(
    as type: T.Type, limit: Int = 65_536, _ body: (UnsafeBufferPointer<T>) throws(MediaError) -> Void
  ) throws(MediaError) {
    guard let base, count > 0, MemoryLayout<T>.size == dtype.itemSize, limit > 0 else { return }
    let alignment = UInt(MemoryLayout<T>.alignment)
    if isContiguous, !byteSwapped, UInt(bitPattern: base) % alignment == 0 {
      var done = 0
      while done < count {
        let piece = min(limit, count &- done)
        let start = (base + done &* dtype.itemSize).assumingMemoryBound(to: T.self)
        try body(UnsafeBufferPointer(start: start, count: piece))
        done &+= piece
      }
      return
    }
    let room = min(limit, count)
    guard let scratch = malloc(room &* dtype.itemSize) else {
      throw MediaError(.memory, "out of memory while reading an array of \(count) elements")
    }
    defer { free(scratch) }
    let item = dtype.itemSize
    let word = byteSwapped ? dtype.wordSize : 1
    var filled = 0
    try forEachRow { (row, rowCount, rowStride) throws(MediaError) in
      var at = 0
      while at < rowCount {
        let piece = min(room &- filled, rowCount &- at)
        Self.gather(
          row + at &* rowStride, stride: rowStride, count: piece, itemSize: item, swappedWord: word,
          to: scratch + filled &* item)
        at &+= piece
        filled &+= piece
        if filled == room {
          try body(UnsafeBufferPointer(start: scratch.assumingMemoryBound(to: T.self), count: room))
          filled = 0
        }
      }
    }
    if filled > 0 {
      try body(UnsafeBufferPointer(start: scratch.assumingMemoryBound(to: T.self), count: filled))
    }
  }

  /// Copies every element in C order, dense and in this machine's byte order.
  /// - Parameter target: room for `count * dtype.itemSize` bytes.
  func copyElements(to target: UnsafeMutableRawPointer) {
    let item = dtype.itemSize
    let word = byteSwapped ? dtype.wordSize : 1
    var out = target
    // The closure never throws; the catch only satisfies the signature.
    do throws(MediaError) {
      try forEachRow { (row, rowCount, rowStride) throws(MediaError) in
        Self.gather(row, stride: rowStride, count: rowCount, itemSize: item, swappedWord: word, to: out)
        out += rowCount &* item
      }
    } catch {}
  }

  /// Copies `count` elements that lie `stride` bytes apart to a dense target; words of `swappedWord` bytes are
  /// reversed when it is above 1.
  private static func gather(
    _ source: UnsafeRawPointer, stride: Int, count: Int, itemSize: Int, swappedWord: Int,
    to target: UnsafeMutableRawPointer
  ) {
    if stride == itemSize {
      target.copyMemory(from: source, byteCount: count &* itemSize)
    } else {
      switch itemSize {
      case 1: gather(source, stride, count, target, UInt8.self)
      case 2: gather(source, stride, count, target, UInt16.self)
      case 4: gather(source, stride, count, target, UInt32.self)
      case 8: gather(source, stride, count, target, UInt64.self)
      default: gather(source, stride, count, target, SIMD2<UInt64>.self)
      }
    }
    switch swappedWord {
    case 2: swapWords(target, count &* itemSize / 2, UInt16.self)
    case 4: swapWords(target, count &* itemSize / 4, UInt32.self)
    case 8: swapWords(target, count &* itemSize / 8, UInt64.self)
    default: break
    }
  }

  @inline(__always) private static func gather<T: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ stride: Int, _ count: Int, _ target: UnsafeMutableRawPointer, _ type: T.Type
  ) {
    for at in 0..<count {
      let element = (source + at &* stride).loadUnaligned(as: T.self)
      target.storeBytes(of: element, toByteOffset: at &* MemoryLayout<T>.size, as: T.self)
    }
  }

  @inline(__always) private static func swapWords<T: FixedWidthInteger & BitwiseCopyable>(
    _ target: UnsafeMutableRawPointer, _ count: Int, _ type: T.Type
  ) {
    for at in 0..<count {
      let offset = at &* MemoryLayout<T>.size
      target.storeBytes(
        of: target.loadUnaligned(fromByteOffset: offset, as: T.self).byteSwapped, toByteOffset: offset, as: T.self)
    }
  }

  /// Calls `body` with consecutive pieces in C order, every element widened to double: bool is 0 or 1, 64-bit
  /// integers round to nearest, complex numbers give their real part.
  /// - Throws: what `body` throws, and `.memory`.
  func forEachDoubleBlock(
    limit: Int = 8_192, _ body: (UnsafeBufferPointer<Double>) throws(MediaError) -> Void
  ) throws(MediaError) {
    guard count > 0 else { return }
    if dtype == .f64 { return try forEachBlock(as: Double.self, limit: limit, body) }
    var scratch = [Double](repeating: 0, count: min(limit, count))
    switch dtype {
    case .bool: try widen(UInt8.self, limit, &scratch, body) { $0 == 0 ? 0 : 1 }
    case .i8: try widen(Int8.self, limit, &scratch, body) { Double($0) }
    case .i16: try widen(Int16.self, limit, &scratch, body) { Double($0) }
    case .i32: try widen(Int32.self, limit, &scratch, body) { Double($0) }
    case .i64: try widen(Int64.self, limit, &scratch, body) { Double($0) }
    case .u8: try widen(UInt8.self, limit, &scratch, body) { Double($0) }
    case .u16: try widen(UInt16.self, limit, &scratch, body) { Double($0) }
    case .u32: try widen(UInt32.self, limit, &scratch, body) { Double($0) }
    case .u64: try widen(UInt64.self, limit, &scratch, body) { Double($0) }
    case .f16: try widen(UInt16.self, limit, &scratch, body) { Double(SmallFloat.half($0)) }
    case .bf16: try widen(UInt16.self, limit, &scratch, body) { Double(SmallFloat.brain($0)) }
    case .f32: try widen(Float.self, limit, &scratch, body) { Double($0) }
    case .c64: try widen(SIMD2<Float>.self, limit, &scratch, body) { Double($0.x) }
    case .c128: try widen(SIMD2<Double>.self, limit, &scratch, body) { $0.x }
    case .f64: break
    }
  }

  @inline(__always) private func widen<T: BitwiseCopyable>(
    _ type: T.Type, _ limit: Int, _ scratch: inout [Double],
    _ body: (UnsafeBufferPointer<Double>) throws(MediaError) -> Void, _ convert: (T) -> Double
  ) throws(MediaError) {
    var failure: MediaError?
    scratch.withUnsafeMutableBufferPointer { room in
      do throws(MediaError) {
        try forEachBlock(as: T.self, limit: limit) { (block) throws(MediaError) in
          for at in 0..<min(block.count, room.count) { room[at] = convert(block[at]) }
          try body(UnsafeBufferPointer(rebasing: room[..<min(block.count, room.count)]))
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  /// Every element in C order as a double; see `forEachDoubleBlock`.
  public func doubles() throws(MediaError) -> [Double] {
    var all: [Double] = []
    all.reserveCapacity(min(count, 1 << 24))
    try forEachDoubleBlock { (block) throws(MediaError) in all.append(contentsOf: block) }
    return all
  }
}
