/// One component of a JPEG picture: its samples of one row of blocks, and the way to coefficients.
///
/// Eight blocks that stand side by side are transformed at once, one in each lane, so both passes of the transform are
/// plain vector arithmetic and nothing is ever transposed. The samples are laid out for that: first the row, then the
/// column within a block, then the block.
struct JPEGTransform: ~Copyable {
  typealias Lanes = SIMD8<Float>

  /// Blocks in a row, a multiple of eight; those beyond the picture are not used.
  let blocks: Int
  private let samples: UnsafeMutablePointer<Float>
  private let work: UnsafeMutablePointer<Lanes>
  private let divisors: UnsafeMutablePointer<Float>
  /// Two sets of 64 coefficients in the order of transmission, each with eight lanes.
  private let coefficients: UnsafeMutablePointer<SIMD8<Int16>>

  /// - Parameters:
  ///   - width: samples in a row.
  ///   - rows: rows of samples that are filled before they are transformed, a multiple of eight.
  ///   - quantisation: 64 divisors, row by row.
  init(width: Int, rows: Int, quantisation: [UInt8]) {
    blocks = (width &+ 63) / 64 &* 8
    samples = .allocate(capacity: blocks &* 8 &* rows)
    samples.initialize(repeating: 0, count: blocks &* 8 &* rows)
    work = .allocate(capacity: 64)
    work.initialize(repeating: .zero, count: 64)
    coefficients = .allocate(capacity: 128)
    coefficients.initialize(repeating: .zero, count: 128)
    divisors = .allocate(capacity: 64)
    // The transform leaves each coefficient multiplied by these, for its row and its column, and by 8.
    let scales: [Float] = [
      1, 1.387_039_845, 1.306_562_965, 1.175_875_602, 1, 0.785_694_958, 0.541_196_100, 0.275_899_379,
    ]
    for (at, value) in quantisation.enumerated() where at < 64 {
      (divisors + at).initialize(to: 1 / (Float(value) * scales[at / 8] * scales[at % 8] * 8))
    }
  }

  deinit {
    samples.deallocate()
    work.deallocate()
    coefficients.deallocate()
    divisors.deallocate()
  }

  /// Sets the sample of a column in a row, around zero.
  @inline(__always) func put(_ value: Float, row: Int, column: Int) {
    samples[(row &* 8 &+ (column & 7)) &* blocks &+ (column &>> 3)] = value
  }

  /// Repeats the last sample of a row to the end of the row's last block.
  func extend(row: Int, from width: Int) {
    guard width > 0 else { return }
    let column = width &- 1
    let last = samples[(row &* 8 &+ (column & 7)) &* blocks &+ (column &>> 3)]
    for column in width..<((width &+ 15) & ~15) where column &>> 3 < blocks { put(last, row: row, column: column) }
  }

  func copyRow(_ from: Int, to: Int) {
    (samples + to &* 8 &* blocks).update(from: samples + from &* 8 &* blocks, count: 8 &* blocks)
  }

  /// Transforms the eight blocks from `block` on, a multiple of eight, of the rows from `row` on.
  /// - Parameter set: where the coefficients go, 0 or 1.
  func transform(row: Int, block: Int, into set: Int = 0) {
    for at in 0..<64 {
      let line = (row &+ (at &>> 3)) &* 8 &+ (at & 7)
      let place = samples + (line &* blocks &+ block)
      work[at] = UnsafeRawPointer(place).loadUnaligned(as: Lanes.self)
    }
    for line in 0..<8 { Self.transform(work + line &* 8, step: 1) }
    for line in 0..<8 { Self.transform(work + line, step: 8) }
    JPEGTables.zigzag.withUnsafeBufferPointer { order in
      for at in 0..<64 {
        let place = Int(order[at])
        // Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
        let nearest = work[place] * divisors[place] + Lanes(repeating: 12_582_912)
        let value = SIMD8<Int16>(truncatingIfNeeded: unsafeBitCast(nearest, to: SIMD8<Int32>.self))
        // Rounding can reach one more than the code has symbols for.
        let top = SIMD8<Int16>(repeating: 1_023), low = SIMD8<Int16>(repeating: at == 0 ? -1_024 : -1_023)
        let capped = value.replacing(with: top, where: value .> top)
        coefficients[set &* 64 &+ at] = capped.replacing(with: low, where: capped .< low)
      }
    }
  }

  /// The coefficient number `at` of one of the eight blocks.
  @inline(__always) func coefficient(_ at: Int, set: Int, lane: Int) -> Int32 {
    let offset = (set &* 64 &+ at) &* 16 &+ lane &* 2
    return Int32(UnsafeRawPointer(coefficients).load(fromByteOffset: offset, as: Int16.self))
  }

  /// One pass of the transform with the fewest multiplications.
  ///
  /// Source: Arai, Agui and Nakajima, "A fast DCT-SQ scheme for images", 1988.
  @inline(__always) private static func transform(_ x: UnsafeMutablePointer<Lanes>, step: Int) {
    let (a0, a1, a2, a3) = (x[0], x[step], x[2 &* step], x[3 &* step])
    let (a4, a5, a6, a7) = (x[4 &* step], x[5 &* step], x[6 &* step], x[7 &* step])
    let (s0, s1, s2, s3) = (a0 + a7, a1 + a6, a2 + a5, a3 + a4)
    let (d0, d1, d2, d3) = (a0 - a7, a1 - a6, a2 - a5, a3 - a4)
    let (e0, e1, e2, e3) = (s0 + s3, s1 + s2, s1 - s2, s0 - s3)
    x[0] = e0 + e1
    x[4 &* step] = e0 - e1
    let middle = (e2 + e3) * 0.707_106_781
    x[2 &* step] = e3 + middle
    x[6 &* step] = e3 - middle
    let (f0, f1, f2) = (d3 + d2, d2 + d1, d1 + d0)
    let shared = (f0 - f2) * 0.382_683_433
    let low = f0 * 0.541_196_100 + shared
    let high = f2 * 1.306_562_965 + shared
    let diagonal = f1 * 0.707_106_781
    let (plus, minus) = (d0 + diagonal, d0 - diagonal)
    x[5 &* step] = minus + low
    x[3 &* step] = minus - low
    x[step] = plus + high
    x[7 &* step] = plus - high
  }
}
