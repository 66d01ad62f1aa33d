/// An animated GIF as a viewer shows it. Written from the format's description, apart from the encoder; strict:
/// anything that is not as it should be is an error.
struct DecodedGIF {
  struct Frame {
    /// Red, green, blue of the whole picture.
    var pixels: [UInt8]
    /// Units: 10 ms.
    var delay: Int
    var paletteSize: Int
    var isTransparent: Bool
    /// left, top, width, height
    var area: [Int]
  }

  enum Failure: Error { case bad(String) }

  var width = 0
  var height = 0
  var loops: Int?
  var frames: [Frame] = []
  var hasSharedPalette = false

  init(_ file: [UInt8]) throws {
    var at = 0
    func need(_ condition: Bool, _ what: @autoclosure () -> String) throws {
      if !condition { throw Failure.bad(what()) }
    }
    func byte() throws -> Int {
      try need(at < file.count, "cut off at \(at)")
      at += 1
      return Int(file[at - 1])
    }
    func word() throws -> Int { try byte() + 256 * byte() }
    func take(_ count: Int) throws -> [UInt8] {
      try need(at + count <= file.count, "cut off at \(at)")
      at += count
      return Array(file[at - count..<at])
    }
    func blocks() throws -> [UInt8] {
      var result: [UInt8] = []
      while true {
        let size = try byte()
        if size == 0 { return result }
        result += try take(size)
      }
    }
    try need(try take(6) == Array("GIF89a".utf8), "no header")
    width = try word()
    height = try word()
    let flags = try byte()
    _ = try take(2)
    var shared: [UInt8] = []
    if flags & 0x80 != 0 {
      shared = try take(3 << (flags & 7 + 1))
      hasSharedPalette = true
    }
    var screen = [UInt8](repeating: 0, count: 3 * width * height)
    var covered = [Bool](repeating: false, count: width * height)
    var control = (flags: 0, delay: 0, transparent: 0)
    while true {
      switch try byte() {
      case 0x3B:
        try need(at == file.count, "\(file.count - at) bytes behind the end")
        return
      case 0x21:
        if try byte() == 0xF9 {
          try need(try byte() == 4, "control block")
          control = (try byte(), try word(), try byte())
          try need(try byte() == 0, "control block's end")
          try need(control.flags & 0x1C == 0x04, "disposal")
        } else {
          try need(try take(try byte()) == Array("NETSCAPE2.0".utf8), "application")
          let data = try blocks()
          try need(data.count == 3 && data[0] == 1, "loops")
          loops = Int(data[1]) + 256 * Int(data[2])
        }
      case 0x2C:
        let area = [try word(), try word(), try word(), try word()]
        try need(area[2] > 0 && area[3] > 0, "empty picture")
        try need(area[0] + area[2] <= width && area[1] + area[3] <= height, "picture outside")
        let local = try byte()
        try need(local & 0x60 == 0, "interlaced or sorted")
        let palette = local & 0x80 != 0 ? try take(3 << (local & 7 + 1)) : shared
        try need(!palette.isEmpty, "no palette")
        let width = try byte()
        let indices = try Self.decompress(try blocks(), width: width, count: area[2] * area[3])
        for (number, index) in indices.enumerated() {
          let target = (area[1] + number / area[2]) * self.width + area[0] + number % area[2]
          if control.flags & 1 != 0, Int(index) == control.transparent { continue }
          try need(3 * Int(index) + 2 < palette.count, "index \(index) is outside of the palette")
          covered[target] = true
          for channel in 0..<3 { screen[3 * target + channel] = palette[3 * Int(index) + channel] }
        }
        try need(covered.allSatisfy { $0 }, "pixels that are never drawn")
        frames.append(
          Frame(
            pixels: screen, delay: control.delay, paletteSize: palette.count / 3, isTransparent: control.flags & 1 != 0,
            area: area))
      case let other: throw Failure.bad("block \(other) at \(at - 1)")
      }
    }
  }

  private static func decompress(_ data: [UInt8], width: Int, count: Int) throws -> [UInt8] {
    guard (2...8).contains(width) else { throw Failure.bad("code width \(width)") }
    let clear = 1 << width
    var table: [[UInt8]] = []
    var codeBits = 0
    var previous: [UInt8]?
    func reset() {
      table = (0..<clear).map { [UInt8($0)] } + [[], []]
      codeBits = width + 1
      previous = nil
    }
    reset()
    var bit = 0
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var isFirst = true
    while true {
      guard bit + codeBits <= 8 * data.count else { throw Failure.bad("no end of the data") }
      var code = 0
      for place in 0..<codeBits {
        code |= Int(data[(bit + place) / 8] >> UInt8((bit + place) % 8) & 1) << place
      }
      bit += codeBits
      if isFirst, code != clear { throw Failure.bad("no clear code first") }
      isFirst = false
      if code == clear {
        reset()
        continue
      }
      if code == clear + 1 { break }
      let entry: [UInt8]
      if code < table.count {
        entry = table[code]
      } else if code == table.count, let previous {
        entry = previous + [previous[0]]
      } else {
        throw Failure.bad("code \(code) of \(table.count)")
      }
      guard !entry.isEmpty else { throw Failure.bad("code \(code) has no meaning") }
      result += entry
      if let previous, table.count < 4096 { table.append(previous + [entry[0]]) }
      if table.count == 1 << codeBits, codeBits < 12 { codeBits += 1 }
      previous = entry
    }
    guard result.count == count else { throw Failure.bad("\(result.count) of \(count) pixels") }
    guard (bit + 7) / 8 == data.count else { throw Failure.bad("bytes behind the last code") }
    return result
  }
}
