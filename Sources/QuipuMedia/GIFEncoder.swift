import Glibc
import QuipuBase

/// Writes animated GIF files.
///
/// Frames with at most 256 colours are kept exactly, and so is a longer history as long as each frame adds at most 255;
/// others get the best palette of their own. When all frames together have at most 256 colours they share one palette.
/// A frame covers what has changed; what has not changed inside of that is transparent where this makes it smaller.
/// Equal frames become one that stays longer.
///
/// Source: GIF89a specification; looping: Netscape's application extension.
public final class GIFEncoder {
  /// Most pixels of a row or column.
  public static let maximumSide = 65_535
  /// Longest a frame may stay, in units of 10 ms.
  private static let maximumDelay = 65_535

  /// Bytes of samples.
  private static let smallVideo = 1 << 18

  /// An area of the picture; `right` and `bottom` are outside.
  private struct Area {
    var left = 0, top = 0, right = 0, bottom = 0
    var width: Int { right &- left }
    var height: Int { bottom &- top }
    var count: Int { width &* height }
  }

  private enum Colours {
    case shared
    case own(UnsafePointer<UInt32>, count: Int)
  }

  private let frames: VideoFrames
  private let fps: Double
  private let width: Int
  private let height: Int
  private let memory: MediaBytes
  private var current: UnsafeMutablePointer<UInt32>
  private var previous: UnsafeMutablePointer<UInt32>
  /// Pixels that need a palette, one after the other.
  private let gathered: UnsafeMutablePointer<UInt32>
  /// Their entries.
  private let entries: UnsafeMutablePointer<UInt8>
  private let indices: UnsafeMutablePointer<UInt8>
  private let set = PaletteSet()
  private let changedSet = PaletteSet()
  private let cut = PaletteCut()
  private let lzw = LZWEncoder()
  private var file: ByteBuffer
  private var other = ByteBuffer(capacity: 1 << 14)
  /// Bits of the palette that all frames share; 0: each has its own.
  private var sharedBits = 0
  /// What is shown so far is what the frames hold.
  private var isExact = true

  /// Encodes a video that loops for ever.
  ///
  /// - Parameter fps: frames per second, above 0. A frame stays 1000 / fps ms, cut to units of 10 ms, at least one.
  /// - Throws: `.value` if `check` does; `.memory`.
  /// - Complexity: linear; 18 bytes of scratch memory per pixel of a frame. Deterministic.
  /// - Threads: any; meant for a worker thread.
  public static func encode(_ frames: VideoFrames, fps: Double) throws(MediaError) -> [UInt8] {
    try check(frames, fps: fps)
    let encoder = try GIFEncoder(frames, fps)
    let file = encoder.run(mayShare: true)
    // A palette for all is wide where each frame has few colours. Found out by trial while that is cheap.
    guard encoder.sharedBits > 0, frames.byteCount <= smallVideo else { return file }
    let other = try GIFEncoder(frames, fps).run(mayShare: false)
    return other.count < file.count ? other : file
  }

  /// Whether a GIF can hold the video; cheap, for use at the call.
  /// - Throws: `.value`.
  public static func check(_ frames: VideoFrames, fps: Double) throws(MediaError) {
    guard frames.width <= maximumSide, frames.height <= maximumSide else {
      throw MediaError(
        .value,
        "frames: \(frames.width) x \(frames.height) pixels are too large for a GIF, which ends at \(maximumSide); pass"
          + " smaller frames, or format mp4 or webm")
    }
    guard fps > 0, fps < .infinity else {
      throw MediaError(.value, "fps: \(fps) frames per second are impossible; pass a number above 0")
    }
    guard 100 / fps <= Double(maximumDelay) else {
      throw MediaError(.value, "fps: \(fps) frames per second are too few for a GIF; pass at least 0.0016")
    }
  }

  private init(_ frames: VideoFrames, _ fps: Double) throws(MediaError) {
    self.frames = frames
    self.fps = fps
    width = frames.width
    height = frames.height
    let area = width &* height  // at most 2^29
    memory = try MediaBytes(count: 14 &* area)
    let words = memory.base.bindMemory(to: UInt32.self, capacity: 3 &* area)
    current = words
    previous = words + area
    gathered = words + 2 &* area
    entries = UnsafeMutableRawPointer(words + 3 &* area).bindMemory(to: UInt8.self, capacity: 2 &* area)
    indices = entries + area
    file = ByteBuffer(capacity: 4096 &+ min(frames.count &* area / 4, 1 << 24))
  }

  private func run(mayShare: Bool) -> [UInt8] {
    let isShared = mayShare && findSharedPalette()
    writeHeader()
    var number = 0
    var delayAt = 0
    var stays = 0
    while number < frames.count {
      frames.copyPixels(frame: number, to: current)
      let area = number == 0 ? Area(right: width, bottom: height) : changedArea()
      if area.count == 0, delay(stays &+ 1) <= Self.maximumDelay {
        stays &+= 1
      } else {
        setDelay(stays, at: delayAt)
        stays = 1
        // GIF has no empty picture.
        let shown = area.count == 0 ? Area(right: 1, bottom: 1) : area
        delayAt = file.count &+ 4
        if isShared {
          writeShared(shown, isFirst: number == 0)
        } else {
          writeOwn(shown, isFirst: number == 0)
        }
        swap(&current, &previous)
      }
      number &+= 1
    }
    setDelay(stays, at: delayAt)
    file.append(0x3B)
    return file.array()
  }

  // MARK: Container

  private func writeHeader() {
    file.append("GIF89a")
    append16(width)
    append16(height)
    // Eight bits of colour resolution.
    file.append(0x70 | (sharedBits > 0 ? 0x80 | UInt8(truncatingIfNeeded: sharedBits &- 1) : 0))
    file.append([0, 0])
    if sharedBits > 0 { Self.append(set.colours, set.count, sharedBits, to: &file) }
    file.append([0x21, 0xFF, 11])
    file.append("NETSCAPE2.0")
    file.append([3, 1, 0, 0, 0])
  }

  private func append16(_ value: Int) { Self.append16(value, to: &file) }

  private static func append16(_ value: Int, to out: inout ByteBuffer) {
    out.append(UInt8(truncatingIfNeeded: value))
    out.append(UInt8(truncatingIfNeeded: value >> 8))
  }

  private static func append(
    _ colours: UnsafePointer<UInt32>, _ count: Int, _ bits: Int, to out: inout ByteBuffer
  ) {
    for at in 0..<1 << bits {
      let colour = at < count ? colours[at] : 0
      out.append(UInt8(truncatingIfNeeded: colour))
      out.append(UInt8(truncatingIfNeeded: colour >> 8))
      out.append(UInt8(truncatingIfNeeded: colour >> 16))
    }
  }

  /// Units of 10 ms for `count` equal frames.
  private func delay(_ count: Int) -> Int {
    let units = 100 * Double(count) / fps
    return units <= Double(Self.maximumDelay) ? max(1, Int(units)) : Self.maximumDelay &+ 1
  }

  private func setDelay(_ count: Int, at position: Int) {
    guard position > 0 else { return }
    let value = UInt16(truncatingIfNeeded: min(delay(count), Self.maximumDelay)).littleEndian
    file.mutableBytes.storeBytes(of: value, toByteOffset: position, as: UInt16.self)
  }

  /// Appends a picture whose entries are in `indices`.
  private func append(
    _ area: Area, _ colours: Colours, transparent: Int?, to out: inout ByteBuffer
  ) {
    out.append([0x21, 0xF9, 4])
    // Stays when the next one comes.
    out.append(transparent == nil ? 0x04 : 0x05)
    out.append([0, 0, UInt8(truncatingIfNeeded: transparent ?? 0), 0])
    out.append(0x2C)
    for value in [area.left, area.top, area.width, area.height] { Self.append16(value, to: &out) }
    var bits = sharedBits
    switch colours {
    case .shared: out.append(0)
    case .own(let list, let count):
      bits = Self.bits(transparent == nil ? count : count &+ 1)
      out.append(0x80 | UInt8(truncatingIfNeeded: bits &- 1))
      Self.append(list, count, bits, to: &out)
    }
    lzw.encode(indices, count: area.count, bits: bits, to: &out)
  }

  /// Bits of an index into that many entries.
  private static func bits(_ count: Int) -> Int {
    var bits = 1
    while bits < 8, 1 << bits < count { bits &+= 1 }
    return bits
  }

  // MARK: Frames

  private func findSharedPalette() -> Bool {
    for number in 0..<frames.count {
      frames.copyPixels(frame: number, to: current)
      guard set.add(current, count: width &* height, limit: 256) else {
        set.removeAll()
        return false
      }
    }
    // One entry more, for what is transparent, if there is room.
    sharedBits = Self.bits(min(set.count &+ 1, 256))
    return true
  }

  /// The smallest area that holds all changes; empty if there are none.
  private func changedArea() -> Area {
    let rowBytes = 4 &* width
    func differs(_ y: Int) -> Bool { memcmp(current + y &* width, previous + y &* width, rowBytes) != 0 }
    var area = Area(left: width, top: 0, right: 0, bottom: height)
    while area.top < height, !differs(area.top) { area.top &+= 1 }
    guard area.top < height else { return Area() }
    while !differs(area.bottom &- 1) { area.bottom &-= 1 }
    for y in area.top..<area.bottom {
      let row = current + y &* width, before = previous + y &* width
      var x = 0
      while x < area.left, row[x] == before[x] { x &+= 1 }
      area.left = x
      x = width
      while x > area.right, row[x &- 1] == before[x &- 1] { x &-= 1 }
      area.right = x
    }
    return area
  }

  /// Copies the pixels of an area to `gathered`, all or those that have changed.
  private func gather(_ area: Area, changed: Bool) -> Int {
    var count = 0
    for y in area.top..<area.bottom {
      let row = current + y &* width
      if changed {
        let before = previous + y &* width
        for x in area.left..<area.right {
          gathered[count] = row[x]
          if row[x] != before[x] { count &+= 1 }
        }
      } else {
        (gathered + count).update(from: row + area.left, count: area.width)
        count &+= area.width
      }
    }
    return count
  }

  /// Fills `indices` from a set of colours; what has not changed becomes `transparent`.
  private func index(_ area: Area, _ set: PaletteSet, transparent: UInt8?) {
    var at = 0
    var last = UInt32.max
    var number: UInt8 = 0
    for y in area.top..<area.bottom {
      let row = current + y &* width, before = previous + y &* width
      for x in area.left..<area.right {
        let colour = row[x]
        if let transparent, colour == before[x] {
          indices[at] = transparent
        } else {
          if colour != last {
            last = colour
            number = set.number(of: colour)
          }
          indices[at] = number
        }
        at &+= 1
      }
    }
  }

  /// Keeps the shorter one of what was appended to `file` from `start` on and of `other`.
  private func keepShorter(from start: Int) {
    guard other.count < file.count &- start else { return }
    file.truncate(to: start)
    file.append(other.bytes)
  }

  private func writeShared(_ area: Area, isFirst: Bool) {
    let start = file.count
    index(area, set, transparent: nil)
    append(area, .shared, transparent: nil, to: &file)
    guard !isFirst, set.count < 256 else { return }
    index(area, set, transparent: UInt8(truncatingIfNeeded: set.count))
    other.removeAll()
    append(area, .shared, transparent: set.count, to: &other)
    keepShorter(from: start)
  }

  /// One part in this many must be unchanged for transparency to be tried.
  private static let worthwhile = 8

  private func writeOwn(_ changes: Area, isFirst: Bool) {
    // What is shown outside of the changes is exact only if everything before was.
    let whole = Area(right: width, bottom: height)
    let exactArea = isExact ? changes : whole
    let start = file.count
    set.removeAll()
    let hasPlain = set.add(gathered, count: gather(exactArea, changed: false), limit: 256)
    if hasPlain {
      index(exactArea, set, transparent: nil)
      append(exactArea, .own(set.colours, count: set.count), transparent: nil, to: &file)
    }
    let changedCount = isFirst ? changes.count : gather(changes, changed: true)
    let pays = changes.count &- changedCount >= changes.count / Self.worthwhile
    changedSet.removeAll()
    let hasChanged =
      !isFirst && isExact && (pays || !hasPlain) && changedSet.add(gathered, count: changedCount, limit: 255)
    if hasChanged {
      index(changes, changedSet, transparent: UInt8(truncatingIfNeeded: changedSet.count))
      let colours = Colours.own(changedSet.colours, count: changedSet.count)
      if hasPlain {
        other.removeAll()
        append(changes, colours, transparent: changedSet.count, to: &other)
        keepShorter(from: start)
      } else {
        append(changes, colours, transparent: changedSet.count, to: &file)
      }
    }
    if hasPlain || hasChanged {
      isExact = true
      return
    }
    isExact = false
    writeReduced(isFirst ? whole : changes, changedOnly: !isFirst && pays, changedCount: changedCount)
  }

  /// Writes an area that has too many colours. If only what has changed counts it is in `gathered` already.
  private func writeReduced(_ area: Area, changedOnly: Bool, changedCount: Int) {
    let count = changedOnly ? changedCount : gather(area, changed: false)
    cut.quantize(gathered, count: count, limit: changedOnly ? 255 : 256, to: entries)
    guard changedOnly else {
      indices.update(from: entries, count: count)
      append(area, .own(cut.colours, count: cut.count), transparent: nil, to: &file)
      return
    }
    let transparent = UInt8(truncatingIfNeeded: cut.count)
    var at = 0
    var taken = 0
    for y in area.top..<area.bottom {
      let row = current + y &* width, before = previous + y &* width
      for x in area.left..<area.right {
        if row[x] == before[x] {
          indices[at] = transparent
        } else {
          indices[at] = entries[taken]
          taken &+= 1
        }
        at &+= 1
      }
    }
    append(area, .own(cut.colours, count: cut.count), transparent: cut.count, to: &file)
  }
}
