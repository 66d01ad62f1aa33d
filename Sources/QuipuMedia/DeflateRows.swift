import CZlib
import Glibc
import QuipuBase

/// A deflate encoder for filtered picture rows.
///
/// Residuals of a photograph hold next to no repeated strings, so a dictionary search costs most of the time of a
/// general deflate and often makes the result larger. What pays there is a code that follows the statistics: bytes come
/// in segments, and a segment joins the current block as long as a common code is cheaper than a header of its own.
/// Runs of one byte are always looked for. Other repeats are looked for in a sample of segments, and everywhere as long
/// as they paid in the last one; a match is taken when it is cheaper than its literals, not because it is long.
struct DeflateRows: ~Copyable {
  private struct Match {
    var start: Int
    var length: Int
    var distance: Int
  }

  /// Bytes that share one decision about block borders.
  static let segmentSize = 16 * 1024
  private static let window = 32 * 1024
  private static let largestBlock = 512 * 1024
  /// Shorter runs cost more than their literals, which have short codes exactly when runs are common.
  private static let shortestRun = 4
  private static let symbolCount = 286
  private static let endOfBlock = 256
  private static let distanceCount = 30
  /// Bits a block header takes about; only weighs the decision to start a block.
  private static let headerEstimate = 560.0
  private static let longestCode = 14
  private static let hashBits = 15
  /// One segment in this many is searched for repeats to see whether they pay.
  private static let trialPeriod = 8
  /// The part of a segment's bits that repeats must save to be searched for in the next ones.
  private static let worthwhile = 0.02
  /// Segments below this many bits per byte are always searched: they are long matches for the most part.
  private static let sparse = 1.0

  private var out: ByteBuffer
  private var bitBuffer: UInt64 = 0
  private var bitCount: UInt64 = 0
  /// History of up to one window, then the bytes of the open block, then those of the segment being filled.
  private let memory: UnsafeMutableRawPointer
  private let pending: UnsafeMutableRawPointer
  private var blockStart = 0
  private var blockEnd = 0
  private var filled = 0
  /// Position of `pending` in the stream.
  private var base = 0
  private var blockMatches: [Match] = []
  private var segmentMatches: [Match] = []
  private var blockCounts = Counts()
  private var segmentCounts = Counts()
  private var lanes = [UInt32](repeating: 0, count: 4 * 256)
  private var blockCost = 0.0
  private var checksum: UInt = 1
  private var segmentNumber = 0
  private var repeatsPay = true
  /// Stream position of the last string with each hash. In the same memory as `pending`, like `prefix`.
  private let positions: UnsafeMutablePointer<UInt32>
  private var positionsAreSet = false
  /// Sixteenths of a bit that all literals of the segment before each position take.
  private let prefix: UnsafeMutablePointer<UInt32>
  private var spareMatches: [Match] = []

  /// How often each symbol occurs.
  private struct Counts {
    var literals = [UInt32](repeating: 0, count: symbolCount)
    var distances = [UInt32](repeating: 0, count: distanceCount)
    /// Bits that are sent beside the codes.
    var extraBits = 0

    mutating func clear() {
      for at in literals.indices { literals[at] = 0 }
      for at in distances.indices { distances[at] = 0 }
      extraBits = 0
    }

    mutating func add(_ match: Match) {
      let length = DeflateTables.lengthSymbol(match.length)
      let distance = DeflateTables.distanceSymbol(match.distance)
      literals[Int(length)] &+= 1
      distances[Int(distance)] &+= 1
      extraBits &+= Int(DeflateTables.extra(ofLength: match.length, symbol: length).width)
      extraBits &+= Int(DeflateTables.extra(ofDistance: match.distance, symbol: distance).width)
    }

    mutating func add(_ other: Counts) {
      for at in literals.indices { literals[at] &+= other.literals[at] }
      for at in distances.indices { distances[at] &+= other.distances[at] }
      extraBits &+= other.extraBits
    }

    /// Bits an ideal code for these counts takes.
    var bits: Double { Self.bits(literals) + Self.bits(distances) + Double(extraBits) }

    private static func bits(_ counts: [UInt32]) -> Double {
      var sum = 0.0
      var total = 0.0
      for count in counts where count > 0 {
        let value = Double(count)
        sum += value * log2(value)
        total += value
      }
      return total > 0 ? total * log2(total) - sum : 0
    }
  }

  private static let margin = 16

  /// - Parameter out: the stream is appended here, zlib header first.
  /// - Throws: `.memory`.
  init(appendingTo out: consuming ByteBuffer) throws(MediaError) {
    let capacity = Self.window + Self.largestBlock + 2 * Self.segmentSize + 2 * Self.margin
    guard let memory = malloc(capacity + 4 * (1 << Self.hashBits) + 4 * (Self.segmentSize + 1)) else {
      throw MediaError(.memory, "out of memory while compressing a picture")
    }
    self.memory = memory
    pending = memory + Self.margin
    positions = (memory + capacity).bindMemory(to: UInt32.self, capacity: 1 << Self.hashBits)
    prefix = UnsafeMutableRawPointer(positions + (1 << Self.hashBits))
      .bindMemory(to: UInt32.self, capacity: Self.segmentSize + 1)
    pending.storeBytes(of: 0, toByteOffset: -1, as: UInt8.self)
    self.out = out
    self.out.append(0x78)  // deflate, 32 KiB window
    self.out.append(0x01)  // fastest; makes the header a multiple of 31
  }

  deinit { free(memory) }

  /// Room left in the open segment, at least 1.
  var room: Int { blockEnd &+ Self.segmentSize &- filled }

  /// Where the next bytes of the stream go; `room` of them may be written before `advance`.
  var cursor: UnsafeMutableRawPointer { pending + filled }

  /// Takes over `count` bytes written at `cursor`, at most `room`.
  mutating func advance(_ count: Int) {
    filled &+= count
    if room == 0 { closeSegment() }
  }

  mutating func append(_ byte: UInt8) {
    cursor.storeBytes(of: byte, as: UInt8.self)
    advance(1)
  }

  /// Ends the stream and gives the buffer back.
  mutating func finish() -> ByteBuffer {
    closeSegment()
    writeBlock(isLast: true)
    out.appendUnchecked(capacity: 8) { [bitBuffer, bitCount] target in
      target.storeBytes(of: bitBuffer.littleEndian, as: UInt64.self)
      return Int(truncatingIfNeeded: (bitCount &+ 7) / 8)
    }
    let sum = UInt32(truncatingIfNeeded: checksum)
    for shift: UInt32 in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: sum >> shift)) }
    var result = ByteBuffer()
    swap(&result, &out)
    return result
  }

  // MARK: Segments and blocks

  private mutating func closeSegment() {
    let count = filled &- blockEnd
    guard count > 0 else { return }
    let start = (pending + blockEnd).assumingMemoryBound(to: UInt8.self)
    checksum = adler32_z(checksum, start, count)
    findRuns()
    var cost = segmentCounts.bits
    searchIfWorthwhile(&cost)
    if blockEnd > blockStart {
      var joined = blockCounts
      joined.add(segmentCounts)
      let joinedCost = joined.bits
      if joinedCost < blockCost + cost + Self.headerEstimate && filled &- blockStart <= Self.largestBlock {
        blockCounts = joined
        blockCost = joinedCost
        blockMatches.append(contentsOf: segmentMatches)
        blockEnd = filled
        return
      }
      writeBlock(isLast: false)
      // The segment moves to the front behind one window of history.
      let shift = max(blockEnd &- Self.window, 0)
      memmove(pending - 1, pending + shift - 1, filled &- shift &+ 1)
      base &+= shift
      filled &-= shift
      blockStart = blockEnd &- shift
      for at in segmentMatches.indices { segmentMatches[at].start &-= shift }
    }
    swap(&blockCounts, &segmentCounts)
    swap(&blockMatches, &segmentMatches)
    blockCost = cost
    blockEnd = filled
  }

  /// Finds the runs of the segment and counts its symbols.
  private mutating func findRuns() {
    let first = blockEnd, end = filled
    segmentMatches.removeAll(keepingCapacity: true)
    segmentCounts.clear()
    for at in lanes.indices { lanes[at] = 0 }
    var at = first
    var literals = first
    if at &+ base == 0 { at = 1 }  // nothing to repeat yet
    let low: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
    while at &+ 8 <= end {
      let word = pending.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      let before = pending.loadUnaligned(fromByteOffset: at &- 1, as: UInt64.self)
      let change = UInt64(littleEndian: word ^ before)
      // High bit of each byte that equals its predecessor, then of each that starts four such bytes.
      let same = ~(((change & low) &+ low) | change | low)
      var four = same & (same &>> 8)
      four &= four &>> 16
      if four == 0 {
        at &+= 4
        continue
      }
      let start = at &+ four.trailingZeroBitCount / 8
      let stop = matchEnd(start, start &- 1, end)
      at = stop
      if stop &- start < Self.shortestRun { continue }
      countLiterals(from: literals, to: start)
      literals = stop
      appendMatch(start, stop, distance: 1)
    }
    countLiterals(from: literals, to: end)
    for value in 0..<256 {
      segmentCounts.literals[value] = lanes[value] &+ lanes[256 + value] &+ lanes[512 + value] &+ lanes[768 + value]
    }
  }

  /// Where the bytes at `at` stop being equal to those at `source`, at most `end`.
  @inline(__always) private func matchEnd(_ at: Int, _ source: Int, _ end: Int) -> Int {
    var to = at
    var from = source
    while to &+ 8 <= end {
      let difference = UInt64(
        littleEndian: pending.loadUnaligned(fromByteOffset: to, as: UInt64.self)
          ^ pending.loadUnaligned(fromByteOffset: from, as: UInt64.self))
      if difference != 0 { return to &+ difference.trailingZeroBitCount / 8 }
      to &+= 8
      from &+= 8
    }
    while to < end,
      pending.load(fromByteOffset: to, as: UInt8.self) == pending.load(fromByteOffset: from, as: UInt8.self)
    {
      to &+= 1
      from &+= 1
    }
    return to
  }

  /// Cuts a match into the lengths deflate has, 3...258.
  private mutating func appendMatch(_ start: Int, _ stop: Int, distance: Int) {
    var at = start
    while at < stop {
      let left = stop &- at
      var length = min(left, 258)
      if left &- length > 0 && left &- length < 3 { length = left &- 3 }
      let match = Match(start: at, length: length, distance: distance)
      segmentMatches.append(match)
      segmentCounts.add(match)
      at &+= length
    }
  }

  // MARK: Repeats

  /// Replaces the segment's runs by a search for any repeats where that pays.
  private mutating func searchIfWorthwhile(_ cost: inout Double) {
    let turn = segmentNumber % Self.trialPeriod
    segmentNumber &+= 1
    let bytes = filled &- blockEnd
    // A string shorter than this never pays for a match of about 22 bits.
    let bitsPerByte = cost / Double(bytes)
    let reach = bitsPerByte > 4 ? 4 : (bitsPerByte > 2.5 ? 6 : 8)
    if repeatsPay || turn == 0 || bitsPerByte < Self.sparse {
      let runs = cost
      guard runs > 0 else { return }
      let runCounts = segmentCounts
      swap(&segmentMatches, &spareMatches)
      search(reach)
      cost = segmentCounts.bits
      repeatsPay = cost < runs * (1 - Self.worthwhile)
      if cost >= runs {
        segmentCounts = runCounts
        swap(&segmentMatches, &spareMatches)
        cost = runs
      }
    } else if turn >= Self.trialPeriod - 2 {
      // Lay the history that the next trial looks into.
      remember(reach)
    }
  }

  @inline(__always) private func hash(_ at: Int, _ reach: Int) -> Int {
    let word = UInt64(littleEndian: pending.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    let kept = word &<< UInt64(truncatingIfNeeded: 64 &- 8 &* reach)
    return Int(truncatingIfNeeded: (kept &* 0x9E37_79B9_7F4A_7C15) &>> UInt64(64 &- Self.hashBits))
  }

  private mutating func clearPositions() {
    guard !positionsAreSet else { return }
    positions.initialize(repeating: 0, count: 1 << Self.hashBits)
    positionsAreSet = true
  }

  private mutating func remember(_ reach: Int) {
    clearPositions()
    var at = blockEnd
    while at &+ 8 <= filled {
      positions[hash(at, reach)] = UInt32(truncatingIfNeeded: at &+ base)
      at &+= 2
    }
  }

  /// Greedy matching with one step of looking ahead; the worth of a match is what its literals would cost, by the
  /// statistics of the segment, less what the match costs.
  private mutating func search(_ reach: Int) {
    clearPositions()
    let first = blockEnd, end = filled
    fillPrefix(first, end)
    segmentMatches.removeAll(keepingCapacity: true)
    segmentCounts.clear()
    for at in lanes.indices { lanes[at] = 0 }
    var literals = first
    var at = first
    while at &+ 8 <= end {
      var found = bestMatch(at, first, end, reach)
      guard found.worth > 0 else {
        at &+= 1
        continue
      }
      if found.stop &- at < 64, at &+ 9 <= end {
        let next = bestMatch(at &+ 1, first, end, reach)
        if next.worth > found.worth {
          at &+= 1
          found = next
        }
      }
      countLiterals(from: literals, to: at)
      appendMatch(at, found.stop, distance: found.distance)
      // A few positions inside the match are enough to find its continuation again.
      var inside = at &+ 1
      let last = min(found.stop, end &- 8)
      let stride = found.stop &- at > 64 ? 16 : 2
      while inside < last {
        positions[hash(inside, reach)] = UInt32(truncatingIfNeeded: inside &+ base)
        inside &+= stride
      }
      at = found.stop
      literals = at
    }
    countLiterals(from: literals, to: end)
    for value in 0..<256 {
      segmentCounts.literals[value] = lanes[value] &+ lanes[256 + value] &+ lanes[512 + value] &+ lanes[768 + value]
    }
  }

  @inline(__always) private func bestMatch(
    _ at: Int, _ first: Int, _ end: Int, _ reach: Int
  ) -> (stop: Int, distance: Int, worth: Int) {
    let slot = hash(at, reach)
    let candidate = Int(positions[slot]) &- base
    positions[slot] = UInt32(truncatingIfNeeded: at &+ base)
    var best = (stop: at, distance: 0, worth: 0)
    if candidate >= 0, candidate < at, at &- candidate <= Self.window,
      pending.loadUnaligned(fromByteOffset: candidate, as: UInt32.self)
        == pending.loadUnaligned(fromByteOffset: at, as: UInt32.self)
    {
      let stop = matchEnd(at, candidate, end)
      if stop &- at >= reach {
        best = (stop, at &- candidate, worth(at, stop, at &- candidate, first))
      }
    }
    let here = pending.loadUnaligned(fromByteOffset: at, as: UInt32.self)
    let before = pending.loadUnaligned(fromByteOffset: at &- 1, as: UInt32.self)
    if here == before, at &+ base > 0 {
      let stop = matchEnd(at, at &- 1, end)
      if stop &- at >= Self.shortestRun {
        let value = worth(at, stop, 1, first)
        if value > best.worth { best = (stop, 1, value) }
      }
    }
    return best
  }

  /// Sixteenths of a bit saved by a match.
  @inline(__always) private func worth(_ at: Int, _ stop: Int, _ distance: Int, _ first: Int) -> Int {
    let literals = Int(prefix[stop &- first]) &- Int(prefix[at &- first])
    // A length symbol of about 6 bits per 258 bytes, a distance symbol of about 4, and the extra bits.
    let symbol = DeflateTables.distanceSymbol(distance)
    let extra = Int(DeflateTables.extra(ofDistance: distance, symbol: symbol).width)
    let each = distance == 1 ? 7 : 10 &+ extra
    return literals &- 16 &* each &* ((stop &- at &+ 257) / 258)
  }

  private mutating func fillPrefix(_ first: Int, _ end: Int) {
    let count = end &- first
    var costs = [UInt32](repeating: 0, count: 256)
    // Counts without the bytes inside runs: those that will most likely stay literals.
    var total = 0.0
    for count in segmentCounts.literals { total += Double(count) }
    for value in 0..<256 {
      let share = (Double(segmentCounts.literals[value]) + 0.5) / (total + 1)
      costs[value] = UInt32(min(max(-log2(share), 0.5), 14) * 16)
    }
    let source = UnsafePointer((pending + first).assumingMemoryBound(to: UInt8.self))
    var sum: UInt32 = 0
    costs.withUnsafeBufferPointer { costs in
      for at in 0..<count {
        prefix[at] = sum
        sum &+= costs[Int(source[at])]
      }
    }
    prefix[count] = sum
  }

  /// Four counters per value, so that equal neighbours do not wait for each other's store.
  private mutating func countLiterals(from: Int, to: Int) {
    let bytes = UnsafePointer((pending + from).assumingMemoryBound(to: UInt8.self))
    let count = to &- from
    lanes.withUnsafeMutableBufferPointer { lanes in
      guard let counter = lanes.baseAddress else { return }
      var at = 0
      while at &+ 4 <= count {
        counter[Int(bytes[at])] &+= 1
        counter[256 &+ Int(bytes[at &+ 1])] &+= 1
        counter[512 &+ Int(bytes[at &+ 2])] &+= 1
        counter[768 &+ Int(bytes[at &+ 3])] &+= 1
        at &+= 4
      }
      while at < count {
        counter[Int(bytes[at])] &+= 1
        at &+= 1
      }
    }
  }

  // MARK: Output

  private mutating func writeBlock(isLast: Bool) {
    blockCounts.literals[Self.endOfBlock] = 1
    let code = HuffmanCode(counts: blockCounts.literals, limit: Self.longestCode)
    let distances = HuffmanCode(counts: blockCounts.distances, limit: Self.longestCode)
    let header = DeflateHeader(literals: code.lengths, distances: distances.lengths)
    var body = blockCounts.extraBits
    var fixedBody = body
    for symbol in 0..<Self.symbolCount {
      let count = Int(blockCounts.literals[symbol])
      body &+= count &* Int(code.lengths[symbol])
      fixedBody &+= count &* Int(DeflateTables.fixedLengths[symbol])
    }
    for symbol in 0..<Self.distanceCount {
      let count = Int(blockCounts.distances[symbol])
      body &+= count &* Int(distances.lengths[symbol])
      fixedBody &+= count &* 5
    }
    let dynamicBits = header.bitCount &+ body
    let size = blockEnd &- blockStart
    let storedBits = (size &+ 5 &* (size / 65_535 &+ 1)) &* 8 &+ 7
    if storedBits < min(dynamicBits, fixedBody) {
      writeStored(isLast: isLast)
    } else if fixedBody <= dynamicBits {
      putBits(isLast ? 3 : 2, 3)
      writeSymbols(
        HuffmanCode(lengths: DeflateTables.fixedLengths),
        HuffmanCode(lengths: [UInt8](repeating: 5, count: Self.distanceCount)))
    } else {
      putBits(isLast ? 5 : 4, 3)
      for (value, width) in header.fields { putBits(UInt64(value), UInt64(width)) }
      writeSymbols(code, distances)
    }
    blockMatches.removeAll(keepingCapacity: true)
  }

  private mutating func putBits(_ value: UInt64, _ width: UInt64) {
    bitBuffer |= value &<< bitCount
    bitCount &+= width
    flushBits()
  }

  private mutating func flushBits() {
    let whole = bitCount / 8
    out.appendUnchecked(capacity: 8) { [bitBuffer] target in
      target.storeBytes(of: bitBuffer.littleEndian, as: UInt64.self)
      return Int(truncatingIfNeeded: whole)
    }
    bitBuffer = whole == 8 ? 0 : bitBuffer &>> (whole &* 8)
    bitCount &= 7
  }

  private mutating func writeStored(isLast: Bool) {
    var at = blockStart
    repeat {
      let piece = min(65_535, blockEnd &- at)
      putBits(isLast && at &+ piece == blockEnd ? 1 : 0, 3)
      if bitCount > 0 { putBits(0, 8 &- bitCount) }
      putBits(UInt64(piece), 16)
      putBits(UInt64(piece ^ 0xFFFF), 16)
      out.append(UnsafeRawBufferPointer(start: pending + at, count: piece))
      at &+= piece
    } while at < blockEnd
  }

  /// All symbols of the block, then the end of the block.
  private mutating func writeSymbols(_ code: HuffmanCode, _ distances: HuffmanCode) {
    // Code in the low half, its length above: one load per literal.
    var table = [UInt32](repeating: 0, count: Self.symbolCount)
    for symbol in 0..<Self.symbolCount {
      table[symbol] = UInt32(code.codes[symbol]) | UInt32(code.lengths[symbol]) << 16
    }
    var distanceTable = [UInt32](repeating: 0, count: Self.distanceCount)
    for symbol in 0..<Self.distanceCount {
      distanceTable[symbol] = UInt32(distances.codes[symbol]) | UInt32(distances.lengths[symbol]) << 16
    }
    // A literal has at most 14 bits and a match of at least 3 bytes 14 + 5 + 14 + 13, so two bytes per byte suffice.
    let capacity = (blockEnd &- blockStart) &* 2 &+ 64
    let source = UnsafePointer(pending.assumingMemoryBound(to: UInt8.self))
    var buffer = bitBuffer
    var used = bitCount
    let start = blockStart, end = blockEnd
    out.appendUnchecked(capacity: capacity) { target in
      var to = target
      table.withUnsafeBufferPointer { table in
        guard let entry = table.baseAddress else { return }
        @inline(__always) func flush() {
          to.storeBytes(of: buffer.littleEndian, as: UInt64.self)
          to += Int(truncatingIfNeeded: used &>> 3)
          buffer &>>= used & 56
          used &= 7
        }
        @inline(__always) func put(_ item: UInt32) {
          buffer |= UInt64(item & 0xFFFF) &<< used
          used &+= UInt64(item &>> 16)
        }
        @inline(__always) func literals(_ from: Int, _ until: Int) {
          var at = from
          while at &+ 4 <= until {
            // At most 7 + 3 x 15 bits before the fourth; codes of 14 bits make all four fit, the fixed code has 9.
            let a = entry[Int(source[at])], b = entry[Int(source[at &+ 1])]
            let c = entry[Int(source[at &+ 2])], d = entry[Int(source[at &+ 3])]
            let widthA = UInt64(a &>> 16), widthC = UInt64(c &>> 16)
            let front = UInt64(a & 0xFFFF) | UInt64(b & 0xFFFF) &<< widthA
            let back = UInt64(c & 0xFFFF) | UInt64(d & 0xFFFF) &<< widthC
            let widthFront = widthA &+ UInt64(b &>> 16)
            buffer |= front &<< used
            buffer |= back &<< (used &+ widthFront)
            used &+= widthFront &+ widthC &+ UInt64(d &>> 16)
            flush()
            at &+= 4
          }
          while at < until {
            put(entry[Int(source[at])])
            flush()
            at &+= 1
          }
        }
        var at = start
        for match in blockMatches {
          literals(at, match.start)
          let length = DeflateTables.lengthSymbol(match.length)
          put(entry[Int(length)])
          let more = DeflateTables.extra(ofLength: match.length, symbol: length)
          buffer |= UInt64(more.value) &<< used
          used &+= UInt64(more.width)
          let distance = DeflateTables.distanceSymbol(match.distance)
          put(distanceTable[Int(distance)])
          let far = DeflateTables.extra(ofDistance: match.distance, symbol: distance)
          buffer |= UInt64(far.value) &<< used
          used &+= UInt64(far.width)
          flush()
          at = match.start &+ match.length
        }
        literals(at, end)
        put(entry[Self.endOfBlock])
        flush()
      }
      return to - target
    }
    bitBuffer = buffer
    bitCount = used
  }
}
