import QuipuBase
import Testing

@testable import QuipuMedia

/// Everything the PNG encoder writes is decoded by libpng and compared.
@Suite struct ImageEncoderTests {
  enum Content: String, CaseIterable {
    case flat, noise, gradient, photo, stripes, rareBytes, blocks, text

    func sample(_ x: Int, _ y: Int, _ channel: Int, _ random: inout SplitMix) -> UInt8 {
      switch self {
      case .flat: return UInt8(40 * channel + 7)
      case .noise: return UInt8(truncatingIfNeeded: random.next())
      case .gradient: return UInt8(truncatingIfNeeded: x + 2 * y + channel)
      case .photo:
        return UInt8(truncatingIfNeeded: 90 + x / 3 + y / 5 + channel * 20 + Int(random.next() % 7))
      case .stripes: return (x / 3) % 2 == 0 ? 255 : 0
      case .rareBytes: return random.next() % 997 == 0 ? UInt8(truncatingIfNeeded: random.next()) : 200
      case .blocks: return UInt8(truncatingIfNeeded: (x / 16) &* 37 &+ (y / 16) &* 101 &+ channel)
      case .text: return (x * 7 + y * 13) % 31 == 0 ? UInt8(truncatingIfNeeded: x) : 255
      }
    }
  }

  private func picture(_ content: Content, _ width: Int, _ height: Int, _ channels: Int) throws -> ImagePixels {
    var random = SplitMix(state: UInt64(width * 31 + height * 7 + channels))
    var samples: [UInt8] = []
    samples.reserveCapacity(width * height * channels)
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<channels { samples.append(content.sample(x, y, channel, &random)) }
      }
    }
    return try ImagePixels(width: width, height: height, channels: channels, samples: samples)
  }

  @Test(arguments: Content.allCases, 1...4)
  func libpngReadsBackEveryPixel(content: Content, channels: Int) throws {
    let sizes = [
      (1, 1), (2, 1), (1, 2), (3, 3), (5, 4), (15, 2), (16, 3), (17, 5), (31, 9), (64, 64), (100, 1), (1, 100),
      (257, 33),
      (333, 201),
    ]
    for (width, height) in sizes {
      let pixels = try picture(content, width, height, channels)
      let decoded = try DecodedPNG(PNGEncoder.encode(pixels))
      #expect(decoded.expanded == DecodedPNG(pixels).expanded, "\(content) \(width)x\(height)x\(channels)")
      let plain = try DecodedPNG(PNGEncoder.encode(pixels, reduced: false))
      #expect(plain == DecodedPNG(pixels), "\(content) \(width)x\(height)x\(channels)")
    }
  }

  @Test(arguments: [(65_536, 1, 4), (1, 65_536, 3), (70_001, 3, 1), (999_983, 1, 1)])
  func readsBackVeryWideAndVeryTallPictures(width: Int, height: Int, channels: Int) throws {
    for content in [Content.photo, .flat, .noise] {
      let pixels = try picture(content, width, height, channels)
      #expect(try DecodedPNG(PNGEncoder.encode(pixels, reduced: false)) == DecodedPNG(pixels))
      #expect(try DecodedPNG(PNGEncoder.encode(pixels)).expanded == DecodedPNG(pixels).expanded)
    }
  }

  @Test func readsBackRunsOfEveryLength() throws {
    // One row, filter none or sub: runs of 1...600 equal samples between different ones.
    var samples: [UInt8] = []
    for length in 1...600 {
      samples.append(UInt8(truncatingIfNeeded: length &* 89))
      samples.append(contentsOf: [UInt8](repeating: UInt8(truncatingIfNeeded: length), count: length))
    }
    let pixels = try ImagePixels(width: samples.count, height: 1, channels: 1, samples: samples)
    #expect(try DecodedPNG(PNGEncoder.encode(pixels)) == DecodedPNG(pixels))
  }

  @Test func encodesEqualPicturesEqually() throws {
    let first = try PNGEncoder.encode(picture(.photo, 300, 200, 3))
    let second = try PNGEncoder.encode(picture(.photo, 300, 200, 3))
    #expect(first == second)
  }

  @Test func keepsNoiseNearItsRawSize() throws {
    let size = try PNGEncoder.encode(picture(.noise, 512, 512, 3)).count
    #expect(size < 512 * 512 * 3 + 2_000)
  }

  @Test func keepsFlatAndTinyPicturesSmall() throws {
    #expect(try PNGEncoder.encode(picture(.flat, 1, 1, 3)).count <= 75)
    #expect(try PNGEncoder.encode(picture(.flat, 28, 28, 1)).count <= 90)
    #expect(try PNGEncoder.encode(picture(.flat, 1024, 1024, 3)).count <= 8_000)
    #expect(try PNGEncoder.encode(picture(.blocks, 512, 512, 3)).count <= 6_000)
  }

  @Test func everyFilterMatchesItsDefinition() {
    var random = SplitMix(state: 5)
    let count = 100
    let above = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let row = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for step in 1...4 {
      for filter: UInt8 in 0...4 {
        var out = [UInt8](repeating: 0, count: count)
        out.withUnsafeMutableBytes { out in
          row.withUnsafeBytes { row in
            above.withUnsafeBytes { above in
              guard let a = row.baseAddress, let b = above.baseAddress, let c = out.baseAddress else { return }
              // In two uneven pieces, as the stream asks for them.
              PNGFilter.apply(filter, row: a, above: b, from: 0, to: 37, step: step, out: c)
              PNGFilter.apply(filter, row: a, above: b, from: 37, to: count, step: step, out: c + 37)
            }
          }
        }
        let expected = (0..<count).map { at -> UInt8 in
          let a = at >= step ? Int(row[at - step]) : 0
          let b = Int(above[at])
          let c = at >= step ? Int(above[at - step]) : 0
          let p = a + b - c
          let nearest = [a, b, c].enumerated().min {
            (abs(p - $0.element), $0.offset) < (abs(p - $1.element), $1.offset)
          }
          let predictions = [0, a, b, (a + b) / 2, nearest?.element ?? 0]
          return UInt8(truncatingIfNeeded: Int(row[at]) - predictions[Int(filter)])
        }
        #expect(out == expected, "filter \(filter) step \(step)")
      }
    }
  }

  @Test func huffmanCodesAreCompleteAndBounded() {
    var random = SplitMix(state: 11)
    for round in 0..<200 {
      // Weights over many powers of two, so that the optimal code would be far longer than the limit.
      let counts = (0..<286).map { _ -> UInt32 in
        round % 4 == 0
          ? UInt32(1) << UInt32(random.next() % 28) : UInt32(random.next() % 5 == 0 ? random.next() % 1000 : 0)
      }
      for limit in [9, 14, 15] {
        let lengths = HuffmanCode(counts: counts, limit: limit).lengths
        #expect(lengths.allSatisfy { Int($0) <= limit })
        #expect(zip(counts, lengths).allSatisfy { $0 == 0 || $1 > 0 })
        let kraft = lengths.reduce(0.0) { $1 > 0 ? $0 + 1 / Double(1 << Int($1)) : $0 }
        #expect(kraft == 1)
      }
    }
  }

  @Test func bitmapRowsArePaddedAndGrayHasAPalette() throws {
    let gray = try BMPEncoder.encode(ImagePixels(width: 3, height: 2, channels: 1, samples: [1, 2, 3, 4, 5, 6]))
    #expect(gray.count == 54 + 1024 + 8)
    #expect(gray.suffix(8) == [4, 5, 6, 0, 1, 2, 3, 0])
    let rgba = try BMPEncoder.encode(ImagePixels(width: 1, height: 1, channels: 4, samples: [1, 2, 3, 4]))
    #expect(rgba.suffix(4) == [3, 2, 1, 4])
    #expect { try BMPEncoder.encode(ImagePixels(width: 1, height: 1, channels: 2, samples: [1, 2])) } throws: {
      ($0 as? MediaError)?.code == .io
    }
  }
}
