import QuipuBase
import Testing

@testable import QuipuMedia

/// Everything the GIF encoder writes is read back by a decoder of the tests' own; the Python tests use Pillow.
@Suite struct GIFEncoderTests {
  /// Frames `[time, channel, height, width]` of a function.
  private func video(
    _ shape: [Int], channelsLast: Bool = false, _ sample: (_ t: Int, _ c: Int, _ y: Int, _ x: Int) -> UInt8
  ) throws -> (frames: VideoFrames, rgb: [[UInt8]]) {
    let (t, c, h, w) = (shape[0], shape[1], shape[2], shape[3])
    var samples: [UInt8] = []
    var rgb: [[UInt8]] = []
    for frame in 0..<t {
      var picture = [UInt8](repeating: 0, count: 3 * h * w)
      for channel in 0..<c {
        for y in 0..<h {
          for x in 0..<w {
            let value = sample(frame, channel, y, x)
            samples.append(value)
            if channel < 3 { picture[3 * (y * w + x) + channel] = value }
            if c == 1 {
              picture[3 * (y * w + x) + 1] = value
              picture[3 * (y * w + x) + 2] = value
            }
          }
        }
      }
      rgb.append(picture)
    }
    let frames = try NPY(samples, .u8, shape: shape).withView { try VideoFrames(array: $0) }
    return (frames, rgb)
  }

  private func decode(_ frames: VideoFrames, fps: Double = 10) throws -> DecodedGIF {
    let file = try GIFEncoder.encode(frames, fps: fps)
    let decoded = try DecodedGIF(file)
    #expect(decoded.width == frames.width && decoded.height == frames.height)
    #expect(decoded.loops == 0)
    return decoded
  }

  /// The frames as they are shown, equal ones repeated.
  private func shown(_ decoded: DecodedGIF, delay: Int) -> [[UInt8]] {
    decoded.frames.flatMap { Array(repeating: $0.pixels, count: $0.delay / delay) }
  }

  @Test(arguments: [(1, 1), (1, 7), (9, 1), (2, 2), (3, 5), (17, 31), (64, 48)])
  func readsBackFewColoursExactly(width: Int, height: Int) throws {
    for colours in [1, 2, 3, 4, 5, 16, 17, 255, 256] {
      for channels in [1, 3, 4] {
        var random = SplitMix(state: UInt64(width * 1000 + height * 10 + colours))
        let palette = (0..<colours).map { _ in UInt32(truncatingIfNeeded: random.next()) }
        let (frames, rgb) = try video([4, channels, height, width]) { t, c, y, x in
          let number = (x * 7 + y * 13 + t * 5 + x * y) % colours
          return UInt8(truncatingIfNeeded: palette[number] >> UInt32(8 * c))
        }
        #expect(try shown(decode(frames), delay: 10) == rgb, "\(colours) colours, \(channels) channels")
      }
    }
  }

  @Test func readsBackSidesUpToTheLimit() throws {
    for shape in [[2, 1, 1, 65_535], [2, 1, 65_535, 1]] {
      let (frames, rgb) = try video(shape) { t, _, y, x in UInt8(truncatingIfNeeded: (x + y) / 7 + t) }
      #expect(try shown(decode(frames), delay: 10) == rgb)
    }
    let (frames, _) = try video([1, 1, 1, 65_536]) { _, _, _, _ in 0 }
    #expect(throws: MediaError.self) { try GIFEncoder.check(frames, fps: 10) }
  }

  @Test func keepsManyColoursThatComeFrameByFrame() throws {
    // Each frame paints 30 pixels in colours of their own: 361 in the end, and none is lost.
    let (frames, rgb) = try video([13, 3, 20, 20]) { t, c, y, x in
      let cell = y * 20 + x
      return cell < 30 * t ? UInt8(truncatingIfNeeded: ((cell + 1) >> (c * 5)) << 3) : 1
    }
    #expect(try shown(decode(frames), delay: 10) == rgb)
  }

  @Test func showsAPictureWithFewColoursExactlyAfterOneThatWasReduced() throws {
    let (frames, rgb) = try video([3, 3, 32, 32]) { t, c, y, x in
      // Noise, then the same noise in half of the picture and one colour in the other, then few colours.
      var random = SplitMix(state: UInt64(c * 1024 + y * 32 + x))
      let noise = UInt8(truncatingIfNeeded: random.next())
      return t == 0 ? noise : t == 1 ? (x < 16 ? noise : 9) : UInt8((x / 4) * 3 + c)
    }
    let decoded = try decode(frames)
    #expect(decoded.frames[2].pixels == rgb[2])
  }

  @Test func mergesEqualFrames() throws {
    let (frames, rgb) = try video([7, 1, 4, 4]) { t, _, y, x in UInt8([0, 0, 0, 1, 1, 2, 2][t] * 9 + x + y) }
    let decoded = try decode(frames, fps: 20)
    #expect(decoded.frames.map(\.delay) == [15, 10, 10])
    #expect(decoded.frames.map(\.pixels) == [rgb[0], rgb[3], rgb[5]])
  }

  @Test func writesTheDelayOfTheFrameRate() throws {
    // Observed with the reference client: 1000 / fps ms, cut to units of 10 ms.
    let known: [(Double, Int)] = [
      (1, 100), (3, 33), (4, 25), (7, 14), (8, 12), (15, 6), (24, 4), (30, 3), (60, 1), (100, 1), (240, 1), (0.5, 200),
    ]
    let (frames, _) = try video([2, 1, 2, 2]) { t, _, _, x in UInt8(t * 2 + x) }
    for (fps, delay) in known { #expect(try decode(frames, fps: fps).frames.map(\.delay) == [delay, delay]) }
    for fps in [0, -1, .nan, .infinity, 0.001] as [Double] {
      #expect(throws: MediaError.self) { try GIFEncoder.check(frames, fps: fps) }
    }
  }

  @Test func splitsAPauseThatIsLongerThanOneFrameMayStay() throws {
    let (frames, rgb) = try video([5, 1, 3, 3]) { t, _, y, x in UInt8(t / 4 + x + y) }
    let decoded = try decode(frames, fps: 0.004)  // 250 s each
    #expect(decoded.frames.map(\.delay).reduce(0, +) == 5 * 25_000)
    #expect(decoded.frames.allSatisfy { $0.delay <= 65_535 })
    #expect(decoded.frames.last?.pixels == rgb[4])
    #expect(decoded.frames[1].pixels == rgb[0])
  }

  @Test func coversOnlyWhatChanges() throws {
    let (frames, rgb) = try video([5, 3, 60, 80]) { t, c, y, x in
      (20 + t * 2..<26 + t * 2).contains(x) && (30..<36).contains(y) ? 200 : UInt8((x / 20 + y / 20) * 10 + c)
    }
    let decoded = try decode(frames)
    #expect(shown(decoded, delay: 10) == rgb)
    for frame in decoded.frames.dropFirst() { #expect(frame.area[2] * frame.area[3] <= 8 * 6) }
  }

  @Test func makesWhatStaysTransparentWhereThatIsSmaller() throws {
    // A busy picture of few colours in which two far corners blink.
    let (frames, rgb) = try video([6, 1, 64, 64]) { t, _, y, x in
      if (x < 2 && y < 2) || (x > 61 && y > 61) { return UInt8(t % 2) }
      return UInt8((x * 31 + y * 17 + x * y) % 200)
    }
    let decoded = try decode(frames)
    #expect(shown(decoded, delay: 10) == rgb)
    let flags = decoded.frames.dropFirst().map(\.isTransparent)
    #expect(!flags.contains(false))
  }

  /// Squared error per sample.
  private func error(_ one: [UInt8], _ other: [UInt8]) -> Double {
    var sum = 0.0
    for at in one.indices {
      let difference = Double(one[at]) - Double(other[at])
      sum += difference * difference
    }
    return sum / Double(one.count)
  }

  @Test func reducesNoiseBetterThanAFixedPalette() throws {
    var random = SplitMix(state: 5)
    let (frames, rgb) = try video([3, 3, 96, 96]) { _, _, _, _ in UInt8(truncatingIfNeeded: random.next()) }
    let decoded = try decode(frames)
    // 6 x 7 x 6 equal steps leave about 190; Pillow's median cut about 430.
    for (at, frame) in decoded.frames.enumerated() { #expect(error(frame.pixels, rgb[at]) < 160) }
  }

  @Test func keepsALowContrastPictureFine() throws {
    // 48 levels of each channel, far more than 256 colours in a small part of the space.
    var random = SplitMix(state: 6)
    let (frames, rgb) = try video([1, 3, 64, 64]) { _, _, _, _ in 100 + UInt8(random.next() % 48) }
    let decoded = try decode(frames)
    #expect(error(decoded.frames[0].pixels, rgb[0]) < 8)
  }

  @Test func reduces257ColoursWithHardlyAnError() throws {
    let (frames, rgb) = try video([1, 3, 1, 257]) { _, c, _, x in
      c == 0 ? UInt8(x % 256) : c == 1 && x == 256 ? 1 : 0
    }
    let decoded = try decode(frames)
    #expect(error(decoded.frames[0].pixels, rgb[0]) < 0.01)
  }

  @Test(arguments: 0..<60) func readsBackRandomVideos(seed: Int) throws {
    var random = SplitMix(state: UInt64(seed) &* 77)
    func upTo(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) + 1 }
    let shape = [upTo(6), [1, 3, 4][seed % 3], upTo(50), upTo(50)]
    let colours = [2, 30, 300, 1 << 20][upTo(4) - 1]
    let stays = UInt64(upTo(100))
    var last = [UInt8](repeating: 0, count: shape[1] * shape[2] * shape[3])
    let (frames, rgb) = try video(shape) { _, c, y, x in
      let at = (c * shape[2] + y) * shape[3] + x
      if random.next() % 100 >= stays { return last[at] }
      last[at] = UInt8(truncatingIfNeeded: (random.next() % UInt64(colours)) &* 53 >> UInt64(c * 2))
      return last[at]
    }
    let decoded = try decode(frames)
    let pictures = shown(decoded, delay: 10)
    try #require(pictures.count == rgb.count)
    for (at, picture) in pictures.enumerated() {
      let colours = Set(stride(from: 0, to: rgb[at].count, by: 3).map { Array(rgb[at][$0..<$0 + 3]) })
      if colours.count <= 256 {
        #expect(picture == rgb[at], "frame \(at)")
      } else {
        #expect(error(picture, rgb[at]) < 400, "frame \(at)")
      }
    }
  }

  @Test func encodesEqualVideosEqually() throws {
    let make = {
      try self.video([4, 3, 40, 40]) { t, c, y, x in UInt8(truncatingIfNeeded: x * y * (c + 1) + t * 31) }.frames
    }
    #expect(try GIFEncoder.encode(make(), fps: 8) == GIFEncoder.encode(make(), fps: 8))
  }

  @Test func compressesEveryLengthAndWidthOfCodes() throws {
    // Lengths around the places where codes grow and the table starts anew.
    let lzw = LZWEncoder()
    for bits in 1...8 {
      var random = SplitMix(state: UInt64(bits))
      let indices = (0..<9000).map { _ in UInt8(truncatingIfNeeded: random.next()) & UInt8((1 << bits) - 1) }
      let long = Array(stride(from: 41, to: 300, by: 9)) + Array(stride(from: 3500, to: 9000, by: 331))
      for count in Array(1...40) + long {
        var out = ByteBuffer()
        indices.withUnsafeBufferPointer { raw in
          if let base = raw.baseAddress { lzw.encode(base, count: count, bits: bits, to: &out) }
        }
        // As the only picture of a file.
        var file: [UInt8] = Array("GIF89a".utf8)
        file += [UInt8(count & 255), UInt8(count >> 8), 1, 0, 0x87, 0, 0]
        for value in 0..<256 { file += [UInt8(value), 0, 0] }
        file += [0x2C, 0, 0, 0, 0, UInt8(count & 255), UInt8(count >> 8), 1, 0, 0] + out.array() + [0x3B]
        let decoded = try DecodedGIF(file)
        let reds = stride(from: 0, to: 3 * count, by: 3).map { decoded.frames[0].pixels[$0] }
        #expect(reds == Array(indices[..<count]), "\(bits) bits, \(count) pixels")
      }
    }
  }
}
