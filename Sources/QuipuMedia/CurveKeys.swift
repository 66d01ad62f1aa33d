import Glibc

/// The scores of one class as integers of the same order, those of the class's own samples apart from all others.
///
/// Memory of its own and not an array: it is written from both ends, and nothing is filled in before.
final class CurveKeys: @unchecked Sendable {
  // @unchecked: the memory is written by the initialisers only.
  let count: Int
  /// The class's own samples; they come first.
  let positives: Int
  private let keys: UnsafeMutablePointer<UInt64>

  /// - Parameters:
  ///   - column: `[n]`, the scores of the class.
  ///   - ranks: class of each sample, n of them.
  ///   - own: the class.
  /// - Throws: `value` for NaN and infinities, `memory`.
  init(_ column: ArrayView, ranks: [Int32], own: Int32, argument: String) throws(MediaError) {
    count = column.count
    guard let memory = malloc(max(count, 1) &* 8) else {
      throw MediaError(.memory, "\(argument): not enough memory for \(column.count) scores")
    }
    let keys = memory.assumingMemoryBound(to: UInt64.self)
    self.keys = keys
    // Narrow floats keep their upper bits only, so that sorting has less to look at.
    let isNarrow = column.dtype.isFloating && column.dtype != .f64
    var ends = (front: 0, back: count), at = 0, isFinite = true
    do throws(MediaError) {
      try column.forEachDoubleBlock { (block) throws(MediaError) in
        ranks.withUnsafeBufferPointer { ranks in
          let part = UnsafeBufferPointer(rebasing: ranks[at..<(at &+ block.count)])
          if !Self.split(block, part, own, isNarrow, keys, &ends) { isFinite = false }
        }
        at &+= block.count
      }
    } catch {
      free(memory)
      throw error
    }
    positives = ends.front
    // All members are set: the memory is freed with the object.
    guard isFinite else {
      throw MediaError(.value, "\(argument): holds NaN or infinity; every score must be a finite number")
    }
  }

  /// Puts the keys of the class's own samples in front and those of others at the back, without a branch that depends on
  /// the labels: both places are free, and the one that stays free is written again.
  ///
  /// - Returns: false if a score is not finite.
  @_optimize(speed) private static func split(
    _ scores: UnsafeBufferPointer<Double>, _ ranks: UnsafeBufferPointer<Int32>, _ own: Int32, _ isNarrow: Bool,
    _ keys: UnsafeMutablePointer<UInt64>, _ ends: inout (front: Int, back: Int)
  ) -> Bool {
    var (front, back) = ends
    var greatest: UInt64 = 0
    for at in 0..<min(scores.count, ranks.count) {
      // Adding zero makes -0.0 the same as 0.0.
      let score = scores[at] + 0
      greatest = max(greatest, score.bitPattern << 1)
      var key: UInt64
      if isNarrow {
        let bits = UInt64(Float(score).bitPattern)
        key = bits ^ (bits >> 31 == 0 ? 0x8000_0000 : 0xFFFF_FFFF)
      } else {
        let bits = score.bitPattern
        key = bits ^ (bits >> 63 == 0 ? 0x8000_0000_0000_0000 : .max)
      }
      keys[front] = key
      keys[back &- 1] = key
      let isOwn = ranks[at] == own ? 1 : 0
      front &+= isOwn
      back &+= isOwn &- 1
    }
    ends = (front, back)
    return greatest < 0xFFE0_0000_0000_0000
  }

  deinit { free(keys) }

  /// Both parts in ascending order.
  private init(sorting other: CurveKeys) throws(MediaError) {
    count = other.count
    positives = other.positives
    guard let memory = malloc(max(count, 1) &* 16) else {
      throw MediaError(.memory, "curve: not enough memory for \(other.count) scores")
    }
    keys = memory.assumingMemoryBound(to: UInt64.self)
    keys.update(from: other.keys, count: count)
    Self.sort(keys, positives, keys + count)
    Self.sort(keys + positives, count &- positives, keys + count)
  }

  /// - Throws: `memory`.
  func sorted() throws(MediaError) -> CurveKeys { try CurveKeys(sorting: self) }

  /// Visits the distinct scores from the greatest to the least with the numbers of the class's own and of other
  /// samples that have at least that score.
  @inline(__always) func descend(_ visit: (_ truePositives: Int, _ falsePositives: Int) -> Void) {
    var own = positives, other = count
    while own > 0 || other > positives {
      var key: UInt64 = 0
      if own > 0 { key = keys[own &- 1] }
      if other > positives { key = max(key, keys[other &- 1]) }
      while own > 0, keys[own &- 1] == key { own &-= 1 }
      while other > positives, keys[other &- 1] == key { other &-= 1 }
      visit(positives &- own, count &- other)
    }
  }

  /// Visits the distinct scores from the least to the greatest, with the same numbers.
  @inline(__always) func ascend(_ visit: (_ truePositives: Int, _ falsePositives: Int) -> Void) {
    var own = 0, other = positives
    while own < positives || other < count {
      visit(positives &- own, count &- other)
      var key = UInt64.max
      if own < positives { key = keys[own] }
      if other < count { key = min(key, keys[other]) }
      while own < positives, keys[own] == key { own &+= 1 }
      while other < count, keys[other] == key { other &+= 1 }
    }
  }

  private static let digitBits = 11
  private static let digits = 6

  /// Radix sort, least digit first; digits in which all keys agree are skipped.
  @_optimize(speed) private static func sort(
    _ keys: UnsafeMutablePointer<UInt64>, _ count: Int, _ room: UnsafeMutablePointer<UInt64>
  ) {
    if count <= 64 { return insertionSort(keys, count) }
    let radix = 1 << digitBits
    withUnsafeTemporaryAllocation(of: Int.self, capacity: digits &* radix) { places in
      guard let places = places.baseAddress else { return insertionSort(keys, count) }
      places.initialize(repeating: 0, count: digits &* radix)
      for at in 0..<count {
        var key = keys[at]
        for digit in 0..<digits {
          places[digit &* radix &+ Int(truncatingIfNeeded: key & UInt64(radix &- 1))] &+= 1
          key >>= UInt64(digitBits)
        }
      }
      var source = keys, target = room
      for digit in 0..<digits {
        let shift = UInt64(digit &* digitBits)
        let place = places + digit &* radix
        let mask = UInt64(radix &- 1)
        if place[Int(truncatingIfNeeded: source[0] >> shift & mask)] == count { continue }
        var sum = 0
        for value in 0..<radix {
          let number = place[value]
          place[value] = sum
          sum &+= number
        }
        for at in 0..<count {
          let key = source[at]
          let value = Int(truncatingIfNeeded: key >> shift & mask)
          target[place[value]] = key
          place[value] &+= 1
        }
        swap(&source, &target)
      }
      if source != keys { keys.update(from: source, count: count) }
    }
  }

  private static func insertionSort(_ keys: UnsafeMutablePointer<UInt64>, _ count: Int) {
    var at = 1
    while at < count {
      let key = keys[at]
      var hole = at
      while hole > 0, keys[hole &- 1] > key {
        keys[hole] = keys[hole &- 1]
        hole &-= 1
      }
      keys[hole] = key
      at &+= 1
    }
  }
}
