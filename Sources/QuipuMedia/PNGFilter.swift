/// The five row filters of PNG, 16 samples at a time, and the choice between them.
///
/// The choice needs only sums, so a row is read twice (once to measure, once to write the winner) instead of keeping
/// five filtered copies: no row-sized scratch memory, and the second read comes from the cache.
enum PNGFilter {
  static let none: UInt8 = 0
  static let sub: UInt8 = 1
  static let up: UInt8 = 2
  static let average: UInt8 = 3
  static let paeth: UInt8 = 4

  private typealias Lanes = SIMD16<UInt8>

  @inline(__always) private static func load(_ address: UnsafeRawPointer, _ offset: Int) -> Lanes {
    address.loadUnaligned(fromByteOffset: offset, as: Lanes.self)
  }

  // Minimum and maximum are spelled as a replacement because that compiles to one instruction.
  @inline(__always) private static func smaller(_ a: Lanes, _ b: Lanes) -> Lanes {
    b.replacing(with: a, where: a .< b)
  }

  @inline(__always) private static func larger(_ a: Lanes, _ b: Lanes) -> Lanes {
    b.replacing(with: a, where: a .> b)
  }

  @inline(__always) private static func distance(_ a: Lanes, _ b: Lanes) -> Lanes {
    larger(a, b) &- smaller(a, b)
  }

  @inline(__always) private static func averageOf(_ a: Lanes, _ b: Lanes) -> Lanes {
    (a & b) &+ ((a ^ b) &>> 1)
  }

  /// The Paeth predictor. With p = a + b - c its distances are |b-c|, |a-c| and |(a-c)+(b-c)|. The third is the sum of
  /// the first two when both differences have one sign, so it never wins then; otherwise it is their difference.
  @inline(__always) private static func paethOf(_ a: Lanes, _ b: Lanes, _ c: Lanes) -> Lanes {
    let toA = distance(b, c)
    let toB = distance(a, c)
    let between = distance(toA, toB)
    let toC = Lanes(repeating: 255).replacing(with: between, where: (a .> c) .^ (b .> c))
    let upperLeft = c.replacing(with: b, where: toB .<= toC)
    return upperLeft.replacing(with: a, where: toA .<= smaller(toB, toC))
  }

  /// Sum of the lanes' distances from 0 modulo 256, in eight partial sums.
  @inline(__always) private static func magnitude(_ residual: Lanes) -> SIMD8<UInt16> {
    let small = smaller(residual, Lanes.zero &- residual)
    let pairs = unsafeBitCast(small, to: SIMD8<UInt16>.self)
    return (pairs & 0x00FF) &+ (pairs &>> 8)
  }

  /// The filter whose residuals have the smallest sum of absolute values, the classic estimate of what compresses best.
  ///
  /// - Parameters:
  ///   - row: `count` samples of this row. `above`: those of the row above, nil for the first row.
  ///   - step: bytes per pixel.
  static func best(row: UnsafeRawPointer, above: UnsafeRawPointer?, count: Int, step: Int) -> UInt8 {
    guard count >= step &+ 16 else { return count > step && above == nil ? sub : (above == nil ? none : up) }
    var sums = (none: 0, sub: 0, up: 0, average: 0, paeth: 0)
    var at = step
    let last = count &- 16
    while at <= last {
      // 128 steps keep the 16-bit partial sums below 2^15.
      let end = min(last, at &+ 16 &* 127)
      var plain = SIMD8<UInt16>.zero, left = plain, upper = plain, mean = plain, predicted = plain
      if let above {
        while at <= end {
          let x = load(row, at), a = load(row, at &- step), b = load(above, at), c = load(above, at &- step)
          plain &+= magnitude(x)
          left &+= magnitude(x &- a)
          upper &+= magnitude(x &- b)
          mean &+= magnitude(x &- averageOf(a, b))
          predicted &+= magnitude(x &- paethOf(a, b, c))
          at &+= 16
        }
        sums.up &+= total(upper)
        sums.average &+= total(mean)
        sums.paeth &+= total(predicted)
      } else {
        while at <= end {
          let x = load(row, at), a = load(row, at &- step)
          plain &+= magnitude(x)
          left &+= magnitude(x &- a)
          at &+= 16
        }
      }
      sums.none &+= total(plain)
      sums.sub &+= total(left)
    }
    var winner = none
    var lowest = sums.none
    if sums.sub < lowest { (winner, lowest) = (sub, sums.sub) }
    guard above != nil else { return winner }
    if sums.up < lowest { (winner, lowest) = (up, sums.up) }
    if sums.average < lowest { (winner, lowest) = (average, sums.average) }
    if sums.paeth < lowest { winner = paeth }
    return winner
  }

  @inline(__always) private static func total(_ sums: SIMD8<UInt16>) -> Int {
    var all = 0
    for lane in 0..<8 { all &+= Int(sums[lane]) }
    return all
  }

  /// Writes the filtered samples `from..<to` of a row.
  ///
  /// - Parameters:
  ///   - filter: 0...4; 2...4 need `above`.
  ///   - out: room for `to - from` bytes.
  static func apply(
    _ filter: UInt8, row: UnsafeRawPointer, above: UnsafeRawPointer?, from: Int, to: Int, step: Int,
    out: UnsafeMutableRawPointer
  ) {
    guard filter != none else {
      out.copyMemory(from: row + from, byteCount: to &- from)
      return
    }
    var at = from
    while at < min(step, to) {  // the first pixel has no left neighbour
      put(one(filter, row, above, at, step), out, at &- from)
      at &+= 1
    }
    let last = to &- 16
    switch (filter, above) {
    case (sub, _):
      while at <= last {
        put(load(row, at) &- load(row, at &- step), out, at &- from)
        at &+= 16
      }
    case (up, let above?):
      while at <= last {
        put(load(row, at) &- load(above, at), out, at &- from)
        at &+= 16
      }
    case (average, let above?):
      while at <= last {
        put(load(row, at) &- averageOf(load(row, at &- step), load(above, at)), out, at &- from)
        at &+= 16
      }
    case (paeth, let above?):
      while at <= last {
        let predicted = paethOf(load(row, at &- step), load(above, at), load(above, at &- step))
        put(load(row, at) &- predicted, out, at &- from)
        at &+= 16
      }
    default: break
    }
    while at < to {
      put(one(filter, row, above, at, step), out, at &- from)
      at &+= 1
    }
  }

  @inline(__always) private static func put<T: BitwiseCopyable>(
    _ value: T, _ out: UnsafeMutableRawPointer, _ offset: Int
  ) {
    out.storeBytes(of: value, toByteOffset: offset, as: T.self)
  }

  private static func one(
    _ filter: UInt8, _ row: UnsafeRawPointer, _ above: UnsafeRawPointer?, _ at: Int, _ step: Int
  ) -> UInt8 {
    let x = row.load(fromByteOffset: at, as: UInt8.self)
    let a = at >= step ? row.load(fromByteOffset: at &- step, as: UInt8.self) : 0
    let b = above?.load(fromByteOffset: at, as: UInt8.self) ?? 0
    let c = at >= step ? above?.load(fromByteOffset: at &- step, as: UInt8.self) ?? 0 : 0
    switch filter {
    case sub: return x &- a
    case up: return x &- b
    case average: return x &- ((a & b) &+ ((a ^ b) &>> 1))
    case paeth:
      let toA = abs(Int(b) &- Int(c)), toB = abs(Int(a) &- Int(c))
      let toC = abs(Int(a) &+ Int(b) &- 2 &* Int(c))
      return x &- (toA <= toB && toA <= toC ? a : (toB <= toC ? b : c))
    default: return x
    }
  }
}
