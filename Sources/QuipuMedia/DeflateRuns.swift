import CZlib
import Glibc
import QuipuBase

/// A deflate encoder for filtered picture rows: Huffman codes fitted to each block, and runs of one byte as the only
/// matches.
///
/// Residuals of a photograph hold next to no repeated strings, so a dictionary search costs most of the time of a
/// general deflate and often makes the result larger. What pays is a code that follows the statistics: bytes come in
/// segments, and a segment joins the current block as long as a common code is cheaper than a header of its own.
struct DeflateRuns: ~Copyable {
  private struct Run {
    var start: Int
    var length: Int
  }

  /// Bytes that share one decision about block borders.
  static let segmentSize = 16 * 1024
  private static let largestBlock = 512 * 1024
  /// Shorter runs cost more than their literals, which have short codes exactly when runs are common.
  private static let shortestRun = 4
  private static let symbolCount = 286
  private static let endOfBlock = 256
  /// Bits a block header takes about; only weighs the decision to start a block.
  private static let headerEstimate = 560.0
  private static let longestCode = 14

  private var out: ByteBuffer
  private var bitBuffer: UInt64 = 0
  private var bitCount: UInt64 = 0
  /// Bytes of the block that is still open, then of the segment being filled. Starts with one byte of history.
  private var pending: UnsafeMutableRawPointer
  private let pendingCapacity: Int
  private var blockBytes = 0
  private var filled = 0
  private var hasHistory = false
  private var blockRuns: [Run] = []
  private var segmentRuns: [Run] = []
  private var blockCounts = [UInt32](repeating: 0, count: symbolCount)
  private var segmentCounts = [UInt32](repeating: 0, count: symbolCount)
  private var lanes = [UInt32](repeating: 0, count: 4 * 256)
  private var blockCost = 0.0
  private var checksum: UInt = 1

  private static let margin = 16

  /// - Parameter out: the stream is appended here, zlib header first.
  /// - Throws: `.memory`.
  init(appendingTo out: consuming ByteBuffer) throws(MediaError) {
    pendingCapacity = Self.largestBlock + Self.segmentSize
    guard let memory = malloc(pendingCapacity + 2 * Self.margin) else {
      throw MediaError(.memory, "out of memory while compressing a picture")
    }
    pending = memory + Self.margin
    self.out = out
    self.out.append(0x78)  // deflate, 32 KiB window
    self.out.append(0x01)  // fastest; makes the header a multiple of 31
  }

  deinit { free(pending - Self.margin) }

  /// Room left in the open segment, at least 1.
  var room: Int { blockBytes &+ Self.segmentSize &- filled }

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
    let count = filled &- blockBytes
    guard count > 0 else { return }
    let start = (pending + blockBytes).assumingMemoryBound(to: UInt8.self)
    checksum = adler32_z(checksum, start, count)
    scan(from: blockBytes, to: filled)
    let cost = Self.bits(segmentCounts)
    if blockBytes > 0 {
      var joined = blockCounts
      for symbol in 0..<Self.symbolCount { joined[symbol] &+= segmentCounts[symbol] }
      let joinedCost = Self.bits(joined)
      if joinedCost < blockCost + cost + Self.headerEstimate && filled <= Self.largestBlock {
        blockCounts = joined
        blockCost = joinedCost
        blockRuns.append(contentsOf: segmentRuns)
        blockBytes = filled
        return
      }
      let finished = blockBytes
      writeBlock(isLast: false)
      // The segment moves to the front together with the byte before it, which its first run may refer to.
      memmove(pending - 1, pending + finished - 1, count + 1)
      for at in segmentRuns.indices { segmentRuns[at].start &-= finished }
    }
    hasHistory = true
    swap(&blockCounts, &segmentCounts)
    swap(&blockRuns, &segmentRuns)
    blockCost = cost
    blockBytes = count
    filled = count
  }

  /// Bits an ideal code for these counts takes.
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

  /// Finds the runs of the segment and counts its symbols.
  private mutating func scan(from first: Int, to end: Int) {
    segmentRuns.removeAll(keepingCapacity: true)
    for at in 0..<Self.symbolCount { segmentCounts[at] = 0 }
    for at in lanes.indices { lanes[at] = 0 }
    var at = first
    var literals = first
    if at == 0 && !hasHistory { at = 1 }  // nothing to repeat yet
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
      var stop = start &+ 4
      let value = pending.load(fromByteOffset: start, as: UInt8.self)
      let repeated = UInt64(value) &* 0x0101_0101_0101_0101
      while stop &+ 8 <= end, pending.loadUnaligned(fromByteOffset: stop, as: UInt64.self) == repeated { stop &+= 8 }
      while stop < end, pending.load(fromByteOffset: stop, as: UInt8.self) == value { stop &+= 1 }
      at = stop
      if stop &- start < Self.shortestRun { continue }
      countLiterals(from: literals, to: start)
      literals = stop
      var left = stop &- start
      var position = start
      while left > 0 {
        var length = min(left, 258)
        if left &- length > 0 && left &- length < 3 { length = left &- 3 }
        segmentRuns.append(Run(start: position, length: length))
        segmentCounts[Int(DeflateTables.lengthSymbol(length))] &+= 1
        position &+= length
        left &-= length
      }
    }
    countLiterals(from: literals, to: end)
    for value in 0..<256 {
      segmentCounts[value] = lanes[value] &+ lanes[256 + value] &+ lanes[512 + value] &+ lanes[768 + value]
    }
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
    blockCounts[Self.endOfBlock] = 1
    let code = HuffmanCode(counts: blockCounts, limit: Self.longestCode)
    let header = DeflateHeader(literals: code.lengths, distances: [1, 1])
    var extra = 0
    var body = 0
    var fixedBody = 0
    for symbol in 0..<Self.symbolCount {
      let count = Int(blockCounts[symbol])
      let more = symbol > 256 ? Int(DeflateTables.extraBits[symbol &- 257]) : 0
      extra &+= count &* more
      body &+= count &* Int(code.lengths[symbol])
      fixedBody &+= count &* Int(DeflateTables.fixedLengths[symbol])
    }
    let dynamicBits = header.bitCount &+ body &+ extra &+ blockRuns.count
    let fixedBits = fixedBody &+ extra &+ blockRuns.count &* 5
    let storedBits = (blockBytes &+ 5 &* (blockBytes / 65_535 &+ 1)) &* 8 &+ 7
    if storedBits < min(dynamicBits, fixedBits) {
      writeStored(isLast: isLast)
    } else if fixedBits <= dynamicBits {
      putBits(isLast ? 3 : 2, 3)
      writeSymbols(HuffmanCode(lengths: DeflateTables.fixedLengths), distanceBits: 5)
    } else {
      putBits(isLast ? 5 : 4, 3)
      for (value, width) in header.fields { putBits(UInt64(value), UInt64(width)) }
      writeSymbols(code, distanceBits: 1)
    }
    blockRuns.removeAll(keepingCapacity: true)
    blockBytes = 0
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
    var done = 0
    repeat {
      let piece = min(65_535, blockBytes &- done)
      let final: UInt64 = isLast && done &+ piece == blockBytes ? 1 : 0
      putBits(final, 3)
      if bitCount > 0 { putBits(0, 8 &- bitCount) }
      putBits(UInt64(piece), 16)
      putBits(UInt64(piece ^ 0xFFFF), 16)
      out.append(UnsafeRawBufferPointer(start: pending + done, count: piece))
      done &+= piece
    } while done < blockBytes
  }

  /// All symbols of the block, then the end of the block.
  private mutating func writeSymbols(_ code: HuffmanCode, distanceBits: UInt64) {
    // Code in the low half, its length above: one load per literal.
    var table = [UInt32](repeating: 0, count: Self.symbolCount)
    for symbol in 0..<Self.symbolCount {
      table[symbol] = UInt32(code.codes[symbol]) | UInt32(code.lengths[symbol]) << 16
    }
    // A code has at most 15 bits, a run at most 15 + 5 + 5, so two bytes per pending byte always suffice.
    let capacity = blockBytes &* 2 &+ 64
    let source = UnsafePointer(pending.assumingMemoryBound(to: UInt8.self))
    var buffer = bitBuffer
    var used = bitCount
    let end = blockBytes
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
        var at = 0
        for run in blockRuns {
          literals(at, run.start)
          let symbol = DeflateTables.lengthSymbol(run.length)
          put(entry[Int(symbol)])
          let extra = DeflateTables.extra(ofLength: run.length, symbol: symbol)
          buffer |= UInt64(extra.value) &<< used
          used &+= UInt64(extra.width) &+ distanceBits  // distance 1 is the all-zero code
          flush()
          at = run.start &+ run.length
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
