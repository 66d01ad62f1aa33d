/// Colours that stand for many: a palette that leaves little error, and the entry nearest to each pixel.
///
/// Similar colours are counted together, in bins that are as fine as their number allows. The bins are cut in two,
/// again and again where that lowers the squared error most; means of what is nearest to each then take the place of
/// the boxes' means; and the pixels go to their nearest entry, exactly. Nothing is dithered: at 256 colours of its own
/// for each frame the error is lower without, frames do not flicker, and files are smaller.
///
/// Source: X. Wu, "Efficient statistical computations for optimal color quantization", 1991, for the cuts; S. Lloyd,
/// "Least squares quantization in PCM", 1982, for the means.
final class PaletteCut {
  static let maximumBins = 4096
  /// More pixels are sampled for the palette.
  private static let maximumSamples = 1 << 20
  private static let hashBits = 14
  private static let slots = 1 << hashBits
  private static let levels = 32
  private static let brightnesses = 3 * 255 + 1
  private static let planeSize = 256 + 8
  private static let meanRounds = 2

  private struct Box {
    var start = 0
    var end = 0
    /// How much the squared error falls if the box is cut.
    var gain: Float = 0
    var axis = 0
    /// Bins up to this value on `axis` are on the lower side.
    var border: Float = 0
  }

  /// Low bits of each channel that bins ignore; kept from frame to frame because neighbours are alike.
  private var shift: UInt32 = 0
  private var binCount = 0
  private let keys: UnsafeMutablePointer<UInt32>
  private let slotBin: UnsafeMutablePointer<UInt16>
  /// Sums of red, green, blue, and the number of pixels.
  private let sums: UnsafeMutablePointer<SIMD4<UInt32>>
  /// Means, and the number of pixels.
  private let means: UnsafeMutablePointer<SIMD4<Float>>
  private let order: UnsafeMutablePointer<UInt16>
  private let spare: UnsafeMutablePointer<UInt16>
  /// The palette's entry of each bin.
  private let entryOfBin: UnsafeMutablePointer<UInt8>
  private let centres: UnsafeMutablePointer<SIMD4<Float>>
  /// The same by brightness: planes of red, green and blue.
  private let planes: UnsafeMutablePointer<Float>
  private let sortedKey: UnsafeMutablePointer<Float>
  private let sortedEntry: UnsafeMutablePointer<UInt8>
  /// Where each brightness starts in them.
  private let firstOf: UnsafeMutablePointer<UInt16>

  /// The palette, red in the low byte.
  let colours: UnsafeMutablePointer<UInt32>
  private(set) var count = 0

  init() {
    keys = .allocate(capacity: Self.slots)
    slotBin = .allocate(capacity: Self.slots)
    sums = .allocate(capacity: Self.maximumBins)
    means = .allocate(capacity: Self.maximumBins)
    order = .allocate(capacity: Self.maximumBins)
    spare = .allocate(capacity: Self.maximumBins)
    entryOfBin = .allocate(capacity: Self.maximumBins)
    centres = .allocate(capacity: 256)
    planes = .allocate(capacity: 3 * Self.planeSize)
    sortedKey = .allocate(capacity: 256)
    sortedEntry = .allocate(capacity: 256)
    firstOf = .allocate(capacity: Self.brightnesses + 1)
    colours = .allocate(capacity: 256)
    colours.initialize(repeating: 0, count: 256)
  }

  deinit {
    keys.deallocate()
    slotBin.deallocate()
    sums.deallocate()
    means.deallocate()
    order.deallocate()
    spare.deallocate()
    entryOfBin.deallocate()
    centres.deallocate()
    planes.deallocate()
    sortedKey.deallocate()
    sortedEntry.deallocate()
    firstOf.deallocate()
    colours.deallocate()
  }

  /// Makes the palette of `pixels` and gives each its entry.
  ///
  /// - Parameters:
  ///   - pixels: at least one.
  ///   - limit: entries, 2...256.
  ///   - out: room for an entry per pixel.
  func quantize(
    _ pixels: UnsafePointer<UInt32>, count length: Int, limit: Int, to out: UnsafeMutablePointer<UInt8>
  ) {
    // Odd, so that a sample does not run down the columns of the usual widths.
    let step = length > Self.maximumSamples ? (length / Self.maximumSamples) | 1 : 1
    fillBins(pixels, length, step)
    cut(limit)
    for _ in 0..<Self.meanRounds {
      sortCentres()
      moveCentres()
    }
    for at in 0..<count { centres[at] = centres[at].rounded(.toNearestOrEven) }
    sortCentres()
    assignBins()
    assign(pixels, length, to: out)
  }

  // MARK: Bins

  @inline(__always) private func slot(_ key: UInt32) -> Int {
    var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B1) &>> UInt32(32 &- Self.hashBits))
    while keys[slot] != key, keys[slot] != UInt32.max { slot = (slot &+ 1) & (Self.slots &- 1) }
    return slot
  }

  private var mask: UInt32 { ((0xFF &>> shift) &<< shift) &* 0x01_0101 }

  private func fillBins(_ pixels: UnsafePointer<UInt32>, _ length: Int, _ step: Int) {
    // Four bits of each channel are 4096 bins at most, so that this ends.
    if shift > 0 { shift &-= 1 }
    while !tryFillBins(pixels, length, step) { shift &+= 1 }
    for bin in 0..<binCount {
      let sum = SIMD4<Float>(sums[bin])
      let weight = sum.w
      var mean = sum / weight
      mean.w = weight
      means[bin] = mean
    }
  }

  private func tryFillBins(_ pixels: UnsafePointer<UInt32>, _ length: Int, _ step: Int) -> Bool {
    keys.update(repeating: UInt32.max, count: Self.slots)
    binCount = 0
    let mask = mask
    var at = 0
    while at < length {
      let colour = pixels[at]
      let key = colour & mask
      let slot = slot(key)
      let bin: Int
      if keys[slot] == key {
        bin = Int(slotBin[slot])
      } else {
        guard binCount < Self.maximumBins else { return false }
        bin = binCount
        keys[slot] = key
        slotBin[slot] = UInt16(truncatingIfNeeded: bin)
        sums[bin] = .zero
        binCount &+= 1
      }
      sums[bin] &+= SIMD4<UInt32>(colour & 0xFF, colour &>> 8 & 0xFF, colour &>> 16 & 0xFF, 1)
      at &+= step
    }
    return true
  }

  // MARK: Cuts

  private func cut(_ limit: Int) {
    withUnsafeTemporaryAllocation(of: Box.self, capacity: 256) { boxes in
      for bin in 0..<binCount { order[bin] = UInt16(truncatingIfNeeded: bin) }
      boxes.initialize(repeating: Box())
      var used = 1
      boxes[0] = measured(Box(start: 0, end: binCount))
      while used < min(limit, 256) {
        var best = 0
        for at in 1..<max(used, 1) where boxes[at].gain > boxes[best].gain { best = at }
        guard boxes[best].gain > 0 else { break }
        let box = boxes[best]
        let middle = divide(box)
        guard middle > box.start, middle < box.end else {
          boxes[best].gain = 0
          continue
        }
        boxes[best] = measured(Box(start: box.start, end: middle))
        boxes[used] = measured(Box(start: middle, end: box.end))
        used &+= 1
      }
      count = used
      for entry in 0..<used {
        for at in boxes[entry].start..<boxes[entry].end {
          entryOfBin[Int(order[at])] = UInt8(truncatingIfNeeded: entry)
        }
      }
    }
    setCentres()
  }

  /// Finds the best cut of a box: the one that leaves the least squared distance to the means of both sides.
  private func measured(_ given: Box) -> Box {
    var box = given
    guard box.end &- box.start > 1 else { return box }
    var low = SIMD4<Float>(repeating: .infinity), high = -low
    var total = SIMD4<Float>.zero
    for at in box.start..<box.end {
      let mean = means[Int(order[at])]
      low.replace(with: mean, where: mean .< low)
      high.replace(with: mean, where: mean .> high)
      var weighted = mean * mean.w
      weighted.w = mean.w
      total += weighted
    }
    let weight = total.w
    let middle = total / weight
    let span = high - low
    // A level past the last one would need a value above the highest.
    let scale = SIMD4<Float>(repeating: Float(Self.levels) - 0.01) / span
    withUnsafeTemporaryAllocation(of: SIMD4<Float>.self, capacity: 3 * Self.levels) { sums in
      sums.initialize(repeating: .zero)
      let flat = SIMD4<Float>.zero .== span
      for at in box.start..<box.end {
        let mean = means[Int(order[at])]
        let level = ((mean - low) * scale).replacing(with: 0, where: flat)
        // Distances from the box's mean keep sums small enough for single precision.
        var weighted = (mean - middle) * mean.w
        weighted.w = mean.w
        sums[Int(level.x) & 31] += weighted
        sums[Self.levels &+ Int(level.y) & 31] += weighted
        sums[2 &* Self.levels &+ Int(level.z) & 31] += weighted
      }
      for axis in 0..<3 where span[axis] > 0 {
        var lower = SIMD4<Float>.zero
        for level in 0..<Self.levels &- 1 {
          lower += sums[axis &* Self.levels &+ level]
          let below = lower.w, above = weight - below
          guard below > 0, above > 0 else { continue }
          let moved = lower.x * lower.x + lower.y * lower.y + lower.z * lower.z
          let gain = moved * (1 / below + 1 / above)
          if gain > box.gain {
            box.gain = gain
            box.axis = axis
            box.border = low[axis] + Float(level &+ 1) / scale[axis]
          }
        }
      }
    }
    return box
  }

  /// Puts the bins of the lower side first.
  /// - Returns: where the upper side starts.
  private func divide(_ box: Box) -> Int {
    var lower = box.start
    var upper = 0
    for at in box.start..<box.end {
      let bin = order[at]
      if means[Int(bin)][box.axis] < box.border {
        order[lower] = bin
        lower &+= 1
      } else {
        spare[upper] = bin
        upper &+= 1
      }
    }
    for at in 0..<upper { order[lower &+ at] = spare[at] }
    return lower
  }

  // MARK: Means

  private func setCentres() {
    withUnsafeTemporaryAllocation(of: SIMD4<Float>.self, capacity: 256) { totals in
      totals.initialize(repeating: .zero)
      for bin in 0..<binCount {
        var weighted = means[bin] * means[bin].w
        weighted.w = means[bin].w
        totals[Int(entryOfBin[bin])] += weighted
      }
      for entry in 0..<count where totals[entry].w > 0 { centres[entry] = totals[entry] / totals[entry].w }
    }
  }

  @inline(__always) private func distance(_ a: SIMD4<Float>, _ b: SIMD4<Float>) -> Float {
    let x = a.x - b.x, y = a.y - b.y, z = a.z - b.z
    return x * x + y * y + z * z
  }

  /// The sum of a colour's channels, by which the entries are sorted.
  @inline(__always) private func brightness(_ colour: SIMD4<Float>) -> Int {
    max(0, min(Self.brightnesses &- 1, Int(colour.x + colour.y + colour.z)))
  }

  private func sortCentres() {
    firstOf.update(repeating: 0, count: Self.brightnesses &+ 1)
    for entry in 0..<count { firstOf[brightness(centres[entry]) &+ 1] &+= 1 }
    for at in 0..<Self.brightnesses { firstOf[at &+ 1] &+= firstOf[at] }
    // Groups of four may reach beyond both ends: farther than anything.
    planes.update(repeating: 1e9, count: 3 &* Self.planeSize)
    withUnsafeTemporaryAllocation(of: UInt16.self, capacity: Self.brightnesses) { next in
      for at in 0..<Self.brightnesses { next[at] = firstOf[at] }
      for entry in 0..<count {
        let key = brightness(centres[entry])
        let at = Int(next[key])
        next[key] &+= 1
        planes[4 &+ at] = centres[entry].x
        planes[4 &+ at &+ Self.planeSize] = centres[entry].y
        planes[4 &+ at &+ 2 &* Self.planeSize] = centres[entry].z
        sortedKey[at] = Float(key)
        sortedEntry[at] = UInt8(truncatingIfNeeded: entry)
      }
    }
  }

  /// The nearest entry to a colour; `guess` is one near it.
  ///
  /// An entry whose channels sum up to D more or less is at least D / sqrt(3) away. Most pictures vary in brightness
  /// more than in anything else, so few entries have to be looked at.
  @inline(__always) private func nearest(_ colour: SIMD4<Float>, _ guess: Int) -> Int {
    typealias Lanes = SIMD4<Float>
    var best = guess
    var least = distance(colour, centres[guess])
    let key = brightness(colour)
    let middle = Int(firstOf[key])
    let own = Float(key)
    let red = Lanes(repeating: colour.x), green = Lanes(repeating: colour.y), blue = Lanes(repeating: colour.z)
    @inline(__always) func look(_ at: Int) {
      let plane = UnsafeRawPointer(planes + (at &+ 4))
      let x = plane.loadUnaligned(as: Lanes.self) - red
      let y = plane.loadUnaligned(fromByteOffset: 4 &* Self.planeSize, as: Lanes.self) - green
      let z = plane.loadUnaligned(fromByteOffset: 8 &* Self.planeSize, as: Lanes.self) - blue
      let values = x * x + y * y + z * z
      if any(values .< least) {
        for lane in 0..<4 where values[lane] < least {
          least = values[lane]
          best = Int(sortedEntry[at &+ lane])
        }
      }
    }
    var at = middle
    while at < count {
      let gap = sortedKey[at] - own - 1
      if gap > 0, gap * gap >= 3 * least { break }
      look(at)
      at &+= 4
    }
    at = middle
    while at > 0 {
      let gap = own - sortedKey[at &- 1] - 1
      if gap > 0, gap * gap >= 3 * least { break }
      look(at &- 4)
      at &-= 4
    }
    return best
  }

  private func assignBins() {
    for bin in 0..<binCount {
      entryOfBin[bin] = UInt8(truncatingIfNeeded: nearest(means[bin], Int(entryOfBin[bin])))
    }
  }

  private func moveCentres() {
    assignBins()
    setCentres()
  }

  // MARK: Pixels

  private func assign(_ pixels: UnsafePointer<UInt32>, _ length: Int, to out: UnsafeMutablePointer<UInt8>) {
    let mask = mask
    let isExact = shift == 0
    withUnsafeTemporaryAllocation(of: SIMD4<UInt64>.self, capacity: 256) { totals in
      totals.initialize(repeating: .zero)
      var last = UInt32.max
      var entry = 0
      for at in 0..<length {
        let colour = pixels[at]
        if colour != last {
          last = colour
          let slot = slot(colour & mask)
          // Not there: a colour that the sample has not met.
          let guess = keys[slot] == UInt32.max ? 0 : Int(entryOfBin[Int(slotBin[slot])])
          if isExact, keys[slot] != UInt32.max {
            entry = guess
          } else {
            let value = SIMD4<Float>(
              Float(colour & 0xFF), Float(colour &>> 8 & 0xFF), Float(colour &>> 16 & 0xFF), 0)
            entry = nearest(value, guess)
          }
        }
        out[at] = UInt8(truncatingIfNeeded: entry)
        totals[entry] &+= SIMD4(UInt64(colour & 0xFF), UInt64(colour &>> 8 & 0xFF), UInt64(colour &>> 16 & 0xFF), 1)
      }
      // What has gone to an entry is nearest to its own mean.
      for entry in 0..<count {
        let total = totals[entry]
        let centre = centres[entry]
        let half = total.w / 2
        func channel(_ sum: UInt64, _ unused: Float) -> UInt32 {
          total.w > 0 ? UInt32(truncatingIfNeeded: (sum &+ half) / total.w) : UInt32(max(0, min(255, unused)))
        }
        colours[entry] =
          channel(total.x, centre.x) | channel(total.y, centre.y) &<< 8 | channel(total.z, centre.z) &<< 16
      }
    }
  }
}
